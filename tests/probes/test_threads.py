"""What threads of one process share: right functions are proved, wrong ones convicted, all is put back."""

from __future__ import annotations

import argparse
import queue
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.probes import thread_objects
from tests.probes.thread_objects import RIGHT, WRONG, add, invariant, reset
from ticketlab.core.errors import UsageError
from ticketlab.explorer.executors.stalls import OutsideControl
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.plain.explore import explore_plain
from ticketlab.lab.plain.function import PlainFunction
from ticketlab.lab.plain.results import PlainExploration
from ticketlab.testing.plain_functions import PlainRace, check_plain_function


def explored(function: Any, **settings: Any) -> PlainExploration:
    how = ExploreOptions(executor=settings.pop("executor", "threads"), stall_timeout=settings.pop("stall_timeout", 10))
    return explore_plain(PlainFunction(function=function, **settings), how)


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["threads", "inline"])
@pytest.mark.parametrize("name", RIGHT)
def test_a_right_function_is_proved(name: str, executor: str) -> None:
    found = explored(RIGHT[name], reset=reset, invariant=invariant, executor=executor)
    assert found.verdict.valid, found.verdict


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_function_is_convicted(name: str) -> None:
    function, anomaly = WRONG[name]
    found = explored(function, reset=reset).finding
    assert found is not None
    assert found.anomalies[0].name == anomaly
    assert found.confirmed == "found on threads of one process"


def test_locks_and_events_may_be_made_in_reset_and_on_the_way() -> None:
    made: dict[str, Any] = {}

    def lay_out(folder: Path) -> None:
        reset(folder)
        made.update(lock=threading.Lock(), event=threading.Event(), changed=threading.Condition())

    def work(who: int) -> None:
        with threading.Lock(), made["lock"]:
            add()
        with made["changed"]:
            made["event"].set() if who == 1 else made["changed"].wait_for(made["event"].is_set, 1)

    assert explored(work, reset=lay_out, invariant=invariant).verdict.valid


def test_a_lock_that_the_lab_cannot_find_is_said_to_be_outside_control() -> None:
    hidden = argparse.Namespace(lock=threading.Lock())  # an object of a library's

    def work() -> None:
        with hidden.lock:
            add()

    with pytest.raises(OutsideControl, match="a lock that the lab could not find"):
        explored(work, reset=reset, stall_timeout=0.2)


def test_who_starts_a_thread_is_named() -> None:
    with pytest.raises(UsageError, match=r"thread 1 starts a thread \("):
        explored(lambda: threading.Thread(target=print).start())


def test_threads_are_asked_for_by_number() -> None:
    race = PlainRace.of({"threads": 2, "reset": reset})
    with pytest.raises(AssertionError, match="thread 2 read count while thread 1 was in the middle of writing it"):
        check_plain_function(add, race)
    with pytest.raises(UsageError, match="leave out processes and executor"):
        PlainRace.of({"threads": 2, "processes": 2})


def test_nothing_is_left_of_the_probes() -> None:
    kinds = (threading.Condition, threading.Event, threading.Semaphore, threading.Barrier, queue.Queue)
    before = [dict(vars(kind)) for kind in kinds]
    assert explored(RIGHT["Lock"], reset=reset).verdict.valid
    assert [dict(vars(kind)) for kind in kinds] == before
    assert vars(thread_objects)["threading"] is threading
    assert type(thread_objects.shop.lock) is type(thread_objects.lock) is type(threading.Lock())
