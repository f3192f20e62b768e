"""Functions as workloads: right programs that only one process would blame, and what ends a search as a whole."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ticketlab.core.errors import UsageError
from ticketlab.core.inventory import Books
from ticketlab.core.pacing import BLOCKED, at, block, sleep
from ticketlab.core.steps import Action, Step
from ticketlab.lab.exploring.function_session import BuyerSession
from ticketlab.testing import FunctionRace, check_function, guarded

pytestmark = pytest.mark.usefixtures("in_tmp_path")
EXECUTORS = ["inline", "processes"]
COUNT = multiprocessing.Value("i", 0, lock=False)


def start_again() -> None:
    COUNT.value = 0


def counts_two(_books: Books) -> bool:
    return bool(COUNT.value == 2)


def count() -> None:
    at(Step(Action.READ, "count"))
    seen = COUNT.value
    at(Step(Action.WRITE, "count"))
    COUNT.value = seen + 1


def under_a_lock_of_the_process(_session: BuyerSession) -> None:
    number = os.open("lock", os.O_CREAT | os.O_RDWR)

    def attempt() -> Any:
        try:
            return fcntl.lockf(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            return BLOCKED

    block(Step(Action.ACQUIRE, "lock"), attempt, lambda: fcntl.lockf(number, fcntl.LOCK_EX))
    count()
    at(Step(Action.RELEASE, "lock"))
    os.close(number)


def by_a_name_of_the_process(_session: BuyerSession) -> None:
    new = Path(f"state.{os.getpid()}.new")
    at(Step(Action.WRITE, "new state"))
    new.write_text("")
    at(Step(Action.RENAME, "state"))
    new.rename("state")


@pytest.mark.parametrize(
    ("function", "settings"),
    [
        (under_a_lock_of_the_process, {"reset": start_again, "invariant": counts_two}),
        (by_a_name_of_the_process, {}),
    ],
)
def test_a_program_that_is_right_as_processes_is_not_blamed_in_one(
    function: Callable[[BuyerSession], None], settings: dict[str, Any]
) -> None:
    assert check_function(function, FunctionRace(buyers=2, executor="processes", **settings)).valid
    found = check_function(function, FunctionRace(buyers=2, **settings))
    assert found.valid is None
    assert found.verdict.reason.startswith("real processes do otherwise than one process does (")


@pytest.mark.parametrize("executor", EXECUTORS)
def test_an_invariant_is_not_asked_of_fewer_buyers_than_it_speaks_of(executor: str) -> None:
    def unsynchronized(_session: BuyerSession) -> None:
        count()

    race = FunctionRace(buyers=2, reset=start_again, invariant=counts_two, executor=executor)
    with pytest.raises(AssertionError, match=r"buyer 1 +buyer 2(?s:.*)invariant broken"):
        check_function(unsynchronized, race)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_lock_is_free_again_after_a_deadlock(executor: str) -> None:
    one, other = multiprocessing.Lock(), multiprocessing.Lock()

    def both_ways(session: BuyerSession) -> None:
        names = ("one", "other") if session.buyer == 1 else ("other", "one")
        locks = {"one": one, "other": other}
        with guarded(names[0], locks[names[0]]), guarded(names[1], locks[names[1]]):
            session.read()

    with pytest.raises(AssertionError, match="deadlock: buyer 1 holds one and waits for other"):
        check_function(both_ways, FunctionRace(buyers=2, executor=executor))
    assert one.acquire(block=False)
    assert other.acquire(block=False)


def lay_out_jobs() -> None:
    with closing(sqlite3.connect("jobs.db")) as books, books:
        books.executescript("drop table if exists jobs; create table jobs(id integer, state text)")
        books.execute("insert into jobs values (7, 'pending')")


def claim(guard: str) -> bool:
    with closing(sqlite3.connect("jobs.db", isolation_level=None)) as books:
        at(Step(Action.READ, "jobs"))
        if books.execute("select id from jobs where state = 'pending'").fetchone() is None:
            return False
        at(Step(Action.WRITE, "jobs"))
        return books.execute(f"update jobs set state = 'taken' where id = 7 {guard}").rowcount == 1


@pytest.mark.parametrize("executor", EXECUTORS)
def test_books_that_nobody_touched_are_no_witness(executor: str) -> None:
    race = FunctionRace(buyers=2, reset=lay_out_jobs, executor=executor)
    right = check_function(lambda _session: [7] if claim("and state = 'pending'") else [], race)
    assert right.valid
    with pytest.raises(
        AssertionError, match="ticket sold twice: ticket 7 of section 'main' was sold to buyers 1 and 2"
    ):
        check_function(lambda _session: [7] if claim("") else [], race)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_what_nothing_else_can_judge_needs_an_invariant(executor: str) -> None:
    def answer(session: BuyerSession) -> dict[str, int]:
        session.buy()
        return {"left": session.search()}

    with pytest.raises(UsageError, match=r"returned \{'left': 0\}: an outcome.* or an invariant that asks for"):
        check_function(answer, FunctionRace(buyers=1, executor=executor))
    race = FunctionRace(buyers=1, executor=executor, invariant=lambda returned: returned == [{"left": 0}])
    assert check_function(answer, race).valid


def test_an_invariant_that_asks_for_what_is_not_given_is_refused() -> None:
    def paid(books: Books, till: dict[str, int]) -> bool:
        return books.stocks["main"].issued == till["paid"]

    with pytest.raises(UsageError, match="the invariant asks for 'till', and no fixture of that name is given"):
        check_function(lambda session: session.buy(), FunctionRace(store="memory", invariant=paid))


def in_a_thread(session: BuyerSession) -> None:
    thread = threading.Thread(target=session.read)
    thread.start()
    thread.join()


def in_a_pool(session: BuyerSession) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(session.read).result()


def asleep_in_a_thread(_session: BuyerSession) -> None:
    thread = threading.Thread(target=sleep, args=(1.0,))
    thread.start()
    thread.join()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # the sleeping thread is ended
@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("function", [in_a_thread, in_a_pool, asleep_in_a_thread])
def test_a_point_that_another_thread_passes_is_refused_in_a_line(
    function: Callable[[BuyerSession], None], executor: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Exception, match=r"^the scheduling point '(read|sleep).*' was passed in a thread that the fun"):
        check_function(function, FunctionRace(buyers=2, executor=executor))
    assert capfd.readouterr() == ("", "")
