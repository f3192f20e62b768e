"""Tickets that can be held for a while: the sequential specification, with time as an operation of its own.

A hold of n tickets for d nanoseconds takes effect at one instant t of its interval and ends at t + d, unless it was
confirmed or cancelled before. What the clock does then is an operation like any other, a `lapse`, which nobody called:
with a hold whose interval is [a, b] comes a lapse whose interval is [a + d, b + d]. The search for an order places it
as it places the others, but never before its hold. So a confirmation may be refused only if the lapse can have come
first; one that is accepted must come before it; and once b + d is past, the tickets are for sale again.

Sound: if a history is right, put every lapse at the instant at which the hold ended. Not quite complete: that a hold
and its lapse are exactly d apart is relaxed to their intervals. That matters only if two operations overlap a hold in
time and each needs it placed at another end. Where the clock that ends holds may disagree with that of the history
(live, a store counts seconds in floating point), the model is told by how much: a lapse may come that much earlier or
later.

Names: no two holds have the same. A hold whose call returned has the name that its call returned, so whoever confirms
that name means that hold and no other. A name that no call returned may be that of any hold without an answer; but once
it was confirmed or cancelled, it is used up; and if a call returns that it is over, no hold that stands then has it. An
open hold keeps these refused names, which only ever rule out what may follow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final

from ticketlab.checker.columns import FAILED, UNKNOWN, Call
from ticketlab.checker.counters import OpeningStock, stock_of
from ticketlab.checker.counters import validate as validate_counter

LAPSE: Final = "lapse"

_OpenHold = tuple[str, int, tuple[str, ...]]
"""An open hold: name, tickets, and the names that it cannot have; the name is empty if no call returned it."""
_OpenHolds = tuple[_OpenHold, ...]
"""The open holds, sorted."""
_State = tuple[int, _OpenHolds, frozenset[str]]
"""How many tickets are sold, what is held, and which names that no call returned are used up."""
_Names = frozenset[tuple[str, str]]
"""Names that calls returned, each with its section."""

INIT: Final[_State] = (0, (), frozenset())
_RESULTS: Final[Mapping[str, tuple[str, ...]]] = {
    "confirm": ("ok", "expired", FAILED, UNKNOWN),
    "cancel": ("ok", "expired", FAILED, UNKNOWN),
}


def bind(stock: OpeningStock, calls: Iterable[Call]) -> Callable[[_State, Call], Iterable[_State]]:
    """Return the specification for a history with these calls: they say which names calls returned."""
    returned = {(call.section, str(call.result)) for call in calls if _gives_hold(call)}
    return partial(step, stock, returned=frozenset(returned))


def step(stock: OpeningStock, state: _State, call: Call, returned: _Names = frozenset()) -> Iterable[_State]:
    """Return the states that an operation may leave: the sequential specification."""
    op, arg, result, section = call
    sold, holds, used_up = state
    if result == FAILED:
        return (state,)
    if op == LAPSE:
        ended = [hold for hold in dict.fromkeys(holds) if hold[:2] == arg]
        return [(sold, _without(holds, hold), used_up) for hold in ended] or (state,)
    if op == "confirm" or (op == "cancel" and type(arg) is str):
        return _use(state, call, returned=(section, arg) in returned)
    left = stock_of(stock, section) - sold - sum(hold[1] for hold in holds)
    if op == "search":
        return (state,) if result in (UNKNOWN, left) else ()
    if op == "hold":
        name = "" if result == UNKNOWN else str(result)
        after = (sold, tuple(sorted((*holds, (name, arg[0], ())))), used_up)
        return _either(state, after, call, arg[0] <= left, "soldout")
    if op == "buy":
        return _either(state, (sold + arg, holds, used_up), call, arg <= left, "soldout")
    return _either(state, (sold - arg, holds, used_up), call, arg <= sold, "")


def _use(state: _State, call: Call, *, returned: bool) -> Iterable[_State]:
    """Confirm or cancel the hold of that name, or of a name that no call returned."""
    sold, holds, used_up = state
    name = call.arg
    if returned:
        meant = dict.fromkeys(hold for hold in holds if hold[0] == name)
    else:
        usable = () if name in used_up else holds
        meant = dict.fromkeys(hold for hold in usable if not hold[0] and name not in hold[2])
    if call.result == "expired":
        if returned or not meant:
            return () if meant else (state,)
        return ((sold, tuple(sorted(_refuse(hold, name) if hold in meant else hold for hold in holds)), used_up),)
    if not returned:
        used_up |= {name}
    after = [(sold + hold[1] if call.op == "confirm" else sold, _without(holds, hold), used_up) for hold in meant]
    return after if call.result == "ok" else [*after, state]


def _refuse(hold: _OpenHold, name: str) -> _OpenHold:
    """Return a hold whose name no call returned, now that a name turned out not to be its own."""
    return hold[0], hold[1], tuple(sorted((*hold[2], name)))


def _either(state: _State, after: _State, call: Call, fits: bool, refusal: str) -> Iterable[_State]:
    """Return the state after an order that is met if it fits, and refused if it does not."""
    if call.result == UNKNOWN:
        return (after if fits else state,)
    if call.result == refusal:
        return () if fits else (state,)
    return (after,) if fits else ()


def _without(holds: _OpenHolds, hold: _OpenHold) -> _OpenHolds:
    place = holds.index(hold)
    return holds[:place] + holds[place + 1 :]


def reads(call: Call) -> bool:
    """Whether a call only looks, or was refused; a refusal may rule out a name, which is never of use later."""
    return call.op == "search" or call.result in ("soldout", "expired")


def lapse(clock_error_ns: int, call: Call) -> tuple[int, int, Call] | None:
    """Return the earliest and the latest time after a hold at which it ends by itself, and that end as a call."""
    if call.op != "hold" or call.result in ("soldout", FAILED):
        return None
    tickets, ns = call.arg
    name = "" if call.result == UNKNOWN else str(call.result)
    return max(0, ns - clock_error_ns), ns + clock_error_ns, Call(LAPSE, (name, tickets), "ok", call.section)


def validate(stock: OpeningStock, call: Call) -> str:
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


def name(stock: OpeningStock, calls: Iterable[Call], history: Iterable[Call]) -> str:
    """Return the likeliest name for calls of a history that contradict each other."""
    calls = list(calls)
    told = {(call.op, call.result) for call in calls}
    used = Counter(call.arg for call in calls if type(call.arg) is str and call.result == "ok")
    given = {str(call.result): call.arg[0] for call in history if _gives_hold(call)}
    holds, bought = _tickets(filter(_gives_hold, calls)), _tickets(call for call in calls if call.op == "buy")
    confirmed = sum(given.get(str(call.arg), 0) for call in calls if call.op == "confirm" and call.result == "ok")
    if any(result == "expired" for _, result in told):
        return "hold broken"
    if any(result == "soldout" for _, result in told):
        return "hold leaked" if holds else "undersold"
    if any(op == "search" for op, _ in told):
        return "stale read"
    if max(used.values(), default=0) > 1:
        return "hold used twice"
    section = stock_of(stock, calls[0].section)
    if bought + confirmed > section:
        return "oversold"
    if holds + bought > section:
        return "held twice"
    if used.keys() - given.keys():
        return "hold used that was not there"
    if used:
        return "confirmed too late" if ("confirm", "ok") in told else "cancelled too late"
    return "unsold tickets cancelled"


def _gives_hold(call: Call) -> bool:
    return call.op == "hold" and call.result not in ("soldout", FAILED, UNKNOWN)


def _tickets(calls: Iterable[Call]) -> int:
    """Return how many tickets holds or purchases take."""
    return sum(call.arg[0] if call.op == "hold" else call.arg for call in calls)
