"""SQLite by statement: what is asked of a connection, before and after, so that its calls are one step.

SQLite locks its own files, so who moves between two of its calls makes no difference to what a statement comes to. It
is said before a statement what it is, and afterwards what it came to: which tables it touched, and whether it failed.
"""

from __future__ import annotations

import os
from _sqlite3 import Connection, Cursor
from _thread import get_ident

from .sql_asked import Told, asked, commits_at_once, now_asking, raw, told_end
from .sql_cursors import TellingCursor
from .sql_tables import files_of, path_to
from .telling import is_quiet, tell, wraps

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from typing import Any, Final

_LEVEL: Final[Any] = vars(Connection)["isolation_level"]
_MODE: Final[Any] = vars(Connection).get("autocommit")  # since Python 3.12


class TellingConnection(Connection):
    """A connection that tells what is asked of it, if its database is in a file."""

    _told: Told | None = None

    def __init__(self, database: Any, *arguments: Any, **named: Any) -> None:
        path = "" if is_quiet() or get_ident() in now_asking else path_to(database, arguments, named)
        if not path:
            Connection.__init__(self, database, *arguments, **named)
            return
        me = get_ident()
        now_asking.add(me)
        tell("statement", "connect", "", 0, path, "", "")
        failed = "error"
        try:
            Connection.__init__(self, database, *arguments, **named)
            files = files_of(raw(self, "PRAGMA database_list"))
            failed = ""
        finally:
            tell("came to", failed, 0, 0, "")
            now_asking.discard(me)
        if files:
            timeout = arguments[0] if arguments else named.get("timeout", 5.0)
            self._told = Told(files, float(timeout))

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
        told_end(self, "commit", lambda: Connection.commit(self))

    def rollback(self) -> None:
        """Roll back."""
        told_end(self, "rollback", lambda: Connection.rollback(self))

    def __exit__(self, kind: Any, value: Any, trace: Any, /) -> Any:
        if self._told is None or commits_at_once(self):
            return Connection.__exit__(self, kind, value, trace)
        if kind is not None:
            TellingConnection.rollback(self)
            return False
        try:
            TellingConnection.commit(self)
        except BaseException:  # others may move in between
            TellingConnection.rollback(self)
            raise
        return False

    def close(self) -> None:
        """Close the connection."""
        told = self._told
        if told is None:
            Connection.close(self)
            return
        try:
            asked(self, "close", "", lambda: Connection.close(self))
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

    if _MODE is not None:

        @property
        def autocommit(self) -> Any:
            """How the driver commits; to have it commit at once commits."""
            return _MODE.__get__(self)

        @autocommit.setter
        def autocommit(self, mode: Any) -> None:
            if mode is True:
                told_end(self, "commit", lambda: _MODE.__set__(self, True))
            else:
                _MODE.__set__(self, mode)

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
