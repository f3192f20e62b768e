"""Ways in which Python programs hold what they share: each makes a function that gets a guard and a number back."""

from __future__ import annotations

import contextvars
import enum
import functools
import operator
import queue
import types
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.probes import held_elsewhere
from tests.probes.held_in_containers import (
    default_dictionary,
    dictionary,
    double_ended_queue,
    lists,
    partial_arguments,
    partial_keywords,
    partial_of_partial,
    sets,
    tuples,
)

Held = tuple[Any, Any]
"""A guard and a number."""
Way = Callable[[Any, Any], Callable[[], Held]]

guard: Any = None
number: Any = None


def module_globals(lock: Any, cell: Any) -> Callable[[], Held]:
    globals().update(guard=lock, number=cell)
    return lambda: (guard, number)


def other_module(lock: Any, cell: Any) -> Callable[[], Held]:
    held_elsewhere.guard, held_elsewhere.number = lock, cell
    return lambda: (held_elsewhere.guard, held_elsewhere.number)


def closure(lock: Any, cell: Any) -> Callable[[], Held]:
    return lambda: (lock, cell)


def closure_of_closure(lock: Any, cell: Any) -> Callable[[], Held]:
    def inner() -> Held:
        return lock, cell

    def outer() -> Held:
        return inner()

    return lambda: outer()


def two_variables(lock: Any, cell: Any) -> Callable[[], Held]:
    again, once_more, turns = lock, cell, [0]

    def get() -> Held:
        turns[0] += 1
        return (lock, cell) if turns[0] % 2 else (again, once_more)

    return get


def class_attribute(lock: Any, cell: Any) -> Callable[[], Held]:
    class Shop:
        its_lock = lock
        its_cell = cell

    shop = Shop()
    return lambda: (shop.its_lock, shop.its_cell)


def inherited_class_attribute(lock: Any, cell: Any) -> Callable[[], Held]:
    class Shop:
        its_lock = lock
        its_cell = cell

    class Corner(Shop):
        pass

    corner = Corner()
    return lambda: (corner.its_lock, corner.its_cell)


class Shop:
    def __init__(self, lock: Any, cell: Any) -> None:
        self.lock, self.cell = lock, cell

    def get(self) -> Held:
        return self.lock, self.cell

    @property
    def both(self) -> Held:
        return self.lock, self.cell


def instance_attribute(lock: Any, cell: Any) -> Callable[[], Held]:
    shop = Shop(lock, cell)
    return lambda: (shop.lock, shop.cell)


def bound_method(lock: Any, cell: Any) -> Callable[[], Held]:
    return Shop(lock, cell).get


def property_of_instance(lock: Any, cell: Any) -> Callable[[], Held]:
    shop = Shop(lock, cell)
    return lambda: shop.both


class Slotted:
    __slots__ = ("cell", "lock", "unset")

    def __init__(self, lock: Any, cell: Any) -> None:
        self.lock, self.cell = lock, cell


def slots(lock: Any, cell: Any) -> Callable[[], Held]:
    shop = Slotted(lock, cell)
    return lambda: (shop.lock, shop.cell)


@dataclass
class Data:
    lock: Any
    cells: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Frozen:
    lock: Any
    cell: Any


class Pair(NamedTuple):
    lock: Any
    cell: Any


def dataclass_fields(lock: Any, cell: Any) -> Callable[[], Held]:
    data = Data(lock, [cell])
    return lambda: (data.lock, data.cells[0])


def frozen_dataclass(lock: Any, cell: Any) -> Callable[[], Held]:
    data = Frozen(lock, cell)
    return lambda: (data.lock, data.cell)


def named_tuple(lock: Any, cell: Any) -> Callable[[], Held]:
    pair = Pair(lock, cell)
    return lambda: (pair.lock, pair.cell)


def partial_of_method(lock: Any, cell: Any) -> Callable[[], Held]:
    return functools.partial(operator.methodcaller("get"), Shop(lock, cell))


def defaults(lock: Any, cell: Any) -> Callable[[], Held]:
    def get(one: Any = lock, other: Any = cell) -> Held:
        return one, other

    return lambda: get()


def keyword_defaults(lock: Any, cell: Any) -> Callable[[], Held]:
    def get(*, one: Any = lock, other: Any = cell) -> Held:
        return one, other

    return lambda: get()


def wrapped(lock: Any, cell: Any) -> Callable[[], Held]:
    def logged(call: Callable[[], Held]) -> Callable[[], Held]:
        @functools.wraps(call)
        def wrapper() -> Held:
            return call()

        return wrapper

    @logged
    def get() -> Held:
        return lock, cell

    return lambda: get()


def cached_getter(lock: Any, cell: Any) -> Callable[[], Held]:
    @functools.cache
    def shop(name: str) -> Shop:
        return Shop(lock, cell)

    shop("one")
    return lambda: shop("one").get()


def cached_property(lock: Any, cell: Any) -> Callable[[], Held]:
    class Lazy:
        @functools.cached_property
        def both(self) -> Held:
            return lock, cell

    lazy = Lazy()
    assert lazy.both
    return lambda: lazy.both


def weak_reference(lock: Any, cell: Any) -> Callable[[], Held]:
    shop = Shop(lock, cell)
    KEPT.append(shop)
    reference = weakref.ref(shop)

    def get() -> Held:
        found = reference()
        assert found is not None
        return found.get()

    return get


def weak_values(lock: Any, cell: Any) -> Callable[[], Held]:
    shop = Shop(lock, cell)
    KEPT.append(shop)
    shops = weakref.WeakValueDictionary(one=shop)
    return lambda: shops["one"].get()


KEPT: list[Any] = []


def enumeration(lock: Any, cell: Any) -> Callable[[], Held]:
    class Parts(enum.Enum):
        LOCK = lock
        CELL = [cell]  # noqa: RUF012 - a value of an enumeration

    return lambda: (Parts.LOCK.value, Parts.CELL.value[0])


def context_default(lock: Any, cell: Any) -> Callable[[], Held]:
    shop = Shop(lock, cell)
    held = contextvars.ContextVar("held", default=shop)
    return lambda: held.get().get()


def namespace(lock: Any, cell: Any) -> Callable[[], Held]:
    held = types.SimpleNamespace(lock=lock, cell=cell)
    return lambda: (held.lock, held.cell)


def mapping_proxy(lock: Any, cell: Any) -> Callable[[], Held]:
    held = types.MappingProxyType({"lock": lock, "cell": cell})
    return lambda: (held["lock"], held["cell"])


def static_and_class_methods(lock: Any, cell: Any) -> Callable[[], Held]:
    class Store:
        held = lock

        @classmethod
        def its_lock(cls) -> Any:
            return cls.held

        @staticmethod
        def its_cell() -> Any:
            return cell

    return lambda: (Store.its_lock(), Store.its_cell())


def function_attribute(lock: Any, cell: Any) -> Callable[[], Held]:
    def get() -> Held:
        return get.lock, get.cell  # type: ignore[attr-defined]

    get.lock, get.cell = lock, cell  # type: ignore[attr-defined]
    return lambda: get()


def of_generators(lock: Any, cell: Any) -> Callable[[], Held]:
    """A generator keeps its variables where nothing can be exchanged."""

    def forever() -> Any:
        while True:
            yield lock, cell

    endless = forever()
    next(endless)
    return lambda: next(endless)


class Registry(dict[str, Any]):
    """A dict of the user's own."""


def own_dictionary(lock: Any, cell: Any) -> Callable[[], Held]:
    registry = Registry(lock=lock)
    registry.cell = cell  # type: ignore[attr-defined]
    return lambda: (registry["lock"], registry.cell)  # type: ignore[attr-defined]


class Metered(queue.Queue[int]):
    """A subclass of the library's, with a lock of its own."""

    def __init__(self, lock: Any, cell: Any) -> None:
        super().__init__()
        self.guard, self.cell = lock, cell


def own_subclass(lock: Any, cell: Any) -> Callable[[], Held]:
    metered = Metered(lock, cell)
    return lambda: (metered.guard, metered.cell)


def method_of_builtin(lock: Any, cell: Any) -> Callable[[], Held]:
    class Guard:
        def __init__(self, acquire: Any, release: Any) -> None:
            self.take, self.give = acquire, release

        def __enter__(self) -> None:
            self.take()

        def __exit__(self, *_: object) -> None:
            self.give()

    guard = Guard(lock.acquire, lock.release)
    return lambda: (guard, cell)


WAYS: dict[str, Way] = {
    way.__name__: way
    for way in (
        *(module_globals, other_module, closure, closure_of_closure, two_variables, class_attribute),
        *(inherited_class_attribute, instance_attribute, bound_method, property_of_instance, slots),
        *(dataclass_fields, frozen_dataclass, named_tuple, dictionary, default_dictionary, lists),
        *(double_ended_queue, tuples, sets, partial_arguments, partial_keywords, partial_of_partial),
        *(partial_of_method, defaults, keyword_defaults, wrapped, cached_getter, cached_property),
        *(weak_reference, weak_values, enumeration, context_default, namespace, mapping_proxy),
        *(static_and_class_methods, function_attribute, of_generators, own_dictionary, own_subclass),
        method_of_builtin,
    )
}
