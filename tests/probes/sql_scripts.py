"""Python scripts that use SQLite, line by line, and the databases that they use."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import chdir, closing
from pathlib import Path
from textwrap import indent
from typing import Any, Final, NamedTuple

from .alchemy_scripts import alchemy_script_of

FILES: Final = ("t.db", "o.db")
Outcome = tuple[tuple[str, ...], tuple[Any, ...]]
"""What each participant has been answered, and what is in the databases in the end."""


class Part(NamedTuple):
    """A participant: the names of its lines, how its driver begins transactions, and how long it waits, in seconds.

    `pool` says that it speaks through SQLAlchemy, with which class of pools; empty if with the default.
    """

    lines: tuple[str, ...]
    level: Any = None  # as `isolation_level` of a connection
    timeout: float = 5.0
    pool: str | None = None


_BEGINNING: Final = """\
import sqlite3
def play():
    db = sqlite3.connect("t.db", timeout={timeout}, isolation_level={level!r})
    answers, held, more = [], None, None
    def ask(act):
        try:
            answers.append(act())
        except sqlite3.Error as error:
            answers.append(str(error))
"""
_END: Final = "\nreturn str(answers)\n"


def _executed(sql: str, then: str = "and None") -> str:
    return f'ask(lambda: db.execute("{sql}"){then})'


_COUNT: Final = ".rowcount"
_ROW: Final = ".fetchone()"
_WITH: Final = "try:\n    with db:\n        {}\nexcept (sqlite3.Error, KeyError) as error: answers.append(str(error))"
_HELD: Final = (
    "try: {0} = db.execute('{1}'); answers.append({0}.fetchone())\n"
    "except sqlite3.Error as error: answers.append(str(error))"
)
_SCRIPT: Final = "ask(lambda: db.executescript('{}') and None)"
_SECOND: Final = "db2 = sqlite3.connect('t.db', timeout=0)\n"

LINES: Final = {
    "select": _executed("SELECT n FROM t WHERE k = 0", _ROW),
    "all": _executed("SELECT n FROM t", ".fetchall()"),
    "open": _HELD.format("held", "SELECT n FROM t ORDER BY k"),
    "open more": _HELD.format("more", "SELECT n + 100 FROM t ORDER BY k"),
    "open constants": _HELD.format("held", "SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3"),
    "open returning": _HELD.format("held", "UPDATE t SET n = n + 3 RETURNING n"),
    "open more returning": _HELD.format("more", "UPDATE t SET n = n + 7 RETURNING n"),
    "open cte": _HELD.format("held", "WITH c (x) AS (SELECT 9) UPDATE t SET n = n + (SELECT x FROM c) RETURNING n"),
    "next": "ask(lambda: held and held.fetchone())",
    "rest": "ask(lambda: held and held.fetchall())",
    "shut": "ask(lambda: held and held.close())",
    "drop": "held = None",
    "shut more": "ask(lambda: more and more.close())",
    "reuse": "ask(lambda: held and held.execute('SELECT max(n) FROM t').fetchone())",
    "add": _executed("UPDATE t SET n = n + 1 WHERE k = 0", _COUNT),
    "double": _executed("UPDATE t SET n = n * 2 WHERE k = 0", _COUNT),
    "none": _executed("UPDATE t SET n = 9 WHERE k = 7", _COUNT),
    "insert": _executed("INSERT INTO t (n) VALUES (5)", ".lastrowid"),
    "clash": _executed("INSERT INTO t VALUES (0, 5)"),
    "fail": _executed("INSERT OR FAIL INTO t VALUES (3, 6), (0, 6)"),
    "take back": _executed("INSERT OR ROLLBACK INTO t VALUES (0, 6)"),
    "ignore": _executed("INSERT OR IGNORE INTO t VALUES (3, 8)", _COUNT),
    "upsert": _executed("INSERT INTO t VALUES (0, 5) ON CONFLICT (k) DO UPDATE SET n = n + 5", _COUNT),
    "replace": _executed("REPLACE INTO t VALUES (3, 4)", _COUNT),
    "delete": _executed("DELETE FROM t WHERE n > 3", _COUNT),
    "returning": _executed("UPDATE t SET n = n + 3 WHERE k = 0 RETURNING n", _ROW),
    "cte": _executed("WITH c (x) AS (SELECT 2) UPDATE t SET n = n + (SELECT x FROM c) WHERE k = 0", _COUNT),
    "many": "ask(lambda: db.executemany('UPDATE t SET n = n + ? WHERE k = ?', [(1, 0), (2, 1)]).rowcount)",
    "script": _SCRIPT.format("UPDATE t SET n = n + 1 WHERE k = 0; UPDATE t SET n = n * 3 WHERE k = 1;"),
    "safe script": _SCRIPT.format("BEGIN IMMEDIATE; UPDATE t SET n = n + 1 WHERE k = 0; COMMIT;"),
    "open script": _SCRIPT.format("BEGIN; UPDATE t SET n = n + 1 WHERE k = 0;"),
    "begin": _executed("BEGIN"),
    "immediate": _executed("BEGIN IMMEDIATE"),
    "exclusive": _executed("BEGIN EXCLUSIVE"),
    "COMMIT": _executed("COMMIT"),
    "ROLLBACK": _executed("ROLLBACK"),
    "commit": "ask(lambda: db.commit())",
    "rollback": "ask(lambda: db.rollback())",
    "save": _executed("SAVEPOINT s"),
    "back": _executed("ROLLBACK TO s"),
    "release": _executed("RELEASE s"),
    "with add": _WITH.format('answers.append(db.execute("UPDATE t SET n = n + 1 WHERE k = 0").rowcount)'),
    "with select": _WITH.format('answers.append(db.execute("SELECT n FROM t WHERE k = 0").fetchone())'),
    "with fail": _WITH.format('db.execute("UPDATE t SET n = n + 1 WHERE k = 0"); raise KeyError(1)'),
    "wal": _executed("PRAGMA journal_mode = WAL", _ROW),
    "rollback journal": _executed("PRAGMA journal_mode = DELETE", _ROW),
    "vacuum": _executed("VACUUM"),
    "version": _executed("PRAGMA user_version", _ROW),
    "set version": _executed("PRAGMA user_version = 5"),
    "make": _executed("CREATE TABLE IF NOT EXISTS u (n)"),
    "make strictly": _executed("CREATE TABLE u (n)"),
    "unmake": _executed("DROP TABLE IF EXISTS u"),
    "index": _executed("CREATE INDEX IF NOT EXISTS i ON t (n)"),
    "column": _executed("ALTER TABLE t ADD COLUMN m DEFAULT 0"),
    "insert u": _executed("INSERT INTO u VALUES (1)", _COUNT),
    "select u": _executed("SELECT count(*) FROM u", _ROW),
    "temp": _executed("CREATE TEMP TABLE IF NOT EXISTS p (n)"),
    "insert p": _executed("INSERT INTO p VALUES (1)", _COUNT),
    "attach": _executed("ATTACH 'o.db' AS o"),
    "detach": _executed("DETACH o"),
    "select o": _executed("SELECT n FROM o.v", _ROW),
    "add o": _executed("UPDATE o.v SET n = n + 1", _COUNT),
    "copy": _executed("UPDATE o.v SET n = n + (SELECT n FROM t WHERE k = 0)", _COUNT),
    "open o": _HELD.format("held", "SELECT k, v.n FROM o.v, t ORDER BY k"),
    "in": "ask(lambda: db.in_transaction)",
    "total": "ask(lambda: db.total_changes)",
    "none level": "ask(lambda: setattr(db, 'isolation_level', None))",
    "deferred level": "db.isolation_level = 'DEFERRED'",
    "immediate level": "db.isolation_level = 'IMMEDIATE'",
    "at once": "ask(lambda: setattr(db, 'autocommit', True))",
    "when told": "ask(lambda: setattr(db, 'autocommit', False))",
    "by level": "ask(lambda: setattr(db, 'autocommit', sqlite3.LEGACY_TRANSACTION_CONTROL))",
    "no wait": _executed("PRAGMA busy_timeout = 0"),
    "wait": _executed("PRAGMA busy_timeout = 3000"),
    "second": _SECOND + "ask(lambda: db2.execute('SELECT n FROM t WHERE k = 0').fetchone())\ndb2.close()",
    "second add": _SECOND
    + "ask(lambda: db2.execute('UPDATE t SET n = n + 9 WHERE k = 0').rowcount)\nask(lambda: db2.commit())\ndb2.close()",
    "uncommitted": _executed("PRAGMA read_uncommitted = 1"),
    "checkpoint": _executed("PRAGMA wal_checkpoint", ".fetchone()[0]"),
    "full": _executed("PRAGMA wal_checkpoint(FULL)", ".fetchone()[0]"),
    "restart": _executed("PRAGMA wal_checkpoint = RESTART", ".fetchone()[0]"),
    "keep": _executed("PRAGMA locking_mode = EXCLUSIVE", _ROW),
    "let go": _executed("PRAGMA main.locking_mode=normal", _ROW),
    "explain": _executed("EXPLAIN UPDATE t SET n = 0", " and None"),
    "truncate": _executed("PRAGMA wal_checkpoint(TRUNCATE)", ".fetchone()[0]"),
    "close": "ask(lambda: db.close())",
    "shut all": "ask(lambda: (held and held.close(), more and more.close(), db.close())[2])",
}
"""The lines by their names."""


def script_of(part: Part) -> str:
    """Return the script of one participant."""
    if part.pool is not None:
        return alchemy_script_of(part.lines, part.level, part.timeout, part.pool)
    beginning = _BEGINNING.format(timeout=part.timeout, level=part.level)
    return beginning + indent("\n".join(LINES[name] for name in part.lines) + _END, "    ")


def function_of(script: str, name: str) -> Callable[[], str]:
    """Return a script's function, which returns what it has been answered."""
    space: dict[str, Any] = {}
    exec(compile(script, name, "exec"), space)
    play: Callable[[], str] = space["play"]
    return play


def lay_out(folder: Path, journal: str) -> None:
    """Make the databases anew."""
    for name in FILES:
        for old in folder.glob(f"{name}*"):
            old.unlink()
    with closing(sqlite3.connect(folder / "t.db")) as db:
        db.execute(f"PRAGMA journal_mode = {journal}")
        db.executescript("CREATE TABLE t (k INTEGER PRIMARY KEY, n); INSERT INTO t VALUES (0, 1), (1, 1), (2, 1);")
    with closing(sqlite3.connect(folder / "o.db")) as db:
        db.execute(f"PRAGMA journal_mode = {journal}")
        db.executescript("CREATE TABLE v (n); INSERT INTO v VALUES (1);")


def contents_of(folder: Path) -> tuple[Any, ...]:
    """Return what is in the databases of a folder."""
    with chdir(folder):
        return contents()


def contents() -> tuple[Any, ...]:
    """Return what is in the databases of the working folder."""
    rows: list[Any] = []
    for name in FILES:
        with closing(sqlite3.connect(name)) as db:
            tables = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").fetchall()
            rows += [(table, *db.execute(f"SELECT * FROM {table} ORDER BY 1")) for (table,) in tables]
            rows.append(db.execute("PRAGMA user_version").fetchone()[0])
    return tuple(rows)
