"""What is asked of a connection to a database, told before and after."""

from __future__ import annotations

import os
from _sqlite3 import Cursor
from _thread import get_ident

from .sql_tables import attached, tables_of
from .telling import is_quiet, tell

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from collections.abc import Callable
    from typing import Any, Final, TypeVar

    T = TypeVar("T")

_MOST_TEXT: Final = 2_000
_BETWEEN: Final = "\x1f"
_BUSY: Final = 5
_COMMITS: Final = ("commit", "end", "release")
now_asking: Final = set[int]()
"""The threads that are in the middle of what they have told."""
_opened: Final = dict[tuple[int, str], int]()
"""How many connections a process has open to a database."""


class Told:
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


def asked(connection: Any, what: str, sql: str, act: Callable[[], T], learns: bool = False) -> T:
    """Do what is asked of a connection, and tell what it is and what it came to."""
    told, me = connection._told, get_ident()
    if told is None or told.process != os.getpid() or me in now_asking or is_quiet():
        return act()
    before = connection.total_changes, connection.in_transaction
    if not before[1]:
        told.changed.clear()
    files = [*told.files.values(), *attached(sql)]
    state = ("t" if before[1] else "") + ("a" if told.is_alone else "")
    mode = begin_mode(connection)
    now_asking.add(me)
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
        now_asking.discard(me)
    return result


def _after(connection: Any, before: tuple[int, bool]) -> tuple[int, int]:
    return int(connection.total_changes != before[0]), int(connection.in_transaction)


def _tables(connection: Any, told: Told, what: str, sql: str, failed: str) -> str:
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


def commits_at_once(connection: Any) -> bool:
    """Whether `autocommit`, which there is since Python 3.12, has the driver leave alone what the user begins."""
    return getattr(connection, "autocommit", -1) is True


def begin_mode(connection: Any) -> str:
    """Return how the driver begins a transaction before a change: "" if it does not."""
    if getattr(connection, "autocommit", -1) != -1 or connection.isolation_level is None:
        return ""
    return connection.isolation_level or "deferred"


def told_end(connection: Any, what: str, act: Callable[[], T]) -> T:
    """End a transaction, and tell so if there is one."""
    ends = tells(connection) and connection.in_transaction and not commits_at_once(connection)
    return asked(connection, what, "", act) if ends else act()


def tells(connection: Any) -> bool:
    """Whether a connection tells what is asked of it."""
    return getattr(connection, "_told", None) is not None


def raw(connection: Any, sql: str) -> list[Any]:
    """Return the rows of a statement that is not the user's."""
    cursor = Cursor(connection)
    cursor.row_factory = None
    return Cursor.execute(cursor, sql).fetchall()
