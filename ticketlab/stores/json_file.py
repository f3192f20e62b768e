"""The books in one JSON file, written in one of the ways in which people write JSON files.

A session keeps the document that it last read, and writes it back whole, as scripts do. So a write also restores every
other section, and the ledger, as they were when the session read them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ticketlab.core.errors import TornRead, UsageError
from ticketlab.core.inventory import Books, Entry, Inventory, OpenHold, Stock
from ticketlab.core.pacing import at, note
from ticketlab.core.plugin import Capability, StoreKind
from ticketlab.core.steps import Action, Step
from ticketlab.core.system.descriptors import opened
from ticketlab.stores.disk import overwrite, read_whole
from ticketlab.stores.journal import Journal
from ticketlab.stores.json_writers import WRITERS

_Document = dict[str, Any]

_SCAN: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
"""What json.loads calls, after checks that are not needed here."""


class JsonStore:
    """A JSON file; the variant says how it is written."""

    def __init__(self, folder: Path, variant: str) -> None:
        self.path = folder / "inventory.json"
        self.variant = variant
        self.journal = Journal(self.path) if variant == "journal" else None
        self._opening: _Document = {}

    def create(self, inventory: Inventory, *, ledger: bool) -> None:
        """Write the opening stock into a new file."""
        sections = {name: _fields(Stock(name, count, count)) for name, count in inventory.sections.items()}
        self._opening = {"sections": sections, "ledger": [] if ledger else None}
        try:
            with self.path.open("x", encoding="utf-8") as file:
                json.dump(self._opening, file)
        except FileExistsError:
            what = "is a directory" if self.path.is_dir() else "exists already, and nothing is ever overwritten"
            raise UsageError(f"{self.path} {what}: name another folder") from None
        self._clear_journal()

    def reset(self) -> None:
        """Put the opening stock back, in place."""
        with opened(str(self.path), os.O_WRONLY) as file:
            overwrite(file, json.dumps(self._opening).encode())
        self._clear_journal()

    def _clear_journal(self) -> None:
        if self.journal is not None:
            self.journal.clear()

    @contextmanager
    def session(self) -> Iterator[JsonSession]:
        """Open a session; it opens the file anew for each read and write, as scripts do."""
        yield JsonSession(self)

    def books(self) -> Books:
        """Read the whole file afresh, or the content that recovery would write into it."""
        path = str(self.path)
        pending = self.journal.pending() if self.journal else None
        document = _load(path) if pending is None else _parse(pending, path)
        stocks = {name: _stock(name, record) for name, record in document["sections"].items()}
        ledger = document["ledger"]
        return Books(stocks, None if ledger is None else tuple(_entry(line) for line in ledger))

    def close(self) -> None:
        """Do nothing: no file is kept open."""


class JsonSession:
    """One buyer's view of the file."""

    def __init__(self, store: JsonStore) -> None:
        self._path = str(store.path)
        self._replace = WRITERS[store.variant](store.path)
        self._recover = store.journal.recover if store.journal else lambda: None
        self._reading = Step(Action.READ, store.path.name)
        self._document: _Document = {}

    def read(self, section: str) -> Stock:
        """Read the document and return one section's record."""
        self._recover()
        at(self._reading)
        self._document = _load(self._path)
        stock = _stock(section, self._document["sections"][section])
        note("remaining", stock.remaining)
        return stock

    def write(self, stock: Stock, entry: Entry | None) -> None:
        """Change the document that was last read, and write it back whole."""
        self._document["sections"][stock.section] = _fields(stock)
        if entry is not None and self._document["ledger"] is not None:
            self._document["ledger"].append(entry)
        self._replace(json.dumps(self._document))
        note("remaining", stock.remaining)


def _load(path: str) -> _Document:
    """Read and parse the file; raises TornRead if a writer has written only a part of it so far."""
    return _parse(read_whole(path), path)


def _parse(content: bytes, path: str) -> _Document:
    try:
        text = content.decode()
        document, end = _SCAN(text, 0)
        whole = not text[end:].strip()
    except (StopIteration, ValueError):
        whole = False
    if not whole:
        start = content[:40].decode(errors="replace")
        raise TornRead(f"{os.path.basename(path)} held {len(content)} bytes that are not JSON: {start!r}")
    assert isinstance(document, dict)
    return document


def _fields(stock: Stock) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "tickets": stock.tickets,
        "remaining": stock.remaining,
        "issued": stock.issued,
        "version": stock.version,
    }
    if stock.holds:
        fields["holds"] = stock.holds
    return fields


def _stock(section: str, record: dict[str, Any]) -> Stock:
    holds = tuple(OpenHold(*hold) for hold in record["holds"]) if "holds" in record else ()
    return Stock(section, record["tickets"], record["remaining"], record["issued"], record["version"], holds)


def _entry(line: list[Any]) -> Entry:
    buyer, section, tickets, cancels = line
    return Entry(buyer, section, tuple(tickets), cancels)


KIND = StoreKind(
    name="json",
    summary="one JSON file, read and written whole",
    variants={
        "truncate": 'as json.dump(document, open(path, "w")) does: readers can find an empty file',
        "in-place": "over the old bytes, then cut to length",
        "rename": "a new file, fsync, then renamed over the old one",
        "durable": "as rename, then fsync of the folder: outlives a power cut",
        "journal": "into a journal, fsync, then in place: the next reader finishes what a dead writer began",
    },
    capabilities=frozenset({Capability.RECORDS, Capability.SHARED, Capability.FILE, Capability.HOLDS}),
    build=JsonStore,
    toured=("none", "lock", "filelock", "flock", "clerk"),
    compared=("none", "lock", "filelock", "flock", "clerk", "clerk:socket"),
)
