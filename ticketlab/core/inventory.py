"""The domain: an inventory of numbered tickets, the requests buyers make of it, and the outcomes they are told.

Ticket numbers count sales: the n-th ticket that a section issues has number n. A cancelled ticket's number is void and
is never issued again, as at real box offices, so a number that two buyers hold is always an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from ticketlab.core.errors import UsageError
from ticketlab.core.strict_json import brief

LONGEST_NAME: Final = 200
MOST_TICKETS: Final = 1 << 53
"""More than any number that every store, and JSON everywhere, keeps exactly."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """What is for sale: sections, each with a number of tickets."""

    sections: Mapping[str, int]

    def __post_init__(self) -> None:
        if not self.sections:
            raise UsageError("an inventory needs at least one section")
        for name, tickets in self.sections.items():
            if not 0 < len(name) <= LONGEST_NAME:
                raise UsageError(f"a section's name has 1 to {LONGEST_NAME} characters, not {len(name)}")
            if not 0 <= tickets < MOST_TICKETS:
                raise UsageError(f"section {brief(name)} has {tickets} tickets: a number from 0 to 2**53 is needed")

    @classmethod
    def of(cls, tickets: int | Mapping[str, int]) -> Inventory:
        """Return so many tickets in one section, `main`, or the sections that are given."""
        return cls({"main": tickets} if isinstance(tickets, int) else dict(tickets))

    @property
    def tickets(self) -> int:
        """Number of tickets over all sections."""
        return sum(self.sections.values())


class Stock(NamedTuple):
    """One section's record in the books; `version` grows with every write."""

    section: str
    tickets: int
    remaining: int
    issued: int = 0
    version: int = 0


class Entry(NamedTuple):
    """One line of the ledger: a sale to a buyer, or a cancellation that gives its tickets back."""

    buyer: int
    section: str
    tickets: tuple[int, ...]
    cancels: bool = False


@dataclass(frozen=True, slots=True)
class Books:
    """What a store says when read afresh; `ledger` is None where the scenario kept none."""

    stocks: Mapping[str, Stock]
    ledger: tuple[Entry, ...] | None


class Sold(NamedTuple):
    """The buyer was told that it holds these tickets."""

    tickets: tuple[int, ...]


class SoldOut(NamedTuple):
    """The buyer was told that not enough tickets are left."""


class Found(NamedTuple):
    """A search was told how many tickets are left."""

    remaining: int


class Cancelled(NamedTuple):
    """The buyer was told that these tickets are given back."""

    tickets: tuple[int, ...]


Outcome = Sold | SoldOut | Found | Cancelled


class Change(NamedTuple):
    """What a request does to a section's record: the new record and its ledger entry, or None for both; the outcome."""

    stock: Stock | None
    entry: Entry | None
    outcome: Outcome


class Buy(NamedTuple):
    """An order of `quantity` tickets: all of them or none."""

    buyer: int
    section: str
    quantity: int = 1

    def on(self, stock: Stock) -> Change:
        """Decide the order against a record as it was read."""
        section, total, remaining, issued, version = stock
        if remaining < self.quantity:
            return Change(None, None, SoldOut())
        tickets = tuple(range(issued + 1, issued + self.quantity + 1))
        after = Stock(section, total, remaining - self.quantity, issued + self.quantity, version + 1)
        return Change(after, Entry(self.buyer, section, tickets), Sold(tickets))


class Search(NamedTuple):
    """A question how many tickets are left."""

    buyer: int
    section: str

    def on(self, stock: Stock) -> Change:
        """Answer from a record as it was read."""
        return Change(None, None, Found(stock.remaining))


class Cancel(NamedTuple):
    """Tickets that the buyer holds and gives back."""

    buyer: int
    section: str
    tickets: tuple[int, ...]

    def on(self, stock: Stock) -> Change:
        """Give the tickets back to a record as it was read."""
        after = stock._replace(remaining=stock.remaining + len(self.tickets), version=stock.version + 1)
        return Change(after, Entry(self.buyer, self.section, self.tickets, cancels=True), Cancelled(self.tickets))


Request = Buy | Search | Cancel
