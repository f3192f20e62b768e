"""Purchases from a store without a strategy, for the tests of what is left when they fail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ticketlab.core.inventory import Buy, Inventory, Outcome
from ticketlab.core.plugin import Store
from ticketlab.core.spec import Spec
from ticketlab.lab.plugins.registry import store_kind
from ticketlab.strategies.purchase import fulfil


@contextmanager
def opened(name: str, folder: Path) -> Iterator[Store]:
    spec = Spec.parse(name)
    store = store_kind(spec).make(spec, folder)
    store.create(Inventory.of(9), ledger=True)
    try:
        yield store
    finally:
        store.close()


def buy(store: Store, buyer: int) -> Outcome:
    with store.session() as session:
        return fulfil(session, Buy(buyer, "main"))


def remaining(store: Store) -> int:
    """Read the books, and see to it that what is left and what the ledger lists belong together."""
    books = store.books()
    assert books.ledger is not None
    left = books.stocks["main"].remaining
    assert left == 9 - sum(len(entry.tickets) for entry in books.ledger)
    return left
