"""Races of functions as `ticketlab.race` is asked for them: live, or once by a plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ticketlab.core.errors import UsageError, unknown_name
from ticketlab.lab.exploring.plan import note_in_hypothesis
from ticketlab.lab.plain.function import JudgedBy, PlainFunction
from ticketlab.lab.plain.plan import PlainPlanResult, run_function
from ticketlab.lab.plain.race import race_function
from ticketlab.lab.plain.results import PlainRaceResult
from ticketlab.timings.plans import Plan, Schedule, Timing

_PLANNED: Final = ("executor", "atomic_accesses", "faults")
_LIVE: Final = ("times", "timeout")


def race_as_asked(
    function: Callable[..., Any], plan: Plan | None, settings: Mapping[str, Any]
) -> PlainPlanResult | PlainRaceResult:
    """Race a function by a plan or, without one, live; raises UsageError for settings that do not belong to that."""
    if not callable(function) or not isinstance(plan, Timing | Schedule | None):
        raise UsageError(f"cannot race {function!r} by {plan!r}: a scenario, or a function and a timing are needed")
    own = _LIVE if plan is None else _PLANNED
    known = ("processes", *JudgedBy.__annotations__)
    for name in settings:
        if name not in (*known, *own):
            raise unknown_name(f"setting of a {'live' if plan is None else 'planned'} race", name, (*known, *own))
    given = {name: value for name, value in settings.items() if name in known}
    if isinstance(plan, Timing):
        given.setdefault("processes", plan.buyers)
    plain = PlainFunction(function=function, **given)
    rest = {name: value for name, value in settings.items() if name in own}
    if plan is None:
        return race_function(plain, **rest)
    result = run_function(plain, plan, **rest)
    if not result.valid:
        note_in_hypothesis(result)
    return result
