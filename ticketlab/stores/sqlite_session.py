"""One buyer's connection to an SQLite database: what it reads and writes, its transactions, and where it may wait."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, TypeVar

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
from ticketlab.core.pacing import BLOCKED, UNCHANGED, UNDONE, Action, Blocked, Step, at, note
from ticketlab.stores.sqlite_statements import statements, to_row, to_stock

T = TypeVar("T")


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
        self._staging = Step(Action.WRITE, resource, uncommitted=True)
        self._beginning = Step(Action.BEGIN, resource, excludes=True)
        self._committing = Step(Action.COMMIT, resource)
        self._rolling_back = Step(Action.ROLLBACK, resource)

    def read(self, section: str) -> Stock:
        """Select the section's row."""
        stock = self._access(self._reading, lambda: self._look(section))
        note("remaining", stock.remaining)
        return stock

    def _look(self, section: str) -> Stock:
        return to_stock(self._execute(self._sql.read, {"_section": section}).fetchone())

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
            if not is_busy(error):
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
                if is_busy(error):
                    note(UNCHANGED, error.sqlite_errorname)
                raise _conflict(error) from error
            self._wrote |= writes
            self._holds |= self._wrote or not self._wal  # under WAL nobody notices that a reader is there
            return result
        if single is None:
            single = step is self._reading or not self._ledger  # one statement is a transaction by itself
        return self._wait(step, do if single else lambda: self._atomic_accesses(do))

    def _atomic_accesses(self, do: Callable[[], T]) -> T:
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
    """Whether somebody else's lock is the reason."""
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def _conflict(error: sqlite3.OperationalError) -> Exception:
    return Conflict(f"SQLite: {error} ({error.sqlite_errorname})") if is_busy(error) else error
