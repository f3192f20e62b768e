"""Guards of plain functions: who needs one notices when it is gone, and who does not is told so."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from multiprocessing import Lock, Manager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.plain_programs import check_before_lock, json_counter, pid_file, stale_copy, two_locks
from ticketlab.core.errors import UsageError
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.mutating.functions import NO_DIFFERENCE, NOT_NEEDED, mutate_function
from ticketlab.lab.mutating.guards import MutationResult, Weakening
from ticketlab.lab.plain.function import PlainFunction

AWAY, TWO, LATER, EARLIER = Weakening
ALL = [AWAY, TWO, LATER, EARLIER]
LOCK = Lock()


def mutate(function: Callable[..., Any], executor: str = "processes", **settings: Any) -> MutationResult:
    how = ExploreOptions(executor=executor, executions=500)
    return mutate_function(PlainFunction(function=function, **settings), how)


def told(found: MutationResult) -> dict[tuple[str, Weakening], bool | None]:
    return {(each.mutant.place.kind, each.mutant.weakening): each.convicted for each in found.outcomes}


def lay_out(folder: Path) -> None:
    (folder / "left").write_text("2")


def none_left(folder: Path) -> bool:
    return (folder / "left").read_text() == "0"


def take_one() -> None:
    left = int(Path("left").read_text())
    Path("left").write_text(str(left - 1))


def sell_with_lock() -> None:
    with LOCK:
        take_one()


@contextmanager
def flocked(name: str = "lock") -> Iterator[None]:
    with open(name, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
        fcntl.flock(lock, fcntl.LOCK_UN)


@pytest.mark.slow
@pytest.mark.parametrize("module", [json_counter, check_before_lock, stale_copy], ids=lambda each: each.__name__[21:])
def test_a_lock_that_is_needed_is_missed_in_each_way(module: ModuleType) -> None:
    found = mutate(module.good, reset=module.reset, invariant=module.invariant)
    assert told(found) == {("lock", each): True for each in ALL}
    assert (found.valid, found.exit_code) == (True, 0)


@pytest.mark.slow
def test_a_file_that_has_to_be_new() -> None:
    found = mutate(pid_file.good, reset=pid_file.reset, invariant=pid_file.invariant)
    assert told(found) == {("exclusive creation", AWAY): True}


def claim_by_keywords(who: int) -> None:
    try:
        os.close(os.open("claimed", flags=os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode=0o600))
    except FileExistsError:
        return
    Path(f"sold.{who}").touch()


@pytest.mark.slow
def test_a_file_that_has_to_be_new_by_keywords() -> None:
    found = mutate(claim_by_keywords, invariant=one_sold)
    assert told(found) == {("exclusive creation", AWAY): True}
    assert found.outcomes[0].why == "invariant broken"


def append_with_the_lock_or_without() -> None:
    taken = LOCK.acquire(block=False)
    with open("log", "a") as log:
        for _ in range(2):
            log.write("x")
            log.flush()
    if taken:
        LOCK.release()


@pytest.mark.slow
def test_a_lock_that_nobody_waits_for_is_not_given_back_by_who_did_not_get_it() -> None:
    found = mutate(append_with_the_lock_or_without, invariant=lambda folder: (folder / "log").read_text() == "xxxx")
    assert {each.mutant.weakening for each in found.outcomes} == {*ALL}
    assert [each.why for each in found.outcomes if each.mutant.weakening is EARLIER] == [NOT_NEEDED]


@pytest.mark.slow
def test_a_test_that_notices_nothing_is_told_so_by_line() -> None:
    found = mutate(two_locks.good, reset=two_locks.reset, invariant=two_locks.invariant)
    assert (found.valid, found.exit_code) == (False, 1)
    lines = {(each.mutant.place.source, each.mutant.weakening): each.why for each in found.survivors}
    assert lines["fcntl.flock(one, fcntl.LOCK_EX)", AWAY] == NOT_NEEDED
    assert lines["fcntl.flock(two, fcntl.LOCK_EX)", TWO] == NO_DIFFERENCE, "the first lock keeps everybody out"


@pytest.mark.slow
def test_a_lock_of_multiprocessing() -> None:
    found = mutate(sell_with_lock, reset=lay_out, invariant=none_left)
    assert told(found) == {("lock", each): True for each in ALL}


@pytest.mark.slow
def test_an_unlock_that_stands_in_the_source() -> None:
    def sell() -> None:
        with flocked():
            take_one()

    found = mutate(sell, reset=lay_out, invariant=none_left)
    assert told(found) == {("lock", each): True for each in ALL}
    assert {each.mutant.place.source for each in found.outcomes} == {"fcntl.flock(lock, fcntl.LOCK_EX)"}


@pytest.mark.slow
def test_a_lock_of_a_manager() -> None:
    with Manager() as manager:
        counts, lock = manager.dict(), manager.Lock()

        def visit() -> None:
            with lock:
                counts["home"] += 1

        found = mutate(visit, reset=lambda: counts.update(home=0), invariant=lambda: bool(counts["home"] == 2))
    assert told(found) == {("lock", each): True for each in ALL}


@pytest.mark.slow
def test_threads() -> None:
    lock = threading.Lock()

    def sell() -> None:
        with lock:
            take_one()

    found = mutate(sell, "threads", reset=lay_out, invariant=none_left)
    assert told(found) == {("lock", AWAY): True, ("lock", TWO): True}


def one_sold(folder: Path) -> bool:
    return len(list(folder.glob("sold.*"))) == 1


def start_after_second_look(who: int) -> None:
    if not Path("started").exists():
        with flocked():
            if not Path("started").exists():
                Path("started").mkdir()
                Path(f"sold.{who}").touch()


@pytest.mark.slow
def test_a_second_look_with_the_lock_taken() -> None:
    found = mutate(start_after_second_look, invariant=one_sold)
    assert told(found)["second look", AWAY] is True
    assert told(found)["lock", AWAY] is True


def begin(who: int) -> None:
    with closing(sqlite3.connect("shop.db", isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        (left,) = db.execute("select left from stock").fetchone()
        if left:
            db.execute("update stock set left = ?", (left - 1,))
        db.execute("COMMIT")
    if left:
        Path(f"sold.{who}").touch()


def lay_out_database(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "shop.db")) as db, db:
        db.execute("create table stock(left integer)")
        db.execute("insert into stock values (1)")


@pytest.mark.slow
def test_a_transaction() -> None:
    found = mutate(begin, reset=lay_out_database, invariant=one_sold)
    assert told(found) == {("transaction", AWAY): True}


def write_through(who: int) -> None:
    with flocked(), open("log", "a") as log:
        log.write(f"{who}\n")
        log.flush()
        os.fsync(log.fileno())


@pytest.mark.slow
def test_what_no_schedule_needs_survives() -> None:
    found = mutate(write_through, invariant=lambda folder: len((folder / "log").read_text()) == 4)
    assert told(found)["fsync", AWAY] is False
    assert told(found)["lock", AWAY] is False, "to append is one step"


def test_a_function_without_guards_is_undecided() -> None:
    found = mutate(lambda who: Path("log").write_text(str(who)), invariant=lambda folder: (folder / "log").exists())
    assert (found.outcomes, found.valid, found.exit_code) == ([], None, 3)


def test_what_is_wrong_already_is_refused() -> None:
    with pytest.raises(UsageError, match="has to be right before anything is changed: "):
        mutate(take_one, reset=lay_out, invariant=none_left)
