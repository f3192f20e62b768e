"""A live race compares what shared objects hold, beside files and results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from multiprocessing import Array, Barrier, Lock, Manager, Queue, RawArray, RawValue, Value
from multiprocessing.shared_memory import ShareableList, SharedMemory
from threading import BrokenBarrierError
from typing import Any

import pytest

import ticketlab
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.plain.explore import explore_plain
from ticketlab.lab.plain.function import PlainFunction
from ticketlab.lab.plain.shared_objects import shared_contents

count = RawValue("i", 0)


both_have_read = Barrier(2)


def put_back() -> None:
    count.value = 0
    both_have_read.reset()


def add_without_a_lock() -> None:
    held = count.value
    with suppress(BrokenBarrierError):  # one after another, nobody else comes
        both_have_read.wait(0.5)
    count.value = held + 1


@pytest.fixture
def made() -> Iterator[dict[str, tuple[Any, Callable[[Any], object]]]]:
    """Make one object of each kind, and a change of it."""
    with ExitStack() as undo:
        manager = undo.enter_context(Manager())
        memory = SharedMemory(create=True, size=8)
        numbers = ShareableList([1, 2])
        for each in (memory, numbers.shm):
            undo.callback(each.unlink)
            undo.callback(each.close)
        yield {
            "dict": (manager.dict(left=1), lambda held: held.update(left=2)),
            "list": (manager.list([1]), lambda held: held.append(2)),
            "manager's value": (manager.Value("i", 1), lambda held: held.set(2)),
            "namespace": (manager.Namespace(), lambda held: setattr(held, "left", 2)),
            "value": (Value("i", 1), lambda held: setattr(held, "value", 2)),
            "array": (Array("i", [1, 2]), lambda held: held.__setitem__(0, 3)),
            "raw value": (RawValue("i", 1), lambda held: setattr(held, "value", 2)),
            "raw array": (RawArray("i", [1, 2]), lambda held: held.__setitem__(0, 3)),
            "memory": (memory, lambda held: held.buf.__setitem__(0, 1)),
            "shareable list": (numbers, lambda held: held.__setitem__(0, 3)),
        }


def test_each_kind_of_object_is_read_and_a_change_is_seen(made: dict[str, tuple[Any, Callable[[Any], object]]]) -> None:
    for kind, (value, change) in made.items():

        def function(held: Any = value) -> object:
            return held

        plain = PlainFunction(function=function)
        before = dict(shared_contents(plain))
        assert before.keys() >= {"held", "count"}, kind
        assert dict(shared_contents(plain)) == before, kind
        change(value)
        after = dict(shared_contents(plain))
        assert {name for name in before if after[name] != before[name]} == {"held"}, kind


def test_what_has_no_content_to_compare_is_left_out() -> None:
    lock = Lock()
    queue: Any = Queue()

    def function() -> None:
        with lock:
            queue.put(1)

    assert {name for name, _ in shared_contents(PlainFunction(function=function))} == {"count"}
    queue.close()


def test_of_a_proxy_within_another_what_it_holds_is_told() -> None:
    with Manager() as manager:
        inner = manager.list([1])
        outer = manager.dict(inner=inner, lock=manager.Lock())

        def function() -> Any:
            return outer

        def told() -> bytes:
            return dict(shared_contents(PlainFunction(function=function)))["outer"]

        before = told()
        assert told() == before
        outer.update(outer=outer)
        inner.append(2)
        assert b"list(1, 2)" in told() != before


def test_right_changes_within_a_proxy_are_those_of_some_order() -> None:
    with Manager() as manager:
        inner, guard = manager.list([0]), Lock()
        outer = manager.dict(inner=inner)

        def put_none() -> None:
            inner[0] = 0

        def add() -> None:
            with guard:
                held = outer["inner"]
                held[0] += 1

        plain = PlainFunction(function=add, reset=put_none, serial=True)
        assert explore_plain(plain, ExploreOptions(executor="processes")).finding is None


def test_a_lost_update_in_shared_memory_is_no_order_one_after_another() -> None:
    raced = ticketlab.race(add_without_a_lock, times=3, reset=put_back)
    assert raced.valid is None
    assert raced.in_no_order
    asked = ticketlab.race(add_without_a_lock, times=3, reset=put_back, serial=True)
    assert asked.valid is False
    assert set(asked.names) == {"not serializable"}
