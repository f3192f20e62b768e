"""Stand-ins: other objects in place of functions and classes, wherever a loaded module holds them, for a while.

A function that was imported by `from time import sleep` lives in its importer's namespace too, so all loaded modules
are looked through, and the classes of modules that were not part of Python or of an installed package. A function that
has it as a default value, as libraries have that poll, keeps it there.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FunctionType, ModuleType
from typing import Any, Final, NamedTuple

_KEPT: Final = frozenset({"posix", "_io", "_frozen_importlib", "_frozen_importlib_external", "zipimport", "importlib"})
"""Modules that keep what they have: what imports are made with, and where the originals themselves stand."""
_KEPT_BELOW: Final = ("importlib.", "ticketlab.probes.")
_DEFAULTS: dict[str, tuple[int, Sequence[FunctionType]]] = {}
"""By module: how many names it had, and its functions that have something to call as a default value."""
_SUPPORTS: Final = ("supports_dir_fd", "supports_fd", "supports_follow_symlinks", "supports_effective_ids")


class StandIn(NamedTuple):
    """An object, and what stands in for it. `owner` and `name` say where, if it is in a class and nowhere else.

    `users` keeps it to modules that belong neither to Python nor to an installed package.
    """

    original: Any
    substitute: Any
    owner: type | None = None
    name: str = ""
    users: bool = False


@contextmanager
def standing_in(standins: Sequence[StandIn]) -> Iterator[None]:
    """Put the substitutes in place for a while.

    What a module imported meanwhile is taken back as well. Whatever ends the block, an interruption included, the
    originals are back when it has ended.
    """
    held = [each for each in standins if each.owner is not None]
    anywhere = [each for each in standins if each.owner is None]
    try:
        _exchange([(each.original, each.substitute, each.users) for each in anywhere])
        for each in held:
            setattr(each.owner, each.name, each.substitute)
        yield
    finally:
        for each in held:
            _put_back(each)
        _exchange([(each.substitute, each.original, False) for each in anywhere])


def _put_back(held: StandIn) -> None:
    """Give a class its own again, or what it inherits."""
    above = held.owner.__mro__[1:] if held.owner is not None else ()
    if any(vars(base).get(held.name) is held.original for base in above):
        delattr(held.owner, held.name)
    else:
        setattr(held.owner, held.name, held.original)


def _exchange(pairs: Sequence[tuple[Any, Any, bool]]) -> None:
    """Put the second of each pair wherever the first is; the last says whether only in modules of the user's."""
    everywhere = {id(old): new for old, new, users in pairs if not users}
    among_users = {id(old): new for old, new, _ in pairs}
    for name, module in list(sys.modules.items()):
        if name in _KEPT or name.startswith(_KEPT_BELOW) or not isinstance(module, ModuleType):
            continue
        mine = is_users(module)
        _exchange_in(module, among_users if mine else everywhere, mine=mine)
        for function in _with_defaults(module):
            _exchange_defaults(function, everywhere)
    for what in _SUPPORTS:  # who asks whether a function can do something asks by the function
        supported: set[Any] = getattr(os, what)
        supported |= {everywhere[id(call)] for call in supported if id(call) in everywhere}


def _exchange_in(module: ModuleType, objects: Mapping[int, Any], *, mine: bool) -> None:
    names, where = vars(module), module.__name__
    for held, value in list(names.items()):
        if id(value) in objects:
            names[held] = objects[id(value)]
        elif mine and type(value) is type and value.__module__ == where:
            _exchange_in_class(value, objects)


def _with_defaults(module: ModuleType) -> Sequence[FunctionType]:
    """Return the functions of a module that is not Python's own which have something to call as a default value."""
    if module.__name__.partition(".")[0] in sys.stdlib_module_names:
        return ()
    names = vars(module)
    size, found = _DEFAULTS.get(module.__name__, (0, ()))
    if size != len(names):
        owners = [names, *(vars(kind) for kind in names.values() if isinstance(kind, type) and _is_in(kind, module))]
        held = [each for owner in owners for each in list(owner.values()) if type(each) is FunctionType]
        found = [each for each in held if each.__defaults__ and any(map(callable, each.__defaults__))]
        _DEFAULTS[module.__name__] = len(names), found
    return found


def _is_in(kind: type, module: ModuleType) -> bool:
    return kind.__module__ == module.__name__


def _exchange_defaults(function: FunctionType, objects: Mapping[int, Any]) -> None:
    defaults = function.__defaults__ or ()
    if any(id(value) in objects for value in defaults):
        function.__defaults__ = tuple(objects.get(id(value), value) for value in defaults)


def _exchange_in_class(owner: type, objects: Mapping[int, Any]) -> None:
    """Exchange what a class of the user's holds; a function in place of a builtin one must not become a method."""
    for held, value in list(vars(owner).items()):
        inner = value.__func__ if isinstance(value, staticmethod) else value
        if id(inner) in objects:
            other = objects[id(inner)]
            setattr(owner, held, staticmethod(other) if isinstance(other, FunctionType) else other)


def is_users(module: ModuleType) -> bool:
    """Whether a module belongs neither to Python nor to an installed package."""
    file = getattr(module, "__file__", None) or ""
    return bool(file) and not file.startswith((sys.prefix, sys.base_prefix)) and "site-packages" not in file
