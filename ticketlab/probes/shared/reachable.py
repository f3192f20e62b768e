"""What a function can come to: its closure, its globals, its defaults, and what these hold.

An object has the name by which the function's author knows it: that of the variable, with attributes and keys after it.
"""

from __future__ import annotations

import gc
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from types import CellType, FunctionType, MethodType, ModuleType, SimpleNamespace
from typing import Any, Final

from ticketlab.probes.standins import identity, is_packages, is_users

MOST_OBJECTS: Final = 50_000
"""More objects than these are not looked through."""

_OF_THREADS: Final = frozenset({"_thread", "threading"})
_SIMPLE: Final = frozenset({str, bytes, int, float, bool, type(None)})

Put = Callable[[Any], None]
"""Puts another object where one was found."""

Reached = tuple[str, Any, Put | None]


def reachable(roots: Mapping[str, Any], beside: Iterable[Any] = (), *, again: bool = False) -> Iterator[Reached]:
    """Yield what can be reached from some objects, the nearest first: its name, the object, and what replaces it.

    What the objects `beside` hold is left out. With `again`, what is held in several places comes once for each.
    """
    waiting: deque[Reached] = deque(_items("", roots))
    seen = set(map(identity, beside))
    while waiting and len(seen) < MOST_OBJECTS:
        name, value, put = waiting.popleft()
        if type(value) in _SIMPLE:
            continue
        new, behind = identity(value) not in seen, _is_proxy(type(value))
        if (new or again) and not behind:
            yield name, value, put
        if new:
            seen.add(identity(value))
            waiting.extend(_behind(name, value) if behind else _inside(name, value, seen))


def in_packages() -> Iterator[Reached]:
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


def _behind(name: str, proxy: Any) -> Iterator[Reached]:
    """Yield what a proxy holds, without asking it."""
    for held in gc.get_referents(proxy):
        yield name, held, None


def _inside(name: str, value: Any, seen: set[int]) -> Iterator[Reached]:
    if isinstance(value, FunctionType):
        yield from _inside_function(name, value, seen)
    elif isinstance(value, partial):
        yield from [(name, value.func, partial(_set_called, value)), *((name, each, None) for each in value.args)]
        yield from _items("", value.keywords)
    elif isinstance(value, MethodType):
        yield from [(name, value.__func__, None), (name, value.__self__, None)]
    elif isinstance(value, ModuleType):
        if _is_users(value):
            yield from _of_module(vars(value), seen)
    elif isinstance(value, dict):
        yield from _items(name, value, "[{!r}]")
    elif isinstance(value, list):
        yield from ((f"{name}[{at}]", each, partial(value.__setitem__, at)) for at, each in enumerate(value))
    elif isinstance(value, tuple | set | frozenset):
        yield from ((f"{name}[{at}]", each, None) for at, each in enumerate(value))
    elif isinstance(value, type):
        if _is_of_user(value.__module__):
            names = list(vars(value).items())
            yield from ((each, held, partial(_set_in_class, value, each)) for each, held in names)
    elif isinstance(value, SimpleNamespace) or _is_of_user(kind := type(value).__module__) or _is_of_package(kind):
        yield from _items(name, getattr(value, "__dict__", {}), ".{}")


def _inside_function(name: str, function: FunctionType, seen: set[int]) -> Iterator[Reached]:
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
        yield from _of_module(function.__globals__, seen)
    yield from _items(name, vars(function), ".{}")


def _of_module(names: dict[str, Any], seen: set[int]) -> Iterator[Reached]:
    """Yield what a module holds, once."""
    if identity(names) not in seen:
        seen.add(identity(names))
        yield from _items("", names)


def _set_default(function: FunctionType, place: int, value: Any) -> None:
    defaults = list(function.__defaults__ or ())
    defaults[place] = value
    function.__defaults__ = tuple(defaults)


def _set_in_class(owner: type, name: str, value: Any) -> None:
    """A function in place of a builtin one must not become a method."""
    setattr(owner, name, staticmethod(value) if isinstance(value, FunctionType) else value)


def _set_called(value: partial[Any], function: Any) -> None:
    state: Any = value  # typeshed leaves out that it can be set
    state.__setstate__((function, value.args, value.keywords, vars(value)))


def _fill(cell: CellType, value: Any) -> None:
    cell.cell_contents = value


def _items(name: str, held: Mapping[Any, Any], form: str = "{}") -> Iterator[Reached]:
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
