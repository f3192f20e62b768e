"""Where transactions begin and end: the search has the outcomes of all interleavings of the calls of SQLite."""

from __future__ import annotations

from contextlib import chdir
from sqlite3 import Connection
from tempfile import TemporaryDirectory
from typing import Final

import pytest

from tests.probes.function_sql import explored_outcomes
from tests.probes.sql_scripts import Part, script_of
from tests.probes.sql_threads import all_outcomes
from ticketlab.lab.artifacts.race_folder import fastest

ADDER: Final = Part(("add", "close"))
PARTS: Final = {
    "a transaction that has only read is over after its commit, in a log too": (
        "wal",
        (Part(("begin", "select", "commit", "select", "add")), ADDER),
    ),
    "what is fetched without a database keeps none locked": (
        "delete",
        (Part(("begin", "open constants", "select", "COMMIT", "select", "select")), ADDER),
    ),
    "nor does it in a log": (
        "wal",
        (Part(("begin", "open constants", "select", "COMMIT", "select", "select")), ADDER),
    ),
    "to roll back nothing leaves what is being read locked": (
        "delete",
        (
            Part(("exclusive", "index", "close"), "EXCLUSIVE"),
            Part(("open", "with fail", "upsert", "shut all"), None, 7.0),
        ),
    ),
    "the driver is told to begin nothing while a change returns rows": (
        "delete",
        (Part(("open cte", "none level", "in", "rest", "add", "close"), ""), Part(("add", "select", "close"), "")),
    ),
    "and is asked for a transaction then": (
        "delete",
        (Part(("open cte", "none level", "begin", "add", "rest", "COMMIT", "add"), ""), Part(("select", "add"))),
    ),
    "a script is made while a change returns rows": (
        "delete",
        (Part(("open cte", "script", "in", "rest", "add", "close"), ""), Part(("add", "select", "close"))),
    ),
    "and begins a transaction, which stays open": (
        "wal",
        (
            Part(("open cte", "open script", "in", "rest", "add", "commit", "close"), ""),
            Part(("add", "select", "close")),
        ),
    ),
    "a cursor that is used again ends what it was fetching first": (
        "delete",
        (Part(("open", "reuse", "add"), None, 0.0), Part(("select", "add", "close"))),
    ),
    "a statement that cannot be prepared keeps nobody out, not even for a moment": (
        "wal",
        (Part(("clash", "upsert", "ROLLBACK"), "EXCLUSIVE"), Part(("column", "make", "close"), None, 0.0)),
    ),
    "sessions of SQLAlchemy read, commit, and change what they read": (
        "delete",
        (
            Part(("select", "commit", "add", "commit", "close"), "", pool="NullPool"),
            Part(("with add", "second add", "shut all"), "", 7.0, pool=""),
        ),
    ),
    "what SQLAlchemy leaves open ends with its function": (
        "wal",
        (
            Part(("exclusive", "insert u", "open"), "IMMEDIATE", pool=""),
            Part(("begin", "none", "rollback", "close"), "EXCLUSIVE", 7.0, pool="NullPool"),
        ),
    ),
}

AUTOCOMMIT: Final = {
    "a driver that is to commit at once commits what it has begun": (
        "delete",
        (Part(("when told", "add", "at once", "in", "add")), Part(("select", "add", "close"))),
    ),
    "and leaves alone what the user begins": (
        "delete",
        (Part(("at once", "begin", "add", "commit", "in", "rollback", "COMMIT", "with add")), Part(("select", "add"))),
    ),
    "a driver that commits when told has always begun": (
        "delete",
        (Part(("when told", "select", "commit", "with add", "in", "with fail", "close"), ""), ADDER),
    ),
    "in a log too, where the release of a savepoint is no commit": (
        "wal",
        (Part(("when told", "save", "add", "release", "in", "rollback", "select"), timeout=0.0), ADDER),
    ),
    "until the user commits by a statement": (
        "wal",
        (Part(("when told", "add", "COMMIT", "in", "add", "commit", "close")), ADDER),
    ),
    "it goes back to its level in the middle": (
        "delete",
        (Part(("when told", "add", "by level", "in", "add", "commit", "add", "close"), ""), Part(("select",))),
    ),
    "a change that returns rows is part of what begins meanwhile": (
        "delete",
        (Part(("open cte", "when told", "in", "rest", "commit", "close")), Part(("select", "add"))),
    ),
}


@pytest.mark.skipif(not hasattr(Connection, "autocommit"), reason="there is no autocommit before Python 3.12")
@pytest.mark.parametrize("name", AUTOCOMMIT)
def test_what_autocommit_does_is_tried_out(name: str) -> None:
    test_transactions_are_tried_out(name)


@pytest.mark.thorough
@pytest.mark.parametrize("name", PARTS)
def test_transactions_are_tried_out(name: str) -> None:
    journal, parts = (PARTS | AUTOCOMMIT)[name]
    scripts = [script_of(part) for part in parts]
    with TemporaryDirectory(dir=fastest()) as folder, chdir(folder):
        every = all_outcomes(journal, scripts, most=20_000)
    assert set(explored_outcomes(journal, scripts).outcomes) == every
