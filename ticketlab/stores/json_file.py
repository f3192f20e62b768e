"""The books in one JSON file, written in one of the three ways people write JSON files.

A session remembers the document it last read and writes it back whole, as scripts do; so a write also puts back what
it read of every other section, and of the ledger.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from ticketlab.core.errors import TornRead, UsageError
from ticketlab.core.inventory import Books, Entry, Inventory, OpenHold, Stock
from ticketlab.core.pacing import Action, Step, at, note
from ticketlab.core.plugin import Capability, StoreKind

Document = dict[str, Any]
Writer = Callable[[str], None]

PIECE: Final = 1 << 16
"""How much is read at once; a file gives less only at its end."""

_SCAN: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
"""What json.loads calls after some looking around."""

_NUMBERS: Final = itertools.count()  # two writers in one process must not share a new file's name


class JsonStore:
    """A JSON file that is replaced by truncating it, in place, or by renaming a new file over it."""

    def __init__(self, folder: Path, variant: str) -> None:
        self.path = folder / "inventory.json"
        self.variant = variant
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
        _overwrite(str(self.path), json.dumps(self._opening), lambda: None)

    @contextmanager
    def session(self) -> Iterator[JsonSession]:
        """Open a session; the file itself is opened anew for each read and write, as scripts do."""
        yield JsonSession(self)

    def books(self) -> Books:
        """Read the whole file afresh."""
        document = _load(str(self.path))
        stocks = {name: _stock(name, record) for name, record in document["sections"].items()}
        ledger = document["ledger"]
        return Books(stocks, None if ledger is None else tuple(_entry(line) for line in ledger))

    def close(self) -> None:
        """Nothing is held open."""


class JsonSession:
    """One buyer's view of the file."""

    def __init__(self, store: JsonStore) -> None:
        self._path = str(store.path)
        self._replace = _WRITERS[store.variant](store.path)
        self._reading = Step(Action.READ, store.path.name)
        self._document: Document = {}

    def read(self, section: str) -> Stock:
        """Load the document and return one section's record."""
        at(self._reading)
        self._document = _load(self._path)
        stock = _stock(section, self._document["sections"][section])
        note("remaining", stock.remaining)
        return stock

    def write(self, stock: Stock, entry: Entry | None) -> None:
        """Change the document as last read, and write it back whole."""
        self._document["sections"][stock.section] = _fields(stock)
        if entry is not None and self._document["ledger"] is not None:
            self._document["ledger"].append(entry)
        self._replace(json.dumps(self._document))
        note("remaining", stock.remaining)


def _truncating(path: Path) -> Writer:
    """What json.dump(document, open(path, "w")) does: between the two steps the file is empty."""
    truncating, writing = Step(Action.TRUNCATE, path.name), Step(Action.WRITE, path.name, part=True)

    def write(text: str) -> None:
        at(truncating)
        with open(path, "w", encoding="utf-8") as file:
            at(writing)
            file.write(text)

    return write


def _in_place(path: Path) -> Writer:
    """What open(path, "r+"), write and truncate do: a shorter text has the old one's tail until it is cut off."""
    writing, truncating = Step(Action.WRITE, path.name), Step(Action.TRUNCATE, path.name, part=True)
    name = str(path)

    def write(text: str) -> None:
        at(writing)
        _overwrite(name, text, lambda: at(truncating))

    return write


def _overwrite(path: str, text: str, between: Callable[[], None]) -> None:
    file = os.open(path, os.O_RDWR | os.O_CLOEXEC)  # a file object would ask the kernel five questions more
    try:
        length = os.write(file, text.encode())
        between()
        os.ftruncate(file, length)
    finally:
        os.close(file)


def _renaming(path: Path) -> Writer:
    """A new file, fsync, rename: the new file is the writer's alone until it is renamed, so only that is a step."""
    renaming, writer = Step(Action.RENAME, path.name), next(_NUMBERS)

    def write(text: str) -> None:
        new = path.with_name(f".{path.name}.{os.getpid()}.{writer}.new")
        try:
            with open(new, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            at(renaming)
            new.replace(path)
        except BaseException:
            with suppress(FileNotFoundError):
                new.unlink()
            raise

    return write


_WRITERS: Final[Mapping[str, Callable[[Path], Writer]]] = {
    "truncate": _truncating,
    "in-place": _in_place,
    "rename": _renaming,
}


def _load(path: str) -> Document:
    """Read and parse the file; raises TornRead where another writer is in the middle of it."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        content = os.read(file, PIECE)
        while len(content) % PIECE == 0 and (more := os.read(file, PIECE)):
            content += more
    finally:
        os.close(file)
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
        "truncate": 'as json.dump(document, open(path, "w")) does: readers can meet an empty file',
        "in-place": "over the old bytes, then cut to length",
        "rename": "a new file, fsync, then renamed over the old one",
    },
    capabilities=frozenset({Capability.RECORDS, Capability.SHARED, Capability.FILE, Capability.HOLDS}),
    build=JsonStore,
)
