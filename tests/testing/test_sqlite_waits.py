"""Functions that use SQLite's driver themselves: a wait for a lock is a wait, and no failure."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from ticketlab.core.pacing import at
from ticketlab.core.steps import Action, Step
from ticketlab.lab.exploring.function_session import BuyerSession
from ticketlab.testing import FunctionRace, check_function

EXECUTORS = ["inline", "processes"]
TAKE = "update jobs set state = 'taken' where id = 7 and state = 'pending'"

pytestmark = pytest.mark.usefixtures("in_tmp_path")


def reset() -> None:
    for name in ("jobs.db", "other.db"):
        with closing(sqlite3.connect(name)) as connection:
            connection.executescript(
                "drop table if exists jobs; create table jobs(id integer primary key, state text);"
                "insert into jobs values (7, 'pending'), (8, 'pending');"
            )


def race(executor: str, **settings: Any) -> FunctionRace:
    return FunctionRace(buyers=2, tickets=1, executor=executor, reset=reset, **settings)


def taken(_books: object) -> bool:
    with closing(sqlite3.connect("jobs.db")) as connection:
        return bool(connection.execute("select state from jobs where id = 7").fetchone() == ("taken",))


def claim(_session: BuyerSession) -> bool:
    """Take the job by one conditional UPDATE, the right way, and commit a step later."""
    with closing(sqlite3.connect("jobs.db")) as connection:
        at(Step(Action.WRITE, "jobs"))
        count: int = connection.execute(TAKE).rowcount
        at(Step(Action.COMMIT, "jobs"))
        connection.commit()
        return count == 1


def claim_in_a_context(_session: BuyerSession) -> bool:
    with closing(sqlite3.connect("jobs.db", 1.0)) as connection:
        with connection:
            at(Step(Action.WRITE, "jobs"))
            count: int = connection.cursor().executemany(TAKE, iter([()])).rowcount
            at(Step(Action.COMMIT, "jobs"))
        return count == 1


def claim_in_an_immediate_transaction(_session: BuyerSession) -> bool:
    with closing(sqlite3.connect("jobs.db", isolation_level=None)) as connection:
        at(Step(Action.BEGIN, "jobs"))
        connection.execute("begin immediate")
        pending = connection.execute("select state from jobs where id = 7").fetchone() == ("pending",)
        at(Step(Action.WRITE, "jobs"))
        if pending:
            connection.execute(TAKE)
        connection.execute("commit")
        return bool(pending)


@pytest.mark.slow
@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("function", [claim, claim_in_a_context, claim_in_an_immediate_transaction])
def test_who_waits_for_a_transaction_to_end_goes_on_when_it_has_ended(
    function: Callable[[BuyerSession], bool], executor: str
) -> None:
    assert check_function(function, race(executor, invariant=taken)).exhausted


@pytest.mark.slow
@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_look_before_the_transaction_is_still_convicted(executor: str) -> None:
    def look_then_take(_session: BuyerSession) -> bool:
        with closing(sqlite3.connect("jobs.db")) as connection:
            at(Step(Action.READ, "jobs"))
            pending = connection.execute("select state from jobs where id = 7").fetchone() == ("pending",)
            at(Step(Action.WRITE, "jobs"))
            connection.execute("update jobs set state = 'taken' where id = 7")
            at(Step(Action.COMMIT, "jobs"))
            connection.commit()
            return bool(pending)

    with pytest.raises(AssertionError, match="oversold"):
        check_function(look_then_take, race(executor))


@pytest.mark.slow
@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_reader_that_becomes_a_writer_is_refused_at_once_as_it_really_is(executor: str) -> None:
    def upgrade(_session: BuyerSession) -> None:
        with closing(sqlite3.connect("jobs.db", isolation_level=None)) as connection:
            connection.execute("begin")
            at(Step(Action.READ, "jobs"))
            connection.execute("select * from jobs").fetchall()
            at(Step(Action.WRITE, "jobs"))
            connection.execute(TAKE)
            connection.execute("commit")

    with pytest.raises(AssertionError, match="database is locked"):
        check_function(upgrade, race(executor))


@pytest.mark.slow
@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_commit_waits_for_readers(executor: str) -> None:
    def write_or_read(session: BuyerSession) -> None:
        with closing(sqlite3.connect("jobs.db", isolation_level=None)) as connection:
            connection.execute("begin")
            at(Step(Action.READ if session.buyer == 1 else Action.WRITE, "jobs"))
            if session.buyer == 1:
                connection.execute("select * from jobs").fetchall()
                at(Step(Action.READ, "elsewhere"))
                connection.execute("rollback")
            else:
                connection.execute(TAKE)
                connection.execute("commit")

    assert check_function(write_or_read, race(executor, invariant=taken)).exhausted


@pytest.mark.slow
@pytest.mark.parametrize("executor", EXECUTORS)
def test_two_databases_locked_in_either_order_are_a_deadlock(executor: str) -> None:
    def cross(session: BuyerSession) -> None:
        names = ["jobs.db", "other.db"][:: 1 if session.buyer == 1 else -1]
        with closing(sqlite3.connect(names[0])) as first, closing(sqlite3.connect(names[1])) as second:
            for connection in (first, second):
                at(Step(Action.WRITE, "jobs"))
                connection.execute(TAKE)
            second.commit()
            first.commit()

    with pytest.raises(AssertionError, match="waits to acquire lock of"):
        check_function(cross, race(executor))


def test_connections_are_the_driver_s_own_again_afterwards() -> None:
    before = sqlite3.connect
    check_function(claim, race("inline"))
    assert sqlite3.connect is before
