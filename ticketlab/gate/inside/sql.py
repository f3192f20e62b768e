"""SQLite by statement: what is asked of a connection, before and after, so that its calls are one step.

SQLite locks its own files, so who moves between two of its calls makes no difference to what a statement comes to. It
is said before a statement what it is, and afterwards what it came to: which tables it touched, and whether it failed.
"""

from __future__ import annotations

import gc
import os
from _sqlite3 import Connection, Cursor
from _thread import get_ident

from .sql_tables import attached, files_of, path_of, split, tables_of
from .telling import is_quiet, tell, wraps

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from collections.abc import Callable
    from typing import Any, Final, TypeVar

    T = TypeVar("T")

_MOST_TEXT: Final = 2_000
_BETWEEN: Final = "\x1f"
_BUSY: Final = 5
_COMMITS: Final = ("commit", "end", "release")
_LEVEL: Final[Any] = vars(Connection)["isolation_level"]
_ROWCOUNT: Final[Any] = vars(Cursor)["rowcount"]
_STATEMENT: Final = type(Connection(":memory:")("select 1"))
_asking: Final = set[int]()
"""The threads that are in the middle of what they have told."""
_opened: Final = dict[tuple[int, str], int]()
"""How many connections a process has open to a database."""


class _Told:
    """What is known of a connection that tells: its process, its files by their names in it, and its time-out."""

    def __init__(self, files: dict[str, str], timeout: float) -> None:
        self.process = os.getpid()
        self.files = files
        self.timeout = timeout
        self.changed = dict[str, None]()  # the tables that its transaction has changed
        self.authorizer: Any = None
        self.main = files.get("main", "")
        self._count(1)

    def _count(self, more: int) -> None:
        key = self.process, self.main
        _opened[key] = _opened.get(key, 0) + more

    def leave(self) -> None:
        """Take down that the connection is closed."""
        if self.main:
            self._count(-1)
            self.main = ""

    @property
    def is_alone(self) -> bool:
        """Whether the process has no other connection to the same database, whose locks would be its own as well."""
        return _opened.get((self.process, self.main)) == 1


def _asked(connection: Any, what: str, sql: str, act: Callable[[], T], learns: bool = False) -> T:
    """Do what is asked of a connection, and tell what it is and what it came to."""
    told, me = connection._told, get_ident()
    if told is None or told.process != os.getpid() or me in _asking or is_quiet():
        return act()
    before = connection.total_changes, connection.in_transaction
    if not before[1]:
        told.changed.clear()
    files = [*told.files.values(), *attached(sql)]
    state = ("t" if before[1] else "") + ("a" if told.is_alone else "")
    mode = _mode(connection)
    _asking.add(me)
    tell("statement", what, state, told.timeout, _BETWEEN.join(files), mode, sql[:_MOST_TEXT])
    failed, tables = "", ""
    try:
        result = act()
    except BaseException as error:
        busy = getattr(error, "sqlite_errorcode", 0) & 0xFF == _BUSY
        failed = "busy" if busy else type(error).__name__
        raise
    finally:
        try:
            tables = _tables(connection, told, what, sql, failed) if learns or what == "commit" else ""
            told_after = _after(connection, before)
        except Exception:  # it was closed
            told_after = (0, 0)
        tell("came to", failed, *told_after, tables)
        _asking.discard(me)
    return result


def _after(connection: Any, before: tuple[int, bool]) -> tuple[int, int]:
    return int(connection.total_changes != before[0]), int(connection.in_transaction)


def _tables(connection: Any, told: _Told, what: str, sql: str, failed: str) -> str:
    """Return the tables that a statement touches, or a commit changes."""
    if what == "commit" or sql.lstrip().lower().startswith(_COMMITS):
        found = list(told.changed)
        if not connection.in_transaction or failed == "":
            told.changed.clear()
    elif failed == "busy":
        found = []
    else:
        found = tables_of(connection, told.files, told.authorizer, sql)
        if connection.in_transaction and not failed:
            told.changed.update((f"w{each[1:]}", None) for each in found if each[0] != "r")
    text = _BETWEEN.join(found)
    return text if len(text) <= _MOST_TEXT else ""


def _mode(connection: Any) -> str:
    """Return how the driver begins a transaction before a change: "" if it does not."""
    if getattr(connection, "autocommit", -1) != -1 or connection.isolation_level is None:
        return ""
    return connection.isolation_level or "deferred"


def _is_active(cursor: Any) -> bool:
    """Whether there may be more to fetch: then the cursor keeps its statement, and what that has locked."""
    return any(type(held) is _STATEMENT for held in gc.get_referents(cursor))


class TellingCursor(Cursor):
    """A cursor that tells of its statements."""

    _counted: int | None = None

    def execute(self, sql: Any, *parameters: Any) -> Any:
        """Execute a statement."""
        _asked_by(self, sql, lambda: Cursor.execute(self, sql, *parameters))
        return self

    def executemany(self, sql: Any, rows: Any, /) -> Any:
        """Execute a statement for each of the parameters; each is a transaction of its own if there is none."""
        connection = self.connection
        if not _tells(connection) or connection.in_transaction or _mode(connection):
            _asked_by(self, sql, lambda: Cursor.executemany(self, sql, rows))
            return self
        count = 0
        for row in rows:
            _asked_by(self, sql, lambda row=row: Cursor.executemany(self, sql, (row,)))  # type: ignore[misc]
            count += max(0, _ROWCOUNT.__get__(self))
        self._counted = count
        return self

    def executescript(self, script: Any, /) -> Any:
        """Execute several statements."""
        connection: Any = self.connection
        if not _tells(connection) or not isinstance(script, str):
            return Cursor.executescript(self, script)
        before: Any = None
        driver = getattr(connection, "autocommit", -1) == -1
        if driver:
            if connection.in_transaction:
                TellingConnection.commit(connection)
            before = connection.isolation_level
            _LEVEL.__set__(connection, None)
        try:
            for sql in split(script):
                TellingCursor.execute(self, sql)
                TellingCursor.fetchall(self)
        finally:
            if driver:
                _LEVEL.__set__(connection, before)
        return self

    @property
    def rowcount(self) -> int:
        """How many rows were changed."""
        counted: int = _ROWCOUNT.__get__(self) if self._counted is None else self._counted
        return counted

    def close(self) -> None:
        """Close the cursor, perhaps with more to fetch."""
        _fetched(self, lambda: Cursor.close(self))

    def __del__(self) -> None:
        try:
            if getattr(self, "connection", None) is not None and _tells(self.connection) and _is_active(self):
                TellingCursor.close(self)
        except Exception:  # noqa: S110 - the connection is closed, or another thread's
            pass


def _tells(connection: Any) -> bool:
    return getattr(connection, "_told", None) is not None


def _asked_by(cursor: TellingCursor, sql: Any, act: Callable[[], Any]) -> None:
    """Execute a statement of a cursor."""
    connection: Any = cursor.connection
    if not _tells(connection) or not isinstance(sql, str):
        act()
        return
    cursor._counted = None
    if _is_active(cursor):  # what it has not fetched is given up first
        row_factory, cursor.row_factory = cursor.row_factory, None
        TellingCursor.fetchall(cursor)
        cursor.row_factory = row_factory
    _asked(connection, "execute", sql, act, learns=True)
    told, text = connection._told, sql.lower()
    if told is not None and get_ident() not in _asking:
        if "busy_timeout" in text:
            told.timeout = _raw(connection, "PRAGMA busy_timeout")[0][0] / 1000
        elif "tach" in text:
            told.files = files_of(_raw(connection, "PRAGMA database_list"))


def _raw(connection: Any, sql: str) -> list[Any]:
    cursor = Cursor(connection)
    cursor.row_factory = None
    return Cursor.execute(cursor, sql).fetchall()


def _fetched(cursor: Any, act: Callable[[], T]) -> T:
    """Fetch from a cursor, or end it: with the last row, what it has locked is given back."""
    if not _tells(cursor.connection) or not _is_active(cursor):
        return act()
    return _asked(cursor.connection, "fetch", "", act)


def _fetching(name: str) -> Any:
    method: Any = getattr(Cursor, name)

    @wraps(method)
    def fetch(self: Any, *arguments: Any, **named: Any) -> Any:
        return _fetched(self, lambda: method(self, *arguments, **named))

    return fetch


for _name in ("fetchone", "fetchmany", "fetchall", "__next__"):
    setattr(TellingCursor, _name, _fetching(_name))


class TellingConnection(Connection):
    """A connection that tells what is asked of it, if its database is in a file."""

    _told: _Told | None = None

    def __init__(self, database: Any, *arguments: Any, **named: Any) -> None:
        path = "" if is_quiet() or get_ident() in _asking else path_of(database, arguments, named)
        if not path:
            Connection.__init__(self, database, *arguments, **named)
            return
        me = get_ident()
        _asking.add(me)
        tell("statement", "connect", "", 0, path, "", "")
        failed = "error"
        try:
            Connection.__init__(self, database, *arguments, **named)
            files = files_of(_raw(self, "PRAGMA database_list"))
            failed = ""
        finally:
            tell("came to", failed, 0, 0, "")
            _asking.discard(me)
        if files:
            timeout = arguments[0] if arguments else named.get("timeout", 5.0)
            self._told = _Told(files, float(timeout))

    def cursor(self, factory: Any = TellingCursor) -> Any:
        """Return a cursor whose statements are told."""
        return Connection.cursor(self, telling_class(factory, TellingCursor))

    def execute(self, sql: Any, *parameters: Any) -> Any:
        """Execute a statement with a new cursor."""
        return self.cursor().execute(sql, *parameters)

    def executemany(self, sql: Any, rows: Any, /) -> Any:
        """Execute a statement for each of the parameters with a new cursor."""
        return self.cursor().executemany(sql, rows)

    def executescript(self, script: Any, /) -> Any:
        """Execute several statements with a new cursor."""
        return self.cursor().executescript(script)

    def commit(self) -> None:
        """Commit."""
        self._end("commit", lambda: Connection.commit(self))

    def rollback(self) -> None:
        """Roll back."""
        self._end("rollback", lambda: Connection.rollback(self))

    def _end(self, what: str, act: Callable[[], T]) -> T:
        return _asked(self, what, "", act) if self._told is not None and self.in_transaction else act()

    def __exit__(self, kind: Any, value: Any, trace: Any, /) -> Any:
        what = "commit" if kind is None else "rollback"
        if getattr(self, "autocommit", -1) is True:
            return Connection.__exit__(self, kind, value, trace)
        return self._end(what, lambda: Connection.__exit__(self, kind, value, trace))

    def close(self) -> None:
        """Close the connection."""
        told = self._told
        if told is None:
            Connection.close(self)
            return
        try:
            _asked(self, "close", "", lambda: Connection.close(self))
        finally:
            told.leave()
            self._told = None

    def __del__(self) -> None:
        try:
            if self._told is not None and self._told.process == os.getpid():
                TellingConnection.close(self)
        except Exception:  # noqa: S110 - it is another thread's, or the interpreter is about to end
            pass

    @property
    def isolation_level(self) -> Any:
        """How the driver begins transactions; to have it begin none commits."""
        return _LEVEL.__get__(self)

    @isolation_level.setter
    def isolation_level(self, level: Any) -> None:
        if level is None and self._told is not None:
            self.commit()
        _LEVEL.__set__(self, level)

    def set_authorizer(self, authorizer_callback: Any) -> None:
        """Ask the user's function whether a statement is allowed."""
        if self._told is not None:
            self._told.authorizer = authorizer_callback
        Connection.set_authorizer(self, authorizer_callback)


_classes: Final[dict[tuple[Any, Any], Any]] = {}


def telling_class(factory: Any, telling: Any) -> Any:
    """Return the class that is as the user's, and tells."""
    plain = telling.__mro__[1]
    if not isinstance(factory, type) or not issubclass(factory, plain) or issubclass(factory, telling):
        return factory
    if factory is plain:
        return telling
    if (factory, telling) not in _classes:
        alike = {"__module__": factory.__module__, "__qualname__": factory.__qualname__, "__doc__": factory.__doc__}
        _classes[factory, telling] = type(factory.__name__, (factory, telling), alike)
    return _classes[factory, telling]


def patch(module: Any) -> None:
    """Have connections to databases in files tell of each statement."""
    connect = module.connect

    @wraps(connect)
    def connect_told(database: Any, *arguments: Any, **named: Any) -> Any:
        if len(arguments) < 5:
            named["factory"] = telling_class(named.get("factory", TellingConnection), TellingConnection)
        return connect(database, *arguments, **named)

    for each, original in ((TellingConnection, Connection), (TellingCursor, Cursor)):
        for attribute in ("__module__", "__name__", "__qualname__", "__doc__"):
            setattr(each, attribute, getattr(original, attribute))
    new = {"connect": connect_told, "Connection": TellingConnection, "Cursor": TellingCursor}
    package = __import__("sys").modules.get("sqlite3")
    for name, value in new.items():
        for each in (module, package):
            if each is not None and hasattr(each, name):
                setattr(each, name, value)
