"""SQLite's isolation: a journal mode, and how transactions begin."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Final, Literal, NoReturn, TypeVar

from ticketlab.core import pacing
from ticketlab.core.errors import Conflict
from ticketlab.core.pacing import BLOCKED, Blocked, at
from ticketlab.core.steps import Step
from ticketlab.lab.isolation.engine import (
    CLEAR,
    COMMIT,
    CREATE,
    ROLLBACK,
    ROWS,
    begin_step,
    going_on,
    seen_of,
    table_step,
)
from ticketlab.lab.isolation.transactions import OPENING, Seen, TableStatement, TableVerb

T = TypeVar("T")

_SHARED_CACHE: Final = "shared-cache read_uncommitted"
_JOURNALS: Final = {"delete-journal": "delete", "wal": "wal"}
_MODES: Final = ("deferred", "immediate", "exclusive")
_NO_WAIT: Final = 0.0


class SqliteLevels:
    """Databases in a folder, one for each journal mode and one whose cache is shared."""

    levels: Sequence[str] = (*(f"{journal} {mode}" for journal in _JOURNALS for mode in _MODES), _SHARED_CACHE)
    version = f"SQLite {sqlite3.sqlite_version}"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._own: dict[str, sqlite3.Connection] = {}  # by journal

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Have the databases until the context ends."""
        with ExitStack() as undo:
            for journal in (*_JOURNALS, _SHARED_CACHE):
                self._own[journal] = connection = undo.enter_context(closing(self._open(journal)))
                connection.execute(f"PRAGMA journal_mode={_JOURNALS.get(journal, 'delete')}")
                connection.execute(CREATE)
            yield

    def _open(self, journal: str) -> sqlite3.Connection:
        shared = journal == _SHARED_CACHE
        place = (self._folder / f"{journal.split()[0]}.db").absolute().as_uri()
        connection = sqlite3.connect(
            f"{place}?cache={'shared' if shared else 'private'}", uri=True, timeout=_NO_WAIT, isolation_level=None
        )
        connection.execute("PRAGMA synchronous=off")
        if shared:
            connection.execute("PRAGMA read_uncommitted=on")
        return connection

    @contextmanager
    def connect(self, level: str) -> Iterator[_SqliteConnection]:
        """Connect a participant."""
        with closing(self._open(_journal(level))) as connection:
            yield _SqliteConnection(connection, "deferred" if level == _SHARED_CACHE else level.split()[-1])

    def reset(self, level: str) -> None:
        """Put the opening rows back, in one transaction."""
        own = self._own[_journal(level)]
        own.execute("BEGIN IMMEDIATE")
        own.execute(CLEAR)
        for name, number in OPENING.items():
            own.execute(TableVerb.INSERT.value, (number, name))
        own.execute("COMMIT")

    def rows(self, level: str) -> Mapping[str, int]:
        """Return the rows that are committed."""
        return dict(self._own[_journal(level)].execute(ROWS).fetchall())


def _journal(level: str) -> str:
    return level if level == _SHARED_CACHE else level.split()[0]


class _SqliteConnection:
    """A participant's connection, with a busy time-out that never ends.

    SQLite waits by it for a transaction's first lock and for a commit. It refuses at once a reader that becomes a
    writer while another one writes or has written, and whatever meets a lock on a table of a shared cache.
    """

    def __init__(self, connection: sqlite3.Connection, mode: str) -> None:
        self._connection = connection
        self._mode = mode
        self._has_lock = False

    def begin(self) -> None:
        if self._mode == "deferred":  # it takes no lock, so nobody notices
            self._connection.execute("BEGIN DEFERRED")
            self._has_lock = False
            return
        self._wait(begin_step(self._mode), partial(self._command, f"BEGIN {self._mode.upper()}"))
        self._has_lock = True

    def execute(self, statement: TableStatement) -> Seen:
        def do() -> Seen:
            cursor = self._connection.execute(statement.verb.value, statement.parameters)
            return seen_of(statement, cursor.fetchall(), cursor.rowcount)

        step = table_step(statement)
        try:
            if not self._has_lock:
                seen = self._wait(step, do)
                self._has_lock = True
                return seen
            at(step)
            return do()
        except sqlite3.OperationalError as error:
            raise _refusal(error) from error

    def commit(self) -> None:
        """Commit; the first attempt keeps new readers out even if it has to wait, so the next is another step."""
        at(COMMIT)
        try:
            try:
                self._command("COMMIT")
            except sqlite3.OperationalError as error:
                if not _is_busy(error):
                    raise
                self._wait(going_on(COMMIT), partial(self._command, "COMMIT"))
        except sqlite3.OperationalError as error:
            raise _refusal(error) from error

    def roll_back(self) -> None:
        if self._connection.in_transaction:
            at(ROLLBACK)
            self._command("ROLLBACK")

    def _command(self, sql: str) -> None:
        self._connection.execute(sql)

    def _wait(self, step: Step, do: Callable[[], T]) -> T:
        def attempt() -> T | Literal[Blocked.BLOCKED]:
            try:
                return do()
            except sqlite3.OperationalError as error:
                if _is_busy(error):
                    return BLOCKED
                raise

        return pacing.block(step, attempt, _never)


def _never() -> NoReturn:
    raise AssertionError("isolation levels are explored, and not raced")


def _is_busy(error: sqlite3.OperationalError) -> bool:
    """Return whether a lock on the database is the reason; BUSY_SNAPSHOT comes of what was committed."""
    return error.sqlite_errorcode == sqlite3.SQLITE_BUSY


def _refusal(error: sqlite3.OperationalError) -> Exception:
    locks = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return Conflict(f"{error} ({error.sqlite_errorname})") if error.sqlite_errorcode & 0xFF in locks else error
