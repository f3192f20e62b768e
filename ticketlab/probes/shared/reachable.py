"""What a function can come to: its closure, its globals, its defaults, and what these hold.

An object has the name by which the function's author knows it: that of the variable, with attributes and keys after it.
All is looked through before anything is exchanged, so that an object is known with every place that holds it.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, cached_property, partial
from gc import get_referents
from types import (
    BuiltinMethodType,
    CellType,
    FrameType,
    FunctionType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    SimpleNamespace,
    TracebackType,
)
from typing import Any, Final, NamedTuple

from ticketlab.probes.shared.places import (
    PlaceInSet,
    PlaceInside,
    Put,
    Rebuilt,
    attributes,
    context_value,
    referent,
    some_are_fixed,
)
from ticketlab.probes.standins import identity, is_packages, is_users

MOST_OBJECTS: Final = 200_000
"""More objects than these are not looked through."""

_OF_THREADS: Final = frozenset({"_thread", "threading"})
_SIMPLE: Final = frozenset({str, bytes, int, float, bool, type(None)})
_HOLDING: Final = frozenset(
    {
        *("builtins", "collections", "functools", "itertools", "operator", "types", "enum", "dataclasses"),
        *("_contextvars", "contextvars", "contextlib", "weakref", "_weakref", "_weakrefset"),
    }
)
"""The modules of Python whose objects do nothing but hold others."""

_TOO_MUCH: Final = (FrameType, TracebackType, BaseException)
"""What holds all that was there when it was made."""


class Reached(NamedTuple):
    """An object that can be reached, the name of its nearest place, and for each place what puts another there.

    It is None for a place where nothing else can be put.
    """

    name: str
    value: Any
    places: list[Put | None]

    @property
    def is_fixed(self) -> bool:
        """Whether nothing else can be put in one of its places."""
        return some_are_fixed(self.places)


_Held = tuple[str, Any, Put | None]


def reachable(roots: Mapping[str, Any], beside: Iterable[Any] = ()) -> Iterator[Reached]:
    """Yield what can be reached from some objects, the nearest first, once all has been looked through.

    What the objects `beside` hold is left out. If there are more than `MOST_OBJECTS`, the rest is left out.
    """
    waiting: deque[_Held] = deque(_items("", roots))
    found: dict[int, Reached] = {}
    left_out, modules = set(map(identity, beside)), set[int]()
    while waiting:
        name, value, put = waiting.popleft()
        if type(value) in _SIMPLE:
            continue
        reached = found.get(identity(value))
        if reached is not None:
            reached.places.append(put)
        elif len(found) < MOST_OBJECTS:
            found[identity(value)] = reached = Reached(name, value, [put])
            if identity(value) not in left_out:
                waiting.extend(_inside(reached, modules))
    yield from (each for each in found.values() if not _is_proxy(type(each.value)))


def in_packages() -> Iterator[_Held]:
    """Yield the objects of `threading` that packages keep in modules, in classes, and in objects that modules hold."""
    for module in list(sys.modules.values()):
        if not (isinstance(module, ModuleType) and is_packages(module)):
            continue
        for name, value, put in list(_items(f"{module.__name__}.", vars(module))):
            if type(value).__module__ in _OF_THREADS:
                yield name, value, put
            elif issubclass(type(value), type):
                if vars(value).get("__module__") == module.__name__:
                    held = list(vars(value).items())
                    locks = [(each, one) for each, one in held if type(one).__module__ in _OF_THREADS]
                    yield from ((f"{name}.{each}", one, partial(setattr, value, each)) for each, one in locks)
            elif _is_of_package(type(value).__module__) and not _is_proxy(type(value)):
                inside = _items(f"{name}.", getattr(value, "__dict__", {}))
                yield from (each for each in inside if type(each[1]).__module__ in _OF_THREADS)


def _is_proxy(kind: type) -> bool:
    """Whether objects of a type pass for others; to ask such a one what it is may make what it stands for, or fail."""
    return any("__class__" in vars(base) for base in kind.__mro__[:-1])


def _inside(reached: Reached, modules: set[int]) -> Iterator[_Held]:
    name, value, _ = reached
    if _is_proxy(type(value)):
        yield from ((name, each, None) for each in get_referents(value))
    elif isinstance(value, FunctionType):
        yield from _inside_function(name, value, modules)
    elif isinstance(value, ModuleType):
        if _is_users(value):
            yield from _of_module(vars(value), modules)
    elif isinstance(value, dict):
        yield from _items(name, value, "[{!r}]")
        yield name, getattr(value, "default_factory", None), None
    elif isinstance(value, list | deque):
        yield from ((f"{name}[{at}]", each, partial(value.__setitem__, at)) for at, each in enumerate(value))
    elif isinstance(value, set):
        yield from ((f"{name}[{at}]", each, PlaceInSet(value, each)) for at, each in enumerate(value))
    elif isinstance(value, type):
        if _is_of_user(value.__module__):
            names = list(vars(value).items())
            yield from ((each, held, partial(_set_in_class, value, each)) for each, held in names)
            yield from ((base.__name__, base, None) for base in value.__bases__)
    else:
        yield from _inside_other(reached)
    kind = type(value)
    if issubclass(kind, type) or _is_proxy(kind):
        return
    if _is_of_user(kind.__module__):
        yield from ((name + "." + each, held, put) for each, held, put in attributes(value))
        yield kind.__name__, kind, None
    elif _is_of_package(kind.__module__):
        yield from _items(name, getattr(value, "__dict__", {}), ".{}")


def _inside_other(reached: Reached) -> Iterator[_Held]:
    """Yield what an object holds that is exchanged as a whole if anything in it is, or that is none of the user's."""
    name, value, places = reached
    if isinstance(value, tuple | frozenset):
        rebuilt = Rebuilt(value, list(value), places)
        yield from ((f"{name}[{at}]", each, PlaceInside(rebuilt, at)) for at, each in enumerate(value))
    elif isinstance(value, partial):
        yield name, value.func, partial(_set_called, value)
        named = getattr(value.func, "__code__", None)
        names = named.co_varnames[: named.co_argcount] if named is not None else ()
        for at, each in enumerate(value.args):
            yield names[at] if at < len(names) else f"argument {at + 1}", each, partial(_set_argument, value, at)
        yield from _items("", value.keywords)
    elif isinstance(value, MethodType):
        yield from [(name, value.__func__, None), (name, value.__self__, None)]
    elif isinstance(value, BuiltinMethodType | MethodWrapperType):
        if not isinstance(value.__self__, ModuleType | None):
            yield name, value.__self__, PlaceInside(Rebuilt(value, [value.__self__], places), 0)
    elif (held := context_value(value) or referent(value, places)) is not None:
        yield name, *held
    elif isinstance(value, SimpleNamespace):
        yield from _items(name, vars(value), ".{}")
    elif isinstance(value, cached_property):  # which has a lock of its own in Python 3.11
        yield name, value.func, None
    elif type(value).__module__ in _HOLDING and not isinstance(value, _TOO_MUCH):
        yield from ((name, each, None) for each in get_referents(value) if not isinstance(each, type | ModuleType))


def _inside_function(name: str, function: FunctionType, modules: set[int]) -> Iterator[_Held]:
    for variable, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield variable, cell.cell_contents, partial(_fill, cell)
        except ValueError:  # it is still empty
            continue
    code = function.__code__
    parameters = code.co_varnames[: code.co_argcount]
    defaults = function.__defaults__ or ()
    for place, value in enumerate(defaults, len(parameters) - len(defaults)):
        yield parameters[place], value, partial(_set_default, function, place - len(parameters) + len(defaults))
    yield from _items("", function.__kwdefaults__ or {})
    if _is_users(sys.modules.get(function.__module__)):
        yield from _of_module(function.__globals__, modules)
    yield from _items(name, vars(function), ".{}")


def _of_module(names: dict[str, Any], modules: set[int]) -> Iterator[_Held]:
    """Yield what a module holds, once."""
    if identity(names) not in modules:
        modules.add(identity(names))
        yield from _items("", names)


def _set_default(function: FunctionType, place: int, value: Any) -> None:
    defaults = list(function.__defaults__ or ())
    defaults[place] = value
    function.__defaults__ = tuple(defaults)


def _set_in_class(owner: type, name: str, value: Any) -> None:
    """A function in place of a builtin one must not become a method; a metaclass has no say."""
    type.__setattr__(owner, name, staticmethod(value) if isinstance(value, FunctionType) else value)


def _set_called(value: partial[Any], function: Any) -> None:
    _set_in_partial(value, function, value.args)


def _set_argument(value: partial[Any], at: int, argument: Any) -> None:
    _set_in_partial(value, value.func, (*value.args[:at], argument, *value.args[at + 1 :]))


def _set_in_partial(value: partial[Any], function: Any, args: tuple[Any, ...]) -> None:
    state: Any = value  # typeshed leaves out that it can be set
    state.__setstate__((function, args, value.keywords, vars(value)))


def _fill(cell: CellType, value: Any) -> None:
    cell.cell_contents = value


def _items(name: str, held: Mapping[Any, Any], form: str = "{}") -> Iterator[_Held]:
    for key, value in list(held.items()):
        if not (isinstance(key, str) and key.startswith("__")):
            yield name + form.format(key), value, partial(held.__setitem__, key) if isinstance(held, dict) else None


@cache
def _is_of_user(module: str) -> bool:
    return _is_users(sys.modules.get(module))


@cache
def _is_of_package(module: str) -> bool:
    known = sys.modules.get(module)
    return known is not None and is_packages(known)


def _is_users(module: ModuleType | None) -> bool:
    """Whether a module is the user's own, and not the lab's."""
    return module is not None and not module.__name__.startswith("ticketlab.") and is_users(module)
