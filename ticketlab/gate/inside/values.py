"""Values and arrays in shared memory that have a lock: each access is a step, since no call is made for it."""

from __future__ import annotations

import ctypes

from .telling import named_by_line, operation, tell, wraps

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from collections.abc import Callable
    from typing import Any, Final

_RECURSIVE: Final = 0


def patch(module: Any) -> None:
    """Have values and arrays tell before they are read and written."""
    _patch_making(module.SynchronizedBase)
    module.make_property = _making_property(module.make_property)
    module.Synchronized.value = _telling_property(module.Synchronized.value, "value", alone=True)
    array = module.SynchronizedArray
    array.__getitem__ = _on_item(array.__getitem__, "read")
    array.__setitem__ = _on_item(array.__setitem__, "write")
    array.__getslice__ = _on_item(array.__getslice__, "read")
    array.__setslice__ = _on_item(array.__setslice__, "write")
    for name in ("value", "raw"):
        setattr(
            module.SynchronizedString,
            name,
            _telling_property(getattr(module.SynchronizedString, name), name, alone=True),
        )


def _patch_making(base: Any) -> None:
    make = base.__init__

    @wraps(make)
    def made(self: Any, *arguments: Any, **named: Any) -> None:
        make(self, *arguments, **named)
        what = "Array" if hasattr(type(self), "__getitem__") else "Value"
        tell("name", ctypes.addressof(self._obj), named_by_line(what))

    base.__init__ = made


def _fields(self: Any, action: str, key: str) -> tuple[object, ...]:
    lock = getattr(self._lock, "_semlock", None)
    if lock is None:  # some other kind of lock, which tells itself or not
        needs = ""
    else:
        mine = lock.kind == _RECURSIVE and lock._is_mine()
        needs = f"m{lock.handle}" if mine else f"l{lock.handle}"
    return action, "word", ctypes.addressof(self._obj), key, needs, ""


def _telling_property(told: property, name: str, *, alone: bool) -> property:
    key = "" if alone else f".{name}"

    def get(self: Any) -> Any:
        return operation(_fields(self, "read", key), told.fget, self)  # type: ignore[arg-type]  # always there

    def put(self: Any, value: Any) -> None:
        operation(_fields(self, "write", key), told.fset, self, value)  # type: ignore[arg-type]  # always there

    return property(get, put)


def _making_property(make: Callable[[str], property]) -> Callable[[str], property]:
    known: dict[str, property] = {}

    @wraps(make)
    def make_told(name: str) -> property:
        if name not in known:
            known[name] = _telling_property(make(name), name, alone=False)
        return known[name]

    return make_told


def _on_item(method: Callable[..., Any], action: str) -> Callable[..., Any]:
    @wraps(method)
    def told(self: Any, place: Any, *others: Any) -> Any:
        key = f"[{place}]" if type(place) is int and place >= 0 and len(others) <= (action == "write") else ""
        return operation(_fields(self, action, key), method, self, place, *others)

    return told
