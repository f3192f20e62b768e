"""The power cuts of stores: purchases are recorded, and the books that are left are held against what was answered."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from ticketlab.checker.books import judge_books
from ticketlab.core.disk import Disk
from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.history import Operation
from ticketlab.core.inventory import Books, Entry, Inventory, Stock
from ticketlab.core.plugin import Capability, StoreKind
from ticketlab.core.spec import Spec
from ticketlab.core.text import pluralize
from ticketlab.core.verdict import Anomaly
from ticketlab.gate.watched import Watched
from ticketlab.lab.books import read_books
from ticketlab.lab.plugins.registry import store_kind, stores
from ticketlab.lab.powercuts.judges import Judged
from ticketlab.lab.powercuts.purchases import BUYER, SOLD_SECTION
from ticketlab.lab.powercuts.states import lay_out
from ticketlab.lab.programs.program import Program

PURCHASES: Final = 2
_JOURNALS: Final = 2  # wal and delete; the others are kept like the latter, and can be named
_TICKETS: Final = 5
_LONGEST: Final = 60.0  # seconds
_SCRIPT: Final = Path(__file__).with_name("purchases.py")


def why_no_power_cut(spec: Spec) -> str:
    """Return why a power cut can do nothing to a store that the lab could see, or an empty string if it can."""
    kind = store_kind(spec)
    kind.settings(spec), kind.variant(spec)
    if kind.on_request or Capability.NUMBERED_TICKETS in kind.capabilities:
        return "books at a server" if kind.on_request else "numbered tickets"
    return "" if Capability.FILE in kind.capabilities else "no files"


def power_cut_specs() -> list[Spec]:
    """Return every store, each variant and each option that says how it is forced to disk; those without files too."""
    return [spec for kind in stores() for spec in _ways(kind)]


def _ways(kind: StoreKind) -> list[Spec]:
    if variants := [variant for variant in kind.variants if variant]:
        return [Spec(kind.name, variant) for variant in variants]
    durable = kind.options.get("synchronous")
    if durable is None or "journal" not in kind.options:
        return [Spec(kind.name)]
    return [
        Spec(kind.name, "", (("journal", journal), ("synchronous", synchronous)))
        for journal in kind.options["journal"].choices[:_JOURNALS]
        for synchronous in durable.choices
    ]


def opening_folder(spec: Spec, folder: Path) -> None:
    """Have a store write its opening stock into a folder."""
    store = store_kind(spec).make(spec, folder)
    store.create(Inventory({SOLD_SECTION: _TICKETS}), ledger=True)
    store.close()


def purchases_of(spec: Spec, folder: Path) -> Program:
    """Return the program that buys from a store; raises UsageError if power cuts do not concern the store."""
    if reason := why_no_power_cut(spec):
        raise UsageError(f"a power cut concerns files, and {spec} has none that the lab could see: {reason}")
    return Program(commands=(("python", str(_SCRIPT), str(spec), str(PURCHASES)),), folder=folder)


class StoreStateJudge:
    """Has the store recover in the folder, and reads its books.

    What was answered before the cut must be in the books, which must be readable and add up. The purchase that was
    under way may be there or not.
    """

    heeds_promise = True

    def __init__(self, spec: Spec, home: Path) -> None:
        self._folder, self._books = home / "state", home / "books"
        self._folder.mkdir()
        self._store = store_kind(spec).make(spec, self._folder)
        self._recovers_when_opened = Capability.TRANSACTION in store_kind(spec).capabilities

    def judge(self, disk: Disk, told: str) -> Judged:
        """Lay a disk state out, and compare the store's books with what was printed."""
        watched = Watched(str(self._folder), lay_out(disk, self._folder))
        self._books.unlink(missing_ok=True)
        code = watched.run(self._recover, _LONGEST)
        if code is None:
            return Judged([Anomaly("recovery failed", f"the store is not read after {_LONGEST:g} s")], watched.looks)
        if code:
            raise TicketlabError(f"the process that reads the books ends with {code}")
        found = json.loads(self._books.read_text())
        unreadable = [Anomaly("corrupted file", found["unreadable"])] if found["unreadable"] else []
        return Judged([*unreadable, *_against_books(told, _books(found))], watched.looks)

    def _recover(self) -> None:
        if not self._recovers_when_opened:
            with suppress(Exception), self._store.session() as session:
                session.read(SOLD_SECTION)
        books, unreadable = read_books(self._store, any_error=True)
        found: dict[str, Any] = {"unreadable": unreadable[0].sentence if unreadable else "", "stocks": None}
        if books is not None and SOLD_SECTION not in books.stocks:
            found["unreadable"] = f"the books do not have section {SOLD_SECTION!r} any more"
        elif books is not None:
            found |= {"stocks": list(books.stocks.values()), "ledger": books.ledger}
        self._books.write_text(json.dumps(found))


def _books(found: dict[str, Any]) -> Books | None:
    if found["stocks"] is None:
        return None
    stocks = [Stock(*row[:-1]) for row in found["stocks"]]  # nobody holds anything
    ledger = [Entry(buyer, section, tuple(tickets), cancels) for buyer, section, tickets, cancels in found["ledger"]]
    return Books({stock.section: stock for stock in stocks}, tuple(ledger))


def _against_books(told: str, books: Books | None) -> Iterator[Anomaly]:
    """Yield what is wrong with books, held against what had been answered; nobody else has written, so none are lost.

    Sales that are not there are told as such: the judge of races takes it that somebody else has overwritten them.
    """
    operations = _operations(told)
    for anomaly in judge_books(Inventory({SOLD_SECTION: _TICKETS}), operations, books):
        if anomaly.name == "lost update" and books is not None:
            answered, counted = sum(each.sold for each in operations), books.stocks[SOLD_SECTION].issued
            sold = f"{pluralize(answered, 'sale')} had been answered before the cut, and the books have {counted}"
            yield Anomaly("vanished sale", sold, anomaly.evidence)
        else:
            yield anomaly


def _operations(told: str) -> Sequence[Operation]:
    """Return the purchases that were printed, and the one that may have been under way."""
    tickets = [int(line.split()[1]) for line in told.splitlines()]
    done = [Operation(BUYER, "buy", 1, "ok", at, at, SOLD_SECTION, (ticket,)) for at, ticket in enumerate(tickets)]
    under_way = [Operation(BUYER, "buy", 1, "unknown", len(done), None, SOLD_SECTION)] if len(done) < PURCHASES else []
    return [*done, *under_way]
