"""A store that is held to the laws, and what several laws do with it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ticketlab.core.inventory import Books, Buy, Inventory, Stock
from ticketlab.core.plugin import Capability, Session, Store, StoreKind
from ticketlab.core.spec import Spec

_INVENTORY: Final = Inventory({"floor": 3, "boxes": 1})


@dataclass(frozen=True, slots=True)
class StoreUnderTest:
    """A store: its kind, and the spec that names it with its variant."""

    kind: StoreKind
    spec: Spec

    def has(self, capability: Capability) -> bool:
        """Return whether the kind claims a capability."""
        return capability in self.kind.capabilities

    @contextmanager
    def opened(self, *, ledger: bool = True) -> Iterator[Store]:
        """Create the store in a temporary folder, and close it afterwards."""
        with tempfile.TemporaryDirectory(prefix="ticketlab-") as folder:
            store = self.kind.make(self.spec, Path(folder))
            store.create(_INVENTORY, ledger=ledger)
            try:
                yield store
            finally:
                store.close()


StoreLaw = Callable[[StoreUnderTest], None]


def sell(session: Session, buyer: int, quantity: int = 1) -> Stock:
    """Sell tickets of the floor by a read and a write; return the record that was written."""
    change = Buy(buyer, "floor", quantity).on(session.read("floor"))
    if change.stock is None:
        raise AssertionError(f"a session that should find {quantity} tickets left finds fewer")
    session.write(change.stock, change.entry)
    return change.stock


def sales(books: Books) -> list[tuple[int, int]]:
    """Return buyer and ticket of each sale in the ledger."""
    return [(entry.buyer, ticket) for entry in books.ledger or () for ticket in entry.tickets]
