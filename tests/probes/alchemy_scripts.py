"""The lines of scripts that use SQLite, as they are spoken through SQLAlchemy."""

from __future__ import annotations

from textwrap import indent
from typing import Any, Final

_BEGINNING: Final = """\
import sqlite3
import sqlalchemy
from sqlalchemy.pool import NullPool
def play():
    engine = sqlalchemy.create_engine(
        "sqlite:///t.db", connect_args={{"timeout": {timeout}, "isolation_level": {level!r}}}{pool}
    )
    db = engine.connect()
    answers, held, more, inner = [], None, None, None
    def ask(act):
        try:
            answers.append(act())
        except sqlalchemy.exc.DBAPIError as error:
            answers.append(str(error.orig))
        except sqlalchemy.exc.SQLAlchemyError as error:
            answers.append(type(error).__name__)
    def run(sql, *rows):
        return db.execute(sqlalchemy.text(sql), *rows)
    def row(found):
        return found and tuple(found)
    def hold(sql):
        found = run(sql)
        answers.append(row(found.fetchone()))
        return found
    def add(other):
        return other.execute(sqlalchemy.text("UPDATE t SET n = n + 1 WHERE k = 0")).rowcount
"""
_END: Final = "\nreturn str(answers)\n"


def _run(sql: str, then: str = " and None") -> str:
    return f'ask(lambda: run("{sql}"){then})'


def _first(sql: str) -> str:
    return f'ask(lambda: row(run("{sql}").first()))'


def _held(name: str, sql: str) -> str:
    return (
        f"try: {name} = hold('{sql}')\n"
        "except sqlalchemy.exc.DBAPIError as error: answers.append(str(error.orig))\n"
        "except sqlalchemy.exc.SQLAlchemyError as error: answers.append(type(error).__name__)"
    )


_COUNT: Final = ".rowcount"

ALCHEMY_LINES: Final = {
    "select": _first("SELECT n FROM t WHERE k = 0"),
    "all": 'ask(lambda: [row(each) for each in run("SELECT n FROM t").fetchall()])',
    "open": _held("held", "SELECT n FROM t ORDER BY k"),
    "open more": _held("more", "SELECT n + 100 FROM t ORDER BY k"),
    "open constants": _held("held", "SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3"),
    "open returning": _held("held", "UPDATE t SET n = n + 3 RETURNING n"),
    "open cte": _held("held", "WITH c (x) AS (SELECT 9) UPDATE t SET n = n + (SELECT x FROM c) RETURNING n"),
    "next": "ask(lambda: held and row(held.fetchone()))",
    "rest": "ask(lambda: held and [row(each) for each in held.fetchall()])",
    "shut": "ask(lambda: held and held.close())",
    "shut more": "ask(lambda: more and more.close())",
    "add": _run("UPDATE t SET n = n + 1 WHERE k = 0", _COUNT),
    "double": _run("UPDATE t SET n = n * 2 WHERE k = 0", _COUNT),
    "none": _run("UPDATE t SET n = 9 WHERE k = 7", _COUNT),
    "insert": _run("INSERT INTO t (n) VALUES (5)", _COUNT),
    "clash": _run("INSERT INTO t VALUES (0, 5)"),
    "fail": _run("INSERT OR FAIL INTO t VALUES (3, 6), (0, 6)"),
    "take back": _run("INSERT OR ROLLBACK INTO t VALUES (0, 6)"),
    "ignore": _run("INSERT OR IGNORE INTO t VALUES (3, 8)", _COUNT),
    "upsert": _run("INSERT INTO t VALUES (0, 5) ON CONFLICT (k) DO UPDATE SET n = n + 5", _COUNT),
    "replace": _run("REPLACE INTO t VALUES (3, 4)", _COUNT),
    "delete": _run("DELETE FROM t WHERE n > 3", _COUNT),
    "returning": _first("UPDATE t SET n = n + 3 WHERE k = 0 RETURNING n"),
    "cte": _run("WITH c (x) AS (SELECT 2) UPDATE t SET n = n + (SELECT x FROM c) WHERE k = 0", _COUNT),
    "many": "ask(lambda: run('UPDATE t SET n = n + :a WHERE k = :k', [{'a': 1, 'k': 0}, {'a': 2, 'k': 1}]).rowcount)",
    "begin": _run("BEGIN"),
    "immediate": _run("BEGIN IMMEDIATE"),
    "exclusive": _run("BEGIN EXCLUSIVE"),
    "COMMIT": _run("COMMIT"),
    "ROLLBACK": _run("ROLLBACK"),
    "commit": "ask(lambda: db.commit())",
    "rollback": "ask(lambda: db.rollback())",
    "save": "try: inner = db.begin_nested()\n"
    "except sqlalchemy.exc.SQLAlchemyError as error: answers.append(type(error).__name__)",
    "back": "ask(lambda: inner and inner.rollback())",
    "release": "ask(lambda: inner and inner.commit())",
    "with add": "try:\n    with db.begin(): answers.append(add(db))\n"
    "except sqlalchemy.exc.DBAPIError as error: answers.append(str(error.orig))\n"
    "except sqlalchemy.exc.SQLAlchemyError as error: answers.append(type(error).__name__)",
    "with fail": "try:\n    with engine.begin() as other:\n        answers.append(add(other)); raise KeyError(1)\n"
    "except sqlalchemy.exc.DBAPIError as error: answers.append(str(error.orig))\n"
    "except KeyError as error: answers.append(str(error))",
    "second": "try:\n    with engine.connect() as other: answers.append(add(other))\n"
    "except sqlalchemy.exc.DBAPIError as error: answers.append(str(error.orig))",
    "second add": "try:\n    with engine.begin() as other: answers.append(add(other))\n"
    "except sqlalchemy.exc.DBAPIError as error: answers.append(str(error.orig))",
    "none level": "ask(lambda: db.execution_options(isolation_level='AUTOCOMMIT') and None)",
    "deferred level": "ask(lambda: db.execution_options(isolation_level='SERIALIZABLE') and None)",
    "wal": _first("PRAGMA journal_mode = WAL"),
    "rollback journal": _first("PRAGMA journal_mode = DELETE"),
    "make": _run("CREATE TABLE IF NOT EXISTS u (n)"),
    "unmake": _run("DROP TABLE IF EXISTS u"),
    "insert u": _run("INSERT INTO u VALUES (1)", _COUNT),
    "select u": _first("SELECT count(*) FROM u"),
    "attach": _run("ATTACH 'o.db' AS o"),
    "select o": _first("SELECT n FROM o.v"),
    "add o": _run("UPDATE o.v SET n = n + 1", _COUNT),
    "in": "ask(lambda: db.in_transaction())",
    "reuse": "ask(lambda: db.close())\ndb = engine.connect()",
    "close": "ask(lambda: db.close())",
    "shut all": "ask(lambda: (held and held.close(), more and more.close(), db.close(), engine.dispose())[3])",
}
"""The lines by their names, which mean the same as those of `sql_scripts`, or what SQLAlchemy has for it."""


def alchemy_script_of(lines: tuple[str, ...], level: Any, timeout: float, pool: str) -> str:
    """Return the script of one participant; `pool` is the name of a class of pools, or empty for the default."""
    pool = f", poolclass={pool}" if pool else ""
    beginning = _BEGINNING.format(timeout=timeout, level=level, pool=pool)
    return beginning + indent("\n".join(ALCHEMY_LINES[name] for name in lines) + _END, "    ")
