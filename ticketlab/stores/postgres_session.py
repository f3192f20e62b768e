"""One buyer's connection to PostgreSQL: its accesses, its transactions and locks, and where these may wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Final, TypeVar

import psycopg
from psycopg import errors
from psycopg.pq import TransactionStatus
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from ticketlab.core.errors import Conflict
from ticketlab.core.inventory import Entry, Outcome, Request, Stock
from ticketlab.core.pacing import UNCHANGED, at, note
from ticketlab.core.steps import Action, Step
from ticketlab.stores.paced_connection import PacedConnection
from ticketlab.stores.sql_session import Cursor, SqlSession
from ticketlab.stores.statements import Statements, statements, to_row, to_stock

T = TypeVar("T")

_REFUSALS: Final = (errors.SerializationFailure, errors.DeadlockDetected, errors.LockNotAvailable)
"""What another buyer's transaction is the reason of: SQLSTATE 40001, 40P01 and 55P03."""
_RESOURCE: Final = "postgres"
_CONFLICTS: Final = "conflicts between transactions"
"""The resource of all that the server keeps in mind to find out whether transactions are serializable."""


@cache
def postgres_sql() -> Statements:
    """Return the statements in PostgreSQL's dialect."""
    return statements(PGDialect_psycopg())  # type: ignore[no-untyped-call]  # of SQLAlchemy


class PostgresSession(SqlSession):
    """One buyer's connection; an access outside a transaction is a transaction of its own, at READ COMMITTED.

    Readers never wait and see what is committed. Whoever writes or locks a row keeps it until the transaction ends, and
    others who want it wait in a queue in the server. A statement that is refused aborts its transaction, and what it
    had locked is free at once.
    """

    def __init__(self, connection: PacedConnection, *, ledger: bool, advisory_key: int) -> None:
        super().__init__(self._send, postgres_sql(), _RESOURCE, ledger=ledger)
        self._connection = connection
        self._begin = ""  # the beginning of a transaction that has not been sent
        self._key = advisory_key
        self._locking = Step(Action.ACQUIRE, _RESOURCE, uncommitted=True)
        self._advising = Step(Action.ACQUIRE, "advisory lock")
        self._ending_advice = Step(Action.RELEASE, "advisory lock")
        self._holds = False  # whether others notice when the transaction ends
        self._serializable = False

    def _send(self, query: str, values: Mapping[str, Any] | Sequence[int] | None = None) -> Cursor:
        """Execute a statement; a transaction begins with its first one, since BEGIN takes no snapshot and no lock."""
        begin, self._begin = self._begin, ""
        if not begin:
            return self._connection.execute(query, values)
        cursor = psycopg.ClientCursor(self._connection).execute(f"{begin}; {query}", values)
        cursor.nextset()  # what BEGIN answers
        return cursor

    def _lock(self, section: str, suffix: str = "") -> Stock:
        return to_stock(self._execute(self._sql.lock + suffix, {"_section": section}).fetchone())

    def read_locked(self, section: str, *, wait: bool = True) -> Stock:
        """Lock the section's row until the transaction ends, and read it.

        Raises Conflict if `wait` is false and somebody has locked it.
        """
        stock = self._access(self._locking, lambda: self._lock(section, "" if wait else " NOWAIT"))
        note("remaining", stock.remaining)
        return stock

    def _change(self, sql: str, stock: Stock, entry: Entry | None) -> bool:
        """Change the row; what is entered whatever the update says is sent along with it."""
        rows = self._rows(entry) if entry is not None and sql == self._sql.write else []
        if not rows:
            return super()._change(sql, stock, entry)
        self._execute(self._connection.together((sql, to_row(stock)), *((self._sql.enter, row) for row in rows)))
        return True

    def _decide(self, request: Request) -> Outcome:
        return self._access(self._writing, lambda: self._fulfil(request, self._lock), single=False)

    def take_advisory_lock(self) -> None:
        """Wait for the advisory lock of the store's buyers, and take it; it belongs to the connection."""
        at(self._advising)
        with self._connection.making(self._advising):
            self._execute("SELECT pg_advisory_lock(%s)", (self._key,))

    def end_advisory_lock(self) -> None:
        """Give the advisory lock back."""
        at(self._ending_advice)
        self._settled("SELECT pg_advisory_unlock(%s)", (self._key,))

    @contextmanager
    def transaction(self, mode: str) -> Iterator[None]:
        """Run a transaction at an isolation level; raises Conflict if the server refuses a statement or the commit."""
        self._serializable = mode == "serializable"
        self._begin = f"BEGIN ISOLATION LEVEL {mode.replace('-', ' ').upper()}"
        self._holds = self._serializable
        try:
            yield
            self._end("COMMIT", self._committing)
        except BaseException:
            if self._in_transaction:
                self._end("ROLLBACK", self._rolling_back)
            raise

    @property
    def _in_transaction(self) -> bool:
        status = self._connection.pgconn.transaction_status
        lost_or_none = status in (TransactionStatus.IDLE, TransactionStatus.UNKNOWN)  # unknown: the connection is lost
        return bool(self._begin) or not lost_or_none

    def _end(self, command: str, step: Step) -> None:
        if self._holds:
            at(self._seen(step))
        if self._begin:  # and nothing came
            self._begin = ""
            return
        try:
            self._settled(command)
        except _REFUSALS as error:
            raise _conflict(error) from error

    def _settled(self, command: str, values: tuple[int, ...] = ()) -> None:
        """Execute what never waits, when the server has done with what came before."""
        if self._connection.observer is not None:
            self._connection.observer.settle()
        self._execute(command, values)

    def _seen(self, step: Step) -> Step:
        """Return a step as others notice it: at SERIALIZABLE every access may have a part in a refusal."""
        return step._replace(also=((Action.WRITE, _CONFLICTS),)) if self._serializable else step

    def _access(self, step: Step, do: Callable[[], T], *, single: bool | None = None) -> T:
        in_transaction = self._in_transaction
        writes = step is self._writing
        if in_transaction and writes:
            step = self._staging
        step = self._seen(step) if in_transaction else step
        at(step)
        if single is None:
            single = not writes or not self._ledger
        held = self._holds
        try:
            with self._connection.making(step):
                result = do() if in_transaction or single else self._alone(do)
        except _REFUSALS as error:
            if not (self._connection.has_waited or (in_transaction and held)):
                note(UNCHANGED, type(error).__name__)
            raise _conflict(error) from error
        if in_transaction:
            self._holds |= not step.action.looks
        return result

    def _alone(self, do: Callable[[], T]) -> T:
        """Make an access of several statements as a transaction of its own."""
        self._begin = "BEGIN ISOLATION LEVEL READ COMMITTED"
        try:
            result = do()
            self._execute("COMMIT")
        except BaseException:
            if self._in_transaction:
                self._execute("ROLLBACK")
            raise
        return result


def _conflict(error: psycopg.Error) -> Conflict:
    return Conflict(f"PostgreSQL: {error.diag.message_primary} (SQLSTATE {error.sqlstate})")
