"""The starting gate: everybody arrives, then the gun sets them all going at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.reduction import DupFd
from time import monotonic, monotonic_ns
from typing import Any

from ticketlab.core.errors import TicketlabError

SHOTS = 60_000
"""How many can hear the gun: as many as fit into a pipe. Some come late, as a pool's replacement for a dead worker."""


class StartBarrier:
    """Two pipes. Who arrives writes a byte to the first, and waits for one from the second: the gun.

    If the second ends without a byte the lab has died, and with it the race. A process that has the lab's ends too, by
    a fork, gives them up as it arrives, or nobody would see that end.
    """

    def __init__(self) -> None:
        self._arrivals, self._arrive = os.pipe()
        self._wait, self._gun = os.pipe()
        self._mine = [self._arrivals, self._gun]
        self._theirs = [self._arrive, self._wait]
        self.released_ns = 0

    def __getstate__(self) -> tuple[Any, Any]:
        return DupFd(self._arrive), DupFd(self._wait)

    def __setstate__(self, state: tuple[Any, Any]) -> None:
        self._arrive, self._wait = state[0].detach(), state[1].detach()
        self._mine, self._theirs = [], [self._arrive, self._wait]

    def wait(self) -> None:
        """Say that the calling process is ready, and wait for the gun; where the lab has died, end the process."""
        _close(self._mine)
        os.write(self._arrive, b".")
        gun = os.read(self._wait, 1)
        _close(self._theirs)
        if not gun:
            os._exit(1)

    def await_all(self, expected: int, seconds: float, check: Callable[[], None]) -> None:
        """Wait until that many have arrived; `check` is called now and then, and raises where one never will.

        Raises:
            TicketlabError: they had not all arrived in time.
        """
        deadline = monotonic() + seconds
        arrived = 0
        while arrived < expected:
            if wait([self._arrivals], 0.2):
                arrived += len(os.read(self._arrivals, 65536))
                continue
            check()
            if monotonic() > deadline:
                raise TicketlabError(f"only {arrived} of {expected} were ready after {seconds:g} s (see --timeout)")

    def release(self) -> None:
        """Set everybody going, and take the time: `released_ns` of the monotonic clock."""
        self.released_ns = monotonic_ns()
        os.write(self._gun, b"!" * SHOTS)
        self._mine.remove(self._gun)  # first, or an interrupt in between would have `close` close it once more
        os.close(self._gun)

    def close(self) -> None:
        """Close the lab's ends and its copies of the others'."""
        _close(self._mine)
        _close(self._theirs)


def _close(files: list[int]) -> None:
    while files:
        os.close(files.pop())
