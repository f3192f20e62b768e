"""SQL by statement comes to what the interleavings of statements come to, tried out in one process."""

from __future__ import annotations

from contextlib import chdir
from pathlib import Path
from typing import Final

import pytest

from tests.probes.sql_scripts import Part, contents_of, lay_out, script_of
from tests.probes.sql_threads import all_outcomes as calls_outcomes
from ticketlab.explorer.policies.dpor import SourceSets
from ticketlab.explorer.search import search
from ticketlab.gate.database_locks import calls_on, is_of_database
from ticketlab.lab.programs.executor import ProgramExecutor
from ticketlab.lab.programs.program import Program

from .sql_interleavings import Side, all_outcomes
from .sql_interleavings import script_of as side_script_of
from .told_sql import program_of, searched, told_outcomes

SIDES: Final = {
    "both read, then change": ("delete", (Side(("select", "double"), None, 5.0), Side(("select", "add"), None, 7.0))),
    "a commit waits for a reader": ("delete", (Side(("open", "add"), None, 5.0), Side(("add",), None, 7.0))),
    "a reader becomes a writer": (
        "delete",
        (Side(("begin", "select", "add", "commit"), None, 5.0), Side(("immediate", "double"), None, 7.0)),
    ),
    "the driver begins": ("wal", (Side(("add", "select", "commit"), "", 5.0), Side(("double", "commit"), "", 7.0))),
    "a snapshot is stale": (
        "wal",
        (Side(("begin", "select", "add", "commit"), None, 5.0), Side(("double",), None, 7.0)),
    ),
    "a change that returns rows": (
        "delete",
        (Side(("returning",), None, 5.0), Side(("open", "add"), None, 7.0)),
    ),
    "a reader is why another is refused": (
        "delete",
        (Side(("begin", "open", "commit"), None, 5.0), Side(("exclusive", "double", "commit"), None, 0.0)),
    ),
    "a journal is switched": ("delete", (Side(("wal", "none"), "", 5.0), Side(("none", "add"), "", 7.0))),
    "nobody waits": (
        "wal",
        (Side(("immediate", "add", "rollback"), None, 0.0), Side(("add", "insert"), None, 0.0)),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SIDES)
def test_statements_come_to_what_their_interleavings_come_to(name: str, tmp_path: Path) -> None:
    journal, sides = SIDES[name]
    found = told_outcomes(tmp_path / "told", journal, sides)
    assert set(found.outcomes) == all_outcomes(tmp_path, journal, sides)
    assert found.outside == (), "memory that SQLite maps for itself was told as unseen"


SCRIPTS: Final = {
    "others move between a commit that is refused and its rollback": (
        "delete",
        (Part(("select", "shut", "select"), None, 0.0), Part(("deferred level", "with add", "shut all"), None, 0.0)),
    ),
    "a database is kept locked after its transactions": (
        "delete",
        (Part(("keep", "add", "select", "shut all")), Part(("add", "select", "shut all"), None, 7.0)),
    ),
    "a script is made while a change returns rows": (
        "delete",
        (Part(("open cte", "script", "rest", "shut all"), ""), Part(("add", "select", "shut all"))),
    ),
    "a log is copied": (
        "wal",
        (Part(("add", "truncate", "shut all")), Part(("open", "select", "shut all"), None, 7.0)),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_come_to_what_the_interleavings_of_their_calls_come_to(name: str, tmp_path: Path) -> None:
    journal, parts = SCRIPTS[name]
    scripts = [script_of(part) for part in parts]
    with chdir(tmp_path):
        every = calls_outcomes(journal, scripts, 20_000)
    lay_out(tmp_path, journal)
    for number, script in enumerate(scripts):
        (tmp_path / f"side{number}.py").write_text(f"{script}print(play())\n")
    commands = tuple(("python", f"side{number}.py") for number in range(len(scripts)))
    found = searched(Program(commands=commands, folder=tmp_path), contents_of)
    assert found.outcomes.keys() <= every
    assert found.outside or found.outcomes.keys() == every
    assert bool(found.outside) == (name == "a log is copied")


def test_a_database_that_somebody_uses_without_a_word_is_taken_call_by_call(tmp_path: Path) -> None:
    side = Side(("add",), None, 5.0)
    program = program_of(tmp_path / "told", "delete", (side, side))
    assert program.folder is not None
    untold = side_script_of(side).replace("db = sqlite3.connect", "import _sqlite3; db = _sqlite3.connect")
    (program.folder / "side1.py").write_text(untold)
    steps: list[list[str]] = []
    with ProgramExecutor(program) as executor:
        for _ in range(2):
            steps += [list(execution.steps) for execution in search(executor, SourceSets(), 1)]
        assert calls_on("t.db") in executor.points
    assert steps[1].count("acquire record lock on t.db") > len(SIDES), "the calls of both sides are no steps"


def test_which_resources_are_of_a_database() -> None:
    mine = ["t.db", "name:t.db-journal", "record lock on t.db-shm", "t.db-wal#2", "name:t.db-mj0123ABCD"]
    others = ["t.db2", "name:t.db.bak", "t", "record lock on u.db"]
    assert [name for name in (*mine, *others) if is_of_database(name, "t.db")] == mine
