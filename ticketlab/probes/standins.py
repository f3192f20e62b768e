"""Stand-ins: other objects in place of functions and classes, wherever a loaded module holds them, for a while.

A function that was imported by `from time import sleep` lives in its importer's namespace too, so all loaded modules
are looked through, and the classes of modules that were not part of Python or of an installed package. What a library
keeps in a default argument (`def __init__(self, sleep=time.sleep)`) is exchanged there.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, Final, NamedTuple

_KEPT: Final = frozenset({"posix", "_io", "_frozen_importlib", "_frozen_importlib_external", "zipimport", "importlib"})
"""Modules that keep what they have: what imports are made with, and where the originals themselves stand."""
_KEPT_BELOW: Final = ("importlib.", "ticketlab.probes.")
_OURS: Final = "ticketlab."
_RUNNERS: Final = frozenset({"ticketlab", "pytest", "_pytest", "pluggy", "xdist", "execnet", "hypothesis", "greenlet"})
"""The lab and what runs tests: installed packages that are no part of what is tested."""
_KEPT_IN_DEFAULTS: Final = ("multiprocessing.",)
"""Libraries whose functions keep what they have in default arguments: what they do is seen as what their objects do."""
identity: Final = object.__hash__
"""Tells objects apart as `id` does, of which Python would tell whoever listens (see `audit`), each time."""
_SUPPORTS: Final = ("supports_dir_fd", "supports_fd", "supports_follow_symlinks", "supports_effective_ids")


class StandIn(NamedTuple):
    """An object, and what stands in for it. `owner` and `name` say where, if it is in a class and nowhere else.

    `users` keeps it to modules that belong neither to Python nor to an installed package, and `packages` to those of
    installed packages.
    """

    original: Any
    substitute: Any
    owner: type | None = None
    name: str = ""
    users: bool = False
    packages: bool = False


@contextmanager
def standing_in(standins: Sequence[StandIn]) -> Iterator[None]:
    """Put the substitutes in place for a while.

    What a module imported meanwhile is taken back as well. Whatever ends the block, an interruption included, the
    originals are back when it has ended.
    """
    held = [each for each in standins if each.owner is not None]
    anywhere = [each for each in standins if each.owner is None]
    try:
        _exchange([(each.original, each.substitute, each) for each in anywhere])
        for each in held:
            setattr(each.owner, each.name, each.substitute)
        yield
    finally:
        for each in held:
            _put_back(each)
        _exchange([(each.substitute, each.original, None) for each in anywhere])


def _put_back(held: StandIn) -> None:
    """Give a class its own again, or what it inherits."""
    above = held.owner.__mro__[1:] if held.owner is not None else ()
    if any(vars(base).get(held.name) is held.original for base in above):
        delattr(held.owner, held.name)
    else:
        setattr(held.owner, held.name, held.original)


def _exchange(pairs: Sequence[tuple[Any, Any, StandIn | None]]) -> None:
    """Put the second of each pair wherever the first is, or where a stand-in of such a kind belongs."""
    everywhere = {identity(old): new for old, new, kept in pairs if kept is None or not (kept.users or kept.packages)}
    among_users = everywhere | {identity(old): new for old, new, kept in pairs if kept is not None and kept.users}
    in_packages = everywhere | {identity(old): new for old, new, kept in pairs if kept is not None and kept.packages}
    for name, module in list(sys.modules.items()):
        if name in _KEPT or name.startswith(_KEPT_BELOW) or not isinstance(module, ModuleType):
            continue
        mine = is_users(module) and not name.startswith(_OURS)
        objects = among_users if mine else in_packages if is_packages(module) else everywhere
        _exchange_in(module, objects, mine=mine)
    for what in _SUPPORTS:  # who asks whether a function can do something asks by the function
        supported: set[Any] = getattr(os, what)
        supported |= {everywhere[identity(call)] for call in supported if identity(call) in everywhere}


def _exchange_in(module: ModuleType, objects: Mapping[int, Any], *, mine: bool) -> None:
    names, where = vars(module), module.__name__
    if not objects.keys().isdisjoint(map(identity, names.values())):
        for held, value in list(names.items()):
            if identity(value) in objects:
                names[held] = objects[identity(value)]
    if mine:
        for value in list(names.values()):
            if type(value) is type and value.__module__ == where:
                _exchange_in_class(value, objects)
        return
    if is_packages(module):
        for owner, held in _calls_in_classes(module):
            _exchange_held(owner, held, objects)
    if not where.startswith(_KEPT_IN_DEFAULTS):
        for function in _functions_with_calls_in_defaults(module):
            _exchange_in_defaults(function, objects)


@cache
def _functions_with_calls_in_defaults(module: ModuleType) -> Sequence[FunctionType]:
    """Return the functions and methods of a library that keep what can be called, and is no class, in a default."""
    found, where = [], module.__name__
    for value in list(vars(module).values()):
        if type(value) is FunctionType:
            found.append(value)
        elif issubclass(type(value), type) and vars(value).get("__module__") == where:
            inside = [getattr(each, "__func__", each) for each in vars(value).values()]
            found += [each for each in inside if type(each) is FunctionType]
    return [
        each for each in found if (each.__defaults__ or each.__kwdefaults__) and any(map(_is_call, _defaults(each)))
    ]


def _defaults(function: FunctionType) -> Sequence[Any]:
    return (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())


def _is_call(value: Any) -> bool:
    return callable(value) and not isinstance(value, type)


def _exchange_in_defaults(function: FunctionType, objects: Mapping[int, Any]) -> None:
    if objects.keys().isdisjoint(map(identity, _defaults(function))):
        return
    function.__defaults__ = tuple(objects.get(identity(each), each) for each in function.__defaults__ or ()) or None
    kept = function.__kwdefaults__ or {}
    kept.update({name: objects.get(identity(value), value) for name, value in kept.items()})


@cache
def _calls_in_classes(module: ModuleType) -> Sequence[tuple[type, str]]:
    """Return the classes of a package that hold somebody else's function, as `move = staticmethod(os.replace)` does."""
    where = module.__name__
    kinds = [each for each in vars(module).values() if issubclass(type(each), type)]
    own = [each for each in kinds if vars(each).get("__module__") == where]
    return [(owner, held) for owner in own for held, value in vars(owner).items() if _is_elses_call(value, where)]


def _is_elses_call(value: Any, where: str) -> bool:
    inner = value.__func__ if type(value) is staticmethod else value
    return type(inner) is BuiltinFunctionType or (type(inner) is FunctionType and inner.__module__ != where)


def _exchange_in_class(owner: type, objects: Mapping[int, Any]) -> None:
    """Exchange what a class of the user's holds."""
    for held in list(vars(owner)):
        _exchange_held(owner, held, objects)


def _exchange_held(owner: type, held: str, objects: Mapping[int, Any]) -> None:
    """Exchange what a class holds; a function in place of a builtin one must not become a method."""
    value = vars(owner).get(held)
    inner = value.__func__ if isinstance(value, staticmethod) else value
    if identity(inner) in objects:
        other = objects[identity(inner)]
        setattr(owner, held, staticmethod(other) if isinstance(other, FunctionType) else other)


def is_users(module: ModuleType) -> bool:
    """Whether a module belongs neither to Python nor to an installed package."""
    file = getattr(module, "__file__", None) or ""
    return bool(file) and not file.startswith((sys.prefix, sys.base_prefix)) and "site-packages" not in file


def is_packages(module: ModuleType) -> bool:
    """Whether a module belongs to an installed package, and not to the lab or to what runs tests."""
    file = getattr(module, "__file__", None) or ""
    return "site-packages" in file and module.__name__.partition(".")[0] not in _RUNNERS


def alive(is_wanted: Callable[[type], bool]) -> list[Any]:
    """Return the objects that there are of the types that are wanted."""
    objects = gc.get_objects()
    wanted = {kind for kind in set(map(type, objects)) if is_wanted(kind)}
    return [each for each in objects if type(each) in wanted] if wanted else []
