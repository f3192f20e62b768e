"""What statements do to a database as a whole: settings, checkpoints, attached files, time-outs."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from sqlite3 import Connection, Cursor
from typing import Any, Final, Literal, TypeVar

from ticketlab.core import pacing
from ticketlab.core.pacing import BLOCKED, UNTRIED, Blocked
from ticketlab.core.sql_statements import Statement
from ticketlab.probes.here import HERE
from ticketlab.probes.refusals import refuse
from ticketlab.probes.sqlite.databases import Database, Databases, open_database
from ticketlab.probes.sqlite.transactions import Transactions, is_active, is_refused
from ticketlab.probes.waiting import TIMED_OUT, wait_for

T = TypeVar("T")
_PATH: Final = re.compile(r"""attach\s+(?:database\s+)?('(?:[^']|'')*'|"[^"]*"|\?|[:@$]\w+)\s+as\b""", re.IGNORECASE)


def _create(path: str) -> None:
    """Create a database file as SQLite does if there is none; who attaches it reads it afterwards."""
    with suppress(sqlite3.Error), closing(Connection(path)):
        pass


class Maintenance(Transactions):
    """What a connection does to databases as a whole."""

    def _exclude(self, cursor: Cursor, sql: str, statement: Statement, call: Callable[[], T]) -> T:
        """Make a statement that needs the database for itself; to set what is set already changes nothing.

        What returns a row keeps the database until that has been fetched.
        """
        if statement.setting == "wal_checkpoint":
            return self._check_point(sql, statement, call)
        if statement.setting == "locking_mode" and statement.argument.lower() == "exclusive":
            refuse(f"the lab does not see what stays locked after a transaction: {sql}")
        before: list[Any] = []
        refused = False

        def make() -> T:
            nonlocal refused
            before[:] = self.raw("PRAGMA journal_mode") if statement.setting == "journal_mode" else []
            try:
                return call()
            except sqlite3.OperationalError:
                refused = True
                raise

        try:
            result = self._make(self.databases.excluding(), make, waits=True)
        finally:
            if refused or (before == ["wal"] and statement.argument.lower() != "wal"):
                pacing.note(UNTRIED, f"{HERE.called} sets up a database that others use: how it waits was not tried")
        if before and [*self.raw("PRAGMA journal_mode")] == before:
            pacing.made(self.databases.statement(None, changes=False))
        elif is_active(cursor):
            self.databases.enter(None, changes=True, surely=False)
        return result

    def _check_point(self, sql: str, statement: Statement, call: Callable[[], T]) -> T:
        """Copy a log into its database: in some modes SQLite waits until nobody keeps it from doing so.

        No step says how far the log is read by whom, nor what SQLite keeps locked as it waits.
        """
        wait = self.timeout if statement.argument.lower() in ("full", "restart", "truncate") else 0

        def attempt() -> T | Literal[Blocked.BLOCKED]:
            try:
                return BLOCKED if wait and self.raw(sql)[0] else call()
            except sqlite3.OperationalError as error:
                if wait and is_refused(error):
                    return BLOCKED
                raise

        try:
            told = wait_for(self.databases.excluding(), attempt, wait, changes=True)
            return call() if told is TIMED_OUT else told
        finally:
            if any(file.has_log for file in self.databases.files.values()):
                pacing.note(UNTRIED, f"{HERE.called} copies a log into its database: what keeps it was not tried")

    def _attach(self, sql: str, parameters: Any, call: Callable[[], T]) -> T:
        """Open a further database."""
        found = _PATH.search(sql)
        text = found[1] if found else ""
        if text[:1] in ("'", '"'):
            path = text[1:-1].replace("''", "'")
        elif isinstance(parameters, Mapping):
            path = str(parameters.get(text[1:], ""))
        else:
            path = str(parameters[0]) if text and parameters else ""
        if found is None or path.startswith("file:"):
            refuse(f"the lab cannot tell which file this attaches: {sql}")
        if path in ("", ":memory:"):
            return call()
        self.read(lambda: Connection.__call__(self.connection, "SELECT 1 FROM sqlite_schema"))  # unless it was before
        database = open_database(path, partial(_create, path), creates=True)
        if database is None or not Path(path).exists():
            return call()
        result = self._make(Databases(database).statement(None, changes=False), call, waits=True)
        self._look_what_is_attached(database)
        return result

    def _look_what_is_attached(self, opened: Database | None) -> None:
        cursor = Cursor(self.connection)
        cursor.row_factory = None
        names = [name for _, name, _ in Cursor.execute(cursor, "PRAGMA database_list")]
        files = self.databases.files
        for gone in [name for name in files if name not in names]:
            del files[gone]
        for name in names:
            if name not in files and name != "temp" and opened is not None:
                files[name] = opened

    def _set_timeout(self, cursor: Cursor, statement: Statement, call: Callable[[], T]) -> T:
        """Take a time-out down, and see to it that SQLite itself never waits."""
        if statement.argument:
            self.timeout = max(0, int(statement.argument)) / 1000
        else:
            self.raw(f"PRAGMA busy_timeout = {round(self.timeout * 1000)}")
        result = call()
        self.raw("PRAGMA busy_timeout = 0")
        return result

    def read(self, call: Callable[[], T]) -> T:
        """Make a call that reads the database as a whole."""
        return self._make(self.databases.statement(None, changes=False), call, waits=True)
