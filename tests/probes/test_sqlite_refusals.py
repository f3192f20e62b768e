"""Who is refused what others have locked: the reduced search has the outcomes of all interleavings of statements."""

from __future__ import annotations

import os
import sqlite3
from contextlib import chdir, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest

from tests.gate.inside.sql_interleavings import Side, all_outcomes
from tests.probes.function_sql import explored_outcomes
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.artifacts.race_folder import fastest
from ticketlab.lab.plain.explore import explore_plain
from ticketlab.lab.plain.function import PlainFunction

READER: Final = Side(("open",), None, 0.0)
SIDES: Final = {
    "a reader is why another is refused": ("delete", (READER, Side(("exclusive", "commit"), None, 0.0))),
    "a reader in a transaction": (
        "delete",
        (Side(("begin", "open", "commit"), None, 5.0), Side(("exclusive", "double", "commit"), None, 0.0)),
    ),
    "a reader is no reason in a log": ("wal", (READER, Side(("exclusive", "add", "commit"), None, 0.0))),
    "a commit that a reader keeps out": ("delete", (READER, Side(("immediate", "add", "commit"), None, 0.0))),
    "nobody moves while a change is refused": (
        "delete",
        (Side(("select",), None, 0.0), Side(("add",), None, 0.0), Side(("select",), None, 0.0)),
    ),
    "who is refused a commit keeps new readers out": (
        "delete",
        (Side(("select",), None, 0.0), Side(("immediate", "add", "commit"), None, 0.0), Side(("select",), None, 0.0)),
    ),
    "a change that a reader keeps out": ("delete", (READER, Side(("add", "add"), None, 0.0))),
    "a journal that is switched while a row is fetched": ("delete", (READER, Side(("wal", "select"), None, 0.0))),
}


@pytest.mark.parametrize("name", SIDES)
def test_who_is_refused_is_tried_out(name: str) -> None:
    journal, sides = SIDES[name]
    with TemporaryDirectory(dir=fastest()) as folder, chdir(folder):
        every = all_outcomes(Path(folder), journal, sides)
    assert set(explored_outcomes(journal, sides).outcomes) == every


def test_an_exclusive_begin_that_waits_for_readers_proves_nothing() -> None:
    """It lets no new reader in while it waits, which is not tried."""

    def lay_out(folder: Path) -> None:
        with closing(sqlite3.connect(folder / "t.db")) as database:
            database.execute("CREATE TABLE t (n)")
            database.executemany("INSERT INTO t VALUES (?)", [(1,), (2,)])
            database.commit()

    def meet(who: int) -> None:
        with closing(sqlite3.connect("t.db", isolation_level=None, timeout=0 if who == 3 else 5)) as database:
            if who == 1:
                rows = database.execute("SELECT n FROM t")
                assert rows.fetchone()
                Path("reading").touch()
                Path("seen").write_text(str(os.path.exists("refused")))
                assert rows.fetchall()
            elif who == 2:
                database.execute("BEGIN EXCLUSIVE")
                database.execute("COMMIT")
            elif os.path.exists("reading"):
                try:
                    database.execute("SELECT n FROM t").fetchall()
                except sqlite3.OperationalError:
                    Path("refused").touch()

    plain = PlainFunction(function=meet, reset=lay_out, processes=3)
    found = explore_plain(plain, ExploreOptions(executor="processes", executions=500))
    assert found.valid is None
    assert "that it keeps out new ones was not tried" in found.verdict.reason
