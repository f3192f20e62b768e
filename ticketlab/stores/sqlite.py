"""The books in an SQLite database, through SQLAlchemy Core.

SQLAlchemy keeps the engine, the schema and the dialect; its statements are compiled once and run on the driver's own
connection, because building and unpacking a Core result costs several times what SQLite itself needs for a sale.

The driver's legacy transaction control would delay BEGIN until the first write, and so leave every read outside the
transaction: it is switched off, and each BEGIN is issued here, by its full name. No connection crosses a fork, since a
forked child that closes its copy drops the parent's locks.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeVar

from sqlalchemy import (
    Engine,
    bindparam,
    create_engine,
    delete,
    event,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from sqlalchemy.pool import NullPool, PoolProxiedConnection
from sqlalchemy.schema import CreateTable

from ticketlab.core import pacing
from ticketlab.core.errors import Conflict, TornRead, UsageError
from ticketlab.core.inventory import (
    Books,
    Buy,
    Cancel,
    Cancelled,
    Entry,
    Found,
    Inventory,
    OpenHold,
    Outcome,
    Request,
    Search,
    Sold,
    SoldOut,
    Stock,
)
from ticketlab.core.pacing import BLOCKED, UNCHANGED, UNDONE, Action, Blocked, Step, at, note
from ticketlab.core.plugin import Capability, StoreKind
from ticketlab.core.spec import Option
from ticketlab.stores.schema import LEDGER, METADATA, STOCK

T = TypeVar("T")

BUSY_SECONDS: Final = 60.0
"""How long a statement waits for another's lock: longer than the driver's 5 s, which 100 buyers can exceed."""


class Statements(NamedTuple):
    """The SQL of a session, compiled from the metadata; parameters are named."""

    read: str
    write: str
    compare_and_set: str
    buy: str
    cancel: str
    holds: str
    enter: str
    clear: str
    stocks: str
    ledger: str
    tables: tuple[str, ...]
    open: str


@cache
def statements() -> Statements:
    """Compile the statements, once a process; forked buyers inherit them."""
    p = bindparam
    one: Any = literal_column("1")  # a plain 1 would be one more parameter to bind
    here = STOCK.c.section == p("_section")
    left, issued, version = STOCK.c.remaining, STOCK.c.issued, STOCK.c.version
    replace = update(STOCK).values(
        remaining=p("_remaining"), issued=p("_issued"), version=p("_version"), holds=p("_holds")
    )
    take: dict[str, Any] = {
        "remaining": left - p("_quantity"),
        "issued": issued + p("_quantity"),
        "version": version + one,
    }
    give_back: dict[str, Any] = {"remaining": left + p("_quantity"), "version": version + one}
    ticket: dict[str, Any] = {
        "buyer": p("_buyer"),
        "section": p("_section"),
        "ticket": p("_ticket"),
        "cancels": p("_cancels"),
    }
    return Statements(
        read=_sql(select(STOCK).where(here)),
        write=_sql(replace.where(here)),
        compare_and_set=_sql(replace.where(here, version + one == p("_version"))),
        buy=_sql(update(STOCK).where(here, left >= p("_quantity")).values(take).returning(left, issued)),
        cancel=_sql(update(STOCK).where(here).values(give_back)),
        holds=_sql(select(one).select_from(STOCK).where(here, STOCK.c.holds.is_not(None))),
        enter=_sql(insert(LEDGER).values(ticket)),
        clear=_sql(delete(LEDGER)),
        stocks=_sql(select(STOCK)),
        ledger=_sql(select(LEDGER).order_by(LEDGER.c.id)),
        tables=tuple(_sql(CreateTable(table)) for table in METADATA.sorted_tables),
        open=_sql(insert(STOCK)),
    )


def _sql(statement: Any) -> str:
    return str(statement.compile(dialect=sqlite_dialect(paramstyle="named")))


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
        sql = statements()
        with self._connected() as execute:
            execute("BEGIN IMMEDIATE")
            for table in sql.tables:
                execute(table)
            for name, count in self._opening.items():
                execute(sql.open, Stock(name, count, count)._asdict() | {"holds": None})
            execute("COMMIT")

    def engine(self) -> Engine:
        """Return the engine, which has no connections of its own: one is opened when it is asked for, and then closed.

        So a forked process may go on with it. To build another takes ten times as long as to connect.
        """
        if self._engine is None:
            self._engine = create_engine(f"sqlite:///{self.path}", poolclass=NullPool)
            event.listen(self._engine, "connect", self._set_up)
        return self._engine

    def _set_up(self, connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        seconds = BUSY_SECONDS if pacing.current().may_wait else 0
        for pragma in (f"busy_timeout={int(seconds * 1000)}", *self._pragmas):
            connection.execute(f"PRAGMA {pragma}")

    def __getstate__(self) -> dict[str, Any]:
        """Leave engine and connection behind: each process has its own."""
        return {**self.__dict__, "_engine": None, "_kept": None}

    def reset(self) -> None:
        """Put the opening stock back, in one transaction, on a connection that is kept for the next time."""
        if self._kept is None or self._kept[0] != os.getpid():
            self._kept = os.getpid(), self.engine().raw_connection()
        sql = statements()
        with self._connected() as execute:
            execute("BEGIN IMMEDIATE")
            execute(sql.clear)
            for name, count in self._opening.items():
                execute(sql.write, _row(Stock(name, count, count)))
            execute("COMMIT")

    @contextmanager
    def _connected(self) -> Iterator[Callable[..., sqlite3.Cursor]]:
        """Yield what executes statements: on the kept connection, where there is one, or on a new one."""
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
        """Keep the database locked as an outsider does (a backup, a browser of tables), unless somebody else does."""
        with closing(sqlite3.connect(self.path, timeout=0, isolation_level=None)) as outsider:
            with suppress(sqlite3.OperationalError):
                outsider.execute("BEGIN EXCLUSIVE")
            yield

    def books(self) -> Books:
        """Read both tables in one transaction; raises TornRead where somebody keeps the database locked."""
        sql = statements()
        try:
            with self._connected() as execute:
                execute("BEGIN")
                stocks = {row[0]: _stock(row) for row in execute(sql.stocks)}
                rows = execute(sql.ledger).fetchall()
        except sqlite3.OperationalError as error:
            if not _is_busy(error):
                raise
            raise TornRead(f"{self.path.name} stays locked: {error}") from error
        ledger = tuple(Entry(buyer, section, (ticket,), bool(cancels)) for _, buyer, section, ticket, cancels in rows)
        return Books(stocks, ledger if self._ledger else None)

    def close(self) -> None:
        """Close the kept connection, in the process that opened it."""
        if self._kept is not None and self._kept[0] == os.getpid():
            self._kept[1].close()
        self._kept = None


class SqliteSession:
    """One buyer's connection. Outside a transaction each access is one of its own, and one step.

    Every step names the database as its resource: SQLite locks it whole, and a commit changes what every read sees. A
    write in a transaction keeps other writers out and, as long as its pages fit the cache, is unseen by readers.
    """

    def __init__(self, connection: sqlite3.Connection, resource: str, *, ledger: bool, wal: bool) -> None:
        self._execute = connection.execute
        self._connection = connection
        self._ledger = ledger
        self._wal = wal
        self._holds = False  # whether others notice when the transaction ends
        self._wrote = False  # whether it has, or may have, what only one can have
        self._sql = statements()
        self._reading = Step(Action.READ, resource)
        self._writing = Step(Action.WRITE, resource)
        self._staging = Step(Action.WRITE, resource, unseen=True)
        self._beginning = Step(Action.BEGIN, resource, excludes=True)
        self._committing = Step(Action.COMMIT, resource)
        self._rolling_back = Step(Action.ROLLBACK, resource)

    def read(self, section: str) -> Stock:
        """Select the section's row."""
        stock = self._access(self._reading, lambda: self._look(section))
        note("remaining", stock.remaining)
        return stock

    def _look(self, section: str) -> Stock:
        return _stock(self._execute(self._sql.read, {"_section": section}).fetchone())

    def write(self, stock: Stock, entry: Entry | None) -> None:
        """Update the section's row whatever stands there, and insert the entry."""
        self._access(self._writing, lambda: self._change(self._sql.write, stock, entry))
        note("remaining", stock.remaining)

    def compare_and_set(self, stock: Stock, entry: Entry | None) -> bool:
        """Update the section's row where its version is still the one that was read."""
        done = self._access(self._writing, lambda: self._change(self._sql.compare_and_set, stock, entry))
        note("remaining", stock.remaining) if done else note("stale", stock.version - 1)
        return done

    def _change(self, sql: str, stock: Stock, entry: Entry | None) -> bool:
        done = self._execute(sql, _row(stock)).rowcount == 1
        if done and entry is not None:
            self._enter(entry)
        return done

    def _enter(self, entry: Entry) -> None:
        if self._ledger:
            for ticket in entry.tickets:
                row = {"_buyer": entry.buyer, "_section": entry.section, "_ticket": ticket, "_cancels": entry.cancels}
                self._execute(self._sql.enter, row)

    def apply(self, request: Request) -> Outcome:
        """Perform the request by one statement that checks and changes at once; where there are holds, by a few.

        These are one transaction. A sale that finds enough tickets need not know whether holds have ended.
        """
        outcome: Outcome | None = None
        if isinstance(request, Search):
            stock = self.read(request.section)
            outcome = None if stock.holds else Found(stock.remaining)
        elif isinstance(request, Buy):
            outcome = self._access(self._writing, lambda: self._buy(request))
        elif isinstance(request, Cancel) and not request.hold:
            outcome = self._access(self._writing, lambda: self._cancel(request))
        return outcome or self._access(self._writing, lambda: self._decide(request), single=False)

    def _buy(self, request: Buy) -> Sold | SoldOut | None:
        buyer, section, quantity = request
        row = self._execute(self._sql.buy, {"_section": section, "_quantity": quantity}).fetchone()
        if row is None:
            if self._execute(self._sql.holds, {"_section": section}).fetchone():
                return None
            note("refused", quantity)
            return SoldOut()
        remaining, issued = row
        note("remaining", remaining)
        tickets = tuple(range(issued - quantity + 1, issued + 1))
        self._enter(Entry(buyer, section, tickets))
        return Sold(tickets)

    def _cancel(self, request: Cancel) -> Cancelled:
        self._execute(self._sql.cancel, {"_section": request.section, "_quantity": len(request.tickets)})
        self._enter(Entry(request.buyer, request.section, request.tickets, cancels=True))
        return Cancelled(request.tickets)

    def _decide(self, request: Request) -> Outcome:
        stock, entry, outcome = request.on(self._look(request.section))
        if stock is not None:
            self._change(self._sql.write, stock, entry)
            note("remaining", stock.remaining)
        return outcome

    @contextmanager
    def transaction(self, mode: str) -> Iterator[None]:
        """Run a transaction that begins DEFERRED, IMMEDIATE or EXCLUSIVE; raises Conflict where SQLite is busy."""
        begin = f"BEGIN {mode.upper()}"
        if mode == "deferred":  # takes no lock yet, so it is no access to shared state
            self._execute(begin)
        else:
            self._wait(self._beginning, lambda: self._execute(begin))
        self._holds = mode != "deferred"
        self._wrote = self._holds
        try:
            yield
            self._commit()
        except BaseException:
            if self._connection.in_transaction:
                self._roll_back()
            raise

    def _roll_back(self) -> None:
        """Roll back; a reader's shared lock kept at most a writer's COMMIT waiting, and nobody was refused for it."""
        if self._holds:
            at(self._rolling_back)
        self._execute("ROLLBACK")
        if self._holds and not self._wrote:
            note(UNDONE, "shared lock")

    def _commit(self) -> None:
        """Commit; with a rollback journal that waits for readers, and the first try already keeps new ones out."""
        if self._holds:
            at(self._committing)
        try:
            self._execute("COMMIT")
        except sqlite3.OperationalError as error:
            if not _is_busy(error):
                raise
            self._wait(self._committing, lambda: self._execute("COMMIT"))
        if self._holds and not self._wrote:
            note(UNDONE, "shared lock")

    def _access(self, step: Step, do: Callable[[], T], *, single: bool | None = None) -> T:
        """Make an access: inside a transaction as it is, outside as a transaction of its own that may have to wait.

        `single` says whether it is one statement, where that does not follow from the step and the ledger.
        """
        if self._connection.in_transaction:
            writes = step is self._writing
            at(self._staging if writes else step)
            try:
                result = do()
            except sqlite3.OperationalError as error:
                # A reader that becomes a writer is refused at once, whatever the time-out: waiting could not help it.
                if _is_busy(error):
                    note(UNCHANGED, error.sqlite_errorname)
                raise _conflict(error) from error
            self._wrote |= writes
            self._holds |= self._wrote or not self._wal  # under WAL nobody notices that a reader is there
            return result
        if single is None:
            single = step is self._reading or not self._ledger  # one statement is a transaction by itself
        return self._wait(step, do if single else lambda: self._whole(do))

    def _whole(self, do: Callable[[], T]) -> T:
        self._execute("BEGIN IMMEDIATE")
        try:
            result = do()
            self._execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # a full disk makes SQLite roll back by itself
                self._execute("ROLLBACK")
            raise
        return result

    def _wait(self, step: Step, do: Callable[[], T]) -> T:
        def attempt() -> T | Literal[Blocked.BLOCKED]:
            try:
                return do()
            except sqlite3.OperationalError as error:
                if _is_busy(error):
                    return BLOCKED
                raise

        def wait() -> T:
            try:
                return do()
            except sqlite3.OperationalError as error:
                raise _conflict(error) from error

        return pacing.block(step, attempt, wait)


def _row(stock: Stock) -> dict[str, Any]:
    section, _, remaining, issued, version, holds = stock
    return {
        "_section": section,
        "_remaining": remaining,
        "_issued": issued,
        "_version": version,
        "_holds": json.dumps(holds) if holds else None,
    }


def _stock(row: tuple[Any, ...]) -> Stock:
    section, tickets, remaining, issued, version, holds = row
    if holds is None:
        return Stock(section, tickets, remaining, issued, version)
    return Stock(section, tickets, remaining, issued, version, tuple(OpenHold(*hold) for hold in json.loads(holds)))


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def _conflict(error: sqlite3.OperationalError) -> Exception:
    return Conflict(f"SQLite: {error} ({error.sqlite_errorname})") if _is_busy(error) else error


KIND = StoreKind(
    name="sqlite",
    summary="an SQLite database, through SQLAlchemy Core",
    options={
        "journal": Option("wal", "SQLite's journal_mode", ("wal", "delete", "truncate", "persist", "memory")),
        "synchronous": Option("normal", "SQLite's synchronous", ("off", "normal", "full", "extra")),
    },
    capabilities=frozenset(Capability) - {Capability.MANAGER},
    build=SqliteStore,
)
