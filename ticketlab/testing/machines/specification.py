"""Specifications of concurrent machines: what calls come to one after another, and which orders explain results.

A plain class with the machine's methods is a specification: a method that returns BLOCKED says that the call would have
to wait there. Each state is a copy of an instance, so methods may change it. A `Model` value is one too, and says of
each call which states may follow.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple

from ticketlab.checker.budget import Budget
from ticketlab.checker.columns import Call, as_tuples
from ticketlab.checker.model import Model
from ticketlab.checker.plain_model import InstanceState, content_key
from ticketlab.checker.search import CallInterval, linearizable
from ticketlab.core.errors import UsageError
from ticketlab.core.pacing import BLOCKED
from ticketlab.lab.plain.function import CallOutcome, Raised, Returned, call_outcome

_END: Final = "(end)"
"""In place of a call: the end of an execution in which the pending calls wait for ever."""

_MOST_KEPT: Final = 10_000
_MOST_TRIED: Final = 20_000


class MadeCall(NamedTuple):
    """A call that was made: by whom (from 0), with what, what came of it, and when.

    `outcome` is None if it never returned. `told` tells calls of the same program apart by what came of them.
    """

    who: int
    op: str
    arguments: Mapping[str, Any]
    outcome: CallOutcome | None
    invoked: int
    returned: int
    told: str = ""


class Specification:
    """What a machine's model says. `calls` of one execution are judged together."""

    def __init__(self, model: Any, machine: str, ops: Iterable[str]) -> None:
        self._model = model if isinstance(model, Model) else None
        self._make: Callable[[], Any] = (lambda: None) if isinstance(model, Model) else model
        if self._model is not None and self._model.lapse is not None:
            raise UsageError(f"the model of {machine}, {model.name}, changes with time: no machine is judged by it")
        if self._model is None:
            if not callable(model):
                raise UsageError(f"the model of {machine} is {model!r}: a class, a function or a Model is needed")
            instance = model()
            try:
                copy.deepcopy(instance)
            except Exception as error:
                raise UsageError(f"the model of {machine} cannot be copied: {error}") from None
            for op in ops:
                if not callable(getattr(instance, op, None)):
                    raise UsageError(f"the model of {machine}, {type(instance).__name__}, has no method {op}")
        self._initial: Any = None
        self._asking: dict[str, bool] = {}  # by operation, whether the model asks who calls
        self._said: dict[object, tuple[InstanceState, CallOutcome]] = {}  # what was asked before
        self.begin(())

    def begin(self, before: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """Take in the calls that `@initialize` makes: those that the model has as well change its first state."""
        if self._model is not None:
            self._initial = frozenset()  # of the parts of a model that are not in their first state
            return
        instance = self._make()
        for op, arguments in before:
            if hasattr(instance, op):
                getattr(instance, op)(**arguments)
        self._initial = InstanceState(instance)

    def unspoken(self, calls: Iterable[MadeCall]) -> list[MadeCall]:
        """Return the calls that raised, if the model has no word for that."""
        return [] if self._model is None else [each for each in calls if isinstance(each.outcome, Raised)]

    def explains(self, calls: Sequence[MadeCall], *, stuck: bool = False) -> bool:
        """Whether some order of the calls that returned explains all results, and respects their times.

        With `stuck`, the calls that did not return must have to wait where that order ends.

        Raises:
            BudgetSpent: the search for an order took too long.
            UsageError: a call, or its result, is none that a `Model` knows.
        """
        done = [each for each in calls if each.outcome is not None]
        self._validate(done)
        intervals = [CallInterval(row, Call("", row, None), o.invoked, o.returned) for row, o in enumerate(done)]
        if stuck:
            last = 1 + max((each.returned for each in done), default=0)
            intervals.append(CallInterval(len(done), Call(_END, len(done), None), last, last))
        pending = [each for each in calls if each.outcome is None]

        def step(state: Any, call: Call) -> Iterable[Hashable]:
            if call.op == _END:
                return (state,) if all(self._waits(state, each) for each in pending) else ()
            return self._step(state, done[call.arg])

        return linearizable(Model("machine", self._initial, step), intervals, Budget().start())

    def _validate(self, done: Iterable[MadeCall]) -> None:
        if self._model is not None:
            for made in done:
                if isinstance(made.outcome, Returned) and (why := self._model.validate(_as_call(made))):
                    raise UsageError(f"the model {self._model.name} does not take {made.op}: {why}")

    def _step(self, state: Any, made: MadeCall) -> Iterable[Hashable]:
        if self._model is not None:
            return () if isinstance(made.outcome, Raised) else _step_of(self._model, state, made)
        assert made.outcome is not None, "it returned"
        after, said = self.says(state, made)
        return (after,) if agree(said, made.outcome) else ()

    def says(self, state: Any, made: MadeCall) -> tuple[Any, CallOutcome]:
        """Return the state after a call in some state, and what the user's model says that comes of it."""
        if made.op not in self._asking:
            parameters = inspect.signature(getattr(state.instance, made.op)).parameters
            self._asking[made.op] = "who" in parameters and "who" not in made.arguments
        given = {**made.arguments, **({"who": made.who + 1} if self._asking[made.op] else {})}
        asked = state.key, made.op, content_key(given)
        if asked not in self._said:
            if len(self._said) >= _MOST_KEPT:
                self._said.clear()
            instance = copy.deepcopy(state.instance)
            said = call_outcome(partial(getattr(instance, made.op), **copy.deepcopy(given)))
            self._said[asked] = InstanceState(instance), said
        return self._said[asked]

    def _waits(self, state: Any, made: MadeCall) -> bool:
        return self._model is None and self.says(state, made)[1] == Returned(BLOCKED)

    def closest(self, calls: Sequence[MadeCall]) -> Closest:
        """Return the order that explains the most calls before one that it does not; none fails if it explains all.

        All orders are tried up to a number, those that begin with the earliest calls first.
        """
        done = sorted((each for each in calls if each.outcome is not None), key=lambda each: each.returned)
        best, left = Closest((), None, ""), [_MOST_TRIED]

        def extend(order: tuple[MadeCall, ...], state: Any, rest: list[MadeCall]) -> bool:
            """Whether the order can be completed; if not, the best so far is kept."""
            nonlocal best
            if not rest:
                best = Closest(order, None, "")
                return True
            for chosen in rest:
                left[0] -= 1
                if left[0] < 0 or any(each.returned < chosen.invoked for each in rest):
                    continue
                after = next(iter(self._step(state, chosen)), None)
                if after is not None:
                    if extend((*order, chosen), after, [each for each in rest if each is not chosen]):
                        return True
                elif best.fails is None or len(order) > len(best.order):
                    best = Closest(order, chosen, self._in_its_place(state, chosen))
            return False

        extend((), self._initial, done)
        return best

    def _in_its_place(self, state: Any, made: MadeCall) -> str:
        if self._model is not None:
            return ""
        said = self.says(state, made)[1]
        return "has to wait" if said == Returned(BLOCKED) else outcome_text(said)


@dataclass(frozen=True, slots=True)
class Closest:
    """An order that explains some calls, the call that fails after them, and what the model says in its place."""

    order: tuple[MadeCall, ...]
    fails: MadeCall | None
    expected: str


def agree(said: CallOutcome, outcome: CallOutcome) -> bool:
    """Whether a model's outcome is the one of the call: the same value, or an exception of the same type."""
    if isinstance(said, Raised) or isinstance(outcome, Raised):
        return isinstance(said, Raised) and isinstance(outcome, Raised) and said.kind == outcome.kind
    return bool(said.value == outcome.value)


def outcome_text(outcome: CallOutcome | None) -> str:
    """Return in words what came of a call."""
    if outcome is None:
        return "waits for ever"
    if isinstance(outcome, Raised):
        return f"raises {outcome.kind}" + (f": {outcome.text}" if outcome.text else "")
    return repr(outcome.value)


def _step_of(model: Model, state: frozenset[tuple[Hashable, Any]], made: MadeCall) -> Iterator[Hashable]:
    """Yield the states after a call that returned: each part of a model has one, as where histories are judged."""
    call = _as_call(made)
    part, parts = model.partition(call), dict(state)
    if model.made_by is not None:
        call = model.made_by(call, made.who + 1)
    for after in model.step(parts.get(part, model.init), call):
        yield frozenset({**parts, part: after}.items())


def _as_call(made: MadeCall) -> Call:
    """Return a call as a `Model` takes it: one argument as it is, several as a tuple, none as None."""
    values = tuple(map(as_tuples, made.arguments.values()))
    assert isinstance(made.outcome, Returned), "no model has a word for an exception"
    return Call(made.op, values[0] if len(values) == 1 else values or None, as_tuples(made.outcome.value))
