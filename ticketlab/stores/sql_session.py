"""What sessions of SQL stores have in common: the purchase in SQL, one access at a time."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from ticketlab.core.inventory import (
    Buy,
    Cancel,
    Cancelled,
    Entry,
    Outcome,
    Request,
    Sold,
    SoldOut,
    Stock,
)
from ticketlab.core.pacing import note
from ticketlab.core.steps import Action, Step
from ticketlab.stores.conditional_session import ConditionalSession
from ticketlab.stores.statements import Statements, to_row, to_stock

T = TypeVar("T")


class Cursor(Protocol):
    """What a driver returns for a statement."""

    @property
    def rowcount(self) -> int:
        """The number of rows that the statement changed."""

    def fetchone(self) -> Any:
        """Return the next row, or None."""


class SqlSession(ConditionalSession):
    """One buyer's connection to a database; how an access is made and where it may wait, a subclass knows.

    The resource of every step is the database.
    """

    def __init__(self, execute: Callable[..., Cursor], statements: Statements, resource: str, *, ledger: bool) -> None:
        self._execute = execute
        self._sql = statements
        self._ledger = ledger
        self._reading = Step(Action.READ, resource)
        self._writing = Step(Action.WRITE, resource)
        self._staging = Step(Action.WRITE, resource, uncommitted=True)
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
        for row in self._rows(entry):
            self._execute(self._sql.enter, row)

    def _rows(self, entry: Entry) -> list[dict[str, Any]]:
        """Return the rows of the ledger that an entry becomes."""
        row = {"_buyer": entry.buyer, "_section": entry.section, "_cancels": entry.cancels}
        return [row | {"_ticket": ticket} for ticket in entry.tickets] if self._ledger else []

    def _sell_if_left(self, request: Buy) -> Sold | SoldOut | None:
        """Sell or refuse by one statement that checks and changes."""
        return self._access(self._writing, lambda: self._buy(request))

    def _give_back(self, request: Cancel) -> Cancelled:
        """Put tickets back by one statement."""
        return self._access(self._writing, lambda: self._cancel(request))

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
        """Perform any request in a transaction that nobody else's change can come into."""
        return self._access(self._writing, lambda: self._fulfil(request, self._look), single=False)

    def _fulfil(self, request: Request, look: Callable[[str], Stock]) -> Outcome:
        stock, entry, outcome = request.on(look(request.section))
        if stock is not None:
            self._change(self._sql.write, stock, entry)
            note("remaining", stock.remaining)
        return outcome

    @abstractmethod
    def _access(self, step: Step, do: Callable[[], T], *, single: bool | None = None) -> T:
        """Make an access: in the present transaction, or as a transaction of its own, which may have to wait.

        `single` says whether it is one statement; by default that follows from the step and the ledger.
        """
