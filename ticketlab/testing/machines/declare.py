"""What a concurrent machine declares: rules, what comes before them, invariants, and bundles of results."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ticketlab.core.errors import UsageError

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

F = TypeVar("F", bound=Callable[..., Any])

_DECLARED: Final = "_ticketlab_declared"
_OF_HYPOTHESIS: Final = ("hypothesis_stateful_rule", "hypothesis_stateful_initialize_rule")


@dataclass(frozen=True, slots=True)
class Bundle:
    """Results that a participant hands on to its own later calls: `target=` puts one in, and an argument takes one.

    A participant takes what its own earlier calls returned, and what `@initialize` returned before all. A call whose
    argument would be None is not made: so who was refused a lock does not release it. `consumed` says that each result
    is taken once.
    """

    name: str
    consumed: bool = False


def consumes(bundle: Bundle) -> Bundle:
    """Return the bundle as an argument that takes each result out for good."""
    return Bundle(bundle.name, consumed=True)


@dataclass(frozen=True, slots=True)
class Declared:
    """A method that was declared: `kind` is "rule", "initialize" or "invariant"."""

    kind: str
    target: Bundle | None
    arguments: Mapping[str, SearchStrategy[Any] | Bundle]


def rule(*, target: Bundle | None = None, **arguments: SearchStrategy[Any] | Bundle) -> Callable[[F], F]:
    """Declare a method as a call that participants make, with arguments that Hypothesis draws.

    The method may also ask for `who`, the number of the participant, from 1.
    """
    return _declaring(Declared("rule", target, arguments))


def initialize(*, target: Bundle | None = None, **arguments: SearchStrategy[Any] | Bundle) -> Callable[[F], F]:
    """Declare a method that is called once before all participants, after `setup`, with arguments that are drawn."""
    return _declaring(Declared("initialize", target, arguments))


def invariant() -> Callable[[F], F]:
    """Declare a method that is asked after each execution: False, or an AssertionError, says that the end is wrong."""
    return _declaring(Declared("invariant", None, {}))


def _declaring(declared: Declared) -> Callable[[F], F]:
    def declare(method: F) -> F:
        if hasattr(method, _DECLARED):
            raise UsageError(f"{method.__qualname__} is declared twice")
        setattr(method, _DECLARED, declared)
        return method

    return declare


@dataclass(frozen=True, slots=True)
class Method:
    """A declared method of a machine."""

    name: str
    declared: Declared
    asks_who: bool
    is_coroutine: bool


def declared_methods(machine: type) -> Mapping[str, Sequence[Method]]:
    """Return the methods that a machine and its bases declare, by kind, in the order of their declaration.

    Raises:
        UsageError: there is no rule, or a decorator of Hypothesis's own, or what is taken from a bundle comes from
            nowhere.
    """
    names = dict.fromkeys(name for base in reversed(machine.__mro__) for name in vars(base))
    found: dict[str, list[Method]] = {"rule": [], "initialize": [], "invariant": []}
    for name in names:
        function = getattr(machine, name)
        if any(hasattr(function, mark) for mark in _OF_HYPOTHESIS):
            raise UsageError(f"{machine.__name__}.{name} is a rule of Hypothesis's: take ticketlab.rule, or initialize")
        declared = getattr(function, _DECLARED, None)
        if declared is not None:
            found[declared.kind].append(_method(name, declared, function))
    _check(machine, found)
    return found


def _method(name: str, declared: Declared, function: Callable[..., Any]) -> Method:
    asks = "who" in inspect.signature(function).parameters and "who" not in declared.arguments
    return Method(name, declared, asks, inspect.iscoroutinefunction(function))


def _check(machine: type, found: Mapping[str, Sequence[Method]]) -> None:
    if not found["rule"]:
        raise UsageError(f"{machine.__name__} has no rule: declare its methods with @ticketlab.rule(...)")
    before = {each.declared.target.name for each in found["initialize"] if each.declared.target}
    fed = before | {each.declared.target.name for each in found["rule"] if each.declared.target}
    for method in (*found["initialize"], *found["rule"]):
        known = before if method.declared.kind == "initialize" else fed
        for argument, drawn in method.declared.arguments.items():
            if isinstance(drawn, Bundle) and drawn.name not in known:
                raise UsageError(
                    f"{argument} of {machine.__name__}.{method.name} comes from the bundle {drawn.name!r}, into which "
                    "no rule puts anything: name it as the target of one"
                )
