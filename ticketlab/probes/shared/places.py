"""Places that hold objects, and what puts another object there.

Some objects cannot be changed, as a tuple: one with other contents takes their own places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from types import MemberDescriptorType
from typing import Any
from weakref import ref

Put = Callable[[Any], None]
"""Puts another object where one was found."""


def put_everywhere(places: Sequence[Put | None], value: Any) -> None:
    """Put an object in all places where one can be put."""
    for put in places:
        if put is not None:
            put(value)


def some_are_fixed(places: Sequence[Put | None]) -> bool:
    """Whether nothing else can be put in one of the places."""
    return any(put is None or (isinstance(put, PlaceInside) and put.whole.is_fixed) for put in places)


class Rebuilt:
    """An object that cannot be changed, what it holds now, and its places; these may become more meanwhile."""

    def __init__(self, original: Any, held: list[Any], places: Sequence[Put | None]) -> None:
        self._original, self._at_first, self._held, self._places = original, tuple(held), held, places

    @property
    def is_fixed(self) -> bool:
        """Whether no other can be put in one of its places."""
        return some_are_fixed(self._places)

    def put(self, at: int, value: Any) -> None:
        """Have one that holds something else take its places; the original, if all is as it was."""
        self._held[at] = value
        same = all(now is then for now, then in zip(self._held, self._at_first, strict=True))
        put_everywhere(self._places, self._original if same else _with_contents(self._original, self._held))


@dataclass(frozen=True, slots=True)
class PlaceInside:
    """A place inside an object that cannot be changed."""

    whole: Rebuilt
    at: int

    def __call__(self, value: Any) -> None:
        """Put an object there."""
        self.whole.put(self.at, value)


def _with_contents(original: Any, held: Sequence[Any]) -> Any:
    """Return an object like another one that holds something else."""
    kind = type(original)
    if isinstance(original, frozenset):
        return frozenset(held)
    if isinstance(original, tuple):
        made = tuple.__new__(kind, held)
        if hasattr(original, "__dict__"):
            vars(made).update(vars(original))
        return made
    if isinstance(original, ref):
        return ref(held[0])
    return getattr(held[0], original.__name__)  # a method that is bound


class PlaceInSet:
    """A place in a set, which is an object that it holds."""

    def __init__(self, held: set[Any], value: Any) -> None:
        self._held, self._value = held, value

    def __call__(self, value: Any) -> None:
        """Have the set hold another object instead."""
        self._held.discard(self._value)
        self._held.add(value)
        self._value = value


def attributes(value: Any) -> Iterator[tuple[str, Any, Put]]:
    """Yield the attributes that an object itself has, in its dict and in slots; a class that is frozen has no say."""
    names: dict[str, Any] = getattr(value, "__dict__", {})
    for name, held in list(names.items()):
        if not name.startswith("__"):
            yield name, held, partial(names.__setitem__, name)
    for kind in type(value).__mro__:
        for name, slot in list(vars(kind).items()):
            if isinstance(slot, MemberDescriptorType) and not name.startswith("__"):
                try:
                    yield name, slot.__get__(value), partial(slot.__set__, value)
                except AttributeError:  # it is still empty
                    continue


def context_value(value: Any) -> tuple[Any, Put] | None:
    """Return what a context variable holds here, and what puts something else there; None if it is no such thing."""
    if not isinstance(value, ContextVar):
        return None
    nothing = object()
    held = value.get(nothing)

    def put(other: Any) -> None:
        value.set(other)

    return None if held is nothing else (held, put)


def referent(value: Any, places: Sequence[Put | None]) -> tuple[Any, Put] | None:
    """Return what a weak reference refers to, and what has one to something else in its place."""
    held = value() if type(value) is ref else None
    return None if held is None else (held, PlaceInside(Rebuilt(value, [held], places), 0))
