"""What participants share is found and seen wherever a function holds it, and in whatever order it is found."""

from __future__ import annotations

import argparse
import contextvars
import ctypes
import functools
import mmap
import multiprocessing
import threading
from collections.abc import Callable
from contextlib import closing
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import pytest

from tests.probes.held_objects import WAYS, Held
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.plain.explore import explore_plain
from ticketlab.lab.plain.function import PlainFunction
from ticketlab.lab.plain.results import PlainExploration
from ticketlab.lab.plain.shared_objects import shared_contents
from ticketlab.probes.shared.reachable import reachable

FIXED = "of_generators"
EXCHANGED = [name for name in WAYS if name != FIXED]
LOCKS = {"threads": threading.Lock, "inline": multiprocessing.Lock, "processes": multiprocessing.Lock}


def explored(function: Callable[..., object], executor: str) -> PlainExploration:
    return explore_plain(PlainFunction(function=function), ExploreOptions(executor=executor))


def counted(get: Callable[[], Held]) -> Callable[[], None]:
    """Return a right function of a guard and a number."""

    def work() -> None:
        guard, number = get()
        with guard:
            seen = number.value
            number.value = seen + 1

    return work


def miscounted(get: Callable[[], Held]) -> Callable[[], None]:
    """Return a wrong one."""

    def work() -> None:
        _, number = get()
        seen = number.value
        number.value = seen + 1

    return work


def held(way: str, executor: str) -> Callable[[], Held]:
    return WAYS[way](LOCKS[executor](), multiprocessing.RawValue("i", 0))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("way", "executor"),
    [  # of a lock of multiprocessing its own methods are probed, so these alone cannot be exchanged
        *((way, "threads") for way in EXCHANGED),
        *((way, executor) for way in EXCHANGED[::6] for executor in ("inline", "processes")),
    ],
)
def test_a_right_function_is_proved_and_a_wrong_one_convicted(way: str, executor: str) -> None:
    right = explored(counted(held(way, executor)), executor)
    assert right.verdict.valid, right.verdict
    wrong = explored(miscounted(held(way, executor)), executor).finding
    assert wrong is not None
    assert [anomaly.name for anomaly in wrong.anomalies] == ["lost update"]


@pytest.mark.parametrize("executor", ["threads", "inline"])
def test_what_is_held_where_it_cannot_be_exchanged_is_undecided(executor: str) -> None:
    found = explored(counted(held(FIXED, executor)), executor)
    assert found.verdict.valid is None
    assert "is also where it cannot be exchanged: what is done there the lab does not see" in found.verdict.reason


def test_a_lock_is_seen_through_its_own_methods() -> None:
    lock, number = multiprocessing.Lock(), multiprocessing.RawValue("i", 0)
    take, give = lock.acquire, lock.release

    def work() -> None:
        take()
        seen = number.value
        number.value = seen + 1
        give()
        with lock:
            pass

    assert explored(work, "inline").verdict.valid


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("way", "lock_first", "kind"),
    [
        (way, number % 2 == 0, threading.RLock if number % 4 < 2 else threading.Lock)
        for number, way in enumerate(name for name in EXCHANGED if name != "method_of_builtin")
    ]
    + [("closure", lock_first, kind) for lock_first in (True, False) for kind in (threading.Lock, threading.RLock)],
)
def test_a_condition_and_its_lock_are_known_in_whatever_order_they_are_found(
    way: str, lock_first: bool, kind: Callable[[], Any]
) -> None:
    def get() -> tuple[Any, Any]:
        lock = kind()
        pair = threading.Condition(lock), lock
        got = WAYS[way](*(pair[::-1] if lock_first else pair))
        return (lambda: got()[::-1]) if lock_first else got, multiprocessing.RawValue("i", 0)

    def right(got: Callable[[], Held], flag: Any, who: int) -> None:
        changed, lock = got()
        if who == 1:
            with lock:
                while not flag.value:
                    changed.wait()
        else:
            with changed:
                flag.value = 1
                changed.notify()

    def wrong(got: Callable[[], Held], flag: Any, who: int) -> None:
        changed, lock = got()
        if who == 1:
            if not flag.value:
                with lock:
                    changed.wait()
        else:
            flag.value = 1
            with changed:
                changed.notify()

    assert explored(functools.partial(right, *get()), "threads").verdict.valid
    found = explored(functools.partial(wrong, *get()), "threads").finding
    assert found is not None
    assert found.anomalies[0].name == "deadlock"


@pytest.mark.parametrize("two", [False, True])
def test_the_name_of_a_condition_may_sort_before_that_of_its_lock(two: bool) -> None:
    flag, lock = multiprocessing.RawValue("i", 0), threading.Lock()
    a = threading.Condition(lock)
    b = threading.Condition(lock) if two else a

    def work(who: int) -> None:
        with lock:
            if who == 1:
                while not flag.value:
                    a.wait()
            else:
                flag.value = 1
                a.notify()
                b.notify()

    assert explored(work, "threads").verdict.valid


def test_a_context_variable_is_looked_into_where_it_is_set() -> None:
    variable: contextvars.ContextVar[Any] = contextvars.ContextVar("variable")
    token = variable.set(multiprocessing.RawValue("i", 0))
    found = explored(miscounted(lambda: (None, variable.get())), "processes").finding
    variable.reset(token)
    assert found is not None


def unseen_ways() -> list[Any]:
    raw = multiprocessing.RawArray("i", 1)
    pointer = ctypes.pointer(multiprocessing.RawValue("b", 0))
    return [
        pytest.param(mmap.mmap(-1, 8), "the function can come to the mmap view", id="mmap"),
        pytest.param(memoryview(raw).cast("B"), "was changed by code that the lab does not see", id="memoryview"),
        pytest.param(pointer, "was changed by code that the lab does not see", id="pointer"),
    ]


@pytest.mark.parametrize(("view", "reason"), unseen_ways())
def test_memory_whose_accesses_are_not_seen_is_undecided(view: Any, reason: str) -> None:
    guard = multiprocessing.Lock()

    def work() -> None:
        with guard:
            seen = view[0]
        with guard:
            view[0] = seen + 1

    verdict = explored(work, "inline").verdict
    assert verdict.valid is None
    assert reason in verdict.reason


def test_shared_memory_is_undecided_and_put_back() -> None:
    guard = multiprocessing.Lock()
    with closing(SharedMemory(create=True, size=8)) as memory:
        memory.unlink()

        def work() -> None:
            with guard:
                assert memory.buf is not None
                memory.buf[0] += 1

        verdict = explored(work, "inline").verdict
        assert verdict.valid is None
        assert "the function can come to the SharedMemory memory" in verdict.reason
        assert memory.buf is not None
        assert memory.buf[0] == 0


@pytest.mark.thorough
@pytest.mark.parametrize("way", [name for name in WAYS if name != "default_dictionary"])  # which keeps what it made
def test_everything_is_back_in_its_place_after_a_search(way: str) -> None:
    lock, number = threading.Lock(), multiprocessing.RawValue("i", 0)
    get = WAYS[way](lock, number)
    explored(counted(get), "threads")
    guard, again = get()
    assert again is number
    assert way == "method_of_builtin" or guard is lock
    places = [each.value for each in reachable({"get": get}) if type(each.value).__module__.startswith("ticketlab.")]
    assert places == []


@pytest.mark.parametrize("way", WAYS)
def test_a_live_race_compares_what_shared_objects_hold_wherever_they_are(way: str) -> None:
    get = WAYS[way](multiprocessing.Lock(), multiprocessing.RawValue("i", 7))
    contents = [content for _, content in shared_contents(PlainFunction(function=lambda: get()))]
    assert (7).to_bytes(4, "little") in contents


def test_a_lock_in_an_object_of_a_library_is_not_looked_for() -> None:
    hidden = argparse.Namespace(lock=threading.Lock())
    assert not any(each.value is hidden.lock for each in reachable({"": lambda: hidden}))
