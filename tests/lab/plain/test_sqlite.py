"""Functions that use SQLite, as they stand: what is told of them, and what goes on working in them."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import chdir, closing
from pathlib import Path
from sqlite3 import connect as connect_as_it_was
from tempfile import TemporaryDirectory
from typing import Any, Self

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.pool import NullPool

from tests.lab.plain.test_explore import explored
from tests.plain_programs.sqlite_right import (
    claim_returning,
    insert_once,
    take_a_version,
    take_and_retry,
    take_if_left,
    take_under_lock,
)
from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.artifacts.race_folder import fastest
from ticketlab.report.shown_steps import shown_lines

BOUNDED = ExploreOptions(executor="processes", executions=200)
INLINE = ExploreOptions(executor="inline")


def laid_out(folder: Path, journal: str = "delete") -> None:
    for old in folder.glob("shop.db*"):
        old.unlink()
    with closing(sqlite3.connect(folder / "shop.db")) as db:
        db.execute(f"pragma journal_mode = {journal}")
        db.executescript(
            """create table stock (id integer primary key, n int, version int default 1);
            create table name (name text unique); create table log (what text);
            insert into stock (n) values (1)"""
        )


def in_wal(folder: Path) -> None:
    laid_out(folder, "wal")


LAID_OUT = [laid_out, in_wal]


@pytest.mark.slow
@pytest.mark.parametrize("reset", LAID_OUT)
@pytest.mark.parametrize("take", [take_if_left, take_under_lock, take_a_version, claim_returning, insert_once])
def test_right_functions_are_proved(take: Callable[[int], bool], reset: Callable[[Path], None]) -> None:
    assert explored(take, reset=reset, returned=lambda told: told.count(True) == 1).verdict.valid


@pytest.mark.parametrize("reset", LAID_OUT)
def test_who_is_refused_and_tries_again_is_not_blamed(reset: Callable[[Path], None]) -> None:
    found = explored(take_and_retry, reset=reset, returned=lambda told: told.count(True) == 1)
    assert found.finding is None
    assert "sleeps and tries again" in found.verdict.reason


def take_what_was_read(who: int) -> None:
    with closing(sqlite3.connect("shop.db")) as db, db:
        (n,) = db.execute("select n from stock").fetchone()
        db.execute("update stock set n = ?", (n - 1,))


def test_a_lost_update_is_proved_by_a_read_a_commit_and_a_write() -> None:
    found = explored(take_what_was_read, reset=in_wal).finding
    assert found is not None
    (anomaly,) = found.anomalies
    assert anomaly.name == "lost update"
    steps = [found.execution.steps[node - 1] for node in anomaly.evidence["steps"]]
    assert steps == ["read stock in shop.db", "commit shop.db", "write stock in shop.db"]
    assert len(shown_lines(found.execution, found.anomalies)) <= 12


def test_rows_that_are_looked_for_and_then_inserted_are_check_then_act() -> None:
    def log_once(who: int) -> None:
        with closing(sqlite3.connect("shop.db")) as db, db:
            if db.execute("select count(*) from log").fetchone() == (0,):
                db.execute("insert into log values ('done')")

    found = explored(log_once, reset=laid_out).finding
    assert found is not None
    assert found.anomalies[0].name == "check then act"
    assert "read log in shop.db" in found.anomalies[0].sentence


@pytest.mark.parametrize("reset", LAID_OUT)
def test_a_reader_that_would_write_is_refused_at_once(reset: Callable[[Path], None]) -> None:
    def take(who: int) -> None:
        with closing(sqlite3.connect("shop.db", isolation_level=None)) as db:
            db.execute("begin")
            (n,) = db.execute("select n from stock").fetchone()
            db.execute("update stock set n = ?", (n - 1,))
            db.execute("commit")

    found = explored(take, reset=reset).finding
    assert found is not None
    assert "database is locked" in found.anomalies[0].sentence
    assert not any(step.startswith("let ") for step in found.execution.steps)


def lay_out_two(folder: Path) -> None:
    laid_out(folder)
    (folder / "shop.db").rename(folder / "other.db")
    laid_out(folder)


def test_a_time_out_ends_in_virtual_time_if_nobody_else_can_move() -> None:
    def cross(who: int) -> str:
        first, second = ("shop.db", "other.db") if who == 1 else ("other.db", "shop.db")
        with closing(sqlite3.connect(first, timeout=30 * who)) as one, closing(sqlite3.connect(second)) as two:
            two.execute(f"pragma busy_timeout = {20_000 * who}")
            one.execute("begin immediate")
            try:
                two.execute("begin immediate")
            except sqlite3.OperationalError as error:
                return f"{error} after {time.monotonic() - began:g} s"
            two.rollback()
            return "both"

    began = 1e9  # where virtual time begins
    ends = set[tuple[str, ...]]()
    found = explored(cross, BOUNDED, reset=lay_out_two, invariant=lambda returned: ends.add(tuple(returned)))
    assert found.verdict.valid
    assert ends == {("both", "both"), ("database is locked after 20 s", "both")}


def test_a_connection_without_a_time_out_does_not_wait() -> None:
    def take(who: int) -> None:
        with closing(sqlite3.connect("shop.db", timeout=0)) as db, db:
            db.execute("update stock set n = n - 1")

    found = explored(take, reset=laid_out).finding
    assert found is not None
    assert found.anomalies[0].sentence.startswith("process 2 ended with OperationalError: database is locked")


class Mine(sqlite3.Connection):
    """A connection of the user's own, which counts its commits."""

    commits = 0

    def commit(self) -> None:
        self.commits += 1
        super().commit()


class MyCursor(sqlite3.Cursor):
    """A cursor of the user's own."""

    def execute(self, sql: str, *parameters: Any) -> Self:
        return super().execute(sql.replace("STOCK_TABLE", "stock"), *parameters)


def use_all(who: int) -> list[object]:
    asked, traced = set[object](), list[str]()
    db = connect_as_it_was("shop.db", factory=Mine)
    assert isinstance(db, sqlite3.Connection)
    assert isinstance(db, Mine)

    def allow(*what: Any) -> int:
        asked.add(what[1])
        return sqlite3.SQLITE_OK

    db.set_authorizer(allow)
    db.set_trace_callback(traced.append)
    db.create_function("less", 1, lambda n: n - 1)
    db.row_factory = sqlite3.Row
    cursor = db.cursor(MyCursor)
    assert isinstance(cursor, MyCursor)
    cursor.execute("update STOCK_TABLE set n = less(n)", ())
    db.commit()
    row = db.execute("select n < 1 as gone from stock").fetchone()
    cursor.executemany("insert into log values (?)", ((each,) for each in "ab"))
    count = cursor.rowcount
    db.commit()
    db.executescript("begin;insert into log values (';');commit;select 1")
    lines = [tuple(line) for line in db.execute("select count(*) > 2 from log")]
    db.close()
    return [row["gone"], count, lines, db.commits, "stock" in asked, list(dict.fromkeys(traced))]


@pytest.mark.slow
def test_what_the_user_sets_goes_on_working(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    laid_out(tmp_path)
    alone = use_all(0)
    found = explored(use_all, BOUNDED, reset=laid_out, returned=lambda said: said == [alone, alone])
    assert found.finding is None, found.verdict


def test_a_database_is_copied_as_it_is_at_one_moment() -> None:
    def copy_or_change(who: int) -> int | None:
        with closing(sqlite3.connect("shop.db")) as db:
            if who == 1:
                with closing(sqlite3.connect("copy.db")) as copy:
                    db.backup(copy)
                    return int(copy.execute("select count(*) from log").fetchone()[0])
            with db:
                db.executemany("insert into log values (?)", [("a",), ("b",)])
        return None

    counts = set()
    found = explored(copy_or_change, reset=laid_out, invariant=lambda returned: counts.add(returned[0]))
    assert found.verdict.valid
    assert counts == {0, 2}


@pytest.fixture
def quick() -> Iterator[Path]:
    with TemporaryDirectory(dir=fastest()) as folder, chdir(folder):
        yield Path(folder)


@pytest.mark.slow
def test_an_engine_of_a_module_is_as_new_in_each_execution(quick: Path) -> None:
    racy, locking = create_engine("sqlite:///shop.db"), create_engine("sqlite:///shop.db")

    @event.listens_for(locking, "connect")
    def set_up(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None

    @event.listens_for(locking, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("begin immediate")

    def take(engine: Any) -> bool:
        with engine.begin() as connection:
            n = connection.execute(text("select n from stock")).scalar_one()
            connection.execute(text("update stock set n = :n"), {"n": max(n - 1, 0)})
        return bool(n)

    def take_left() -> bool:
        with racy.begin() as connection:
            return connection.execute(text("update stock set n = n - 1 where n > 0")).rowcount == 1

    settings: Any = {"reset": lambda: laid_out(quick), "folder": None}
    found = explored(lambda: take(racy), **settings).finding
    assert found is not None
    assert found.anomalies[0].name == "lost update"
    for right in (lambda: take(locking), take_left):
        assert explored(right, returned=lambda told: told.count(True) == 1, **settings).verdict.valid


def test_what_is_left_uncommitted_is_rolled_back_as_the_process_ends() -> None:
    kept = list[sqlite3.Connection]()

    def forget(who: int) -> None:
        kept[:] = [sqlite3.connect("shop.db")]
        kept[0].execute("update stock set n = n - 1")

    def unchanged(folder: Path) -> bool:
        with closing(sqlite3.connect(folder / "shop.db")) as db:
            (n,) = db.execute("select n from stock").fetchone()
            return bool(n == 1)

    assert explored(forget, reset=laid_out, invariant=unchanged).verdict.valid


def test_a_connection_from_before_the_processes_is_an_error(tmp_path: Path) -> None:
    laid_out(tmp_path)
    with closing(sqlite3.connect(tmp_path / "shop.db")) as early:
        with pytest.raises(TicketlabError, match=r"the connection to .*shop.db was opened before the processes were"):
            explored(lambda: early.execute("select n from stock").fetchone())
        assert early.execute("select n from stock").fetchone() == (1,)


def test_a_connection_that_reset_opened_is_an_error() -> None:
    kept = list[sqlite3.Connection]()

    def reset(folder: Path) -> None:
        laid_out(folder)
        kept[:] = [sqlite3.connect(folder / "shop.db")]

    with pytest.raises(UsageError, match="open it in the function"):
        explored(lambda: kept[0].execute("select n from stock").fetchone(), INLINE, reset=reset)


@pytest.mark.parametrize("wrong", [False, True])
def test_nothing_is_left_of_the_probe(wrong: bool) -> None:
    def reset(folder: Path) -> None:
        if wrong:
            raise RuntimeError
        laid_out(folder)

    before = sqlite3.connect
    if wrong:
        with pytest.raises(UsageError, match="reset raises RuntimeError"):
            explored(take_if_left, reset=reset)
    else:
        explored(take_if_left, reset=reset)
    assert sqlite3.connect is before is sqlite3.dbapi2.connect is connect_as_it_was
    with closing(sqlite3.connect(":memory:")) as db:
        assert type(db) is sqlite3.Connection


def test_a_database_that_sqlite_did_not_open_through_the_probe_is_unseen() -> None:
    def through_a_tool(who: int) -> None:
        engine = create_engine("sqlite:///shop.db", poolclass=NullPool, creator=lambda: sqlite3.Connection("shop.db"))
        with engine.begin() as connection:
            connection.execute(text("update stock set n = n - 1"))

    found = explored(through_a_tool, reset=laid_out)
    assert found.verdict.valid is None
    assert "shop.db" in found.verdict.reason
