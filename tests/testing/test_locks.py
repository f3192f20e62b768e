"""Locks of one's own: whoever is admitted is inside, and a lock is no mutex because it looks like one."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from ticketlab.lab.exploring.function_session import BuyerSession
from ticketlab.testing import FunctionRace, check_function, guarded

Function = Callable[[BuyerSession], Any]

pytestmark = pytest.mark.usefixtures("in_tmp_path")


def sell(session: BuyerSession) -> bool | None:
    stock = session.read("main")
    if stock.remaining:
        session.write(stock._replace(remaining=stock.remaining - 1), None)
        return True
    return None


def under(lock: Any) -> Function:
    """Return the sale with a lock held."""

    def buy(session: BuyerSession) -> bool | None:
        with guarded("lock", lock):
            return sell(session)

    return buy


def twice_under(lock: Any) -> Function:
    """Return the sale with a lock held that is taken once more within."""

    def buy(session: BuyerSession) -> bool | None:
        with guarded("lock", lock):
            with guarded("lock", lock):
                stock = session.read("main")
            if stock.remaining:
                session.write(stock._replace(remaining=stock.remaining - 1), None)
                return True
            return None

    return buy


class Open:
    """A lock that admits everybody."""

    def acquire(self, blocking: bool = True, /) -> bool:
        return True

    def release(self) -> None:
        """Nobody is kept out."""


def inline(policy: str = "dpor") -> FunctionRace:
    return FunctionRace(buyers=2, store="memory", policy=policy)


def processes(policy: str = "dpor") -> FunctionRace:
    return FunctionRace(buyers=2, store="json:rename", policy=policy, executor="processes")


@pytest.mark.parametrize("policy", ["dpor", "dfs"])
@pytest.mark.parametrize("lock", [threading.Lock, threading.RLock, multiprocessing.Lock, multiprocessing.RLock])
def test_a_lock_keeps_buyers_apart_in_one_process(lock: Callable[[], Any], policy: str) -> None:
    assert check_function(under(lock()), inline(policy)).exhausted


@pytest.mark.parametrize("lock", [multiprocessing.Lock, multiprocessing.RLock])
def test_a_lock_of_processes_keeps_processes_apart(lock: Callable[[], Any]) -> None:
    assert check_function(under(lock()), processes()).exhausted


@pytest.mark.parametrize("policy", ["dpor", "dfs"])
@pytest.mark.parametrize("lock", [threading.RLock, multiprocessing.RLock])
def test_a_re_entrant_lock_admits_its_holder_and_nobody_else(lock: Callable[[], Any], policy: str) -> None:
    assert check_function(twice_under(lock()), inline(policy)).exhausted


def test_a_re_entrant_lock_of_processes_admits_its_holder_and_nobody_else() -> None:
    assert check_function(twice_under(multiprocessing.RLock()), processes()).exhausted


@pytest.mark.parametrize("policy", ["dpor", "dfs", "random"])
@pytest.mark.parametrize("lock", [lambda: threading.BoundedSemaphore(2), lambda: multiprocessing.Semaphore(2), Open])
def test_a_lock_that_admits_two_is_convicted_in_one_process(lock: Callable[[], Any], policy: str) -> None:
    with pytest.raises(AssertionError, match="oversold"):
        check_function(under(lock()), inline(policy))


@pytest.mark.parametrize("lock", [lambda: multiprocessing.Semaphore(2), Open, threading.Lock, threading.RLock])
def test_a_lock_that_admits_two_processes_is_convicted(lock: Callable[[], Any]) -> None:
    with pytest.raises(AssertionError, match="oversold"):
        check_function(under(lock()), processes())


@pytest.mark.parametrize("race", [inline(), processes()], ids=["inline", "processes"])
@pytest.mark.parametrize("lock", [threading.Lock, multiprocessing.Lock, multiprocessing.RLock])
def test_a_lock_made_anew_for_each_call_is_convicted(lock: Callable[[], Any], race: FunctionRace) -> None:
    with pytest.raises(AssertionError, match="oversold"):
        check_function(lambda session: under(lock())(session), race)


def test_a_semaphore_of_two_keeps_the_third_out() -> None:
    inside, most = threading.Semaphore(2), []
    here: list[int] = []

    def visit(session: BuyerSession) -> None:
        with guarded("two at most", inside):
            here.append(session.buyer)
            session.read("main")
            most.append(len(here))
            here.remove(session.buyer)

    assert check_function(visit, FunctionRace(buyers=3, store="memory")).exhausted
    assert max(most) == 2


def test_two_locks_taken_in_either_order_are_a_deadlock() -> None:
    locks = [threading.RLock(), threading.RLock()]

    def cross(session: BuyerSession) -> None:
        first, second = locks if session.buyer == 1 else locks[::-1]
        with guarded(f"lock {locks.index(first)}", first), guarded(f"lock {locks.index(second)}", second):
            session.read("main")

    with pytest.raises(AssertionError, match="deadlock"):
        check_function(cross, inline())


def test_a_lock_of_filelocks_keeps_buyers_apart_in_one_process(tmp_path: Path) -> None:
    assert check_function(under(FileLock(tmp_path / "app.lock")), inline()).exhausted


def test_a_lock_of_filelocks_keeps_processes_apart(tmp_path: Path) -> None:
    def buy(session: BuyerSession) -> bool | None:
        sold: bool | None = under(FileLock(tmp_path / "app.lock"))(session)
        return sold

    assert check_function(buy, processes()).exhausted


def test_outside_the_lab_a_guard_is_its_lock() -> None:
    lock = threading.Lock()
    with guarded("lock", lock):
        assert lock.locked()
    assert not lock.locked()
