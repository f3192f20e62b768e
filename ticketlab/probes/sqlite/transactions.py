"""What the calls of one connection are: which steps they make, and where they wait.

The connection itself never waits. What SQLite refuses because of another connection's lock is tried again when that may
have been given back, until the connection's time-out is over in virtual time. Where SQLite does not wait, the call
fails at once: a reader cannot become a writer while another one writes or, in a write-ahead log, after it has written.
"""

from __future__ import annotations

import gc
import re
import sqlite3
from collections.abc import Callable, Mapping
from sqlite3 import Connection, Cursor
from typing import Any, Final, Literal, TypeVar

from ticketlab.core import pacing
from ticketlab.core.errors import UsageError
from ticketlab.core.pacing import BLOCKED, UNCHANGED, Action, Blocked, Step
from ticketlab.probes.sqlite.databases import Database, Databases, Level, Touched, known, learn, open_at_step
from ticketlab.probes.sqlite.statements import Statement, Verb, parsed
from ticketlab.probes.waiting import TIMED_OUT, wait_for

T = TypeVar("T")
OPEN: Final[Any] = vars(Connection)["in_transaction"]
LEVEL: Final[Any] = vars(Connection)["isolation_level"]
ROWCOUNT: Final[Any] = vars(Cursor)["rowcount"]
_STATEMENT: Final = type(sqlite3.connect(":memory:")("select 1"))
_LOCKED: Final = "database is locked"
_PATH: Final = re.compile(r"""attach\s+(?:database\s+)?('(?:[^']|'')*'|"[^"]*"|\?|[:@$]\w+)\s+as\b""", re.IGNORECASE)


def is_busy(error: BaseException) -> bool:
    """Whether another connection's lock is the reason, and not this connection's own statements."""
    code = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF == sqlite3.SQLITE_BUSY and str(error) == _LOCKED


def is_active(cursor: Cursor) -> bool:
    """Whether there is more to fetch: then the cursor keeps its statement, and what that has locked."""
    return any(type(held) is _STATEMENT for held in gc.get_referents(cursor))


def path_of(connection: Connection) -> str:
    """Return the path of the file that a connection has open; empty if its database is in none."""
    cursor = Cursor(connection)
    cursor.row_factory = None
    path: str = Cursor.execute(cursor, "PRAGMA database_list").fetchone()[2]
    return path


class Transactions:
    """The transactions of a connection; `timeout` is in seconds.

    `busy` lists the cursors that have more to fetch. `lent` says that the probe began the transaction, for a change
    that is one of its own and returns rows, so that it can be committed late.
    """

    def __init__(self, connection: Connection, main: Database, timeout: float) -> None:
        self.connection = connection
        self.databases = Databases(main)
        self.timeout = timeout
        self.busy: set[int] = set()
        self.lent = False
        self.closed = False
        self._claimed = False
        self._refusal: sqlite3.OperationalError | None = None

    @property
    def is_open(self) -> bool:
        """Whether a transaction is open in SQLite."""
        return not self.closed and bool(OPEN.__get__(self.connection))

    def raw(self, sql: str) -> Any:
        """Execute a statement of the probe's own, and return its first row."""
        cursor = Cursor(self.connection)
        cursor.row_factory = None
        return Cursor.execute(cursor, sql).fetchone()

    def execute(self, cursor: Cursor, sql: str, parameters: Any, call: Callable[[], T]) -> T:
        """Make a statement."""
        if id(cursor) in self.busy:
            self._leave_early(cursor)
        result = self._by_verb(cursor, sql, parsed(sql), parameters, call)
        if is_active(cursor):
            self.busy.add(id(cursor))
        return result

    def _by_verb(self, cursor: Cursor, sql: str, statement: Statement, parameters: Any, call: Callable[[], T]) -> T:
        verb = statement.verb
        if verb in (Verb.READ, Verb.CHANGE, Verb.DEFINE):
            return self._touch(cursor, sql, statement, call)
        if verb in (Verb.COMMIT, Verb.RELEASE):
            return self.commit(call)
        if verb is Verb.ROLLBACK:
            return self.roll_back(call)
        if verb is Verb.BEGIN and statement.mode != "deferred":
            return self._begin(statement.mode, call)
        if verb is Verb.EXCLUDE:
            return self._exclude(statement, call)
        if verb is Verb.ATTACH:
            return self._attach(sql, parameters, call)
        if statement.setting == "busy_timeout":
            return self._set_timeout(cursor, statement, call)
        result = call()
        if verb is Verb.DETACH:
            self._look_what_is_attached(None)
        return result

    def _touch(self, cursor: Cursor, sql: str, statement: Statement, call: Callable[[], T]) -> T:
        """Make a statement that reads or changes tables."""
        changes = statement.verb is not Verb.READ
        begins = statement.begins and not self.is_open and self.drivers_mode() is not None
        if begins and (mode := str(self.drivers_mode()).lower()) in ("immediate", "exclusive"):
            self._begin(mode, lambda: self.raw(f"BEGIN {mode}"))
        alone = changes and not self.is_open and not begins
        touched = None if statement.verb is Verb.DEFINE else known(self.databases, sql)
        step = self.databases.statement(touched, changes=changes, alone=alone)
        before = self.connection.total_changes
        make = (lambda: self._alone(cursor, call, lends=statement.returns)) if alone else call
        try:
            result = self._make(step, make, waits=self.databases.waits(touched, changes=changes))
        except sqlite3.Error as error:
            self._failed(sql, statement, error, alone=alone)
            raise
        if statement.verb is not Verb.DEFINE:
            touched = touched or learn(self.databases, sql, lambda allow: self._prepare(sql, allow))
        idle = statement.verb is Verb.CHANGE and self.connection.total_changes == before and not is_active(cursor)
        self._made(touched, changes=changes, alone=alone, idle=idle)
        if self.is_open or is_active(cursor):
            self.databases.enter(touched, changes=changes)
        if self._claimed:
            self._claimed = False
            self._commit_late(lambda: self.raw("COMMIT"), undo=True)
        return result

    def _made(self, touched: Touched | None, *, changes: bool, alone: bool, idle: bool) -> None:
        """Say what a statement was, now that it is known, also if it was known before: then the step is the same."""
        alone = alone and not self.lent and not self._claimed
        did = Action.READ if idle else None
        if touched is not None and not touched.reads and not touched.changes:
            step = self.databases.nothing
        else:
            step = self.databases.statement(touched, changes=changes, alone=alone, did=did)
        pacing.made(step)
        if idle and alone:
            pacing.note(UNCHANGED, "no row")

    def _failed(self, sql: str, statement: Statement, error: sqlite3.Error, *, alone: bool) -> None:
        """Say what became of a statement that failed, and what it may have locked all the same."""
        if is_busy(error):
            return
        changes = statement.verb is not Verb.READ
        touched = None
        if statement.verb is not Verb.DEFINE:
            touched = known(self.databases, sql) or learn(self.databases, sql, lambda allow: self._prepare(sql, allow))
        step = self.databases.statement(touched, changes=changes, alone=alone, did=Action.LOOK)
        kind = type(error).__name__
        if self.is_open:
            self.databases.enter(touched, changes=changes, surely=False)
            step = step._replace(path=f"{step.shown} → {kind}")
        pacing.made(step)
        if not self.is_open:
            pacing.note(UNCHANGED, kind)

    def _prepare(self, sql: str, allow: Callable[..., int]) -> None:
        """Prepare a statement under an authorizer, and put the user's own back."""
        Connection.set_authorizer(self.connection, allow)
        try:
            Connection.__call__(self.connection, sql)
        finally:
            own = getattr(self.connection, "authorizer", None)
            Connection.set_authorizer(self.connection, own)

    def drivers_mode(self) -> str | None:
        """Return how the driver begins a transaction before a change; None if it does not."""
        if getattr(self.connection, "autocommit", -1) != -1:
            return None
        mode: str | None = LEVEL.__get__(self.connection)
        return mode

    def _make(self, step: Step, call: Callable[[], T], *, waits: bool) -> T:
        """Make an access at its step: wait while it is refused, if SQLite would, and fail as SQLite does."""
        if step.affects == ():
            pacing.at(step)
            return call()

        def attempt() -> T | Literal[Blocked.BLOCKED]:
            try:
                return call()
            except sqlite3.OperationalError as error:
                if not is_busy(error):
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
            assert self._refusal is not None
            error, self._refusal = self._refusal, None
            raise error
        return told  # type: ignore[no-any-return]

    def _alone(self, cursor: Cursor, call: Callable[[], T], *, lends: bool) -> T:
        """Make a change that is a transaction of its own.

        Where readers keep it from being committed, SQLite waits and keeps new readers out. So it is made in a
        transaction that the probe begins, and committed late. So is what returns rows, for it commits when the last one
        has been fetched.
        """
        if not lends:
            try:
                return call()
            except sqlite3.OperationalError as error:
                if not is_busy(error):
                    raise
        self.raw("BEGIN")
        try:
            result = call()
        except BaseException:
            if self.is_open:
                self.raw("ROLLBACK")
            raise
        self.lent = lends and is_active(cursor)
        if not self.lent:
            self._commit_alone()
        return result

    def _commit_alone(self) -> None:
        try:
            self.raw("COMMIT")
        except sqlite3.Error as error:
            if not is_busy(error):
                self.raw("ROLLBACK")
                raise
            self._refusal, self._claimed = error, True  # type: ignore[assignment]

    def _begin(self, mode: str, call: Callable[[], T]) -> T:
        """Begin a transaction with the right to change things."""
        step = self.databases.beginning(exclusive=mode == "exclusive")
        result = self._make(step, call, waits=self.databases.waits(None, changes=True))
        for file in self.databases.files.values():
            file.hold(Level.WRITING, surely=True)
        return result

    def _exclude(self, statement: Statement, call: Callable[[], T]) -> T:
        """Make a statement that needs the database for itself; to set what is set already changes nothing."""
        before: list[Any] = []

        def make() -> T:
            before[:] = [self.raw("PRAGMA journal_mode")] if statement.setting == "journal_mode" else []
            return call()

        result = self._make(self.databases.excluding(), make, waits=True)
        if before and self.raw("PRAGMA journal_mode") == before[0]:
            pacing.made(self.databases.statement(None, changes=False))
        return result

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
            raise UsageError(f"the lab cannot tell which file this attaches: {sql}")
        if path in ("", ":memory:"):
            return call()
        results: list[T] = []
        database = open_at_step(path, lambda: results.append(call()), creates=True)
        self._look_what_is_attached(database)
        return results[0]

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

    def commit(self, call: Callable[[], T]) -> T:
        """Commit, and wait for readers if SQLite has to."""
        step = self.databases.committing() if self.is_open and not self.lent else None
        if step is None:
            return call()
        pacing.at(step)
        try:
            result = call()
        except sqlite3.OperationalError as error:
            if not is_busy(error):
                pacing.note(UNCHANGED, type(error).__name__)
                raise
            self._refusal = error
            result = self._commit_late(call)
        except sqlite3.Error as error:
            pacing.note(UNCHANGED, type(error).__name__)
            raise
        self._settle()
        return result

    def read(self, call: Callable[[], T]) -> T:
        """Make a call that reads the database as a whole."""
        return self._make(self.databases.statement(None, changes=False), call, waits=True)

    def _settle(self) -> None:
        """Take down what is left after a commit; an inner savepoint's release is none."""
        if self.is_open and getattr(self.connection, "autocommit", -1) is not False:
            pacing.made(self.databases.nothing)
        else:
            self.databases.rest(reads_on=bool(self.busy), surely=True)

    def _commit_late(self, call: Callable[[], T], *, undo: bool = False) -> T:
        """Commit as soon as those who read are done; new readers are kept out until then."""
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
            self.databases.rest(reads_on=bool(self.busy), surely=True)
        return result

    def _undo(self) -> None:
        back = self.databases.rolling_back()
        self.raw("ROLLBACK")
        if back is not None:
            pacing.made(back)
        self.databases.rest(reads_on=bool(self.busy))

    def roll_back(self, call: Callable[[], T]) -> T:
        """Roll back."""
        step = self.databases.rolling_back() if self.is_open and not self.lent else None
        if step is not None:
            pacing.at(step)
        result = call()
        if not self.lent:
            self.databases.rest(reads_on=bool(self.busy))
        return result

    def fetch(self, cursor: Cursor, call: Callable[[], T]) -> T:
        """Fetch from a cursor: if nothing is left then, what it has locked is given back."""
        if id(cursor) not in self.busy:
            return call()
        step = self._leaving()
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

    def _leaving(self) -> Step | None:
        """Return the step that it may be to fetch the last row, or to fetch no more."""
        if len(self.busy) > 1:
            return None
        if self.lent:
            return self.databases.committing()
        if self.closed:
            return self.databases.rolling_back()
        return None if self.is_open else self.databases.finishing()

    def _left(self, cursor: Cursor) -> None:
        """Take down that nothing is left to fetch from a cursor."""
        self.busy.discard(id(cursor))
        if self.busy:
            return
        if self.lent:
            self.lent = False
            self._commit_alone()
            if self._claimed:
                self._claimed = False
                self._commit_late(lambda: self.raw("COMMIT"), undo=True)
                return
        if not self.is_open:
            self.databases.rest(reads_on=False)

    def leave(self, cursor: Cursor, close: Callable[[], None]) -> None:
        """Have a cursor end, perhaps with more to fetch."""
        if id(cursor) not in self.busy:
            close()
            return
        step = self._leaving()
        if step is not None:
            pacing.at(step)
        close()
        self._left(cursor)

    def _leave_early(self, cursor: Cursor) -> None:
        """Have a cursor forget what it has not fetched, since another statement is about to be made with it."""
        step = self._leaving()
        if step is not None:
            pacing.at(step)
        row_factory, cursor.row_factory = cursor.row_factory, None
        Cursor.fetchall(cursor)  # nothing else ends a statement without ending the cursor
        cursor.row_factory = row_factory
        self._left(cursor)

    def close(self, close: Callable[[], None]) -> None:
        """Close the connection; what it has locked stays so while cursors have more to fetch."""
        step = None if self.busy or self.closed else self.databases.rolling_back()
        if step is not None:
            pacing.at(step)
        if self.is_open and not self.busy:
            self.raw("ROLLBACK")  # a statement that failed would keep the lock for as long as a traceback shows it
        close()
        self.closed = True
        if not self.busy:
            self.databases.rest(reads_on=False)
