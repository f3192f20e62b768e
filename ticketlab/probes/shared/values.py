"""Shared memory of `multiprocessing`: `Value` and `Array`, with a lock and raw.

An access through the wrapper waits for its lock, as in the library. Raw memory is read and written by C code: where a
variable of the user's holds it, an object of a subclass takes its place, over the same bytes. What changes bytes
without a step all the same is found by looking at them.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from ticketlab.core import pacing
from ticketlab.core.pacing import BLOCKED
from ticketlab.core.steps import Access, Action, Step
from ticketlab.probes.here import HERE, BrokenOff, shared_probe
from ticketlab.probes.shared.keyed import part_step, whole_step
from ticketlab.probes.shared.places import Put
from ticketlab.probes.shared.registry import SharedObject
from ticketlab.probes.shared.semaphores import ProcessSemaphore
from ticketlab.probes.standins import StandIn
from ticketlab.probes.waiting import wait_for

_FIELDS: Final = ("value", "raw")  # of a number or a text; these are the whole


class SharedBlock(SharedObject):
    """A block of shared memory, raw: a ctypes object over it."""

    is_replaced = True

    lock: ProcessSemaphore | None = None

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.raw = value

    def attach(self, name: str, put: Put | None) -> None:
        """Put an object whose accesses are seen where a variable holds the raw one."""
        super().attach(name, put)
        self._put = put
        self.seen = _seen(self.raw, self)
        if put is not None:
            put(self.seen)
            HERE.shared.enter(self.seen, self)

    def detach(self) -> None:
        """Put the raw one back."""
        if self._put is not None:
            self._put(self.raw)

    @property
    def view(self) -> memoryview:
        """The bytes themselves."""
        view: memoryview = self.raw._wrapper.create_memoryview()
        return view

    def save(self) -> bytes:
        """Return the bytes."""
        return bytes(self.view)

    def restore(self, saved: bytes) -> None:
        """Put bytes back."""
        self.view[:] = saved

    def content(self) -> bytes:
        """Return the bytes."""
        return bytes(self.view)

    def is_written_by(self, resource: str) -> bool:
        """Whether who changes a resource may have changed these bytes."""
        return resource == self.name or resource.startswith((f"{self.name}[", f"{self.name}."))

    def access(self, action: Action, part: str | None, make: Callable[[], Any]) -> Any:
        """Read or change a part, or all; where a lock belongs to the memory, somebody else's makes it wait."""
        lock = self.lock
        also: tuple[Access, ...] = (
            ((Action.READ, lock.name),) if lock is not None and not (lock.recursive and lock.is_mine) else ()
        )
        if part is None:
            step = whole_step(action, self.name, also)
        else:
            step = part_step(action, self.name, part, also) if part else _alone(action, self.name, also)
        if not also or lock is None:
            pacing.at(step)
            return make()
        return wait_for(step, lambda: (make(),) if lock.counter.value else BLOCKED)[0]


class GuardedBlock(SharedBlock):
    """What `Value` and `Array` return: a wrapper with a lock."""

    is_replaced = False

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.raw = value._obj

    def attach(self, name: str, put: Put | None) -> None:
        """Take the lock in as well."""
        self.name = name
        HERE.shared.adopt(self.value._lock, f"lock of {name}")
        found = HERE.shared.of(self.value._lock)
        self.lock = found if isinstance(found, ProcessSemaphore) else None
        self._pass_on()
        self.seen = _seen(self.raw, self, unlocked=True)

    def detach(self) -> None:
        """Have it pass on the real lock's methods."""
        if self.lock is not None:
            self.lock.detach()
        self._pass_on()

    def _pass_on(self) -> None:
        self.value.acquire, self.value.release = self.value._lock.acquire, self.value._lock.release


def _alone(action: Action, name: str, also: tuple[Access, ...]) -> Step:
    return Step(action, name, also=also, in_memory=True)


def _part(index: Any) -> str | None:
    return f"[{index}]" if isinstance(index, int) else None


def _seen(raw: Any, memory: SharedBlock, *, unlocked: bool = False) -> Any:
    """Return an object over the same bytes whose accesses are steps; `unlocked` ones do not wait for the lock."""
    seen = _subclass(_own_class(raw)).from_buffer(raw._wrapper.create_memoryview())
    seen._wrapper = raw._wrapper
    seen._memory = _Bare(memory) if unlocked else memory
    return seen


class _Bare(SharedBlock):
    """The same memory without its lock, as `get_obj` gives it away."""

    def __init__(self, memory: SharedBlock) -> None:
        super().__init__(memory.value)
        self.name, self.raw = memory.name, memory.raw


def _own_class(raw: Any) -> Any:
    return type(raw)


@cache
def _subclass(kind: Any) -> Any:
    """Return a subclass of a ctypes class whose accesses are steps."""
    if issubclass(kind, ctypes.Array):
        own: dict[str, Any] = {
            "__getitem__": lambda self, at: _access(self, Action.READ, _part(at), kind.__getitem__, at),
            "__setitem__": lambda self, at, new: _access(self, Action.WRITE, _part(at), kind.__setitem__, at, new),
            "__iter__": lambda self: (self[at] for at in range(len(self))),
        }
        fields: list[tuple[str, str | None]] = [(name, None) for name in _FIELDS if hasattr(kind, name)]
    elif issubclass(kind, ctypes.Structure | ctypes.Union):
        own, fields = {}, [(field[0], f".{field[0]}") for field in kind._fields_]
    else:
        own, fields = {}, [("value", "")]
    for name, part in fields:
        own[name] = _property(getattr(kind, name), part)
    return type(kind.__name__, (kind,), own)


def _property(descriptor: Any, part: str | None) -> property:
    return property(
        lambda self: _access(self, Action.READ, part, descriptor.__get__, type(self)),
        lambda self, new: _access(self, Action.WRITE, part, descriptor.__set__, new),
    )


def _access(one: Any, action: Action, part: str | None, call: Callable[..., Any], *args: Any) -> Any:
    if not HERE.acts():
        if HERE.broken_off:
            raise BrokenOff
        return call(one, *args)
    HERE.acting = False
    try:
        result = one._memory.access(action, part, lambda: call(one, *args))
    except Exception:
        HERE.go_on()
        raise
    HERE.go_on()
    return result


def find_memory(value: Any) -> SharedObject | None:
    """Return what a `Value` or an `Array` is, or raw shared memory."""
    from multiprocessing import sharedctypes

    if isinstance(value, sharedctypes.SynchronizedBase):
        return GuardedBlock(value)
    return SharedBlock(value) if is_raw(value) else None


def is_memory(kind: type) -> bool:
    """Whether a class is one of those of ctypes that have memory."""
    return issubclass(kind, ctypes._SimpleCData | ctypes.Array | ctypes.Structure | ctypes.Union)


def is_raw(value: Any) -> bool:
    """Whether an object is one of ctypes over shared memory, and not one that the lab put there."""
    return is_memory(type(value)) and hasattr(value, "_wrapper") and not hasattr(value, "_memory")


def value_standins() -> list[StandIn]:
    """Return what stands in for the wrappers' methods."""
    from multiprocessing import sharedctypes

    base, array = sharedctypes.SynchronizedBase, sharedctypes.SynchronizedArray
    found = [StandIn(base.get_obj, shared_probe(base.get_obj, _raw_of(base.get_obj)), base, "get_obj")]
    for name, action in (("__getitem__", Action.READ), ("__setitem__", Action.WRITE)):
        original = getattr(array, name)
        found.append(StandIn(original, shared_probe(original, _at_place(original, action)), array, name))
    for owner, name in _properties(sharedctypes):
        original = vars(owner)[name]
        part = "" if owner is sharedctypes.Synchronized else None if name in _FIELDS else f".{name}"
        found.append(StandIn(original, _guarded_property(original, name, part), owner, name))
    return found


def _properties(sharedctypes: Any) -> list[tuple[Any, str]]:
    owners = [sharedctypes.Synchronized, sharedctypes.SynchronizedString, *sharedctypes.class_cache.values()]
    return [(owner, name) for owner in owners for name, value in vars(owner).items() if isinstance(value, property)]


def _of(wrapper: Any) -> GuardedBlock:
    found = HERE.shared.of(wrapper)
    assert isinstance(found, GuardedBlock)
    return found


def _raw_of(original: Any) -> Callable[..., Any]:
    return lambda one: _of(one).seen if HERE.shared.knows(one) else original(one)


def _at_place(original: Any, action: Action) -> Callable[..., Any]:
    def probe(one: Any, at: Any, *new: Any) -> Any:
        if not HERE.shared.knows(one):
            return original(one, at, *new)
        memory = _of(one)
        raw = memory.raw
        make = (lambda: raw[at]) if action is Action.READ else (lambda: raw.__setitem__(at, *new))
        return memory.access(action, _part(at), make)

    return probe


def _guarded_property(original: property, name: str, part: str | None) -> property:
    def read(one: Any) -> Any:
        memory = _of(one) if HERE.shared.knows(one) else None
        if memory is None:
            return original.__get__(one)
        return memory.access(Action.READ, part, lambda: getattr(memory.raw, name))

    def write(one: Any, new: Any) -> None:
        memory = _of(one) if HERE.shared.knows(one) else None
        if memory is None:
            original.__set__(one, new)
        else:
            memory.access(Action.WRITE, part, lambda: setattr(memory.raw, name, new))

    assert original.fget is not None
    assert original.fset is not None
    return property(shared_probe(original.fget, read), shared_probe(original.fset, write))
