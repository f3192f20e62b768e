"""Waiting, with a time-out or without one, in virtual time.

Steps take no time, so a time-out ends only when nobody else can move, and then the participant goes on that would have
given up first. If another participant sleeps, it could sleep for longer than the time-out: both are noted, since the
search has then left something out.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, Final

from ticketlab.core import pacing
from ticketlab.core.pacing import BLOCKED
from ticketlab.core.steps import Action, Step
from ticketlab.probes.here import HERE


class TimedOut(Enum):
    """What a wait returns whose time-out ended it."""

    TIMED_OUT = "timed out"


SLEPT: Final = "slept"
WAITED: Final = "waited with a time-out"
"""These notes say that a participant slept, and that it made a wait that a time-out can end; their value is who."""

TIMED_OUT: Final = TimedOut.TIMED_OUT


def wait_for(
    step: Step,
    attempt: Callable[[], Any],
    timeout: float | None = None,
    *,
    changes: bool = False,
) -> Any:
    """Make an access that may have to wait, by attempts that return BLOCKED, and return its result.

    A `timeout` is in seconds; TIMED_OUT is returned if it ends the waiting.
    `changes` says that others notice if the time-out comes first.
    """
    if timeout is None:
        return pacing.block(step, attempt, lambda: _never(attempt))
    pacing.note(WAITED, HERE.who)
    until = pacing.now() + timeout  # also if another's failure speaks for this participant, which then need not try

    def timed() -> Any:
        result = attempt()
        return TIMED_OUT if result is BLOCKED and pacing.now() >= until else result

    pacing.wait_until(until)
    try:
        told = pacing.block(step, timed, lambda: _never(attempt))
    finally:
        pacing.wait_until(None)
    if told is TIMED_OUT and not changes:
        pacing.note(pacing.UNCHANGED, "timed out")
    return told


def try_once(step: Step, attempt: Callable[[], Any]) -> Any:
    """Make an access that does not wait, and return its result: if that is BLOCKED, it was a look."""
    pacing.at(step)
    result = attempt()
    if result is BLOCKED:
        pacing.made(step._replace(action=Action.LOOK))
    else:
        pacing.made(step)
    return result


def _never(attempt: Callable[[], Any]) -> Any:
    """Make the access where nobody controls the schedule: it cannot wait there, since nobody else moves."""
    result = attempt()
    if result is BLOCKED:
        raise RuntimeError("this waits for what nobody does outside a search")
    return result
