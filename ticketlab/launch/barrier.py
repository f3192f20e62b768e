"""The barrier before a race: every participant waits at it until the last one is ready."""

from __future__ import annotations

import os
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.reduction import DupFd
from time import monotonic, monotonic_ns
from typing import Any, Final

from ticketlab.core.errors import TicketlabError

_RELEASES: Final = 60_000
"""How many waiters one release serves: as many bytes as fit into a pipe. A pool's replaced worker waits late."""


class StartBarrier:
    """Two pipes: a participant writes a byte to the first when it is ready, and waits for a byte from the second.

    If the second pipe ends without a byte, the lab has died and the participant ends too. A forked participant has
    copies of the lab's ends as well; it closes them before it waits, or that end would never be seen.
    """

    def __init__(self) -> None:
        self._count_ready, self._say_ready = os.pipe()
        self._await_release, self._say_release = os.pipe()
        self._mine = [self._count_ready, self._say_release]
        self._theirs = [self._say_ready, self._await_release]
        self.released_ns = 0

    def __getstate__(self) -> tuple[Any, Any]:
        return DupFd(self._say_ready), DupFd(self._await_release)

    def __setstate__(self, state: tuple[Any, Any]) -> None:
        self._say_ready, self._await_release = state[0].detach(), state[1].detach()
        self._mine, self._theirs = [], [self._say_ready, self._await_release]
        self.released_ns = 0

    def wait(self) -> None:
        """Say that the calling process is ready, and wait for the release; if the lab has died, end the process."""
        _close(self._mine)
        os.write(self._say_ready, b".")
        released = os.read(self._await_release, 1)
        _close(self._theirs)
        if not released:
            os._exit(1)

    def await_all(self, expected: int, seconds: float, check: Callable[[], None]) -> None:
        """Wait until that many participants are ready; call `check` now and then, which raises if one never will be.

        Raises:
            TicketlabError: they were not all ready in time.
        """
        deadline = monotonic() + seconds
        ready = 0
        while ready < expected:
            if wait([self._count_ready], 0.2):
                ready += len(os.read(self._count_ready, 65536))
                continue
            check()
            if monotonic() > deadline:
                raise TicketlabError(f"only {ready} of {expected} were ready after {seconds:g} s (see --timeout)")

    def release(self) -> None:
        """Let everybody go on, and take the time: `released_ns` of the monotonic clock."""
        self.released_ns = monotonic_ns()
        os.write(self._say_release, b"!" * _RELEASES)
        self._mine.remove(self._say_release)  # first: an interrupt in between would have `close` close it again
        os.close(self._say_release)

    def close(self) -> None:
        """Close the lab's ends and its copies of the participants'."""
        _close(self._mine)
        _close(self._theirs)


def _close(files: list[int]) -> None:
    while files:
        os.close(files.pop())
