"""Stalls: a participant that neither comes back to a scheduling point nor ends is named, whatever it does meanwhile.

Participants in processes of their own are watched by the leading process. In one process nobody else moves while a
participant waits by itself, for a lock that the lab does not see, say; so a timer interrupts it now and then. It takes
the main thread, and the timer of SIGALRM: if somebody else uses that, as tests with a time limit do, nobody watches.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from ticketlab.core.errors import TicketlabError
from ticketlab.explorer.engine.state import ExecutionState
from ticketlab.explorer.engine.steps import describe_step

_LOOKS: Final = 4
"""So many times within a stall timeout the watch looks whether somebody has moved."""


class OutsideControl(TicketlabError):
    """A participant neither came back to a scheduling point nor ended within the bound."""


class Stalled(BaseException):
    """Ends the wait of a participant that is outside control; it never leaves the explorer."""


def outside_control(state: ExecutionState, who: int, name: Callable[[int], str], seconds: float) -> OutsideControl:
    """Return the error that names a participant that is outside control, and the last step that it made."""
    mine = [node for node in range(state.counters.length) if state.who[node] == who]
    last = describe_step(state.table.step(state.what[mine[-1]])) if mine else "it began"
    return OutsideControl(
        f"{name(who)} has been outside control for more than {seconds:g} s, since {last}: "
        "it loops, or waits for something without saying so (a longer stall timeout lets it)"
    )


class StallWatch:
    """Watches the participants of this process, and raises Stalled in the one that has not moved for too long.

    `progress` returns something that changes whenever a participant moves.
    """

    def __init__(self, seconds: float, progress: Callable[[], object]) -> None:
        self._seconds = seconds
        self._progress = progress
        self._watching = False
        self._seen: object = None
        self._looks = 0  # since somebody moved

    @contextmanager
    def running(self) -> Iterator[None]:
        """Have the timer run until the context ends."""
        if not _is_free():
            yield
            return
        signal.signal(signal.SIGALRM, self._look)
        signal.setitimer(signal.ITIMER_REAL, self._seconds / _LOOKS, self._seconds / _LOOKS)
        try:
            yield
        finally:
            if signal.getsignal(signal.SIGALRM) == self._look:  # nobody has taken the timer meanwhile
                signal.setitimer(signal.ITIMER_REAL, 0)
                signal.signal(signal.SIGALRM, signal.SIG_DFL)

    def __enter__(self) -> None:
        """Watch until the context ends."""
        self._watching = True

    def __exit__(self, *_: object) -> None:
        self._watching = False
        self._looks = 0

    def _look(self, _number: int, frame: FrameType | None) -> None:
        if not self._watching:
            return
        seen, self._seen = self._seen, self._progress()
        self._looks = self._looks + 1 if self._seen == seen else 0
        if self._looks > _LOOKS and not _is_debugged(frame):
            self._looks = 0
            raise Stalled


def _is_free() -> bool:
    """Whether this is the main thread, and nobody uses the timer."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        return False
    return signal.getsignal(signal.SIGALRM) == signal.SIG_DFL and not any(signal.getitimer(signal.ITIMER_REAL))


def _is_debugged(frame: FrameType | None) -> bool:
    """Whether somebody looks at the program, and not the program waits."""
    while frame is not None:
        if frame.f_globals.get("__name__") in ("bdb", "pdb"):
            return True
        frame = frame.f_back
    return False
