"""Who is refused what others have locked: the reduced search has the outcomes of all interleavings of statements."""

from __future__ import annotations

from contextlib import chdir
from tempfile import TemporaryDirectory
from typing import Final

import pytest

from tests.probes.function_sql import explored_outcomes
from tests.probes.sql_scripts import Part, script_of
from tests.probes.sql_threads import all_outcomes
from ticketlab.lab.artifacts.race_folder import fastest

READER: Final = Part(("open", "shut all"), None, 0.0)
PARTS: Final = {
    "a reader is why another is refused": ("delete", (READER, Part(("exclusive", "commit", "shut all"), None, 0.0))),
    "a reader in a transaction": (
        "delete",
        (
            Part(("begin", "open", "commit", "shut all"), None, 5.0),
            Part(("exclusive", "double", "commit", "shut all"), None, 0.0),
        ),
    ),
    "a reader is no reason in a log": ("wal", (READER, Part(("exclusive", "add", "commit", "shut all"), None, 0.0))),
    "a commit that a reader keeps out": (
        "delete",
        (READER, Part(("immediate", "add", "commit", "shut all"), None, 0.0)),
    ),
    "nobody moves while a change is refused": (
        "delete",
        (
            Part(("select", "shut all"), None, 0.0),
            Part(("add", "shut all"), None, 0.0),
            Part(("select", "shut all"), None, 0.0),
        ),
    ),
    "who is refused a commit keeps new readers out": (
        "delete",
        (
            Part(("select", "shut all"), None, 0.0),
            Part(("immediate", "add", "commit", "shut all"), None, 0.0),
            Part(("select", "shut all"), None, 0.0),
        ),
    ),
    "a change that a reader keeps out": ("delete", (READER, Part(("add", "add", "shut all"), None, 0.0))),
    "a change is committed as its last row is fetched, whatever else is read": (
        "delete",
        (Part(("open", "returning", "wal", "shut all")), Part(("begin", "returning", "commit", "close"), None, 7.0)),
    ),
    "of two changes that return rows both are committed with the later one": (
        "delete",
        (Part(("open returning", "open more returning", "rest", "shut more"), None, 0.0), Part(("add",), None, 0.0)),
    ),
    "a transaction begins while a change returns rows": (
        "wal",
        (Part(("open returning", "begin", "rest", "add", "COMMIT"), None, 0.0), Part(("add",), None, 0.0)),
    ),
    "no transaction is open while a change returns rows": (
        "delete",
        (Part(("open returning", "in", "commit", "COMMIT", "rollback", "rest"), None, 0.0), Part(("add",), None, 0.0)),
    ),
    "what fails ends with its function, whatever it had open": (
        "delete",
        (Part(("open", "with add"), None, 0.0), Part(("returning", "shut all"), None, 7.0)),
    ),
    "nothing is begun for a statement that cannot be prepared": (
        "delete",
        (Part(("insert u", "select"), "EXCLUSIVE", 0.0), Part(("add",), None, 0.0)),
    ),
    "a script may leave a transaction open": (
        "delete",
        (Part(("open script", "open script", "close"), None, 0.0), Part(("select",), None, 7.0)),
    ),
    "who attaches a database reads it, and its own": (
        "delete",
        (Part(("attach", "select o"), None, 0.0), Part(("add", "wal"), None, 0.0)),
    ),
    "who begins an exclusive transaction lets no new reader in": (
        "delete",
        (Part(("open",), None, 0.0), Part(("exclusive",), None, 5.0), Part(("select",), None, 0.0)),
    ),
    "who waits for readers keeps others from changing anything": (
        "delete",
        (Part(("open", "add"), None, 0.0), Part(("exclusive", "commit", "close"), None, 7.0)),
    ),
    "a reader waits for the others before it begins an exclusive transaction": (
        "delete",
        (Part(("open", "exclusive", "commit"), None, 5.0), Part(("open", "shut"), None, 0.0)),
    ),
    "who asks for a setting in a transaction reads": (
        "delete",
        (Part(("save", "version", "commit"), None, 0.0), Part(("add",), None, 0.0)),
    ),
    "a transaction that begins once more fails, and keeps others out": (
        "delete",
        (Part(("make", "index"), None, 0.0), Part(("begin", "immediate", "commit"), None, 0.0)),
    ),
    "a journal that is switched while a row is fetched": (
        "delete",
        (READER, Part(("wal", "select", "shut all"), None, 0.0)),
    ),
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", PARTS)
def test_who_is_refused_is_tried_out(name: str) -> None:
    journal, parts = PARTS[name]
    scripts = [script_of(part) for part in parts]
    with TemporaryDirectory(dir=fastest()) as folder, chdir(folder):
        every = all_outcomes(journal, scripts, most=20_000)
    assert set(explored_outcomes(journal, scripts).outcomes) == every
