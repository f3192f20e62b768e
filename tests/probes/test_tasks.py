"""Asyncio tasks of one event loop as participants: every order of what they do between suspensions, and no other."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.probes.slice_orders import Program, outcomes
from tests.probes.task_objects import RIGHT, add, both_counted, lock, other, ready, reset, state, within_a_timeout
from ticketlab.core.errors import UsageError
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.plain.explore import explore_plain
from ticketlab.lab.plain.function import PlainFunction
from ticketlab.lab.plain.results import PlainExploration
from ticketlab.testing.plain_functions import PlainRace, check_plain_function


def explored(function: Any, *, exhaust: bool = False, executions: int = 1_000, **asked: Any) -> PlainExploration:
    how = ExploreOptions(executor="tasks", exhaust=exhaust, executions=executions)
    return explore_plain(PlainFunction(function=function, in_tasks=True, **{"reset": reset, **asked}), how)


@pytest.mark.slow
@pytest.mark.parametrize("name", RIGHT)
def test_a_right_function_is_proved(name: str) -> None:
    found = explored(RIGHT[name], invariant=both_counted)
    assert found.verdict.valid, found.verdict


@pytest.mark.slow
def test_a_lost_update_of_a_plain_object_is_found_by_an_invariant_or_by_the_orders_of_tasks() -> None:
    async def claim() -> int:
        await add()
        return state["n"]

    found = explored(claim, invariant=both_counted).finding
    assert found is not None
    assert found.anomalies[0].name == "invariant broken"
    assert found.confirmed == "found on tasks of one event loop"
    assert explored(claim, serial=True).verdict.anomalies[0].name == "not serializable"
    assert "ended as no order of the tasks one after another does" in explored(claim).verdict.reason


@pytest.mark.slow
def test_a_lost_update_of_a_file_across_an_await_is_found_and_none_within_a_step() -> None:
    def lay_out(folder: Path) -> None:
        (folder / "count").write_text("0")

    def counted(folder: Path) -> bool:
        return (folder / "count").read_text() == "2"

    async def at_once() -> None:
        Path("count").write_text(str(int(Path("count").read_text()) + 1))

    async def with_a_pause() -> None:
        read = int(Path("count").read_text())
        await asyncio.sleep(1)
        Path("count").write_text(str(read + 1))

    assert explored(at_once, reset=lay_out, invariant=counted).verdict.valid
    assert explored(with_a_pause, reset=lay_out, invariant=counted).verdict.valid is False


def test_a_lock_that_a_task_keeps_is_named_with_it() -> None:
    async def keep(who: int) -> None:
        await lock.acquire()
        await ready.wait()

    found = explored(keep)
    sentence = found.verdict.anomalies[0].sentence
    assert "task 1 holds lock and waits for ready at test_tasks.py:" in sentence
    assert re.search(r"task 2 waits for lock at test_tasks.py:\d+ \(await lock.acquire\(\)\), held by task 1", sentence)
    assert not lock.locked()


def test_locks_in_opposite_order_are_a_deadlock_and_are_free_afterwards() -> None:
    async def work(who: int) -> None:
        first, second = (lock, other) if who == 1 else (other, lock)
        async with first:
            await asyncio.sleep(0)
            async with second:
                pass

    found = explored(work)
    assert found.verdict.anomalies[0].name == "deadlock"
    assert re.fullmatch(
        r"task 1 holds lock and waits for other at test_tasks.py:\d+ \(async with second:\), held by task 2; "
        r"task 2 holds other and waits for lock at test_tasks.py:\d+ \(async with second:\), held by task 1",
        found.verdict.anomalies[0].sentence,
    )
    assert not lock.locked()
    assert not other.locked()
    asyncio.run(within_a_timeout())  # they belong to no loop of the lab's


@pytest.mark.slow
def test_time_passes_only_when_nobody_can_go_on() -> None:
    async def late(who: int) -> bool:
        begun = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(who):
                await asyncio.Event().wait()
        except TimeoutError:
            return asyncio.get_running_loop().time() - begun == who
        return False

    assert explored(late, returned=all).verdict.valid

    async def own_sleep_is_too_long(who: int) -> bool:
        if who == 2:
            await add()
            return True
        try:
            async with asyncio.timeout(1):
                await asyncio.sleep(5)
        except TimeoutError:
            return state["n"] == 1
        return True

    found = explored(own_sleep_is_too_long, returned=lambda told: told[1], exhaust=True)
    assert found.verdict.valid
    told = explored(own_sleep_is_too_long, returned=all).verdict.anomalies
    assert told[0].name == "wrong results"  # the other may take longer than the time-out, as with any sleep

    async def another_sleeps(who: int) -> None:
        async with asyncio.timeout(5), lock:
            await asyncio.sleep(60 if who == 1 else 0)

    async def waits_for_a_sleeper(who: int) -> None:
        if who == 1:
            await asyncio.sleep(60)
            ready.set()
        else:
            await asyncio.wait_for(ready.wait(), 5)

    assert explored(another_sleeps).verdict.anomalies[0].name == "exception"
    assert (
        "a time-out that ends while another task sleeps was not tried" in explored(waits_for_a_sleeper).verdict.reason
    )


@pytest.mark.slow
def test_what_was_not_tried_is_said() -> None:
    async def polls(who: int) -> None:
        while who == 1 and not state["n"]:
            await asyncio.sleep(0.1)
        await asyncio.sleep(0)
        state["n"] += 1

    async def gathers() -> None:
        await asyncio.gather(add(), add())

    async def forgets() -> None:
        state["task"] = asyncio.get_running_loop().create_task(asyncio.Event().wait())  # type: ignore[assignment]

    async def leaves_a_generator() -> None:
        async def numbers() -> AsyncIterator[int]:
            yield 1
            yield 2

        async for _ in numbers():
            break

    async def calls_later() -> None:
        asyncio.get_running_loop().call_later(1, print)

    async def blocks() -> None:
        time.sleep(1)

    for function, reason in (
        (polls, "goes on again and again"),
        (gathers, "starts tasks of its own: one order of them was tried"),
        (forgets, "ends while a task that it started has not"),
        (leaves_a_generator, "leaves an asynchronous generator before its end"),
        (calls_later, "ends while a callback of its own is left"),
        (blocks, "sleeps without await"),
    ):
        found = explored(function, executions=20)
        assert found.finding is None
        assert reason in found.verdict.reason


async def runs_a_thread() -> None:
    try:
        await asyncio.to_thread(print)
    except Exception:
        return


async def opens_a_connection() -> None:
    await asyncio.open_connection("localhost", 1)


async def takes_a_lock_of_threads() -> None:
    with hidden:
        await asyncio.sleep(0)


hidden = threading.Lock()


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (runs_a_thread, "task 1 calls run_in_executor of the event loop, which is outside control"),
        (opens_a_connection, "task 1 calls .* of the event loop, which is outside control"),
        (takes_a_lock_of_threads, "a task waits without await to acquire"),
    ],
)
def test_what_is_outside_control_is_one_clear_line(function: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        explored(function)


def test_tasks_are_asked_for_by_number_and_by_a_coroutine_function() -> None:
    race = PlainRace.of({"tasks": 2, "reset": reset, "invariant": both_counted})
    with pytest.raises(AssertionError, match=r"task_objects.py:\d+ \(await asyncio.sleep\(0\)\)"):
        check_plain_function(add, race)
    with pytest.raises(UsageError, match=r"add is a coroutine function: race_test\(tasks=...\)"):
        check_plain_function(add, PlainRace.of({"processes": 2}))
    with pytest.raises(UsageError, match="reset is no coroutine function"):
        check_plain_function(reset, PlainRace.of({"tasks": 2}))
    for mixed in ({"processes": 2}, {"threads": 2}, {"executor": "inline"}):
        with pytest.raises(UsageError, match=r"tasks=\.\.\. says who takes part"):
            PlainRace.of({"tasks": 2, **mixed})
    with pytest.raises(UsageError, match="no fault can be injected into a task"):
        PlainRace.of({"tasks": 2, "faults": "kill"})


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(
    st.lists(st.text("rwyse", max_size=4) | st.just("lrywu"), min_size=2, max_size=3).filter(
        lambda p: "".join(p).count("y") < 4
    )
)
@example(["lrywu", "lrywu", "y"])
@example(["ryw", "lrywu", "eryw"])
@example(["eryw", "ryws"])
def test_outcomes_are_those_of_all_orders(program: list[str]) -> None:
    made = Program(program)
    ends: set[int | None] = set()

    def note() -> None:
        ends.add(made.count)

    found = explored(made.work, processes=len(program), reset=made.reset, invariant=note, exhaust=True)
    if "deadlock" in found.names:
        ends.add(None)
    assert found.exhausted
    assert ends == outcomes(program)
