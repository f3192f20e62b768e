"""The domain: an inventory of numbered tickets, the requests buyers make of it, and the outcomes they are told.

Ticket numbers count sales: the n-th ticket that a section issues has number n. A cancelled ticket's number is void and
is never issued again, as at real box offices, so a number that two buyers hold is always an error.

A hold takes tickets off sale for a while and gives them no numbers: the buyer confirms it, which is the sale, or
cancels it, or its time is over. Nobody watches the clock. Whoever next decides on the record finds the hold ended and
writes it off, even where that is all it writes; so what it is told was true at the moment when it asked for the time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from ticketlab.core.errors import UsageError
from ticketlab.core.pacing import now
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


class OpenHold(NamedTuple):
    """One hold that stands in a section's record; `until` is the time, as `pacing.now()` has it, when it ends."""

    hold: str
    buyer: int
    quantity: int
    until: float


class Stock(NamedTuple):
    """One section's record in the books; `version` grows with every write, `remaining` leaves out what is held."""

    section: str
    tickets: int
    remaining: int
    issued: int = 0
    version: int = 0
    holds: tuple[OpenHold, ...] = ()

    @property
    def held(self) -> int:
        """Number of tickets in holds that stand in the record, over or not."""
        return sum(each.quantity for each in self.holds)

    def without(self, gone: Collection[OpenHold]) -> Stock:
        """Return the record with these holds gone and their tickets for sale again."""
        back = sum(each.quantity for each in gone)
        return self._replace(
            remaining=self.remaining + back, holds=tuple(each for each in self.holds if each not in gone)
        )

    def find(self, hold: str) -> OpenHold | None:
        """Return the hold of that name, where it stands in the record, over or not."""
        return next((each for each in self.holds if each.hold == hold), None)


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


class Held(NamedTuple):
    """The buyer was told that tickets are held for it, under this name."""

    hold: str


class Expired(NamedTuple):
    """The buyer was told that the hold it named does not stand: its time is over, or it is used up."""


Outcome = Sold | SoldOut | Found | Cancelled | Held | Expired


class Change(NamedTuple):
    """What a request does to a section's record: the new record and its ledger entry, or None for both; the outcome."""

    stock: Stock | None
    entry: Entry | None
    outcome: Outcome


def _written_off(request: Request, stock: Stock) -> Change | None:
    """Decide a request where holds have ended, which is a change whatever else it does; None where none has."""
    time = now()
    ended = [each for each in stock.holds if each.until <= time]
    if not ended:
        return None
    after = stock.without(ended)
    change = request.on(after)
    return change if change.stock is not None else change._replace(stock=_next(after))


def _next(stock: Stock) -> Stock:
    return stock._replace(version=stock.version + 1)


class Buy(NamedTuple):
    """An order of `quantity` tickets: all of them or none."""

    buyer: int
    section: str
    quantity: int = 1

    def on(self, stock: Stock) -> Change:
        """Decide the order against a record as it was read."""
        section, total, remaining, issued, version, holds = stock
        if holds and (change := _written_off(self, stock)):
            return change
        if remaining < self.quantity:
            return Change(None, None, SoldOut())
        tickets = tuple(range(issued + 1, issued + self.quantity + 1))
        after = Stock(section, total, remaining - self.quantity, issued + self.quantity, version + 1, holds)
        return Change(after, Entry(self.buyer, section, tickets), Sold(tickets))


class Search(NamedTuple):
    """A question how many tickets are left."""

    buyer: int
    section: str

    def on(self, stock: Stock) -> Change:
        """Answer from a record as it was read."""
        if stock.holds and (change := _written_off(self, stock)):
            return change
        return Change(None, None, Found(stock.remaining))


class Hold(NamedTuple):
    """An order to keep `quantity` tickets for `seconds`: all of them or none.

    The buyer names the hold, as no other hold of the inventory is named, and confirms or cancels it by that name.
    """

    buyer: int
    section: str
    quantity: int
    seconds: float
    hold: str

    def on(self, stock: Stock) -> Change:
        """Decide the order against a record as it was read."""
        if stock.holds and (change := _written_off(self, stock)):
            return change
        if stock.remaining < self.quantity:
            return Change(None, None, SoldOut())
        placed = OpenHold(self.hold, self.buyer, self.quantity, now() + self.seconds)
        after = _next(stock)._replace(remaining=stock.remaining - self.quantity, holds=(*stock.holds, placed))
        return Change(after, None, Held(self.hold))


class Confirm(NamedTuple):
    """The sale of what is held; `after` is how many seconds the buyer takes before it asks for it."""

    buyer: int
    section: str
    hold: str
    after: float = 0.0

    def on(self, stock: Stock) -> Change:
        """Decide the sale against a record as it was read."""
        if stock.holds and (change := _written_off(self, stock)):
            return change
        found = stock.find(self.hold)
        return self.sell(stock, found) if found else Change(None, None, Expired())

    def sell(self, stock: Stock, found: OpenHold) -> Change:
        """Sell what a hold keeps, without a look at whether it stands."""
        tickets = tuple(range(stock.issued + 1, stock.issued + found.quantity + 1))
        holds = tuple(each for each in stock.holds if each.hold != found.hold)
        after = _next(stock)._replace(issued=stock.issued + found.quantity, holds=holds)
        return Change(after, Entry(self.buyer, self.section, tickets), Sold(tickets))


class Cancel(NamedTuple):
    """Tickets that the buyer has bought, or the hold that it names, to be given back."""

    buyer: int
    section: str
    tickets: tuple[int, ...] = ()
    hold: str = ""

    def on(self, stock: Stock) -> Change:
        """Give back to a record as it was read."""
        if stock.holds and (change := _written_off(self, stock)):
            return change
        if self.hold:
            found = stock.find(self.hold)
            if found is None:
                return Change(None, None, Expired())
            return Change(_next(stock.without([found])), None, Cancelled(()))
        after = stock._replace(remaining=stock.remaining + len(self.tickets), version=stock.version + 1)
        return Change(after, Entry(self.buyer, self.section, self.tickets, cancels=True), Cancelled(self.tickets))


Request = Buy | Search | Hold | Confirm | Cancel
_OF_HOLDS: Final = (Confirm, Cancel)


class Holdings:
    """What one buyer knows of its holds while it goes through its requests: whoever holds nothing confirms nothing."""

    __slots__ = ("_names",)

    def __init__(self) -> None:
        self._names: set[str] = set()

    def hears(self, outcome: object) -> None:
        """Take in what the buyer was told."""
        if isinstance(outcome, Held):
            self._names.add(outcome.hold)

    def pause(self, request: object) -> float | None:
        """Return how many seconds the buyer takes before it makes the request; None where it has no reason to."""
        if not isinstance(request, _OF_HOLDS) or not request.hold:
            return 0.0
        if request.hold not in self._names:
            return None
        return request.after if isinstance(request, Confirm) else 0.0
