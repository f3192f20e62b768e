"""Telling: a call that the gate stops and that no program makes, a look for a file whose name is the message."""

from __future__ import annotations

import os
import posix
import sys
from _thread import get_ident

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from collections.abc import Callable
    from typing import Any, Final, TypeVar

    T = TypeVar("T")

PREFIX: Final = "//ticketlab:"

_access: Final = posix.access
_LIBRARIES: Final = (os.path.dirname(os.__file__), os.path.dirname(os.path.abspath(__file__)), "<")
_quiet: Final = set[int]()
"""The threads that tell nothing now: what they do is part of an operation that they have told, or serves others."""
_serving: Final = list[bool]()
"""Not empty if the whole process serves others."""


def tell(*fields: object) -> bool:
    """Tell the gate something; return what it answers, and False if nobody listens."""
    return _access(PREFIX + "\t".join(map(str, fields)), 0)


def is_quiet() -> bool:
    """Whether the calling thread tells nothing now."""
    return get_ident() in _quiet or bool(_serving)


def operation(fields: tuple[object, ...], act: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """Tell of an operation, and perform it: all calls that it makes are part of one step."""
    return as_told(fields, lambda _told: act(*arguments, **named))


def as_told(fields: tuple[object, ...], act: Callable[[bool], T]) -> T:
    """Tell of an operation, and perform it knowing what the gate has answered: False if it has waited too long."""
    me = get_ident()
    if me in _quiet or _serving:
        return act(True)
    told = tell("operation", *fields)
    _quiet.add(me)
    try:
        return act(told)
    finally:
        _quiet.discard(me)
        tell("done")


def in_silence(act: Callable[..., T]) -> Callable[..., T]:
    """Return what does the same and tells nothing."""

    @wraps(act)
    def acts(*arguments: Any, **named: Any) -> T:
        me = get_ident()
        before = me in _quiet
        _quiet.add(me)
        try:
            return act(*arguments, **named)
        finally:
            if not before:
                _quiet.discard(me)

    return acts


def serving(act: Callable[..., T]) -> Callable[..., T]:
    """Return what does the same in a process that only serves others, and tells nothing from then on."""

    @wraps(act)
    def acts(*arguments: Any, **named: Any) -> T:
        _serving.append(True)
        return act(*arguments, **named)

    return acts


def wraps(original: Any) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Give a function the name and the place of the one that it stands for."""

    def name(wrapper: Callable[..., T]) -> Callable[..., T]:
        for attribute in ("__module__", "__name__", "__qualname__", "__doc__"):
            setattr(wrapper, attribute, getattr(original, attribute, None))
        return wrapper

    return name


def named_by_line(what: str) -> str:
    """Return what is called that is made at the line of the user's own code where the caller stands."""
    frame = sys._getframe(1)
    while frame is not None:
        path = frame.f_code.co_filename
        if not path.startswith(_LIBRARIES) and "site-packages" not in path:
            return f"{what} {os.path.basename(path)}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]  # None ends the loop
    return what
