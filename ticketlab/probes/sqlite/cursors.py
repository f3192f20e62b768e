"""Cursors whose statements are steps, of whatever class the user wants them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, partial
from sqlite3 import Connection, Cursor
from typing import Any

from ticketlab.core.errors import UsageError
from ticketlab.core.sql_statements import Verb, parsed, split
from ticketlab.probes.here import HERE, probed
from ticketlab.probes.refusals import quietly
from ticketlab.probes.sqlite.execution import StatementRunner
from ticketlab.probes.sqlite.transactions import BY_LEVEL, LEVEL, ROWCOUNT, mode_of


def at_work(connection: Any) -> StatementRunner | None:
    """Return the transactions of a connection; None if what it has open is nobody else's."""
    find = getattr(connection, "at_work", None)
    return find() if find is not None else None


def foreign(path: str) -> UsageError:
    """Return the error of who uses another process's connection."""
    return UsageError(
        f"the connection to {path} was opened before the processes were started, and SQLite's locks do not work "
        "across that: open it in the function"
    )


def _execute(cursor: Cursor, sql: str, parameters: Any = (), /) -> Any:
    transactions = at_work(cursor.connection)
    if transactions is None or not isinstance(sql, str):
        return Cursor.execute(cursor, sql, parameters)
    told = transactions.execute(cursor, sql, parameters, lambda: Cursor.execute(cursor, sql, parameters))
    statement = parsed(sql)
    if statement.argument and statement.setting != "busy_timeout":
        cursor.connection.remember(("pragma", statement.setting), partial(_set_again, sql))  # type: ignore[attr-defined]
    return told


def _set_again(sql: str, connection: Connection) -> None:
    """Make a setting once more, on a connection that was opened again."""
    _execute(ProbedCursor(connection), sql)


def _execute_many(cursor: Cursor, sql: str, rows: Iterable[Any], /) -> Any:
    transactions = at_work(cursor.connection)
    if transactions is None or not isinstance(sql, str):
        return Cursor.executemany(cursor, sql, rows)
    given = _listed(rows)
    statement = parsed(sql)
    alone = not transactions.is_open and not (statement.begins and transactions.drivers_mode() is not None)
    if statement.verb is not Verb.CHANGE or not alone:
        result = transactions.execute(cursor, sql, (), lambda: Cursor.executemany(cursor, sql, given))
        for noted in (transactions.busy, transactions.changing):  # it keeps its statement, but has nothing to fetch
            noted.pop(id(cursor), None)
        return result
    count = 0
    for row in given:  # each row is a transaction of its own
        _execute(cursor, sql, row)
        count += ROWCOUNT.__get__(cursor)
    cursor.counted = count  # type: ignore[attr-defined]
    return cursor


def _listed(rows: Iterable[Any]) -> list[Any]:
    """Return what an iterable has; to make it may take steps of its own."""
    if isinstance(rows, list | tuple):
        return list(rows)
    HERE.acting = True
    try:
        return list(rows)
    finally:
        HERE.acting = False


def _execute_script(cursor: Cursor, script: str, /) -> Any:
    connection = cursor.connection
    transactions = at_work(connection)
    if transactions is None or not isinstance(script, str):
        return Cursor.executescript(cursor, script)
    driven = mode_of(connection) == BY_LEVEL
    if driven and transactions.is_open:
        transactions.commit(partial(Connection.commit, connection))
    before = transactions.drivers_mode()
    if before is None:  # to set that again would commit
        _execute_each(transactions, cursor, script)
        return cursor
    transactions.begins_none = True
    try:
        _execute_each(transactions, cursor, script)
    finally:
        transactions.begins_none = False
        LEVEL.__set__(connection, before)
    return cursor


def _execute_each(transactions: StatementRunner, cursor: Cursor, script: str) -> None:
    for sql in split(script):
        transactions.execute(cursor, sql, (), partial(Cursor.execute, cursor, sql))
        transactions.fetch(cursor, partial(Cursor.fetchall, cursor))


def _fetching(original: Callable[..., Any]) -> Callable[..., Any]:
    def probe(cursor: Cursor, *args: Any, **kwargs: Any) -> Any:
        transactions = at_work(cursor.connection)
        if transactions is None:
            return original(cursor, *args, **kwargs)
        return transactions.fetch(cursor, partial(original, cursor, *args, **kwargs))

    return probed(original, probe)


def _close(self: Cursor) -> None:
    cursor = self
    transactions = at_work(cursor.connection)
    close = partial(Cursor.close, cursor)
    close() if transactions is None else transactions.leave(cursor, close)


class ProbedCursor(Cursor):
    """A cursor of a participant: its statements are steps, and so is the end of what it fetches, if others notice."""

    counted: int | None = None

    execute = probed(Cursor.execute, _execute)
    executemany = probed(Cursor.executemany, _execute_many)
    executescript = probed(Cursor.executescript, _execute_script)
    fetchone = _fetching(Cursor.fetchone)
    fetchmany = _fetching(Cursor.fetchmany)
    fetchall = _fetching(Cursor.fetchall)
    __next__ = _fetching(Cursor.__next__)
    close = probed(Cursor.close, _close)

    @property
    def rowcount(self) -> int:
        """How many rows were changed."""
        counted: int = ROWCOUNT.__get__(self) if self.counted is None else self.counted
        return counted

    def __del__(self) -> None:
        transactions: StatementRunner | None = getattr(getattr(self, "connection", None), "transactions", None)
        if transactions is not None and id(self) in transactions.busy:
            if self.connection.is_here:  # type: ignore[attr-defined]
                quietly(lambda: transactions.leave(self, self._end))
            transactions.busy.pop(id(self), None)

    def _end(self) -> None:
        if not getattr(self.connection, "is_closed", False):
            Cursor.close(self)


@cache
def probed_cursor(factory: Any) -> Any:
    """Return the class of cursors that is as the user's, and whose calls are steps."""
    if not isinstance(factory, type) or not issubclass(factory, Cursor) or issubclass(factory, ProbedCursor):
        return factory
    if factory is Cursor:
        return ProbedCursor
    names = {"__module__": factory.__module__, "__qualname__": factory.__qualname__, "__doc__": factory.__doc__}
    return type(factory.__name__, (factory, ProbedCursor), names)
