"""Connections whose calls are steps, of whatever class the user wants them.

A participant's process lives on from one execution to the next, though to the function it is new each time. So what a
participant leaves open is closed when its call ends, as by the end of a process, and opened again, with its settings,
if a later call uses it: pools of connections that live in a module do so.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from functools import cache, partial, wraps
from sqlite3 import Connection
from typing import Any, Final, Literal
from urllib.parse import parse_qs, unquote, urlsplit
from weakref import WeakSet

from ticketlab.core.pacing import BLOCKED
from ticketlab.probes.here import HERE, probed
from ticketlab.probes.refusals import end_with, quietly, refuse
from ticketlab.probes.sqlite.cursors import ProbedCursor, at_work, foreign, probed_cursor
from ticketlab.probes.sqlite.databases import open_database
from ticketlab.probes.sqlite.execution import StatementRunner
from ticketlab.probes.sqlite.modes import commit_by_mode, mode_property, reset_mode
from ticketlab.probes.sqlite.transactions import AUTOCOMMIT, IN_TRANSACTION, LEVEL, Transactions, mode_of
from ticketlab.probes.waiting import wait_for

_NAMES: Final = ("detect_types", "isolation_level", "check_same_thread", "factory", "cached_statements", "uri")
OPENED: dict[int, WeakSet[ProbedConnection]] = {}  # by participant
_UNSEEN_OPTIONS: Final = ("cache", "immutable", "nolock", "vfs")
_IN_USE: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


def _file(database: Any, *, uri: bool) -> tuple[str | None, bool]:
    """Return the path of a database, if it is in a file, and whether opening it may create it."""
    text = os.fsdecode(os.fspath(database)) if not isinstance(database, str) else database
    if not uri or not text.startswith("file:"):
        return (None if text in ("", ":memory:") else text), True
    parts = urlsplit(text)
    path, options = unquote(parts.path), parse_qs(parts.query)
    if HERE.acts() and not options.keys().isdisjoint(_UNSEEN_OPTIONS):
        refuse(f"the lab does not see how connections to {text} keep others out")
    modes = options.get("mode", ["rwc"])
    if modes[-1] == "memory" or path in ("", ":memory:"):
        return None, True
    return path, modes[-1] == "rwc"


class ProbedConnection(Connection):
    """A connection whose calls are steps, if a participant has opened it.

    `transactions` is None if its database is nobody else's, or if no participant has opened it.
    """

    transactions: StatementRunner | None = None
    is_closed = False
    authorizer: Callable[..., int] | None = None
    _path: str | None = None  # as it is to who collects garbage, as well
    _owner: tuple[int, int] | None = None
    _left: tuple[Any, ...] | None = None
    _among: WeakSet[ProbedConnection] | None = None

    def __init__(self, database: Any, timeout: float = 5.0, *args: Any, **options: Any) -> None:
        options |= dict(zip(_NAMES, args, strict=False))
        self._path, self._creates = _file(database, uri=bool(options.get("uri", False)))
        self._settings: dict[tuple[Any, ...], Callable[[Connection], object]] = {}
        self._arguments, self._timeout = (database, options), timeout
        if self._path is None or not HERE.acts():
            Connection.__init__(self, database, timeout=timeout, **options)
        else:
            _open(self)

    def _open(self) -> None:
        assert self._path is not None
        self._owner = os.getpid(), HERE.who
        main = open_database(self._path, self._connect, creates=self._creates)
        self.transactions = None if main is None else StatementRunner(self, main, self._timeout)
        if main is not None:
            self._among = OPENED.setdefault(HERE.who, WeakSet())
            self._among.add(self)

    @property
    def is_here(self) -> bool:
        """Whether who is at work has opened it in this execution: what else ends now is left over from another one."""
        return HERE.acts() and self._among is not None and OPENED.get(HERE.who) is self._among

    def _connect(self) -> None:
        database, options = self._arguments
        attributes = dict(vars(self))  # which the driver clears, if it opens a connection again
        Connection.__init__(self, database, timeout=0, **options)
        vars(self).update(attributes)

    def at_work(self) -> StatementRunner | None:
        """Return the transactions of a participant that is at work; raises UsageError if they are not its own."""
        if self._path is None:
            return None
        if self._left is not None:
            self._reopen()
        if self._owner != (os.getpid(), HERE.who):
            end_with(foreign(self._path))
        return self.transactions

    def remember(self, key: tuple[Any, ...], setting: Callable[[Connection], object]) -> None:
        """Take down a setting, to make it again if the connection is opened again."""
        self._settings[key] = setting

    def leave(self) -> None:
        """Close what a participant has left open; it may be opened again in a later execution."""
        if self.transactions is not None and not self.is_closed:
            quietly(partial(self.transactions.close, lambda: None))
            self.abandon()

    def abandon(self) -> None:
        """Close what is left open of an execution that is over; nobody notices."""
        transactions = self.transactions
        if transactions is None or self.is_closed or self._left is not None:
            return
        self._left = self.row_factory, self.text_factory, self._level, mode_of(self)
        self._timeout = transactions.timeout
        Connection.close(self)

    def _reopen(self) -> None:
        left, self._left = self._left, None
        self._open()
        assert left is not None
        self.row_factory, self.text_factory, level, mode = left
        LEVEL.__set__(self, level)
        reset_mode(self, mode)
        for setting in list(self._settings.values()):
            setting(self)

    def wake(self) -> None:
        """Open the connection again, if it was left open in an earlier execution."""
        if self._left is not None and HERE.acts():
            _reopen(self)

    def cursor(self, factory: Any = ProbedCursor) -> Any:
        """Return a cursor whose statements are steps."""
        self.wake()
        return Connection.cursor(self, probed_cursor(factory))

    def execute(self, sql: str, parameters: Any = (), /) -> Any:
        """Execute a statement with a new cursor."""
        return ProbedConnection.cursor(self).execute(sql, parameters)

    def executemany(self, sql: str, parameters: Any, /) -> Any:
        """Execute a statement for each of the parameters with a new cursor."""
        return ProbedConnection.cursor(self).executemany(sql, parameters)

    def executescript(self, sql_script: str, /) -> Any:
        """Execute several statements with a new cursor."""
        return ProbedConnection.cursor(self).executescript(sql_script)

    def __exit__(self, kind: Any, value: Any, trace: Any, /) -> Literal[False]:
        if mode_of(self) is True:
            return False
        if kind is not None:
            ProbedConnection.rollback(self)
            return False
        try:
            ProbedConnection.commit(self)
        except BaseException:
            ProbedConnection.rollback(self)
            raise
        return False

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open that the user knows of."""
        self.wake()
        lent = self.transactions is not None and self.transactions.lent
        return not lent and bool(IN_TRANSACTION.__get__(self))

    @property
    def _level(self) -> Any:
        begins_none = self.transactions is not None and self.transactions.begins_none
        return None if begins_none else LEVEL.__get__(self)

    @property
    def isolation_level(self) -> Any:
        """How the driver begins transactions; to have it begin none commits."""
        self.wake()
        return self._level

    @isolation_level.setter
    def isolation_level(self, level: str | None) -> None:
        if level is None:
            ProbedConnection.commit(self)
        if self.transactions is None:
            LEVEL.__set__(self, level)
        elif level is None:
            self.transactions.begins_none = True
            self.transactions.tell_driver()
        else:
            LEVEL.__set__(self, level)
            self.transactions.begins_none = False

    def __del__(self) -> None:
        transactions = self.transactions
        if transactions is not None and not self.is_closed and self._left is None and self.is_here:
            quietly(partial(transactions.close, lambda: None))

    def set_authorizer(self, authorizer_callback: Callable[..., int] | None) -> None:
        """Ask the user's function whether a statement is allowed."""
        self.wake()
        self.authorizer = authorizer_callback
        self.remember(("set_authorizer",), lambda again: Connection.set_authorizer(again, authorizer_callback))
        Connection.set_authorizer(self, authorizer_callback)

    autocommit: Any
    commit: Any
    rollback: Any
    close: Any
    backup: Any


_open, _reopen = (probed(each, each) for each in (ProbedConnection._open, ProbedConnection._reopen))


def _ending(original: Callable[[Any], None], end: Callable[..., Any]) -> Callable[[Any], None]:
    """Return the probe of a call that ends a transaction."""

    def probe(connection: Any) -> None:
        transactions = at_work(connection)
        call = partial(original, connection)
        if transactions is None or mode_of(connection) is True:
            call()  # a driver that commits at once leaves alone what the user begins
        elif not transactions.lent:  # else no transaction is open that the user knows of
            end(transactions, call)

    ending = probed(original, probe)

    def unless_left(connection: Any) -> None:
        if connection._left is None:  # else nothing is open in it, and nobody need open it again for that
            ending(connection)

    return wraps(original)(unless_left)


def _close(connection: Any) -> None:
    transactions = None if connection._left is not None else at_work(connection)
    close = partial(Connection.close, connection)
    close() if transactions is None else transactions.close(close)
    connection.is_closed = True
    connection._left = None


def _back_up(
    connection: Any, target: Any, *, pages: int = -1, progress: Any = None, name: str = "main", sleep: float = 0.25
) -> None:
    """Copy a database as one step: if it is changed meanwhile, SQLite begins anew."""
    source, goal = at_work(connection), at_work(target)

    def told(status: int, remaining: int, total: int) -> None:
        if status in _IN_USE:
            raise _InUseError
        if progress is not None:
            progress(status, remaining, total)

    def attempt() -> Any:
        try:
            return Connection.backup(connection, target, pages=pages, progress=told, name=name, sleep=0)
        except _InUseError:
            return BLOCKED

    steps = [] if source is None else [source.databases.statement(None, changes=False)]
    steps = steps if goal is None else [goal.databases.excluding(), *steps]
    if not steps:
        Connection.backup(connection, target, pages=pages, progress=progress, name=name, sleep=sleep)
    else:
        also = [access for step in steps[1:] for access in step.accesses]
        wait_for(steps[0]._replace(also=(*steps[0].also, *also)), attempt)


class _InUseError(Exception):
    """A database cannot be copied now."""


def _setting(name: str) -> Any:
    original = getattr(Connection, name)

    @wraps(original)
    def setting(connection: Any, *args: Any, **kwargs: Any) -> Any:
        connection.wake()
        key = name, *(each for each in args if isinstance(each, str | int))
        connection.remember(key, lambda again: original(again, *args, **kwargs))
        return original(connection, *args, **kwargs)

    return setting


def _reading(name: str) -> Any:
    original = getattr(Connection, name)

    def probe(connection: Any, *args: Any, **kwargs: Any) -> Any:
        transactions = at_work(connection)
        call = partial(original, connection, *args, **kwargs)
        return call() if transactions is None else transactions.read(call)

    return probed(original, probe)


def _refusing(name: str) -> Any:
    original = getattr(Connection, name)

    def probe(connection: Any, *args: Any, **kwargs: Any) -> Any:
        if at_work(connection) is not None:
            refuse(f"the lab does not see what sqlite3.Connection.{name} does")
        return original(connection, *args, **kwargs)

    return probed(original, probe)


_SETTINGS: Final = (
    *("create_function", "create_aggregate", "create_window_function", "create_collation", "set_trace_callback"),
    *("set_progress_handler", "enable_load_extension", "load_extension", "setlimit", "setconfig"),
)
_MADE_OF: Final[tuple[tuple[Callable[[str], Any], Sequence[str]], ...]] = (
    (_setting, _SETTINGS),
    (_reading, ("serialize",)),
    (_refusing, ("blobopen", "deserialize")),
)
ProbedConnection.commit = _ending(Connection.commit, commit_by_mode)
ProbedConnection.rollback = _ending(Connection.rollback, Transactions.roll_back)
ProbedConnection.close = probed(Connection.close, _close)
ProbedConnection.backup = probed(Connection.backup, _back_up)
if AUTOCOMMIT is not None:
    ProbedConnection.autocommit = mode_property()
for _make, _names in _MADE_OF:
    for _name in _names:
        if hasattr(Connection, _name):
            setattr(ProbedConnection, _name, _make(_name))


@cache
def probed_connection(factory: Any) -> Any:
    """Return the class of connections that is as the user's, and whose calls are steps."""
    if not isinstance(factory, type) or not issubclass(factory, Connection) or issubclass(factory, ProbedConnection):
        return factory
    if factory is Connection:
        return ProbedConnection
    names = {"__module__": factory.__module__, "__qualname__": factory.__qualname__, "__doc__": factory.__doc__}
    return type(factory.__name__, (factory, ProbedConnection), names)
