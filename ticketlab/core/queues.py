"""What sessions and stores can do that keep lists of tickets, or streams of orders, on a server."""

from __future__ import annotations

from typing import Protocol

from ticketlab.core.errors import PurchaseError
from ticketlab.core.inventory import Buy, Cancel, Cancelled, Entry, Outcome, Request
from ticketlab.core.plugin import Conditional, Session, Store


class Listing(Session, Protocol):
    """A session of a store with TICKET_LISTS, after the store has made its lists. A cancelled number is void."""

    def count_listed(self, section: str) -> int:
        """Return how many numbers are in a section's list."""

    def first_listed(self, section: str, quantity: int) -> tuple[int, ...]:
        """Return the first numbers, at most `quantity`, and leave them where they are."""

    def pop_listed(self, section: str, quantity: int) -> tuple[int, ...]:
        """Take the first numbers out of the list, at most `quantity`."""

    def push_listed(self, section: str, tickets: tuple[int, ...]) -> None:
        """Put numbers back at the beginning of the list."""

    def enter_sale(self, entry: Entry) -> None:
        """Enter a sale in the ledger."""

    def sell_listed(self, order: Buy) -> tuple[int, ...]:
        """Take as many numbers as are ordered and enter the sale, in one step; none if there are fewer."""

    def give_back(self, request: Cancel) -> Cancelled:
        """Cancel numbers that the buyer has, and put as many new ones at the end of the list."""


class ListedStore(Store, Protocol):
    """A store with TICKET_LISTS."""

    def list_tickets(self) -> None:
        """Make a list of all numbers for each section; raises UsageError if there are too many."""


class Streaming(Conditional, Protocol):
    """A session of a store with STREAMS; an order's number in the stream is a text."""

    def send_order(self, order: Request | None) -> None:
        """Add an order to the stream, or the sentinel at which a clerk stops."""

    def receive_order(self, clerk: int, *, grouped: bool, claims: bool) -> tuple[str, Request | None]:
        """Wait for the clerk's next order.

        Of clerks that are `grouped`, each order goes to one; otherwise each clerk reads all. A clerk that `claims`
        first takes over what another one has read and not acknowledged.
        """

    def acknowledge(self, number: str) -> None:
        """Say that an order has been answered."""

    def send_answer(self, buyer: int, answer: Outcome | PurchaseError) -> None:
        """Send an answer to a buyer."""

    def receive_answer(self, buyer: int) -> Outcome | PurchaseError:
        """Wait for the answer to a buyer."""


class StreamingStore(Store, Protocol):
    """A store with STREAMS."""

    def open_stream(self) -> None:
        """Make the stream of orders, and the group of its clerks."""
