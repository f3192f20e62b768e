"""The books in an ordinary dict: every process has its own copy, and the lab's own never changes.

It shows that processes share no memory. Threads do, so to them the dict is one set of books.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ticketlab.core.inventory import Books, Entry, Inventory, Stock
from ticketlab.core.pacing import Action, Step, at, note
from ticketlab.core.plugin import Capability, StoreKind

_READING = Step(Action.READ, "private dict")
_WRITING = Step(Action.WRITE, "private dict")


class PrivateStore:
    """A dict in the memory of whichever process uses it; the store is its own session."""

    def __init__(self, folder: Path, variant: str) -> None:
        self._opening: dict[str, Stock] = {}
        self._stocks: dict[str, Stock] = {}
        self._ledger: list[Entry] | None = None

    def create(self, inventory: Inventory, *, ledger: bool) -> None:
        """Fill the lab's own copy."""
        self._opening = {name: Stock(name, count, count) for name, count in inventory.sections.items()}
        self._ledger = [] if ledger else None
        self.reset()

    def reset(self) -> None:
        """Refill the calling process's copy, and no other."""
        self._stocks = dict(self._opening)
        if self._ledger is not None:
            self._ledger.clear()

    @contextmanager
    def session(self) -> Iterator[PrivateStore]:
        """Use the calling process's copy."""
        yield self

    def read(self, section: str) -> Stock:
        """Return the record in this process's copy."""
        at(_READING)
        stock = self._stocks[section]
        note("remaining", stock.remaining)
        return stock

    def write(self, stock: Stock, entry: Entry | None) -> None:
        """Change this process's copy."""
        at(_WRITING)
        self._stocks[stock.section] = stock
        if entry is not None and self._ledger is not None:
            self._ledger.append(entry)
        note("remaining", stock.remaining)

    def books(self) -> Books:
        """Read the calling process's copy."""
        return Books(dict(self._stocks), None if self._ledger is None else tuple(self._ledger))

    def close(self) -> None:
        """Do nothing: nothing was taken."""


KIND = StoreKind(
    name="private",
    summary="an ordinary dict: every process has its own copy (to show that processes share nothing)",
    capabilities=frozenset({Capability.RECORDS, Capability.HOLDS}),
    build=PrivateStore,
)
