"""Cursors that tell of their statements, and of the end of what they fetch."""

from __future__ import annotations

import gc
from _sqlite3 import Connection, Cursor
from _thread import get_ident

from .sql_asked import asked, begin_mode, now_asking, raw, tells, told_end
from .sql_tables import files_of, split_statements
from .telling import wraps

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from collections.abc import Callable
    from typing import Any, Final, TypeVar

    T = TypeVar("T")

_LEVEL: Final[Any] = vars(Connection)["isolation_level"]
_ROWCOUNT: Final[Any] = vars(Cursor)["rowcount"]
_any: Final = Connection(":memory:")
_STATEMENT: Final = type(_any("select 1"))
_any.close()  # whom Python closes, it complains of since 3.13


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
        if not tells(connection) or connection.in_transaction or begin_mode(connection):
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
        if not tells(connection) or not isinstance(script, str):
            return Cursor.executescript(self, script)
        before: Any = None
        driver = getattr(connection, "autocommit", -1) == -1
        if driver:
            if connection.in_transaction:
                told_end(connection, "commit", lambda: Connection.commit(connection))
            before = connection.isolation_level
            _LEVEL.__set__(connection, None)
        try:
            for sql in split_statements(script):
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
            if getattr(self, "connection", None) is not None and tells(self.connection) and _is_active(self):
                TellingCursor.close(self)
        except Exception:  # noqa: S110 - the connection is closed, or another thread's
            pass


def _asked_by(cursor: TellingCursor, sql: Any, act: Callable[[], Any]) -> None:
    """Execute a statement of a cursor."""
    connection: Any = cursor.connection
    if not tells(connection) or not isinstance(sql, str):
        act()
        return
    cursor._counted = None
    if _is_active(cursor):  # what it has not fetched is given up first
        row_factory, cursor.row_factory = cursor.row_factory, None
        TellingCursor.fetchall(cursor)
        cursor.row_factory = row_factory
    asked(connection, "execute", sql, act, learns=True)
    told, text = connection._told, sql.lower()
    if told is not None and get_ident() not in now_asking:
        if "busy_timeout" in text:
            told.timeout = raw(connection, "PRAGMA busy_timeout")[0][0] / 1000
        elif "tach" in text:
            told.files = files_of(raw(connection, "PRAGMA database_list"))


def _fetched(cursor: Any, act: Callable[[], T]) -> T:
    """Fetch from a cursor, or end it: with the last row, what it has locked is given back."""
    if not tells(cursor.connection) or not _is_active(cursor):
        return act()
    return asked(cursor.connection, "fetch", "", act)


def _fetching(name: str) -> Any:
    method: Any = getattr(Cursor, name)

    @wraps(method)
    def fetch(self: Any, *arguments: Any, **named: Any) -> Any:
        return _fetched(self, lambda: method(self, *arguments, **named))

    return fetch


for _name in ("fetchone", "fetchmany", "fetchall", "__next__"):
    setattr(TellingCursor, _name, _fetching(_name))
