"""What multiprocessing gives processes to share: right functions are proved, wrong ones convicted, all is put back."""

from __future__ import annotations

import ctypes
import multiprocessing
import subprocess
import time
from collections.abc import Callable, Iterator
from multiprocessing.managers import BaseManager, SyncManager
from multiprocessing.queues import Queue
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event, SemLock
from typing import Any

import pytest

from tests.plain_programs.manager_counter import visit, visit_locked
from tests.probes import shared_objects
from tests.probes.shared_objects import RIGHT, WRONG, lock, total
from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.plain.explore import explore_plain
from ticketlab.lab.plain.function import PlainFunction
from ticketlab.lab.plain.results import PlainExploration
from ticketlab.report.shown_steps import shown_lines

PROCESSES = ExploreOptions(executor="processes", executions=1_000)
MOST_LINES = 12


def explored(function: Callable[..., object], **settings: Any) -> PlainExploration:
    return explore_plain(PlainFunction(function=function, **settings), PROCESSES)


def convicted(function: Callable[..., object], **settings: Any) -> list[str]:
    found = explored(function, **settings).finding
    assert found is not None
    assert len(shown_lines(found.execution, found.anomalies)) <= MOST_LINES
    return [anomaly.name for anomaly in found.anomalies]


@pytest.mark.slow
@pytest.mark.parametrize("name", RIGHT)
def test_a_right_function_is_proved(name: str) -> None:
    found = explored(RIGHT[name])
    assert found.verdict.valid, found.verdict


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_function_is_convicted(name: str) -> None:
    function, anomaly = WRONG[name]
    assert anomaly in convicted(function)


@pytest.fixture(scope="module")
def manager() -> Iterator[SyncManager]:
    with multiprocessing.Manager() as made:
        yield made


@pytest.mark.slow
def test_each_call_of_a_proxy_is_a_step_and_its_state_is_put_back(manager: SyncManager) -> None:
    counts, guard = manager.dict(home=0), manager.Lock()
    assert convicted(lambda: visit(counts)) == ["lost update"]
    assert explored(lambda: visit_locked(counts, guard), invariant=lambda: counts["home"] == 2).verdict.valid
    assert counts["home"] == 0


@pytest.mark.slow
def test_a_dict_in_a_dict_of_a_manager_is_put_back_as_well(manager: SyncManager) -> None:
    outer = manager.dict(a=manager.dict(n=0))

    def add() -> None:
        outer["a"]["n"] += 1

    assert convicted(add, invariant=lambda: outer["a"]["n"] == 2) == ["lost update", "invariant broken"]
    assert outer["a"]["n"] == 0


@pytest.mark.slow
def test_what_waits_in_a_manager_waits_under_control(manager: SyncManager) -> None:
    jobs, done, place = manager.JoinableQueue(), manager.Event(), manager.Namespace()
    place.answer = 0

    def work(who: int) -> None:
        if who == 1:
            jobs.put(20)
            jobs.join()
            done.set()
        elif who == 2:
            place.answer = jobs.get() + 1
            jobs.task_done()
        else:
            assert done.wait()
            assert place.answer == 21

    assert explored(work, processes=3).verdict.valid


@pytest.mark.slow
def test_what_a_user_registered_with_a_manager_is_said_to_be_left_as_it_is() -> None:
    class Shop(BaseManager):
        pass

    Shop.register("Counter", list)
    with Shop(ctx=multiprocessing.get_context("fork")) as shop:  # a server of its own could not be sent this class
        counter = shop.Counter()  # type: ignore[attr-defined]
        assert "is not put back" in explored(lambda: counter.append(1)).verdict.reason


def test_objects_made_in_reset_are_those_that_the_participants_have() -> None:
    made: dict[str, Any] = {}

    def reset() -> None:
        made.update(stock=multiprocessing.Value("i", 3), orders=multiprocessing.Queue(), lock=multiprocessing.Lock())
        made["orders"].put(2)

    def order(who: int) -> None:
        with made["lock"]:
            made["stock"].value -= made["orders"].get()
            made["orders"].put(1)

    assert explored(order, reset=reset, invariant=lambda: made["stock"].value == 0).verdict.valid


def test_an_event_that_is_set_and_cleared_at_once_wakes_who_waits() -> None:
    event = multiprocessing.Event()

    def pulse(who: int) -> None:
        if who == 1:
            event.wait(10)
        else:
            event.set()
            event.clear()

    assert explored(pulse).verdict.valid


def test_a_time_out_while_somebody_sleeps_proves_nothing() -> None:
    def late(who: int) -> bool:
        if who == 1:
            taken = lock.acquire(timeout=1)
        else:
            taken = lock.acquire()
            time.sleep(5)
        if taken:
            lock.release()
        return taken

    assert "a time-out that ends while another process sleeps was not tried" in explored(late).verdict.reason


def test_memory_that_c_code_changes_is_named_and_undecided() -> None:
    def change(who: int) -> None:
        ctypes.memset(ctypes.addressof(total.get_obj()), who, 1)
        with lock:
            pass

    assert explored(change).verdict.reason == "total was changed by code that the lab does not see"


def test_who_reads_to_the_end_of_a_pipe_is_told_that_it_never_comes() -> None:
    def read(who: int) -> None:
        shared_objects.writer.close()
        shared_objects.reader.recv()

    with pytest.raises(TicketlabError, match=r"reads to the end of a pipe \(reader\)"):
        explored(read)


@pytest.mark.slow
def test_who_starts_a_process_is_named() -> None:
    def start(who: int) -> None:
        multiprocessing.Process(target=print).start()

    def run(who: int) -> None:
        subprocess.run(["true"], check=True)

    with pytest.raises(TicketlabError, match="process 1 starts a process"):
        explored(start)
    assert "process 1 runs a command" in explored(run).verdict.reason


def of_library() -> list[object]:
    named = {"SemLock": SemLock, "Event": Event, "Queue": Queue, "Synchronized": Synchronized}
    calls = [value for kind in named.values() for value in vars(kind).values()]
    return [*calls, multiprocessing.Lock, multiprocessing.Manager, lock.acquire, lock._semlock]  # type: ignore[attr-defined]


@pytest.mark.slow
def test_nothing_is_left_of_the_probes_and_objects_are_as_before() -> None:
    before = of_library()
    with shared_objects.changed:
        pass
    with pytest.raises(UsageError, match="RuntimeError"):
        explored(RIGHT["Lock"], invariant=lambda: (_ for _ in ()).throw(RuntimeError))
    assert of_library() == before
    assert total.value == 0
    assert lock.acquire(block=False)
    lock.release()
