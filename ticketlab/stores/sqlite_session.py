"""One buyer's connection to an SQLite database: its accesses, its transactions, and where these may wait."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Literal, TypeVar

from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect

from ticketlab.core import pacing
from ticketlab.core.errors import Conflict
from ticketlab.core.inventory import (
    Buy,
    Cancel,
    Cancelled,
    Entry,
    Found,
    Outcome,
    Request,
    Search,
    Sold,
    SoldOut,
    Stock,
)
from ticketlab.core.pacing import BLOCKED, UNCHANGED, UNDONE, Blocked, at, note
from ticketlab.core.steps import Action, Step
from ticketlab.stores.statements import Statements, statements, to_row, to_stock

T = TypeVar("T")
_DIALECT: Final = sqlite_dialect(paramstyle="named")


def sql() -> Statements:
    """Return the statements in SQLite's dialect."""
    return statements(_DIALECT)


class SqliteSession:
    """One buyer's connection; an access outside a transaction is a transaction of its own, and one step.

    The resource of every step is the database: SQLite locks it as a whole, and a commit changes what every read finds.
    A write in a transaction keeps other writers out, and as long as its pages fit the cache readers do not notice it.
    """

    def __init__(self, connection: sqlite3.Connection, resource: str, *, ledger: bool, wal: bool) -> None:
        self._execute = connection.execute
        self._connection = connection
        self._ledger = ledger
        self._wal = wal
        self._holds = False  # whether others notice when the transaction ends
        self._wrote = False  # whether this transaction has, or may have, the write lock
        self._sql = sql()
        self._reading = Step(Action.READ, resource)
        self._writing = Step(Action.WRITE, resource)
        self._staging = Step(Action.WRITE, resource, uncommitted=True)
        self._beginning = Step(Action.BEGIN, resource, excludes=True)
        self._committing = Step(Action.COMMIT, resource)
        self._rolling_back = Step(Action.ROLLBACK, resource)

    def read(self, section: str) -> Stock:
        """Read the section's row."""
        stock = self._access(self._reading, lambda: self._look(section))
        note("remaining", stock.remaining)
        return stock

    def _look(self, section: str) -> Stock:
        return to_stock(self._execute(self._sql.read, {"_section": section}).fetchone())

    def write(self, stock: Stock, entry: Entry | None) -> None:
        """Update the section's row, whatever it says by now, and insert the entry."""
        self._access(self._writing, lambda: self._change(self._sql.write, stock, entry))
        note("remaining", stock.remaining)

    def compare_and_set(self, stock: Stock, entry: Entry | None) -> bool:
        """Update the section's row if its version is still the one that was read; return whether it was."""
        done = self._access(self._writing, lambda: self._change(self._sql.compare_and_set, stock, entry))
        note("remaining", stock.remaining) if done else note("stale", stock.version - 1)
        return done

    def _change(self, sql: str, stock: Stock, entry: Entry | None) -> bool:
        done = self._execute(sql, to_row(stock)).rowcount == 1
        if done and entry is not None:
            self._enter(entry)
        return done

    def _enter(self, entry: Entry) -> None:
        if self._ledger:
            for ticket in entry.tickets:
                row = {"_buyer": entry.buyer, "_section": entry.section, "_ticket": ticket, "_cancels": entry.cancels}
                self._execute(self._sql.enter, row)

    def apply(self, request: Request) -> Outcome:
        """Perform the request by one statement that checks and changes; if there are holds, by a few in a transaction.

        A sale that finds enough tickets does not depend on whether holds have expired.
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
        """Run a transaction that begins DEFERRED, IMMEDIATE or EXCLUSIVE; raises Conflict if SQLite is busy."""
        begin = f"BEGIN {mode.upper()}"
        if mode == "deferred":  # it takes no lock yet, so it is no access to shared state
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
        """Roll back. If nothing was written, only a shared lock is released, for which nobody was refused."""
        if self._holds:
            at(self._rolling_back)
        self._execute("ROLLBACK")
        if self._holds and not self._wrote:
            note(UNDONE, "shared lock")

    def _commit(self) -> None:
        """Commit. With a rollback journal this waits for readers, and the first attempt already keeps new ones out."""
        if self._holds:
            at(self._committing)
        try:
            self._execute("COMMIT")
        except sqlite3.OperationalError as error:
            if not is_busy(error):
                raise
            self._wait(self._committing, lambda: self._execute("COMMIT"))
        if self._holds and not self._wrote:
            note(UNDONE, "shared lock")

    def _access(self, step: Step, do: Callable[[], T], *, single: bool | None = None) -> T:
        """Make an access: in the present transaction, or as a transaction of its own, which may have to wait.

        `single` says whether it is one statement; by default that follows from the step and the ledger.
        """
        if self._connection.in_transaction:
            writes = step is self._writing
            at(self._staging if writes else step)
            try:
                result = do()
            except sqlite3.OperationalError as error:
                # SQLite refuses a reader that becomes a writer at once, whatever the time-out: waiting would not help.
                if is_busy(error):
                    note(UNCHANGED, error.sqlite_errorname)
                raise _conflict(error) from error
            self._wrote |= writes
            self._holds |= self._wrote or not self._wal  # under WAL nobody notices a reader
            return result
        if single is None:
            single = step is self._reading or not self._ledger  # a single statement is a transaction by itself
        return self._wait(step, do if single else lambda: self._in_transaction(do))

    def _in_transaction(self, do: Callable[[], T]) -> T:
        self._execute("BEGIN IMMEDIATE")
        try:
            result = do()
            self._execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # if the disk is full, SQLite has rolled back already
                self._execute("ROLLBACK")
            raise
        return result

    def _wait(self, step: Step, do: Callable[[], T]) -> T:
        def attempt() -> T | Literal[Blocked.BLOCKED]:
            try:
                return do()
            except sqlite3.OperationalError as error:
                if is_busy(error):
                    return BLOCKED
                raise

        def wait() -> T:
            try:
                return do()
            except sqlite3.OperationalError as error:
                raise _conflict(error) from error

        return pacing.block(step, attempt, wait)


def is_busy(error: sqlite3.OperationalError) -> bool:
    """Return whether another connection's lock is the reason."""
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def _conflict(error: sqlite3.OperationalError) -> Exception:
    return Conflict(f"SQLite: {error} ({error.sqlite_errorname})") if is_busy(error) else error
