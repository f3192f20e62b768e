"""Plain classes as models: one object that is called by one process after another says what results are right.

An operation of a history is a call of the method of its name. Its `arg` are the arguments: null for none, a list for
several, anything else for one. A method with a parameter `who` is told which process calls. What a history says an
operation returned is right if the method, called at that point, comes to the same:

- the method returns the result; a tuple is as good as a list;
- "ok" stands for any return value but False, for logs that say only that it went well;
- "raises KeyError" stands for that exception;
- a method that returns BLOCKED says that the call would have to wait there, so it cannot have returned;
- "unknown", or no answer: the call may have taken effect with whatever it returned, or not at all.

Each state is a copy of the object, so methods may change it.
"""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, Final

from ticketlab.checker.columns import FAILED, UNKNOWN, Call, MalformedHistory, as_lists, as_tuples
from ticketlab.checker.model import Model
from ticketlab.checker.structures import STRUCTURES, parameters_of
from ticketlab.core.errors import UsageError
from ticketlab.core.pacing import BLOCKED
from ticketlab.core.strict_json import brief

_MOST_KEPT: Final = 100_000
_RAISES: Final = "raises "
_OK: Final = "ok"


class InstanceState:
    """An instance of a plain class as a value: only equal states have equal keys.

    Equal states may have different keys (two sets that were filled in another order): then both are looked at.
    """

    __slots__ = ("instance", "key")

    def __init__(self, instance: Any) -> None:
        self.instance = instance
        self.key = content_key(instance)

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, InstanceState) and self.key == other.key

    def __repr__(self) -> str:
        return f"a new {type(self.instance).__name__}"


def content_key(instance: Any) -> Hashable:
    """Return a key that only equal values share; a value that cannot be written down has one of its own."""
    try:
        _, made, state, items, pairs = (*instance.__reduce_ex__(4), None, None, None)[:5]
        return pickle.dumps((made[1:], state, list(items or ()), list(pairs or ())))
    except Exception:  # whatever a copy raises that cannot be made
        return object()


def plain_model(make: Callable[[], Any], name: str) -> Model:
    """Return the model that the objects of a plain class are, or those that a function makes.

    Raises:
        UsageError: no object can be made, or it cannot be copied.
    """
    try:
        first = make()
        copy.deepcopy(first)
    except Exception as error:
        raise UsageError(f"model {name} cannot be made and copied: {type(error).__name__}: {error}") from None
    calls = _PlainCalls(first, name)
    return Model(name, init=InstanceState(first), step=calls.step, validate=calls.validate, made_by=calls.made_by)


def structure(name: str, meta: Mapping[str, Any]) -> Model:
    """Return the model of a structure that comes with the lab; what its class is made with may stand in `meta`.

    Raises:
        MalformedHistory: a parameter is of the wrong type.
    """
    made = STRUCTURES[name]
    given: dict[str, Any] = {}
    for key, kind in parameters_of(made).items():
        if key not in meta:
            continue
        value: Any = meta[key]
        negative = kind is int and type(value) is int and value < 0 and name != "increments"
        if type(value) is not kind or negative:
            expected = "true or false" if kind is bool else f"a whole number{'' if name == 'increments' else ' from 0'}"
            raise MalformedHistory(f"{key} of model {name} is {brief(value)}: expected {expected}")
        given[key] = value
    return plain_model(lambda: made(**given), name)


class _PlainCalls:
    """What calls of an object's methods come to, in whatever state it is; what was asked before is not asked again."""

    def __init__(self, first: Any, name: str) -> None:
        self._name = name
        known = [each for each in dir(first) if each[0] != "_" and callable(getattr(type(first), each, None))]
        self._methods = {each: _signature(getattr(first, each)) for each in known}
        self._told: dict[tuple[Call, int | str], Call] = {}
        self._known: dict[tuple[Hashable, Call], tuple[InstanceState, ...]] = {}

    def made_by(self, call: Call, process: int | str) -> Call:
        """Return the call with all arguments in a tuple; the process that calls is one if the method asks for it."""
        if (known := self._told.get((call, process))) is None:
            known = self._told[call, process] = call._replace(arg=self._bound(call, process).args)
        return known

    def validate(self, call: Call) -> str:
        """Return why a call is none of the class's methods, or an empty string."""
        if call.op not in self._methods:
            known = ", ".join(map(repr, self._methods))
            return f"unknown operation {call.op!r} of model {self._name}: expected one of {known}"
        try:
            self._bound(call, "")
        except TypeError as error:
            wanted = [each for each in self._methods[call.op].parameters if each != "who"]
            expected = "null" if not wanted else wanted[0] if len(wanted) == 1 else f"[{', '.join(wanted)}]"
            return f"arg of {call.op} is {brief(as_lists(call.arg))}: expected {expected} ({error})"
        return ""

    def step(self, state: InstanceState, call: Call) -> Iterable[InstanceState]:
        """Return the state after the call, if its result is what the method says in that state."""
        asked = state.key, call
        if (known := self._known.get(asked)) is None:
            if len(self._known) >= _MOST_KEPT:
                self._known.clear()
            known = self._known[asked] = self._asked(state, call)
        return known

    def _asked(self, state: InstanceState, call: Call) -> tuple[InstanceState, ...]:
        if call.result == FAILED:
            return (state,)
        instance = copy.deepcopy(state.instance)
        try:
            said = getattr(instance, call.op)(*_given(call))
        except Exception as error:  # whatever a user's model raises is what it says
            right = call.result in (UNKNOWN, f"{_RAISES}{type(error).__name__}")
        else:
            if said is BLOCKED:
                return ()
            well = isinstance(call.result, str) and call.result == _OK and said is not False
            right = call.result == UNKNOWN or well or bool(as_tuples(said) == call.result)
        return (InstanceState(instance),) if right else ()

    def _bound(self, call: Call, process: int | str) -> inspect.BoundArguments:
        signature = self._methods[call.op]
        given = signature.bind_partial(*_given(call)).arguments
        asks = "who" in signature.parameters and "who" not in given
        return signature.bind(*_given(call), **({"who": process} if asks else {}))


def _signature(method: Callable[..., Any]) -> inspect.Signature:
    """Return what a method takes; one of Python's own that does not say may take anything."""
    try:
        return inspect.signature(method)
    except ValueError:
        return inspect.Signature([inspect.Parameter("given", inspect.Parameter.VAR_POSITIONAL)])


def _given(call: Call) -> tuple[Any, ...]:
    return call.arg if isinstance(call.arg, tuple) else () if call.arg is None else (call.arg,)
