"""The books in this process's memory: shared by buyers that are explored in one process, and the fastest to search.

Each access is one step. Buyers in processes of their own would each have a copy, as the `private` store shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ticketlab.core.inventory import Books, Entry, Inventory, Outcome, Request, Stock
from ticketlab.core.pacing import at, note
from ticketlab.core.plugin import Capability, StoreKind
from ticketlab.core.steps import Action, Step


class MemoryStore:
    """Records in a dict, sales in a list; sessions share both."""

    def __init__(self, folder: Path, variant: str) -> None:
        self._opening: dict[str, Stock] = {}
        self._keeps_ledger = True
        self.records: dict[str, Stock] = {}
        self.ledger: list[Entry] = []

    def create(self, inventory: Inventory, *, ledger: bool) -> None:
        """Fill the records."""
        self._opening = {name: Stock(name, count, count) for name, count in inventory.sections.items()}
        self._keeps_ledger = ledger
        self.reset()

    def reset(self) -> None:
        """Refill the records."""
        self.records.update(self._opening)
        self.ledger.clear()

    @contextmanager
    def session(self) -> Iterator[MemorySession]:
        """Open a session."""
        yield MemorySession(self, list(self._opening))

    def books(self) -> Books:
        """Copy the records."""
        return Books(dict(self.records), tuple(self.ledger) if self._keeps_ledger else None)

    def close(self) -> None:
        """Do nothing: nothing was taken."""


class MemorySession:
    """One buyer's session; nobody else moves during an access, so each checks and changes in one step."""

    def __init__(self, store: MemoryStore, sections: list[str]) -> None:
        self._records = store.records
        self._ledger = store.ledger
        self._reading = {section: Step(Action.READ, section) for section in sections}
        self._writing = {section: Step(Action.WRITE, section) for section in sections}

    def read(self, section: str) -> Stock:
        """Return the record."""
        at(self._reading[section])
        stock = self._records[section]
        note("remaining", stock.remaining)
        return stock

    def write(self, stock: Stock, entry: Entry | None) -> None:
        """Replace the record, whatever it says by now."""
        at(self._writing[stock.section])
        self._put(stock, entry)

    def _put(self, stock: Stock, entry: Entry | None) -> None:
        self._records[stock.section] = stock
        if entry is not None:
            self._ledger.append(entry)
        note("remaining", stock.remaining)

    def compare_and_set(self, stock: Stock, entry: Entry | None) -> bool:
        """Write the record if its version is still the one that was read."""
        at(self._writing[stock.section])
        if self._records[stock.section].version + 1 != stock.version:
            note("stale", stock.version - 1)
            return False
        self._put(stock, entry)
        return True

    def apply(self, request: Request) -> Outcome:
        """Perform the request in one step."""
        at(self._writing[request.section])
        stock, entry, outcome = request.on(self._records[request.section])
        if stock is not None:
            self._put(stock, entry)
        else:
            note("remaining", self._records[request.section].remaining)
        return outcome


KIND = StoreKind(
    name="memory",
    summary="this process's memory: for exploring buyers in one process, which is fastest",
    capabilities=frozenset(
        {
            Capability.RECORDS,
            Capability.SHARED,
            Capability.COMPARE_AND_SET,
            Capability.CONDITIONAL_UPDATE,
            Capability.HOLDS,
        }
    ),
    in_process=True,
    build=MemoryStore,
)
