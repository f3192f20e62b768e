"""Purchases of numbered tickets: a buyer takes certain numbers, and no count is shared by all buyers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, cast

from ticketlab.core.errors import Conflict, UsageError
from ticketlab.core.inventory import Buy, Cancel, Entry, Found, Outcome, Request, Search, Sold, SoldOut
from ticketlab.core.plugin import NumberedStore, Numbering, Perform, Store, StrategyContext
from ticketlab.strategies.purchase import BaseStrategy, retrying

_LEVEL: Final = "read-committed"


class NumberedPurchase(BaseStrategy, ABC):
    """Sells numbers by `sell`, and tries again after a Conflict; `listed` and `keyed` describe the table of numbers."""

    listed = False
    keyed = True

    def prepare(self, setting: StrategyContext) -> None:
        """Have the store make the table of numbers."""
        cast("NumberedStore", setting.store).number_tickets(listed=self.listed, keyed=self.keyed)

    @contextmanager
    def join(self, store: Store, buyer: int) -> Iterator[Perform]:
        """Buy numbers."""

        def purchase(request: Request) -> Outcome:
            if isinstance(request, Buy):
                return self.sell(session, request)
            if isinstance(request, Search):
                on_sale, sold = session.count_numbers(request.section)
                return Found(on_sale - sold)
            if isinstance(request, Cancel) and not request.hold:
                return session.give_back(request)
            raise UsageError("numbered tickets cannot be held")

        with store.session() as opened:
            session = cast("Numbering", opened)
            yield retrying(purchase, buyer)

    @abstractmethod
    def sell(self, session: Numbering, order: Buy) -> Outcome:
        """Fulfil an order; raises Conflict if another buyer came first."""


class InsertNumbers(NumberedPurchase):
    """Looks for the lowest free numbers and inserts them; the key refuses what another buyer has inserted by then."""

    def sell(self, session: Numbering, order: Buy) -> Outcome:
        """Insert the lowest free numbers; the insertion waits for whoever is about to commit one of them."""
        buyer, section, quantity = order
        with session.transaction(_LEVEL):
            numbers = session.free_numbers(section, quantity)
            if len(numbers) < quantity:
                return SoldOut()
            session.insert_numbers(Entry(buyer, section, numbers))
        return Sold(numbers)


class SkipLocked(NumberedPurchase):
    """Locks free numbers that nobody else has locked, and sells them, so that buyers never wait for each other.

    A buyer that `gives_up` says sold out if it could lock too few. That is wrong where orders differ in size: who wants
    two, and could lock one, keeps it from a third buyer for a moment, and then buys nothing.
    """

    listed = True

    def __init__(self, *, gives_up: bool) -> None:
        self._gives_up = gives_up

    def sell(self, session: Numbering, order: Buy) -> Outcome:
        """Lock and sell; that too few could be locked does not say yet that too few are left."""
        buyer, section, quantity = order
        with session.transaction(_LEVEL):
            numbers = session.lock_free_numbers(section, quantity)
            if len(numbers) == quantity:
                session.sell_numbers(Entry(buyer, section, numbers))
                return Sold(numbers)
        if not self._gives_up:  # whoever has locked the others may yet roll back
            on_sale, sold = session.count_numbers(section)
            if on_sale - sold >= quantity:
                raise Conflict("others have locked what is left")
        return SoldOut()
