"""The books in a PostgreSQL database, through SQLAlchemy Core and psycopg.

Each store has a schema of its own, which is dropped at the end, in a server that the lab starts for itself or in yours.
No connection crosses a fork.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ticketlab.core import pacing
from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.inventory import Books, Entry, Inventory, Stock
from ticketlab.core.plugin import Capability, StoreKind
from ticketlab.core.secrets import revealed
from ticketlab.core.spec import Option
from ticketlab.stores.statements import to_row, to_stock

if TYPE_CHECKING:  # the driver is imported when a store is made
    from sqlalchemy import URL

    from ticketlab.core.postgres_waits import Observer
    from ticketlab.stores.numbered import NumberedSession, NumberedTable
    from ticketlab.stores.paced_connection import PacedConnection


_RECOVERY_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.005
_MOST_NUMBERED: Final = 100_000
"""How many tickets can be numbered: each may have a row before anybody buys."""
_RESETS_TO_VACUUM: Final = 500
"""After how many resets the rows that these left dead are removed; the lab's own server does not do it by itself."""


@dataclass(slots=True)
class _Connections:
    """What one process keeps open beside its sessions."""

    own: PacedConnection | None = None
    observer: Observer | None = None
    idle: list[PacedConnection] = field(default_factory=list)  # of buyers of earlier executions


class PostgresStore:
    """A schema in a PostgreSQL database; `fsync` is a setting of the lab's own server."""

    def __init__(self, folder: Path, variant: str, url: str, fsync: str) -> None:
        self._url = url
        self._fsync = fsync
        self._schema = f"ticketlab_{uuid.uuid4().hex[:12]}"  # so that nothing of yours is touched
        self._ledger = True
        self._opening: dict[str, int] = {}
        self._address: URL | None = None
        self._owner = os.getpid()
        self._server = 0
        self._connections: dict[int, _Connections] = {}  # by process: those of the process that forked it are kept too
        self._resetting = ""
        self._resets = 0
        self._has_sessions = 0  # the process in which buyers connected last
        self._numbered: NumberedTable | None = None
        self._key = uuid.uuid4().int >> 65  # what the advisory lock is called

    def create(self, inventory: Inventory, *, ledger: bool) -> None:
        """Start a server unless one is named, and make the schema, its tables and the opening stock."""
        self._opening, self._ledger = dict(inventory.sections), ledger
        self._find_server()
        from ticketlab.stores.postgres_session import postgres_sql  # once it is known that the driver is there

        own, statements = self._own(), postgres_sql()
        with own.transaction():
            own.execute(f"CREATE SCHEMA {self._schema}")
            for table in statements.tables:
                own.execute(table)
            for name, count in self._opening.items():
                own.execute(statements.open, Stock(name, count, count)._asdict() | {"holds": None})
            back = [(statements.write, to_row(Stock(name, count, count))) for name, count in self._opening.items()]
            self._resetting = own.together((statements.clear, None), *back)
        own.execute("ANALYZE stock, ledger")

    def number_tickets(self, *, listed: bool, keyed: bool) -> None:
        """Make the table of numbered tickets; raises UsageError if there are more than 100,000."""
        from ticketlab.stores.numbered import NumberedTable

        tickets = sum(self._opening.values())
        if tickets > _MOST_NUMBERED:
            raise UsageError(f"{tickets:,} tickets cannot be numbered one by one: at most {_MOST_NUMBERED:,} can")
        self._numbered = NumberedTable(listed, keyed)
        self._numbered.make(self._own(), self._opening)

    def _find_server(self) -> None:
        """Start the lab's own server, or take the one that is named."""
        try:
            import psycopg  # noqa: F401 - the first to tell that the extra is missing
            from sqlalchemy import make_url
            from sqlalchemy.exc import ArgumentError
        except ImportError as error:
            raise UsageError("postgres needs its driver: pip install 'ticketlab[postgres]'") from error
        if self._url:
            try:
                self._address = make_url(revealed(self._url)).set(drivername="postgresql+psycopg")
            except ArgumentError as error:
                raise UsageError(
                    f"url of postgres is {self._url!r}, and not postgresql://user@host/database"
                ) from error
            return
        from sqlalchemy import URL

        from ticketlab.stores.servers.postgresql import postgresql_server

        server = postgresql_server(self._fsync)
        self._server = server.pid
        self._address = URL.create(
            "postgresql+psycopg", username="postgres", database="postgres", query={"host": str(server.folder)}
        )

    def _connect(self, *, observed: bool = False) -> PacedConnection:
        """Connect, with the schema as the place of all tables; raises TicketlabError in one line if that fails.

        To be `observed` takes a role that may set `log_lock_waits`.
        """
        import psycopg

        from ticketlab.core.postgres_waits import OBSERVED, application_name
        from ticketlab.stores.paced_connection import PacedConnection

        assert self._address is not None, "the store has been created"
        options = {
            "search_path": self._schema,
            "lock_timeout": "0",
            "statement_timeout": "0",
            **(OBSERVED if observed else {}),
        }
        try:
            address: dict[str, Any] = self._address.translate_connect_args(username="user", database="dbname")
            return PacedConnection.connect(
                **address | dict(self._address.query),
                autocommit=True,
                application_name=application_name(self._schema),
                options=" ".join(f"-c {name}={value}" for name, value in options.items()),
            )
        except psycopg.OperationalError as error:
            reason = str(error).strip().splitlines()[0].removeprefix("connection failed: ")
            where = self._url or "the lab's own server"  # a password in it is concealed
            raise TicketlabError(f"cannot connect to PostgreSQL ({where}): {reason}") from error

    def __getstate__(self) -> dict[str, Any]:
        """Return what a buyer is given: no connection, since each process has its own."""
        return {**self.__dict__, "_connections": {}, "_has_sessions": 0}

    def reset(self) -> None:
        """Put the opening stock back, in one transaction."""
        own = self._settled()
        if self._numbered is None:
            own.execute(self._resetting)  # statements that are sent together are one transaction
        else:
            with own.transaction():
                own.execute(self._resetting)
                self._numbered.reset(own)
        self._resets += 1
        if self._resets % _RESETS_TO_VACUUM == 0:
            own.execute("VACUUM stock, ledger" if self._numbered is None else "VACUUM stock, ledger, numbered")

    def _own(self) -> PacedConnection:
        """Return the connection that this process keeps for itself."""
        mine = self._mine
        if mine.own is None:
            mine.own = self._connect()
        return mine.own

    def _observer(self, *, alone: bool) -> Observer:
        """Return what asks the server for this process."""
        from ticketlab.core.postgres_waits import Observer

        mine = self._mine
        if mine.observer is None:
            mine.observer = Observer(self._connect(), self._schema, alone=alone, stops=not self._url)
        return mine.observer

    @property
    def _mine(self) -> _Connections:
        return self._connections.setdefault(os.getpid(), _Connections())

    def _settled(self) -> PacedConnection:
        """Return this process's own connection, when nothing of buyers that have ended is left in the server."""
        if self._has_sessions != os.getpid():  # the buyers are other processes
            self._observer(alone=False).settle()
        return self._own()

    @contextmanager
    def session(self) -> Iterator[NumberedSession]:
        """Connect to the database."""
        from ticketlab.stores.numbered import NumberedSession

        self._has_sessions = os.getpid()
        connection = self._for_buyer()
        try:
            yield NumberedSession(connection, ledger=self._ledger, advisory_key=self._key, table=self._numbered)
        except BaseException:
            connection.give_up()
            raise
        finally:
            if connection.observer is None or connection.closed:
                connection.close()
            else:
                self._mine.idle.append(connection)

    def _for_buyer(self) -> PacedConnection:
        """Return a connection for a buyer; in an exploration one that an earlier buyer of this process has used."""
        if pacing.current().may_wait:
            return self._connect()
        idle = self._mine.idle
        if idle:
            return idle.pop()
        connection = self._connect(observed=True)
        connection.be_observed(self._observer(alone=self._has_sessions == self._owner))
        return connection

    def books(self) -> Books:
        """Read both tables at one moment; a server of the lab that was killed is started again first."""
        from psycopg import OperationalError

        until = time.monotonic() + _RECOVERY_SECONDS
        while True:
            try:
                return self._read()
            except (OperationalError, TicketlabError):
                if self._url or time.monotonic() > until:
                    raise
            time.sleep(_POLL_SECONDS)  # it may be about to end, or to put its data in order
            self._disconnect()
            self._find_server()

    def _read(self) -> Books:
        from ticketlab.stores.postgres_session import postgres_sql

        statements, own = postgres_sql(), self._settled()
        with own.transaction():
            own.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            stocks = {row[0]: to_stock(row) for row in own.execute(statements.stocks)}
            rows = own.execute(statements.ledger).fetchall()
            if self._numbered is not None:
                stocks = self._numbered.count_into(stocks, own)
        ledger = tuple(Entry(buyer, section, (ticket,), cancels) for _, buyer, section, ticket, cancels in rows)
        return Books(stocks, ledger if self._ledger else None)

    def servers(self) -> list[int]:
        """Return the processes of the lab's own server, the first one first; yours is not the lab's to kill."""
        children = Path(f"/proc/{self._server}/task/{self._server}/children")
        try:
            return [self._server, *map(int, children.read_text().split())]
        except OSError:  # it has ended, or there is none
            return []

    def close(self) -> None:
        """Drop the schema, in the process that made it, and disconnect."""
        own = self._mine.own
        if os.getpid() == self._owner and own is not None:
            from psycopg import OperationalError

            with suppress(OperationalError):  # the server has been killed
                own.execute(f"DROP SCHEMA IF EXISTS {self._schema} CASCADE")
        self._disconnect()

    def _disconnect(self) -> None:
        mine = self._connections.pop(os.getpid(), _Connections())
        for each in (mine.own, mine.observer, *mine.idle):
            if each is not None:
                each.close()


KIND = StoreKind(
    name="postgres",
    summary="a PostgreSQL server: the lab's own, or yours by url=",
    options={
        "url": Option(
            "", "the database to use, as postgresql://user@host/name; the lab's own server if empty", text=True
        ),
        "fsync": Option("off", "whether the lab's own server waits for the disk at each commit", ("off", "on")),
    },
    capabilities=frozenset(
        {
            Capability.RECORDS,
            Capability.SHARED,
            Capability.COMPARE_AND_SET,
            Capability.CONDITIONAL_UPDATE,
            Capability.HOLDS,
            Capability.TRANSACTION,
            Capability.ISOLATION_LEVELS,
            Capability.ROW_LOCKS,
            Capability.ADVISORY_LOCKS,
            Capability.NUMBERED_TICKETS,
        }
    ),
    build=PostgresStore,
    on_request=True,
    toured=("none", "transaction:repeatable-read", "row-lock", "optimistic", "atomic"),
    compared=("none", "transaction:serializable", "row-lock", "advisory", "optimistic", "atomic"),
    slows_forks=True,
)
