"""One buyer's connection to Valkey: each access is a command, a transaction or a script, and never waits.

The server carries out one of them at a time, so each is one step, and a buyer that is killed leaves no half of it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from functools import cache
from typing import Final

from ticketlab.core.errors import Conflict, TornRead
from ticketlab.core.inventory import (
    Buy,
    Cancel,
    Cancelled,
    Entry,
    OpenHold,
    Outcome,
    Request,
    Sold,
    SoldOut,
    Stock,
)
from ticketlab.core.pacing import UNCHANGED, at, current, note, now
from ticketlab.core.plugin import Lease
from ticketlab.core.steps import Action, Step
from ticketlab.stores.conditional_session import ConditionalSession
from ticketlab.stores.valkey_connection import ServerCommand, ValkeyConnection
from ticketlab.stores.valkey_scripts import CANCEL, END_LEASE, FENCED_READ, FENCED_WRITE, TAKE, TAKE_LEASE

FIELDS: Final = ("tickets", "remaining", "issued", "version", "holds")
_LEASE: Final = "lease"
_FENCE: Final = "fence"
_TAKING_LEASE: Final = Step(Action.ACQUIRE, _LEASE)
_ENDING_LEASE: Final = Step(Action.RELEASE, _LEASE)


@cache
def _reading(section: str) -> Step:
    return Step(Action.READ, _name(section))


@cache
def _writing(section: str) -> Step:
    return Step(Action.WRITE, _name(section))


def _name(section: str) -> str:
    return f"stock:{section}"


class Keys:
    """The names of a store's keys, which all begin alike, so that nothing of anybody else's is touched."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.lease = f"{prefix}:lease"
        self.tokens = f"{prefix}:lease:tokens"
        self.fence = f"{prefix}:fence"

    def stock(self, section: str) -> str:
        """Return the name of a section's record, a hash."""
        return f"{self._prefix}:{_name(section)}"

    def beside(self, sections: Iterable[str]) -> list[str]:
        """Return the names of all keys but the records; the opening books have none of them."""
        sections = list(sections)
        return [self.lease, self.tokens, self.fence, *map(self.sales, sections), *map(self.tickets, sections)]

    @property
    def orders(self) -> str:
        """The name of the stream of orders."""
        return f"{self._prefix}:orders"

    def answers(self, buyer: int | str) -> str:
        """Return the name of the list of a buyer's answers, or a pattern of such names."""
        return f"{self._prefix}:answers:{buyer}"

    def tickets(self, section: str) -> str:
        """Return the name of a section's list of tickets."""
        return f"{self._prefix}:tickets:{section}"

    def sales(self, section: str) -> str:
        """Return the name of a section's part of the ledger, a list."""
        return f"{self._prefix}:sales:{section}"


class ValkeySession(ConditionalSession):
    """One buyer's connection; a section's record is a hash, and its sales are a list."""

    def __init__(self, connection: ValkeyConnection, keys: Keys, *, ledger: bool) -> None:
        self._server = connection
        self._keys = keys
        self._ledger = ledger

    def read(self, section: str) -> Stock:
        """Read the section's record."""
        at(_reading(section))
        return self._look(section)

    def _look(self, section: str) -> Stock:
        stock = to_record(section, self._server("HMGET", self._keys.stock(section), *FIELDS))
        note("remaining", stock.remaining)
        return stock

    def write(self, stock: Stock, entry: Entry | None) -> None:
        """Replace the section's record, whatever it says by now, and add the entry."""
        at(_writing(stock.section))
        change = self._change(stock, entry)
        self._server.transaction(*change) if len(change) > 1 else self._server(*change[0])
        note("remaining", stock.remaining)

    def _change(self, stock: Stock, entry: Entry | None) -> list[ServerCommand]:
        change: list[ServerCommand] = [("HSET", self._keys.stock(stock.section), *to_fields(stock))]
        if entry is not None and self._ledger:
            change.append(("RPUSH", self._keys.sales(entry.section), to_text(entry)))
        return change

    def compare_and_set(self, stock: Stock, entry: Entry | None) -> bool:
        """Write the record if its version is still the one that was read: WATCH, then MULTI and EXEC."""
        at(_writing(stock.section))
        key = self._keys.stock(stock.section)
        _, version = self._server.together(("WATCH", key), ("HGET", key, "version"))
        if int(version) + 1 != stock.version:
            self._server("UNWATCH")
        elif self._server.transaction(*self._change(stock, entry)) is not None:
            note("remaining", stock.remaining)
            return True
        note("stale", stock.version - 1)
        return False

    def _sell_if_left(self, request: Buy) -> Sold | SoldOut | None:
        """Sell or refuse by one script that checks and changes."""
        return self._buy(request, floor=True)

    def take(self, request: Buy) -> Outcome:
        """Take the tickets without a look at how many are left: the stock may go below zero."""
        outcome = self._buy(request, floor=False)
        assert outcome is not None, "without a floor it is never refused"
        return outcome

    def _buy(self, request: Buy, *, floor: bool) -> Sold | SoldOut | None:
        """Sell or refuse; return None if expired holds may have tickets for this request."""
        buyer, section, quantity = request
        at(_writing(section))
        sold = self._server.script(TAKE, self._both(section), buyer, quantity, int(floor), int(self._ledger))
        if isinstance(sold, list):
            issued, remaining = sold
            note("remaining", remaining)
            return Sold(tuple(range(issued - quantity + 1, issued + 1)))
        note("refused", quantity)
        return None if sold == "holds" else SoldOut()

    def _give_back(self, request: Cancel) -> Cancelled:
        """Put tickets back by one script."""
        section, tickets = request.section, request.tickets
        at(_writing(section))
        entry = to_text(Entry(request.buyer, section, tickets, cancels=True)) if self._ledger else ""
        note("remaining", self._server.script(CANCEL, self._both(section), len(tickets), entry))
        return Cancelled(tickets)

    def _both(self, section: str) -> tuple[str, str]:
        return self._keys.stock(section), self._keys.sales(section)

    def _decide(self, request: Request) -> Outcome:
        """Perform any request on a record that nobody else has changed: otherwise EXEC changes nothing, and again."""
        at(_writing(request.section))
        while True:
            self._server("WATCH", self._keys.stock(request.section))
            stock, entry, outcome = request.on(self._look(request.section))
            if stock is None:
                self._server("UNWATCH")
                return outcome
            if self._server.transaction(*self._change(stock, entry)) is not None:
                note("remaining", stock.remaining)
                return outcome

    def take_lease(self, seconds: float | None) -> Lease:
        """Ask for the one lease of all buyers; None is for ever.

        In a live race the server ends it, by its own clock (PX). Where the lab controls the schedule, its clock decides
        instead: the value has the time, and who asks later finds it over.
        """
        at(_TAKING_LEASE)
        keys = self._keys.lease, self._keys.tokens
        live, time = current().may_wait, now()
        ends = math.inf if live or seconds is None else time + seconds
        milliseconds = max(1, round(seconds * 1000)) if live and seconds is not None else 0
        token, until = self._server.script(TAKE_LEASE, keys, repr(time), repr(ends), milliseconds)
        if token:
            return Lease(token)
        note(UNCHANGED, "leased")
        return Lease(0, None if math.isinf(float(until)) else float(until) - time)

    def end_lease(self, token: int) -> None:
        """Delete the lease if it is still the one with this token."""
        at(_ENDING_LEASE)
        if not self._server.script(END_LEASE, (self._keys.lease,), token):
            note(UNCHANGED, "another buyer has the lease by now")

    def fenced(self, token: int) -> FencedByToken:
        """Return this session for a lease's holder: the server refuses a token older than one that it has seen."""
        return FencedByToken(self, self._server, self._keys, token)

    def change_of(self, stock: Stock, entry: Entry | None) -> tuple[str, ...]:
        """Return what a script writes: the ledger's entry, or an empty string, and the record's fields."""
        return (to_text(entry) if entry is not None and self._ledger else "", *to_fields(stock))


class FencedByToken:
    """A session that shows its lease's token with each access; the server compares it in the same step."""

    def __init__(self, session: ValkeySession, server: ValkeyConnection, keys: Keys, token: int) -> None:
        self._session = session
        self._server = server
        self._keys = keys
        self._token = token

    def read(self, section: str) -> Stock:
        """Return the section's record; raises Conflict if the server has seen a newer token."""
        at(Step(Action.WRITE, _FENCE, also=((Action.READ, _name(section)),)))
        keys = self._keys.fence, self._keys.stock(section)
        fields = self._server.script(FENCED_READ, keys, self._token, *FIELDS)
        if fields is None:
            raise _refusal()
        stock = to_record(section, fields)
        note("remaining", stock.remaining)
        return stock

    def write(self, stock: Stock, entry: Entry | None) -> None:
        """Write the record; raises Conflict if the server has seen a newer token."""
        at(_writing(stock.section)._replace(also=((Action.WRITE, _FENCE),)))
        keys = self._keys.fence, self._keys.stock(stock.section), self._keys.sales(stock.section)
        if self._server.script(FENCED_WRITE, keys, self._token, *self._session.change_of(stock, entry)) is None:
            raise _refusal()
        note("remaining", stock.remaining)


def _refusal() -> Conflict:
    note(UNCHANGED, "fenced off")
    return Conflict("the store has seen a newer lease")


def to_fields(stock: Stock) -> tuple[str, ...]:
    """Return a record as the names and values of a hash."""
    _, tickets, remaining, issued, version, holds = stock
    values = (str(tickets), str(remaining), str(issued), str(version), json.dumps(holds) if holds else "")
    return tuple(part for pair in zip(FIELDS, values, strict=True) for part in pair)


def to_record(section: str, values: list[str | None]) -> Stock:
    """Return a hash's values as a record; raises TornRead if there is no such hash, or not all of it."""
    tickets, remaining, issued, version, holds = values
    if tickets is None or remaining is None or issued is None or version is None:
        raise TornRead(f"the server has no record of {section}")
    read = tuple(OpenHold(*hold) for hold in json.loads(holds)) if holds else ()
    return Stock(section, int(tickets), int(remaining), int(issued), int(version), read)


def to_text(entry: Entry) -> str:
    """Return an entry of the ledger as the list has it, in JSON."""
    return json.dumps({"buyer": entry.buyer, "tickets": entry.tickets, "cancels": entry.cancels})


def to_entry(section: str, text: str) -> Entry:
    """Return an entry of the ledger from its JSON."""
    found = json.loads(text)
    return Entry(found["buyer"], section, tuple(found["tickets"]), found["cancels"])
