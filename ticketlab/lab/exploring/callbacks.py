"""The calls that users supply beside a function under test: what each asks for by the names of its parameters."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from ticketlab.core.errors import UsageError
from ticketlab.core.inventory import Books

RETURNED: Final = "returned"
_GIVEN: Final = ("books", RETURNED)
_PLACED: Final = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.VAR_POSITIONAL,
)
_NAMED: Final = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class InvariantCall(NamedTuple):
    """An invariant, whether the books are its first argument, and the names of what else it asks for."""

    call: Callable[..., object]
    books_first: bool
    names: Sequence[str]

    @classmethod
    def of(cls, call: Callable[..., object]) -> InvariantCall:
        """Look at an invariant's parameters: the books are the first, unless that is named `returned`."""
        parameters = _parameters(call)
        if parameters is None:
            return cls(call, True, ())
        first = parameters[:1]
        books_first = any(each.kind in _PLACED and each.name not in _GIVEN for each in first)
        return cls(call, books_first, _names(parameters[books_first:]))

    @property
    def fixtures(self) -> list[str]:
        """The names that neither the books nor the buyers' returns answer."""
        return [name for name in self.names if name not in _GIVEN]

    def holds(self, books: Books, returned: Sequence[Any], fixtures: Mapping[str, Any]) -> object:
        """Call the invariant, and return what it returns."""
        values = {**fixtures, "books": books, RETURNED: list(returned)}
        return self.call(*([books] if self.books_first else []), **_values("the invariant", self.names, values))


def asked_by(call: Callable[..., object]) -> list[str]:
    """Return the names of the fixtures that a call asks for."""
    return _names(_parameters(call) or [])


def call_reset(reset: Callable[..., object], fixtures: Mapping[str, Any]) -> None:
    """Call `reset` with the fixtures that it asks for."""
    reset(**_values("reset", asked_by(reset), fixtures))


def survives_pickling(value: Any) -> bool:
    """Whether a value can be given to another process."""
    try:
        pickle.loads(pickle.dumps(value))  # noqa: S301 - its own copy
    except Exception:
        return False
    return True


def _values(who: str, names: Sequence[str], values: Mapping[str, Any]) -> dict[str, Any]:
    for name in names:
        if name not in values:
            raise UsageError(f"{who} asks for {name!r}, and no fixture of that name is given")
    return {name: values[name] for name in names}


def _parameters(call: Callable[..., object]) -> list[inspect.Parameter] | None:
    """Return the parameters of a call, or None if it does not tell them."""
    try:
        return list(inspect.signature(call).parameters.values())
    except (TypeError, ValueError):
        return None


def _names(parameters: Sequence[inspect.Parameter]) -> list[str]:
    """Return the names of parameters that have to be given a value; a default is left alone."""
    return [
        each.name
        for each in parameters
        if each.kind in _NAMED and (each.default is inspect.Parameter.empty or each.name in _GIVEN)
    ]
