"""PostgreSQL's isolation levels: the schema, the server and the connections are those of the store `postgres`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from psycopg import errors, pq

from ticketlab.core.errors import Conflict
from ticketlab.core.inventory import Inventory
from ticketlab.core.pacing import at
from ticketlab.core.steps import Step
from ticketlab.lab.isolation.engine import CLEAR, COMMIT, CREATE, ROLLBACK, ROWS, going_on, seen_of, table_step
from ticketlab.lab.isolation.transactions import OPENING, Seen, TableStatement, TableVerb
from ticketlab.stores.paced_connection import PacedConnection
from ticketlab.stores.postgres import PostgresStore

_RESETS_TO_VACUUM: Final = 200
"""After how many resets the rows that these left dead are removed; the lab's own server does not do it by itself."""


_RESET: Final = f"{CLEAR}; INSERT INTO sections VALUES {', '.join(map(str, OPENING.items()))}"  # noqa: S608 - constants


class PostgresLevels(PostgresStore):
    """A schema with the table `sections`, and connections at each level.

    READ UNCOMMITTED is left out: in PostgreSQL it is READ COMMITTED.
    """

    levels: Sequence[str] = ("read committed", "repeatable read", "serializable")

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Have the schema until the context ends."""
        try:
            self.create(Inventory.of(1), ledger=False)
            self._own().execute(CREATE)
            yield
        finally:
            self.close()

    @property
    def version(self) -> str:
        """The server's version."""
        return f"PostgreSQL {self._own().info.parameter_status('server_version')}"

    @contextmanager
    def connect(self, level: str) -> Iterator[_PostgresConnection]:
        """Connect a participant."""
        connection = self._connect(observed=True)
        try:
            connection.be_observed(self._observer(alone=True))
            yield _PostgresConnection(connection, level)
        finally:
            connection.give_up()
            connection.close()

    def reset(self, level: str = "") -> None:
        """Put the opening rows back, in one message to the server, which is one transaction."""
        own = self._own()
        own.execute(_RESET)
        self._resets += 1
        if self._resets % _RESETS_TO_VACUUM == 0:
            own.execute("VACUUM sections")

    def rows(self, level: str) -> Mapping[str, int]:
        """Return the rows that are committed."""
        return dict(self._own().execute(ROWS).fetchall())


class _PostgresConnection:
    """A participant's connection. A statement that has to wait for a row is answered in a step of its own."""

    def __init__(self, connection: PacedConnection, level: str) -> None:
        self._connection = connection
        self._begin = f"BEGIN ISOLATION LEVEL {level.upper()}"

    def begin(self) -> None:
        self._connection.execute(self._begin)  # it takes no snapshot and no lock, so nobody notices

    def execute(self, statement: TableStatement) -> Seen:
        return self._make(table_step(statement), _sql(statement.verb), statement)

    def commit(self) -> None:
        self._make(COMMIT, "COMMIT")

    def roll_back(self) -> None:
        """Roll back; what a refused transaction had locked has been free since it was refused."""
        if self._connection.info.transaction_status == pq.TransactionStatus.INTRANS:
            self._make(ROLLBACK, "ROLLBACK")
        elif self._connection.info.transaction_status != pq.TransactionStatus.IDLE:
            self._connection.execute("ROLLBACK")

    def _make(self, step: Step, sql: str, statement: TableStatement | None = None) -> Seen:
        at(step)
        try:
            with self._connection.making(step, going_on(step)):
                cursor = self._connection.execute(sql, statement.parameters if statement else None)
        except (errors.SerializationFailure, errors.DeadlockDetected) as error:
            raise Conflict(f"{error.diag.message_primary} (SQLSTATE {error.sqlstate})") from error
        if statement is None:
            return None
        return seen_of(statement, cursor.fetchall() if statement.verb.looks else (), cursor.rowcount)


def _sql(verb: TableVerb) -> str:
    return verb.value.replace("?", "%s")
