"""Programs over SQLite explored by statement: wrong ones are told by the table, right ones proved."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.programs.explore import explore_program, replay_program
from ticketlab.lab.programs.program import Program
from ticketlab.lab.programs.results import ProgramExploration

_OPENS: Final = "import sqlite3, sys\ndb = sqlite3.connect('shop.db'{options})\n"
CLAIM: Final = _OPENS.format(options="") + (
    "job = db.execute('SELECT id FROM job WHERE worker IS NULL').fetchone()\n"
    "if job:\n"
    "    with db: done = db.execute('UPDATE job SET worker = ? WHERE id = ?{guard}', (sys.argv[1], job[0])).rowcount\n"
    "    if done: open(f'done.{{sys.argv[1]}}', 'w').close()\n"
)
RIGHT: Final = {
    "guarded": CLAIM.format(guard=" AND worker IS NULL"),
    "immediate": CLAIM.format(guard="").replace("job = ", "db.execute('BEGIN IMMEDIATE')\njob = "),
    "relative": _OPENS.format(options="")
    + "print(db.execute('SELECT n FROM stock').fetchone())\n"
    + "with db: db.execute('UPDATE stock SET n = n - 1 WHERE n > 0')\n",
    "optimistic": _OPENS.format(options=", isolation_level=None")
    + "done = 0\nwhile not done:\n"
    + "    n, v = db.execute('SELECT n, version FROM stock').fetchone()\n"
    + "    done = db.execute('UPDATE stock SET n = ?, version = ? WHERE version = ?', (n - 1, v + 1, v)).rowcount\n",
    "script": _OPENS.format(options="")
    + "db.executescript('BEGIN IMMEDIATE; UPDATE stock SET n = n - 1; COMMIT')\n"
    + "with db: db.executemany('INSERT INTO job (worker) VALUES (?)', [('x',), ('y',)])\n"
    + "for row in db.execute('SELECT id FROM job'): break\n",
}


def explored(folder: Path, script: str, journal: str) -> ProgramExploration:
    with closing(sqlite3.connect(folder / "shop.db")) as db:
        db.execute(f"PRAGMA journal_mode = {journal}")
        db.executescript(
            "CREATE TABLE job (id INTEGER PRIMARY KEY, worker); INSERT INTO job VALUES (1, NULL);"
            "CREATE TABLE stock (n, version); INSERT INTO stock VALUES (5, 0)"
        )
    (folder / "work.py").write_text(script)
    commands = tuple(("python", "work.py", who) for who in ("ann", "bob"))
    return explore_program(Program(commands=commands, folder=folder), ExploreOptions(executor="program"))


@pytest.mark.slow
@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_job_that_two_claim_is_a_lost_update_of_its_table(journal: str, tmp_path: Path) -> None:
    found = explored(tmp_path, CLAIM.format(guard=""), journal)
    anomaly = found.verdict.anomalies[0]
    assert (anomaly.name, anomaly.evidence["path"]) == ("lost update", "job in shop.db")
    assert found.finding is not None
    assert [each.name for each in replay_program(found.finding.case).anomalies] == ["lost update"]


@pytest.mark.slow
@pytest.mark.parametrize("name", RIGHT)
def test_right_programs_are_proved(name: str, tmp_path: Path) -> None:
    found = explored(tmp_path, RIGHT[name], "wal" if name == "immediate" else "delete")
    assert (found.verdict.valid, found.outside) == (True, [])
