"""Spins: whether a participant that goes to sleep in a loop is where it was when it last went to sleep.

Who polls makes a try, sleeps, and tries again. If two sleeps in a row are made at the same place, and all that the loop
can remember is equal at both (see `memory`), then the next try does what the last one did, as long as nobody changes
what that looked at: a function does the same from the same state. The explorer sees from the steps whether anybody has,
and whether the try itself left something behind; if not, another try leads back to where it began, and no schedule is
lost if the participant waits until something changes.

The place is the chain of calls from the loop to the sleep: which function, at which instruction. The loop is in the
innermost function that can come to its instruction again, and that call must have gone on since the last sleep. Python
keeps flags with each call; one that only debuggers use marks the calls that were there at an earlier sleep. The calls
outside of it did nothing meanwhile. Those inside it are made anew by each try, as are the functions that a try calls.
What Python keeps of an expression in the middle of a call has no name, so each call in the chain must be a statement of
its own, and must not be in the body of a `for` that the loop goes through.

A clock shows later and later times, which no memory holds: a try that looked at one is not the same again. And each try
that is left out would have taken time, so whoever looks at a clock after that might have seen a later time.

All of this is about what one process keeps for itself: participants that share one could change it without a step.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import Any, Final, NamedTuple

from ticketlab.core import pacing
from ticketlab.probes.here import HERE
from ticketlab.probes.polling.contracts import ignores_times, keeps_trying, looks_in_vain, variables_of
from ticketlab.probes.polling.descriptors import Descriptor, outputs_of_the_lab
from ticketlab.probes.polling.loops import call_site
from ticketlab.probes.polling.memory import LoopMemory, Unknown

_LAB: Final = "ticketlab."


class _Sleep(NamedTuple):
    """One sleep: how long, the instructions of the calls that lead to it, and what the loop around it remembers."""

    seconds: float
    calls: Sequence[Any]
    memory: Sequence[Any] | None


class Spins:
    """What this process, a participant, knows of its last sleep."""

    def __init__(self) -> None:
        self._process = 0
        self._outputs: frozenset[Descriptor] = frozenset()
        self.begin()

    def begin(self) -> None:
        """Forget the last execution."""
        if self._process != os.getpid():  # a participant begins
            self._process, self._outputs = os.getpid(), outputs_of_the_lab()
        self._last: _Sleep | None = None
        self._looked = False

    def looked(self, frame: FrameType) -> None:
        """Take down that the participant's own code looks at a clock; `frame` is one of the lab's."""
        if (caller := outside_lab(frame)) is not None and looks_in_vain(caller):
            return
        self._looked = True
        if pacing.has_spun():
            _tell_of_time("a clock")

    def looked_at_file(self, frame: FrameType) -> None:
        """Take down that somebody may look at a file's times; `frame` is one of the lab's."""
        if pacing.has_spun() and not ignores_times(outside_lab(frame)):
            _tell_of_time("a file's times")

    def sleeps(self, seconds: float, frame: FrameType) -> None:
        """Say whether the same try begins again, as the participant goes to sleep; `frame` is one of the lab's."""
        looked, self._looked = self._looked, False
        last, self._last = self._last, None
        if HERE.shared.in_one_process:
            return
        calls = list(_calls(outside_lab(frame)))
        if calls and keeps_trying(calls[0]):
            if not looked:
                pacing.note(pacing.SPINS, "by what the library says")
            return
        alive = _mark(calls)
        self._last = now = _at_sleep(seconds, calls, self._outputs)
        if last is not None and now is not None and not looked and alive and last == now:
            pacing.note(pacing.SPINS, "by what it can remember")


POLLING: Final = Spins()


def _tell_of_time(what: str) -> None:
    pacing.note(
        pacing.UNTRIED,
        f"{HERE.called} looks at {what} after somebody slept and tried again in vain: no later time was tried",
    )


def outside_lab(frame: FrameType | None) -> FrameType | None:
    """Return the innermost call that is not the lab's."""
    while frame is not None and frame.f_globals.get("__name__", "").startswith(_LAB):
        frame = frame.f_back
    return frame


def _calls(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield the calls that go on, from the innermost one to the last that is not the lab's."""
    while frame is not None and not frame.f_globals.get("__name__", "").startswith(_LAB):
        yield frame
        frame = frame.f_back


def _mark(calls: Sequence[FrameType]) -> bool:
    """Mark the calls, and return whether the one with the loop was there at an earlier sleep."""
    loop = _loop(calls)
    was_there = loop < len(calls) and calls[loop].f_trace_opcodes
    for call in calls:
        call.f_trace_opcodes = True
    return was_there


def _loop(calls: Sequence[FrameType]) -> int:
    """Return the place of the innermost call that can come to its instruction again."""
    loops = (at for at, call in enumerate(calls) if call_site(call.f_code, call.f_lasti).loop)
    return next(loops, len(calls))


def _at_sleep(seconds: float, calls: Sequence[FrameType], outputs: frozenset[Descriptor]) -> _Sleep | None:
    """Return what two sleeps are compared by; None if they cannot be."""
    within = calls[: _loop(calls) + 1]
    places = [call_site(call.f_code, call.f_lasti) for call in within]
    if not places or not places[-1].loop:
        return None
    if any(place.in_walk or not place.is_statement for place in places):
        return None
    memory = LoopMemory(outputs)
    try:
        for call, place in zip(within, places, strict=True):
            memory.take(call.f_code, place.loop or None, call.f_globals, variables_of(call).items())
        memory.take_value(sys.exc_info()[1])
        told = memory.finish()
    except Unknown:
        return None
    return _Sleep(seconds, [(call.f_code, call.f_lasti) for call in within], told)
