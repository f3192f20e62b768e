"""Watches a race into which faults are injected: wakes whom a fault paused, and sees when nobody will move any more.

It reads the participants' events as they are written. It runs in the lab's own process, in the loop that waits for the
buyers: if the lab dies, all participants die with it (`core.system.lifeline`), even those that are paused.
"""

from __future__ import annotations

import os
import signal
from time import monotonic_ns
from typing import TYPE_CHECKING, Final

from ticketlab.core.faults import Fault, FaultKind
from ticketlab.launch import recorder

if TYPE_CHECKING:
    from ticketlab.launch.launcher import Log
    from ticketlab.launch.log import Event

_POLL_SECONDS: Final = 0.02
_SECOND: Final = 1_000_000_000  # in nanoseconds


class Watchdog:
    """Reads a log; a race is stalled if nobody has moved for `stall_timeout` seconds."""

    def __init__(self, log: Log, stall_timeout: float) -> None:
        self._tails = [log.tail(participant) for participant in range(log.participants)]
        self._pids: dict[int, int] = {}
        self._paused: dict[int, int] = {}  # participant, and when to wake it
        self._stall_timeout = round(stall_timeout * _SECOND)
        self._quiet_since = monotonic_ns()

    def wait_seconds(self, left: float) -> float:
        """Return how long to wait before the next call of `stalled`, if `left` seconds are left for the race."""
        return min(left, _POLL_SECONDS)

    def stalled(self) -> bool:
        """Wake the participants whose pause is over; return whether nobody has moved for the stall time-out.

        A participant that sleeps or is paused is not expected to move before its time.
        """
        now = monotonic_ns()
        for participant, tail in enumerate(self._tails):
            for record in recorder.unbatched(tail.read()):
                self._quiet_since = max(self._quiet_since, now)
                self._take_in(participant, record)
        for participant, due in list(self._paused.items()):
            if due <= now:  # again at each call: the participant may not have stopped yet
                self._wake(participant)
        return not self._paused and now - self._quiet_since > self._stall_timeout

    def _take_in(self, participant: int, record: Event) -> None:
        match record:
            case (recorder.UP, _, pid):
                self._pids[participant] = pid
            case (recorder.SLEEP, began, seconds):
                self._quiet_since = max(self._quiet_since, began + round(seconds * _SECOND))
            case (recorder.FAULT, when, text, _) if (fault := Fault.parse(text)).kind is FaultKind.PAUSE:
                self._paused[participant] = when + round(fault.seconds * _SECOND)
            case (recorder.RESUMED, _):
                self._paused.pop(participant, None)

    def _wake(self, participant: int) -> None:
        try:
            os.kill(self._pids[participant], signal.SIGCONT)
        except ProcessLookupError:
            del self._paused[participant]
