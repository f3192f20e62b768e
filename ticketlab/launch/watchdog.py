"""The vigil over a race in which faults strike: it wakes who was paused, and sees when nobody will ever move again.

It reads the participants' logs as they grow. It sits in the lab's own process, in the loop that waits for the buyers:
if the lab dies, so do they (`core.lifeline`), also those that stand still.
"""

from __future__ import annotations

import os
import signal
from time import monotonic_ns
from typing import TYPE_CHECKING, Final

from ticketlab.core.faults import Fault, FaultKind
from ticketlab.launch import recorder
from ticketlab.launch.log import Event, Tail

if TYPE_CHECKING:
    from ticketlab.launch.job import RaceJob

TICK: Final = 0.02
"""How often it looks, in seconds."""
SECOND: Final = 1_000_000_000


class Watchdog:
    """Looks at a party's logs."""

    def __init__(self, job: RaceJob) -> None:
        self._tails = [Tail(job.log, participant) for participant in range(job.log.participants)]
        self._pids: dict[int, int] = {}
        self._paused: dict[int, int] = {}  # participant, and when to wake it
        self._stall_timeout = round(job.stall_timeout * SECOND)
        self._quiet_since = monotonic_ns()

    def tick(self, left: float) -> float:
        """Return how long to wait before the next look, where `left` seconds are left."""
        return min(left, TICK)

    def over(self) -> bool:
        """Wake whose time has come; say whether nobody has moved for as long as the vigil is patient.

        Who sleeps or is paused is not expected to move before its time.
        """
        now = monotonic_ns()
        for participant, tail in enumerate(self._tails):
            for record in recorder.singly(tail.read()):
                self._quiet_since = max(self._quiet_since, now)
                self._take_in(participant, record)
        for participant, due in list(self._paused.items()):
            if due <= now:  # time and again: it may not have stopped yet
                self._wake(participant)
        return not self._paused and now - self._quiet_since > self._stall_timeout

    def _take_in(self, participant: int, record: Event) -> None:
        match record:
            case (recorder.UP, _, pid):
                self._pids[participant] = pid
            case (recorder.SLEEP, began, seconds):
                self._quiet_since = max(self._quiet_since, began + round(seconds * SECOND))
            case (recorder.STRUCK, when, text, _) if (fault := Fault.parse(text)).kind is FaultKind.PAUSE:
                self._paused[participant] = when + round(fault.seconds * SECOND)
            case (recorder.RESUMED, _):
                self._paused.pop(participant, None)

    def _wake(self, participant: int) -> None:
        try:
            os.kill(self._pids[participant], signal.SIGCONT)
        except ProcessLookupError:
            del self._paused[participant]
