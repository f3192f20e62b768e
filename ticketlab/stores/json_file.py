"""The books in one JSON file, written in one of the three ways people write JSON files.

A session remembers the document it last read and writes it back whole, as scripts do; so a write also puts back what
it read of every other section, and of the ledger.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ticketlab.core.errors import TornRead, UsageError
from ticketlab.core.inventory import Books, Entry, Inventory, Stock
from ticketlab.core.pacing import Action, Step, at, note
from ticketlab.core.plugin import Capability, StoreKind

Document = dict[str, Any]

_NEW = itertools.count()  # the writes of this process: two of its threads must not share a new file's name


class JsonStore:
    """A JSON file that is replaced by truncating it, in place, or by renaming a new file over it."""

    def __init__(self, folder: Path, variant: str) -> None:
        self.path = folder / "inventory.json"
        self._write = {"truncate": _truncate, "in-place": _in_place, "rename": _rename}[variant]
        self._opening: Document = {}

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

    def reset(self) -> None:
        """Put the opening stock back, in place."""
        _in_place(self.path, json.dumps(self._opening))

    @contextmanager
    def session(self) -> Iterator[JsonSession]:
        """Open a session; the file itself is opened anew for each read and write, as scripts do."""
        yield JsonSession(self)

    def write(self, document: Document) -> None:
        """Replace the file's contents in this store's way."""
        self._write(self.path, json.dumps(document))

    def books(self) -> Books:
        """Read the whole file afresh."""
        document = _load(self.path)
        stocks = {name: _stock(name, record) for name, record in document["sections"].items()}
        ledger = document["ledger"]
        return Books(stocks, None if ledger is None else tuple(_entry(line) for line in ledger))

    def close(self) -> None:
        """Nothing is held open."""


class JsonSession:
    """One buyer's view of the file."""

    def __init__(self, store: JsonStore) -> None:
        self._store = store
        self._reading = Step(Action.READ, store.path.name)
        self._document: Document = {}

    def read(self, section: str) -> Stock:
        """Load the document and return one section's record."""
        at(self._reading)
        self._document = _load(self._store.path)
        stock = _stock(section, self._document["sections"][section])
        note("remaining", stock.remaining)
        return stock

    def write(self, stock: Stock, entry: Entry | None) -> None:
        """Change the document as last read, and write it back whole."""
        self._document["sections"][stock.section] = _fields(stock)
        if entry is not None and self._document["ledger"] is not None:
            self._document["ledger"].append(entry)
        self._store.write(self._document)
        note("remaining", stock.remaining)


def _truncate(path: Path, text: str) -> None:
    # What json.dump(document, open(path, "w")) does: between the two steps the file is empty.
    at(Step(Action.TRUNCATE, path.name))
    with path.open("w", encoding="utf-8") as file:
        at(Step(Action.WRITE, path.name, part=True))
        file.write(text)


def _in_place(path: Path, text: str) -> None:
    # What open(path, "r+"), write and truncate do: a shorter text has the old one's tail until it is cut off.
    at(Step(Action.WRITE, path.name))
    with path.open("r+b", buffering=0) as file:
        length = file.write(text.encode())
        at(Step(Action.TRUNCATE, path.name, part=True))
        file.truncate(length)


def _rename(path: Path, text: str) -> None:
    # The new file is the writer's alone until it takes the old one's name, so only the renaming is a step.
    new = path.with_name(f".{path.name}.{os.getpid()}.{next(_NEW)}.new")
    try:
        with new.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        at(Step(Action.RENAME, path.name))
        new.replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            new.unlink()
        raise


def _load(path: Path) -> Document:
    """Read and parse the file; raises TornRead where another writer is in the middle of it."""
    with path.open("rb") as file:
        content = file.read()
    try:
        document = json.loads(content)
    except ValueError:
        start = content[:40].decode(errors="replace")
        raise TornRead(f"{path.name} held {len(content)} bytes that are not JSON: {start!r}") from None
    assert isinstance(document, dict)
    return document


def _fields(stock: Stock) -> dict[str, int]:
    return {
        "tickets": stock.tickets,
        "remaining": stock.remaining,
        "issued": stock.issued,
        "version": stock.version,
    }


def _stock(section: str, record: dict[str, int]) -> Stock:
    return Stock(section, record["tickets"], record["remaining"], record["issued"], record["version"])


def _entry(line: list[Any]) -> Entry:
    buyer, section, tickets, cancels = line
    return Entry(buyer, section, tuple(tickets), cancels)


KIND = StoreKind(
    name="json",
    summary="one JSON file, read and written whole",
    variants={
        "truncate": 'as json.dump(document, open(path, "w")) does: readers can meet an empty file',
        "in-place": "over the old bytes, then cut to length",
        "rename": "a new file, fsync, then renamed over the old one",
    },
    capabilities=frozenset({Capability.RECORDS, Capability.SHARED, Capability.FILE}),
    build=JsonStore,
)
