"""The books in an SQLite database, through SQLAlchemy Core.

By default the driver delays BEGIN until the first write, which leaves reads outside the transaction. So its transaction
control is switched off, and each BEGIN is issued here with its mode. No connection crosses a fork: a forked child that
closed its copy would drop the parent's locks.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.pool import NullPool, PoolProxiedConnection

from ticketlab.core import pacing
from ticketlab.core.errors import GaveUp, TicketlabError, UsageError
from ticketlab.core.inventory import Books, Entry, Inventory, Stock
from ticketlab.core.plugin import Capability, StoreKind
from ticketlab.core.spec import Option
from ticketlab.stores.sqlite_session import SqliteSession, is_busy, sql
from ticketlab.stores.statements import to_row, to_stock

_BUSY_SECONDS: Final = 60.0
"""How long a statement waits for a lock; 100 buyers can exceed the driver's default of 5 s."""


class SqliteStore:
    """A database file; `journal` and `synchronous` are SQLite's pragmas of those names."""

    def __init__(self, folder: Path, variant: str, journal: str, synchronous: str) -> None:
        self.path = folder / "inventory.db"
        self._wal = journal == "wal"
        self._pragmas = (f"journal_mode={journal}", f"synchronous={synchronous}")
        self._ledger = True
        self._opening: dict[str, int] = {}
        self._engine: Engine | None = None
        self._kept: tuple[int, PoolProxiedConnection] | None = None

    def create(self, inventory: Inventory, *, ledger: bool) -> None:
        """Create the database, its tables and the opening stock."""
        if self.path.exists():
            what = "is a directory" if self.path.is_dir() else "exists already, and nothing is ever overwritten"
            raise UsageError(f"{self.path} {what}: name another folder")
        self._opening, self._ledger = dict(inventory.sections), ledger
        try:
            self._fill()
        except sqlite3.OperationalError as error:  # no room, most likely
            raise TicketlabError(f"cannot make the database {self.path}: {error} ({error.sqlite_errorname})") from error

    def _fill(self) -> None:
        statements = sql()
        with self._connected() as execute:
            execute("BEGIN IMMEDIATE")
            for table in statements.tables:
                execute(table)
            for name, count in self._opening.items():
                execute(statements.open, Stock(name, count, count)._asdict() | {"holds": None})
            execute("COMMIT")

    def engine(self) -> Engine:
        """Return the engine; it keeps no connections, so a forked process may go on using it.

        To build another engine would take ten times as long as to connect.
        """
        if self._engine is None:
            self._engine = create_engine(f"sqlite:///{self.path}", poolclass=NullPool)
            event.listen(self._engine, "connect", self._set_up)
        return self._engine

    def _set_up(self, connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        seconds = _BUSY_SECONDS if pacing.current().may_wait else 0
        for pragma in (f"busy_timeout={int(seconds * 1000)}", *self._pragmas):
            connection.execute(f"PRAGMA {pragma}")

    def __getstate__(self) -> dict[str, Any]:
        """Return what a buyer is given: no engine and no connection, since each process has its own."""
        return {**self.__dict__, "_engine": None, "_kept": None}

    def reset(self) -> None:
        """Put the opening stock back, in one transaction, on a connection that is kept for the next reset."""
        if self._kept is None or self._kept[0] != os.getpid():
            self._kept = os.getpid(), self.engine().raw_connection()
        statements = sql()
        with self._connected() as execute:
            execute("BEGIN IMMEDIATE")
            execute(statements.clear)
            for name, count in self._opening.items():
                execute(statements.write, to_row(Stock(name, count, count)))
            execute("COMMIT")

    @contextmanager
    def _connected(self) -> Iterator[Callable[..., sqlite3.Cursor]]:
        """Yield what executes statements: on the kept connection if there is one, else on a new one."""
        kept = self._kept[1] if self._kept is not None and self._kept[0] == os.getpid() else None
        connection = kept or self.engine().raw_connection()
        driver = connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        try:
            yield driver.execute
        finally:
            if driver.in_transaction:
                driver.execute("ROLLBACK")
            if kept is None:
                connection.close()

    @contextmanager
    def session(self) -> Iterator[SqliteSession]:
        """Connect to the database."""
        connection = self.engine().raw_connection()
        try:
            driver = connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            yield SqliteSession(driver, self.path.name, ledger=self._ledger, wal=self._wal)
        finally:
            connection.close()

    @contextmanager
    def seize(self) -> Iterator[None]:
        """Lock the database as an outside program does (a backup, say), unless somebody else has locked it."""
        with closing(sqlite3.connect(self.path, timeout=0, isolation_level=None)) as outsider:
            with suppress(sqlite3.OperationalError):
                outsider.execute("BEGIN EXCLUSIVE")
            yield

    def books(self) -> Books:
        """Read both tables in one transaction; raises GaveUp if the database stays locked."""
        statements = sql()
        try:
            with self._connected() as execute:
                execute("BEGIN")
                stocks = {row[0]: to_stock(row) for row in execute(statements.stocks)}
                rows = execute(statements.ledger).fetchall()
        except sqlite3.OperationalError as error:
            if not is_busy(error):
                raise
            raise GaveUp(f"{self.path.name} stays locked: {error}") from error
        ledger = tuple(Entry(buyer, section, (ticket,), bool(cancels)) for _, buyer, section, ticket, cancels in rows)
        return Books(stocks, ledger if self._ledger else None)

    def close(self) -> None:
        """Close the kept connection, in the process that opened it."""
        if self._kept is not None and self._kept[0] == os.getpid():
            self._kept[1].close()
        self._kept = None


KIND = StoreKind(
    name="sqlite",
    summary="an SQLite database, through SQLAlchemy Core",
    options={
        "journal": Option("wal", "SQLite's journal_mode", ("wal", "delete", "truncate", "persist", "memory")),
        "synchronous": Option("normal", "SQLite's synchronous", ("off", "normal", "full", "extra")),
    },
    capabilities=frozenset(
        {
            Capability.RECORDS,
            Capability.SHARED,
            Capability.FILE,
            Capability.TRANSACTION,
            Capability.BEGIN_MODES,
            Capability.COMPARE_AND_SET,
            Capability.CONDITIONAL_UPDATE,
            Capability.HOLDS,
        }
    ),
    build=SqliteStore,
    process_locks=True,
    toured=("none", "lock", "transaction:immediate", "optimistic", "atomic"),
    compared=("none", "lock", "transaction:immediate", "optimistic", "atomic", "clerk:socket"),
    slows_forks=True,
)
