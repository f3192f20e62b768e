"""The domain: an inventory of numbered tickets, the requests buyers make of it, and the outcomes these return.

Ticket numbers count sales: the n-th ticket that a section issues has number n. A cancelled ticket's number is void and
is never issued again, as at real box offices, so a number that two buyers hold is always an error.

A hold takes tickets off sale for a while without numbers. The buyer confirms it, which is the sale, or cancels it, or
it expires. Nobody watches the clock: the next request on the section finds the hold expired and removes it from the
record, even if it writes nothing else. So its answer was true at the moment when it asked for the time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from ticketlab.core.errors import UsageError
from ticketlab.core.pacing import now
from ticketlab.core.strict_json import brief

_LONGEST_NAME: Final = 200
MOST_TICKETS: Final = 1 << 53
"""One more than the largest number that every store and every JSON reader keeps exactly."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """What is for sale: sections, each with a number of tickets."""

    sections: Mapping[str, int]

    def __post_init__(self) -> None:
        if not self.sections:
            raise UsageError("an inventory needs at least one section")
        for name, tickets in self.sections.items():
            if not 0 < len(name) <= _LONGEST_NAME:
                raise UsageError(f"a section's name has 1 to {_LONGEST_NAME} characters, not {len(name)}")
            if not 0 <= tickets < MOST_TICKETS:
                raise UsageError(f"section {brief(name)} has {tickets} tickets: a number from 0 to 2**53 is needed")

    @classmethod
    def of(cls, tickets: int | Mapping[str, int]) -> Inventory:
        """Return an inventory of that many tickets in one section, `main`, or of the sections that are given."""
        return cls({"main": tickets} if isinstance(tickets, int) else dict(tickets))

    @property
    def tickets(self) -> int:
        """The number of tickets in all sections."""
        return sum(self.sections.values())


class OpenHold(NamedTuple):
    """One hold in a section's record; `until` is when it expires, by `pacing.now()`."""

    hold: str
    buyer: int
    quantity: int
    until: float


class Stock(NamedTuple):
    """One section's record in the books; `version` counts the writes, and `remaining` leaves out held tickets."""

    section: str
    tickets: int
    remaining: int
    issued: int = 0
    version: int = 0
    holds: tuple[OpenHold, ...] = ()

    @property
    def held(self) -> int:
        """The number of tickets in the record's holds, expired or not."""
        return sum(each.quantity for each in self.holds)

    def without(self, gone: Collection[OpenHold]) -> Stock:
        """Return the record without these holds, their tickets for sale again."""
        back = sum(each.quantity for each in gone)
        return self._replace(
            remaining=self.remaining + back, holds=tuple(each for each in self.holds if each not in gone)
        )

    def find(self, hold: str) -> OpenHold | None:
        """Return the record's hold of that name, expired or not, or None."""
        return next((each for each in self.holds if each.hold == hold), None)


class Entry(NamedTuple):
    """One entry of the ledger: a sale to a buyer, or a cancellation that gives the buyer's tickets back."""

    buyer: int
    section: str
    tickets: tuple[int, ...]
    cancels: bool = False


@dataclass(frozen=True, slots=True)
class Books:
    """What a store says when it is read afresh; `ledger` is None if the scenario keeps none."""

    stocks: Mapping[str, Stock]
    ledger: tuple[Entry, ...] | None


class Sold(NamedTuple):
    """A purchase returned these tickets."""

    tickets: tuple[int, ...]


class SoldOut(NamedTuple):
    """A request returned that not enough tickets are left."""


class Found(NamedTuple):
    """A search returned how many tickets are left."""

    remaining: int


class Cancelled(NamedTuple):
    """A cancellation returned that these tickets have been given back."""

    tickets: tuple[int, ...]


class Held(NamedTuple):
    """A request returned that tickets are held for its buyer under this name."""

    hold: str


class Expired(NamedTuple):
    """A request returned that the hold is not there: it has expired, or was confirmed or cancelled before."""


Outcome = Sold | SoldOut | Found | Cancelled | Held | Expired


class Change(NamedTuple):
    """What a request does: the section's new record and a ledger entry, each None if there is none, and the outcome."""

    stock: Stock | None
    entry: Entry | None
    outcome: Outcome


def _without_expired(request: Request, stock: Stock) -> Change | None:
    """Decide a request on a record in which holds have expired: they are removed in any case. None if none has."""
    time = now()
    expired = [each for each in stock.holds if each.until <= time]
    if not expired:
        return None
    after = stock.without(expired)
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
        if holds and (change := _without_expired(self, stock)):
            return change
        if remaining < self.quantity:
            return Change(None, None, SoldOut())
        tickets = tuple(range(issued + 1, issued + self.quantity + 1))
        after = Stock(section, total, remaining - self.quantity, issued + self.quantity, version + 1, holds)
        return Change(after, Entry(self.buyer, section, tickets), Sold(tickets))


class Search(NamedTuple):
    """The question how many tickets are left."""

    buyer: int
    section: str

    def on(self, stock: Stock) -> Change:
        """Decide the question against a record as it was read."""
        if stock.holds and (change := _without_expired(self, stock)):
            return change
        return Change(None, None, Found(stock.remaining))


class Hold(NamedTuple):
    """An order to keep `quantity` tickets for `seconds`: all of them or none.

    The buyer gives the hold a name that is unique in the inventory, and confirms or cancels it by that name.
    """

    buyer: int
    section: str
    quantity: int
    seconds: float
    hold: str

    def on(self, stock: Stock) -> Change:
        """Decide the order against a record as it was read."""
        if stock.holds and (change := _without_expired(self, stock)):
            return change
        if stock.remaining < self.quantity:
            return Change(None, None, SoldOut())
        placed = OpenHold(self.hold, self.buyer, self.quantity, now() + self.seconds)
        after = _next(stock)._replace(remaining=stock.remaining - self.quantity, holds=(*stock.holds, placed))
        return Change(after, None, Held(self.hold))


class Confirm(NamedTuple):
    """The sale of the tickets in a hold; the buyer asks for it `after` so many seconds."""

    buyer: int
    section: str
    hold: str
    after: float = 0.0

    def on(self, stock: Stock) -> Change:
        """Decide the sale against a record as it was read."""
        if stock.holds and (change := _without_expired(self, stock)):
            return change
        found = stock.find(self.hold)
        return self.sell(stock, found) if found else Change(None, None, Expired())

    def sell(self, stock: Stock, found: OpenHold) -> Change:
        """Sell the tickets of a hold, without a check whether it is still valid."""
        tickets = tuple(range(stock.issued + 1, stock.issued + found.quantity + 1))
        holds = tuple(each for each in stock.holds if each.hold != found.hold)
        after = _next(stock)._replace(issued=stock.issued + found.quantity, holds=holds)
        return Change(after, Entry(self.buyer, self.section, tickets), Sold(tickets))


class Cancel(NamedTuple):
    """The request to give back tickets that the buyer has bought or, if `hold` is set, a hold."""

    buyer: int
    section: str
    tickets: tuple[int, ...] = ()
    hold: str = ""

    def on(self, stock: Stock) -> Change:
        """Decide the cancellation against a record as it was read."""
        if stock.holds and (change := _without_expired(self, stock)):
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
    """The holds that one buyer was granted: it confirms and cancels no others."""

    __slots__ = ("_names",)

    def __init__(self) -> None:
        self._names: set[str] = set()

    def take_in(self, outcome: object) -> None:
        """Take in an outcome that a request returned."""
        if isinstance(outcome, Held):
            self._names.add(outcome.hold)

    def pause(self, request: object) -> float | None:
        """Return how many seconds the buyer waits before the request, or None if it skips it for lack of the hold."""
        if not isinstance(request, _OF_HOLDS) or not request.hold:
            return 0.0
        if request.hold not in self._names:
            return None
        return request.after if isinstance(request, Confirm) else 0.0
