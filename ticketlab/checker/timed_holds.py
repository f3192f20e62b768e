"""Tickets that can be held for a while: the sequential specification, with time as an operation of its own.

A hold of n tickets for d nanoseconds takes effect at one instant t of its interval and ends at t + d, unless it was
confirmed or cancelled before. What the clock does then is an operation like any other, `lapse`, which nobody called:
with a hold whose interval is [a, b] comes a lapse whose interval is [a + d, b + d]. The search for an order places it
as it places the others. So a confirmation may be refused only where the lapse can have come first; one that is accepted
must come before it; and once b + d is past, the tickets are for sale again.

Sound: if a history is right, put every lapse where the hold really ended. Not quite complete: that a hold and its lapse
are exactly d apart is relaxed to their intervals, which matters only where two operations overlap a hold in time and
each needs it placed at another end. Clocks that count seconds in floating point may err by `RESOLUTION`, so a lapse may
come that much earlier or later.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from ticketlab.checker.columns import FAILED, UNKNOWN, Call
from ticketlab.checker.counters import _Opening, stock_of
from ticketlab.checker.counters import validate as validate_counter

LAPSE: Final = "lapse"
RESOLUTION: Final = 1_000
"""By how much clocks may err when they say that a hold is over, in nanoseconds."""

_OpenHolds = tuple[tuple[str, int], ...]
"""The holds that stand, sorted: name and tickets; the name is empty where the buyer never heard it."""
_State = tuple[int, _OpenHolds]
"""How many tickets are sold, and what is held."""

INIT: Final[_State] = (0, ())
_RESULTS: Final[Mapping[str, tuple[str, ...]]] = {
    "confirm": ("ok", "expired", FAILED, UNKNOWN),
    "cancel": ("ok", "expired", FAILED, UNKNOWN),
}


def step(stock: _Opening, state: _State, call: Call) -> Iterable[_State]:
    """Return the states that an operation may leave: the sequential specification."""
    sold, standing = state
    op, arg, result, section = call
    if result == FAILED:
        return (state,)
    left = stock_of(stock, section) - sold - sum(tickets for _, tickets in standing)
    if op == "search":
        return (state,) if result in (UNKNOWN, left) else ()
    if op == LAPSE:
        return ((sold, _without(standing, arg)) if arg in standing else state,)
    if op == "hold":
        name = "" if result == UNKNOWN else str(result)
        return _either(state, (sold, tuple(sorted((*standing, (name, arg[0]))))), call, arg[0] <= left, "soldout")
    if op == "buy":
        return _either(state, (sold + arg, standing), call, arg <= left, "soldout")
    if op == "cancel" and type(arg) is int:
        return _either(state, (sold - arg, standing), call, arg <= sold, "")
    return _use(state, call)


def _use(state: _State, call: Call) -> Iterable[_State]:
    """Confirm or cancel a hold; it may be one whose buyer never heard its name."""
    sold, standing = state
    named = [hold for hold in standing if hold[0] == call.arg]
    after = [
        (sold + hold[1] if call.op == "confirm" else sold, _without(standing, hold))
        for hold in named or dict.fromkeys(hold for hold in standing if not hold[0])
    ]
    if call.result == "ok":
        return after
    if call.result == "expired":
        return () if named else (state,)
    return [*after, state]


def _either(state: _State, after: _State, call: Call, fits: bool, refusal: str) -> Iterable[_State]:
    """Return what follows where an order is met if it fits, and refused if not."""
    if call.result == UNKNOWN:
        return (after if fits else state,)
    if call.result == refusal:
        return () if fits else (state,)
    return (after,) if fits else ()


def _without(standing: _OpenHolds, hold: tuple[str, int]) -> _OpenHolds:
    place = standing.index(hold)
    return standing[:place] + standing[place + 1 :]


def reads(call: Call) -> bool:
    """Whether a call only looks, or was refused."""
    return call.op == "search" or call.result in ("soldout", "expired")


def lapse(call: Call) -> tuple[int, int, Call] | None:
    """Return the earliest and the latest time after a hold at which it ends by itself, and what that is."""
    if call.op != "hold" or call.result in ("soldout", FAILED):
        return None
    tickets, ns = call.arg
    name = "" if call.result == UNKNOWN else str(call.result)
    return max(0, ns - RESOLUTION), ns + RESOLUTION, Call(LAPSE, (name, tickets), "ok", call.section)


def validate(stock: _Opening, call: Call) -> str:
    """Return why a call is not one of this model, or an empty string."""
    op, arg, result = call.op, call.arg, call.result
    if op == "hold":
        if not (isinstance(arg, tuple) and len(arg) == 2 and all(type(one) is int and one >= 1 for one in arg)):
            shown = list(arg) if isinstance(arg, tuple) else arg
            return f"arg of hold is {shown!r}: expected [tickets, nanoseconds], each at least 1"
        if type(result) is not str or not result:
            return f"result of hold is {result!r}: expected the name of the hold, 'soldout', 'failed' or 'unknown'"
        return validate_counter(stock, call._replace(op="buy", arg=1, result="ok"))
    if op == "confirm" or (op == "cancel" and type(arg) is str):
        if type(arg) is not str or not arg:
            return f"arg of {op} is {arg!r}: expected the name of a hold"
        if result not in _RESULTS[op]:
            expected = ", ".join(map(repr, _RESULTS[op]))
            return f"result of {op} is {result!r}: expected one of {expected}"
        return validate_counter(stock, call._replace(op="buy", arg=1, result="ok"))
    if op not in ("buy", "search", "cancel"):
        known = "'hold', 'confirm', 'cancel', 'buy' or 'search'"
        return f"unknown operation {op!r} of model holds: expected {known}"
    return validate_counter(stock, call)


def name(calls: Iterable[Call]) -> str:
    """Return the likeliest reading of calls that contradict each other."""
    told = Counter((call.op, call.result) for call in calls)
    granted = sum(count for (op, result), count in told.items() if op == "hold" and result not in ("soldout", UNKNOWN))
    if any(result == "expired" for _, result in told):
        return "hold broken"
    if any(result == "soldout" for _, result in told):
        return "hold leaked" if granted else "undersold"
    if any(op == "search" for op, _ in told):
        return "stale read"
    if told["confirm", "ok"] == 1 and granted <= 1 and not told["buy", "ok"]:
        return "confirmed too late"
    return "held twice" if granted and not told["confirm", "ok"] else "oversold"
