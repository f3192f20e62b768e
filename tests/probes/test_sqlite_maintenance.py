"""What is done to databases as a whole: nothing happens that cannot, and nothing is claimed that was not tried."""

from __future__ import annotations

import sqlite3
from contextlib import chdir, closing, suppress
from tempfile import TemporaryDirectory
from typing import Final

import pytest

from tests.lab.plain.test_explore import explored
from tests.probes.function_sql import explored_outcomes
from tests.probes.sql_scripts import Part, script_of
from tests.probes.sql_threads import all_outcomes
from ticketlab.core.errors import TicketlabError
from ticketlab.lab.artifacts.race_folder import fastest

WRITER: Final = Part(("begin", "select", "add", "commit"), None, 7.0)
READER: Final = Part(("open", "shut", "add"), None, 7.0)
COPIES: Final = "process 1 copies a log into its database: what keeps it was not tried"
PARTS: Final = {
    "a checkpoint waits for who writes": ("wal", Part(("add", "truncate")), WRITER, COPIES),
    "a checkpoint waits for who reads": ("wal", Part(("add", "full")), READER, COPIES),
    "a checkpoint without a time-out": ("wal", Part(("add", "restart"), None, 0.0), READER, COPIES),
    "a checkpoint of what it can": ("wal", Part(("add", "checkpoint")), READER, COPIES),
    "without a log there is nothing to copy": ("delete", Part(("add", "truncate")), READER, ""),
    "who keeps nothing locked": ("delete", Part(("let go", "add", "select", "shut all")), READER, ""),
    "what is explained is not done": (
        "wal",
        Part(("begin", "explain", "select", "COMMIT", "explain", "add")),
        READER,
        "",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PARTS)
def test_what_was_not_tried_is_said(name: str) -> None:
    journal, one, other, told = PARTS[name]
    scripts = [script_of(one), script_of(other)]
    with TemporaryDirectory(dir=fastest()) as folder, chdir(folder):
        every = all_outcomes(journal, scripts, most=20_000)
    found = explored_outcomes(journal, scripts)
    assert found.outcomes.keys() <= every
    assert found.untried == ({told} if told else frozenset())
    assert told or found.outcomes.keys() == every


@pytest.mark.parametrize("options", ["cache=shared", "nolock=1", "immutable=1", "mode=memory&cache=shared"])
def test_connections_that_keep_nobody_out_as_others_do_are_refused(options: str) -> None:
    def use(who: int) -> None:
        with suppress(Exception):
            sqlite3.connect(f"file:shop.db?{options}", uri=True)

    with pytest.raises(TicketlabError, match="does not see how connections to file:shop"):
        explored(use)


@pytest.mark.parametrize("sql", ["PRAGMA locking_mode = EXCLUSIVE", "pragma/**/\"main\".locking_mode('exclusive')"])
def test_a_database_that_stays_locked_after_a_transaction_is_refused(sql: str) -> None:
    def use(who: int) -> None:
        with closing(sqlite3.connect("shop.db")) as db, suppress(Exception):
            db.execute(sql)

    with pytest.raises(TicketlabError, match=r"does not see what stays locked after a transaction: (?i:pragma)"):
        explored(use)
