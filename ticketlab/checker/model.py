"""Models: sequential specifications as values.

A model says what one process alone would see. Four are made here: ticket counters, counters with holds, numbered
seats, and compare-and-set registers. `plain_model` makes models of plain classes; `structures` has ten of these. A
model of your own is a value as well:

    def step(value, call):
        if call.op == "increment":
            return (value + 1,)
        return (value,) if call.result in (value, UNKNOWN) else ()

    verdict = check(history, model=Model("tally", init=0, step=step))
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ticketlab.checker import counters, hold_times, numbered_seats, timed_holds
from ticketlab.checker.budget import Meter
from ticketlab.checker.columns import FAILED, LATEST_TIME, UNKNOWN, Call, Columns, MalformedHistory
from ticketlab.checker.explain import Contradiction
from ticketlab.checker.structures import STRUCTURES, parameters_of
from ticketlab.core import strict_json
from ticketlab.core.errors import UsageError, unknown_name
from ticketlab.core.strict_json import brief

if TYPE_CHECKING:
    from ticketlab.checker.search import CallInterval


def by_section(call: Call) -> Hashable:
    """Return the section as the partition: operations on one section never touch another."""
    return call.section


def any_call(_: Call) -> str:
    """Return no objection to any call."""
    return ""


def never(_: Call) -> bool:
    """Return False: no call is promised to change nothing."""
    return False


def unread(_: Iterable[Call], __: Iterable[Call]) -> str:
    """Return the name of any contradiction."""
    return "not linearizable"


@dataclass(frozen=True, slots=True)
class Model:
    """A sequential specification.

    `step(state, call)` returns every state that may follow if the call takes effect with the result that it has: none
    if that result is impossible. For the result "unknown" it returns the states that any result would lead to. (The
    checker itself considers that such a call may never take effect.) States are hashable, and `step` is a pure function
    of its arguments. Calls with different `partition` are judged apart, each part from `init`. `validate(call)` returns
    why a call is not of this model, or an empty text. `reads(call)` promises that no other call needs this one: it
    changes no state at all (refusals are such calls), or only so that less can follow. That makes the search much
    faster. `judge`, if present, is an exact method for this model alone.

    `lapse(call)` returns what a call leads to by itself once time has passed: the least and the most time after the
    call in nanoseconds, and a call that stands for that event; None if it leads to nothing. No two answered calls may
    lead to the same. `bind(calls)`, if present, returns the `step` for one history, given its distinct calls.
    `possible(order)`, if present, says whether an order that the search found is possible by rules that the search does
    not know; it is asked before a proof is called minimal. `classify(calls, history)` names the anomaly of calls that
    contradict each other, given all distinct calls too. `made_by(call, process)`, if
    present, returns the call as `step` takes it, for models to which it makes a difference who calls.
    """

    name: str
    init: Hashable
    step: Callable[[Any, Call], Iterable[Hashable]]
    partition: Callable[[Call], Hashable] = by_section
    validate: Callable[[Call], str] = any_call
    reads: Callable[[Call], bool] = never
    judge: Callable[[Columns, Meter], Iterable[Contradiction]] | None = None
    lapse: Callable[[Call], tuple[int, int, Call] | None] | None = None
    bind: Callable[[Iterable[Call]], Callable[[Any, Call], Iterable[Hashable]]] | None = None
    possible: Callable[[Sequence[Sequence[CallInterval]]], bool] | None = None
    classify: Callable[[Iterable[Call], Iterable[Call]], str] = unread
    made_by: Callable[[Call, int | str], Call] | None = None

    def for_history(self, calls: Iterable[Call]) -> Model:
        """Return the model with the `step` for a history that has these distinct calls."""
        return replace(self, step=self.bind(calls)) if self.bind else self


def counter(stock: int | Mapping[str, int]) -> Model:
    """A counter of tickets: `buy` n -> "ok" | "soldout", `search` -> remaining, `cancel` n -> "ok".

    `stock` is the number of tickets of the one section, or that of each.

    Raises:
        MalformedHistory: the stock is neither a number of tickets nor a number for each section.
    """
    _check_stock(stock)
    return Model(
        "counter",
        init=0,
        step=partial(counters.step, stock),
        validate=partial(counters.validate, stock),
        reads=_reads,
        judge=partial(counters.judge, stock),
    )


def _check_stock(stock: Any) -> None:
    numbers = stock.values() if isinstance(stock, Mapping) else [stock]
    if any(type(number) is not int or number < 0 for number in numbers):
        raise MalformedHistory(
            f"stock is {brief(stock)}: expected a number of tickets, or an object {{section: tickets}}"
        )


def holds(stock: int | Mapping[str, int], clock_error_ns: int = 0) -> Model:
    """A counter whose tickets can be held: `hold` [n, ns] -> its name | "soldout", `confirm` name -> "ok" | "expired".

    `cancel` takes a hold's name -> "ok" | "expired", or a number of tickets; `buy` and `search` are as in `counter`.
    A hold may end by `clock_error_ns` nanoseconds earlier or later than asked.

    Raises:
        MalformedHistory: the stock is neither a number of tickets nor a number for each section, or the clock's error
            is no whole number from 0.
    """
    _check_stock(stock)
    if type(clock_error_ns) is not int or not 0 <= clock_error_ns <= LATEST_TIME:
        raise MalformedHistory(
            f"clock_error_ns is {brief(clock_error_ns)}: expected nanoseconds, a whole number from 0"
        )
    return Model(
        "holds",
        init=timed_holds.INIT,
        step=partial(timed_holds.step, stock),
        validate=partial(timed_holds.validate, stock),
        reads=timed_holds.reads,
        lapse=partial(timed_holds.lapse, clock_error_ns),
        bind=partial(timed_holds.bind, stock),
        possible=partial(hold_times.possible_in_time, clock_error_ns),
        classify=partial(timed_holds.name, stock),
    )


def seats() -> Model:
    """Numbered seats: `buyseat` s -> "ok" | "taken"; each seat sells at most once."""
    return Model(
        "seats",
        init=False,
        step=numbered_seats.step,
        partition=numbered_seats.seat,
        validate=numbered_seats.validate,
        judge=numbered_seats.judge,
    )


def cas_register(initial: int | str | None = None) -> Model:
    """A register: `read` -> value, `write` v -> "ok", `cas` [expected, new] -> "ok" | "fail"; one for each section.

    Raises:
        MalformedHistory: the initial value is not a whole number, a text or null.
    """
    if not _is_value(initial):
        raise MalformedHistory(f"initial is {brief(initial)}: expected a value (a whole number, a text or null)")
    return Model("cas-register", init=initial, step=_register_step, validate=_validate_register, reads=_reads)


def _reads(call: Call) -> bool:
    """Whether a call of the lab's models changes nothing: a read, a search, or a refusal."""
    return call.op in ("read", "search") or call.result in ("fail", "soldout", "taken")


def _register_step(value: Any, call: Call) -> Iterable[Hashable]:
    op, arg, result = call.op, call.arg, call.result
    if op == "read":
        return (value,) if result in (UNKNOWN, value) else ()
    if op == "write":
        return (arg,)
    expected, new = arg
    if result == UNKNOWN:
        return (new if value == expected else value,)
    return ((new,) if value == expected else ()) if result == "ok" else (() if value == expected else (value,))


def _validate_register(call: Call) -> str:
    op, arg, result = call.op, call.arg, call.result
    if op == "read":
        if not (_is_value(result) or result in (FAILED, UNKNOWN)):
            return f"result of read is {brief(result)}: expected a value (a whole number, a text or null)"
        return f"arg of read is {arg!r}: expected null" if arg is not None else ""
    if op == "write":
        allowed: tuple[str, ...] = ("ok", FAILED, UNKNOWN)
        if not _is_value(arg):
            return f"arg of write is {arg!r}: expected a value (a whole number, a text or null)"
    elif op == "cas":
        allowed = ("ok", "fail", FAILED, UNKNOWN)
        if not (isinstance(arg, tuple) and len(arg) == 2 and all(map(_is_value, arg))):
            shown = list(arg) if isinstance(arg, tuple) else arg
            return f"arg of cas is {shown!r}: expected [expected, new]"
    else:
        return f"unknown operation {op!r} of model cas-register: expected 'read', 'write' or 'cas'"
    return "" if result in allowed else f"result of {op} is {result!r}: expected one of {', '.join(map(repr, allowed))}"


def _is_value(value: Any) -> bool:
    return value is None or (type(value) in (int, str) and value not in (UNKNOWN, FAILED))


def _parameters(name: str, text: str) -> dict[str, Any]:
    """Return what a name is followed by, `permits=3,bounded=true`, with values as in JSON or else as texts."""
    known = {"counter": ("stock",), "holds": ("stock", "clock_error_ns"), "cas-register": ("initial",)}.get(name, ())
    found = {}
    for each in text.split(","):
        key, equals, value = each.partition("=")
        if not equals or not key:
            raise MalformedHistory(f"{each!r} is no parameter of a model: write NAME=VALUE, as in semaphore:permits=3")
        if key not in (takes := parameters_of(STRUCTURES[name]) if name in STRUCTURES else known):
            what = f"parameter of model {name}"
            raise unknown_name(what, key, takes) if takes else UsageError(f"model {name} has no parameters: {text}")
        try:
            found[key] = strict_json.parse(value)
        except ValueError:
            found[key] = value
    return found


TRANSACTIONS: Final = "transactions"
"""The model of histories of transactions, which are read and judged apart (`checker.transactions`)."""
NAMES: Final = ("cas-register", "counter", "holds", "seats", *STRUCTURES, TRANSACTIONS)


def model_named(meta: Mapping[str, Any], name: str | None = None, stock: int | None = None) -> Model:
    """Return the model that a history's `meta` names; `name` and `stock`, if given, replace those of `meta`.

    A name may have parameters, which replace those of `meta` too: `semaphore:permits=3`.

    Raises:
        UsageError: the name is unknown, or a parameter is missing or of the wrong kind.
    """
    if name is not None and ":" in name:
        name, _, told = name.partition(":")
        meta = {**meta, **_parameters(name, told)}
    chosen = name if name is not None else meta.get("model")
    if chosen is None:
        raise MalformedHistory(f"the history's meta names no model: name one of {', '.join(NAMES)}")
    if chosen in ("counter", "holds"):
        tickets = stock if stock is not None else meta.get("stock")
        if tickets is None:
            raise MalformedHistory(
                f'the history\'s meta has no stock, which model {chosen} needs: {{"meta": {{"stock": 350}}}}'
            )
        return counter(tickets) if chosen == "counter" else holds(tickets, meta.get("clock_error_ns", 0))
    if chosen == "seats":
        return seats()
    if chosen == "cas-register":
        return cas_register(meta.get("initial"))
    if chosen == TRANSACTIONS:
        raise MalformedHistory("operations are no transactions: expected a model of operations")
    if chosen in STRUCTURES:
        from ticketlab.checker.plain_model import structure

        return structure(str(chosen), meta)
    raise unknown_name("model", str(chosen), NAMES)
