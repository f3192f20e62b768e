"""The transactions of one connection: where its calls wait, how they end, and what a result holds until it is fetched.

The connection itself never waits. What SQLite refuses because of another connection's lock is tried again when that may
have been given back, until the connection's time-out is over in virtual time. Where SQLite does not wait, the call
fails at once: a reader cannot become a writer while another one writes or, in a write-ahead log, after it has written.
"""

from __future__ import annotations

import gc
import sqlite3
from collections.abc import Callable
from contextlib import closing
from sqlite3 import Connection, Cursor
from typing import Any, Final, Literal, NoReturn, TypeVar
from weakref import ref

from ticketlab.core import pacing
from ticketlab.core.pacing import BLOCKED, UNCHANGED, UNTRIED, Blocked
from ticketlab.core.steps import Step
from ticketlab.probes.here import HERE
from ticketlab.probes.sqlite.databases import Database, Databases
from ticketlab.probes.waiting import TIMED_OUT, wait_for

T = TypeVar("T")
IN_TRANSACTION: Final[Any] = vars(Connection)["in_transaction"]
LEVEL: Final[Any] = vars(Connection)["isolation_level"]
ROWCOUNT: Final[Any] = vars(Cursor)["rowcount"]
AUTOCOMMIT: Final[Any] = vars(Connection).get("autocommit")  # since Python 3.12
BY_LEVEL: Final = -1
"""The mode of a driver that begins transactions as its isolation level says, as all do up to Python 3.11."""
with closing(sqlite3.connect(":memory:")) as _any:
    _STATEMENT: Final = type(_any("select 1"))
_LOCKED: Final = "database is locked"


def is_refused(error: BaseException) -> bool:
    """Whether another connection's lock is the reason, and not this connection's own statements."""
    code = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF == sqlite3.SQLITE_BUSY and str(error) == _LOCKED


def is_active(cursor: Cursor) -> bool:
    """Whether there is more to fetch: then the cursor keeps its statement, and what that has locked."""
    return any(type(held) is _STATEMENT for held in gc.get_referents(cursor))


def mode_of(connection: Connection) -> Any:
    """Return how a driver commits: True at once, False if it is told to, after which it begins anew, or BY_LEVEL."""
    return BY_LEVEL if AUTOCOMMIT is None else AUTOCOMMIT.__get__(connection)


def path_of(connection: Connection) -> str:
    """Return the path of the file that a connection has open; empty if its database is in none.

    Raises sqlite3.Error if it is not open, or another thread's.
    """
    vars(Connection)["total_changes"].__get__(connection)  # a cursor does not ask whether it was ever opened
    cursor = Cursor(connection)
    cursor.row_factory = None
    path: str = Cursor.execute(cursor, "PRAGMA database_list").fetchone()[2]
    return path


class Transactions:
    """The transactions of a connection; `timeout` is in seconds.

    `busy` lists the cursors that have more to fetch, each with whether its statement reads a database, None if nobody
    knows: SQLite keeps whatever has been read locked as long as one of these does. `changing` lists those among them
    that change rows and return these.

    `lent` says that the probe began the transaction, for a change that is one of its own and returns rows, so that it
    can be committed late: as the last of `changing` ends, whatever else is still being read. `begins_none` says that
    the driver is to begin none, whatever it has been told so far.
    """

    def __init__(self, connection: Connection, main: Database, timeout: float) -> None:
        self.connection = connection
        self.databases = Databases(main)
        self.timeout = timeout
        self.busy: dict[int, bool | None] = {}
        self.changing: dict[int, ref[Cursor]] = {}
        self.lent = self.begins_none = False
        self.closed = False
        self._claimed = False
        self._refusal: sqlite3.OperationalError | None = None

    @property
    def is_open(self) -> bool:
        """Whether a transaction is open that the user knows of."""
        return not self.lent and self._is_open_in_sqlite

    @property
    def _is_open_in_sqlite(self) -> bool:
        return not self.closed and bool(IN_TRANSACTION.__get__(self.connection))

    def raw(self, sql: str) -> Any:
        """Execute a statement of the probe's own, and return its first row."""
        cursor = Cursor(self.connection)
        cursor.row_factory = None
        return Cursor.execute(cursor, sql).fetchone()

    def _make(self, step: Step, call: Callable[[], T], *, waits: bool) -> T:
        """Make an access at its step: wait while it is refused, if SQLite would, and fail as SQLite does."""
        if step.affects == ():
            pacing.at(step)
            return call()

        def attempt() -> T | Literal[Blocked.BLOCKED]:
            try:
                return call()
            except sqlite3.OperationalError as error:
                if not is_refused(error):
                    raise
                self._refusal = error
                return BLOCKED

        told: Any
        if waits and self.timeout > 0:
            told = wait_for(step, attempt, self.timeout, changes=True)
        else:
            pacing.at(step)
            told = attempt()
        if told is BLOCKED or told is TIMED_OUT:
            pacing.note(UNCHANGED, _LOCKED)
            self._fail()
        if not self._claimed:
            self._refusal = None
        return told  # type: ignore[no-any-return]

    def _fail(self) -> NoReturn:
        """Fail with the refusal, which must not keep itself: what the user's frames hold would end late."""
        error, self._refusal = self._refusal, None
        assert error is not None
        try:
            raise error.with_traceback(None)
        finally:
            del error

    def _commit_alone(self) -> None:
        try:
            self.raw("COMMIT")
        except sqlite3.Error as error:
            if not is_refused(error):
                self.raw("ROLLBACK")
                raise
            self._refusal, self._claimed = error, True  # type: ignore[assignment]

    def commit(self, call: Callable[[], T], *, begins_anew: bool = False) -> T:
        """Commit, and wait for readers if SQLite has to; the driver may begin the next transaction at once."""
        if not self.is_open:
            return call()
        step = self.databases.committing()
        if step is None:
            result = call()
            if begins_anew or not self.is_open:
                self._rest()
            return result
        pacing.at(step)
        try:
            result = call()
        except sqlite3.OperationalError as error:
            if not is_refused(error):
                pacing.note(UNCHANGED, type(error).__name__)
                raise
            self._refusal = error
            result = self._commit_late(call)
        except sqlite3.Error as error:
            pacing.note(UNCHANGED, type(error).__name__)
            raise
        if begins_anew or not self.is_open:
            self._rest()
        else:
            pacing.made(self.databases.nothing)  # the release of an inner savepoint is no commit
        return result

    def _commit_late(self, call: Callable[[], T], *, undo: bool = False) -> T:
        """Commit as soon as those who read are done; new readers are kept out until then.

        Without a time-out SQLite does not try again, so that nobody else moves between the try and its end.
        """
        if self.timeout <= 0:
            if undo:
                self._undo(for_readers=True)
            else:
                pacing.made(self.databases.claiming())
            self._fail()
        pacing.made(self.databases.claiming())
        step = self.databases.committing()
        assert step is not None
        try:
            result = self._make(step, call, waits=True)
        except sqlite3.OperationalError:
            if undo:
                self._undo()
            raise
        if undo:
            self._rest()
        return result

    def _rest(self) -> None:
        """Take down that a transaction has ended, but for what is still being read."""
        reading = self.busy.values()
        self.databases.rest(reads_on=any(reads is not False for reads in reading), surely=None not in reading)

    def _undo(self, *, for_readers: bool = False) -> None:
        back = self.databases.rolling_back(for_readers=for_readers)
        self.raw("ROLLBACK")
        if back is not None:
            pacing.made(back)
        self._rest()

    def roll_back(self, call: Callable[[], T]) -> T:
        """Roll back."""
        if not self.is_open:
            return call()
        step = self.databases.rolling_back()
        if step is not None:
            pacing.at(step)
        result = call()
        self._rest()
        return result

    def fetch(self, cursor: Cursor, call: Callable[[], T]) -> T:
        """Fetch from a cursor: if nothing is left then, what it has locked is given back."""
        if id(cursor) not in self.busy:
            return call()
        step = self._leaving(cursor)
        if step is not None:
            pacing.at(step)
        try:
            result = call()
        except Exception:
            self._left(cursor)  # a statement that fails is over
            raise
        if not is_active(cursor):
            self._left(cursor)
        elif step is not None:
            pacing.made(self.databases.nothing)
        return result

    def _leaving(self, cursor: Cursor) -> Step | None:
        """Return the step that it may be to fetch the last row, or to fetch no more."""
        if self.lent:
            return self.databases.committing() if self.changing.keys() == {id(cursor)} else None
        if self.closed:
            return self.databases.rolling_back() if len(self.busy) == 1 else None
        if self.busy[id(cursor)] is False or any(reads for one, reads in self.busy.items() if one != id(cursor)):
            return None
        return None if self.is_open else self.databases.committing()  # of a setting; of what only reads it is its end

    def _left(self, cursor: Cursor) -> None:
        """Take down that nothing is left to fetch from a cursor."""
        reads = self.busy.pop(id(cursor), None)
        self.changing.pop(id(cursor), None)
        if self.lent and not self.changing:
            self.lent = False
            self._commit_alone()
            if self._claimed:
                self._claimed = False
                self._commit_late(lambda: self.raw("COMMIT"), undo=True)
            else:
                self._rest()
        elif self.closed:
            if not self.busy:
                self.databases.rest(reads_on=False)
        elif reads is not False and not self.lent and not self.is_open:
            self._rest()

    def leave(self, cursor: Cursor, close: Callable[[], None]) -> None:
        """Have a cursor end, perhaps with more to fetch."""
        if id(cursor) not in self.busy:
            close()
            return
        step = self._leaving(cursor)
        if step is not None:
            pacing.at(step)
        close()
        self._left(cursor)

    def _leave_early(self, cursor: Cursor) -> None:
        """Have a cursor forget what it has not fetched, since another statement is about to be made with it."""
        step = self._leaving(cursor)
        if step is not None:
            pacing.at(step)
        row_factory, cursor.row_factory = cursor.row_factory, None
        Cursor.fetchall(cursor)  # nothing else ends a statement without ending the cursor
        cursor.row_factory = row_factory
        self._left(cursor)

    def close(self, close: Callable[[], None]) -> None:
        """Close the connection; what it has locked stays so while cursors have more to fetch."""
        if self.lent:
            pacing.note(UNTRIED, f"{HERE.called} closes a connection before it has fetched all that a change returns")
            for cursor in [each() for each in self.changing.values()]:
                if cursor is not None:
                    self._leave_early(cursor)  # SQLite commits a little later, as the cursor ends
        step = None if self.busy or self.closed else self.databases.rolling_back()
        if step is not None:
            pacing.at(step)
        if self.is_open and not self.busy:
            self.raw("ROLLBACK")  # a statement that failed would keep the lock for as long as a traceback shows it
        close()
        self.closed = True
        if not self.busy:
            self.databases.rest(reads_on=False)
