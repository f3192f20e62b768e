"""The inventory in a TOML file: read whole, written to a new file, and renamed over the old one."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ticketlab.plugins import Action, Books, Capability, Entry, Inventory, Step, Stock, StoreKind, UsageError, at, note

READING = Step(Action.READ, "inventory.toml")
RENAMING = Step(Action.RENAME, "inventory.toml")


class TomlStore:
    """Plain data, so that it survives pickling: the file's path and the opening stock."""

    def __init__(self, folder: Path, _variant: str = "") -> None:
        self.path = folder / "inventory.toml"
        self._opening = ""
        self._ledger = True

    def create(self, inventory: Inventory, *, ledger: bool) -> None:
        """Write the opening stock."""
        if self.path.exists():
            raise UsageError(f"{self.path} exists already: it is not overwritten")
        self._ledger = ledger
        self._opening = _text({name: Stock(name, count, count) for name, count in inventory.sections.items()}, [])
        self.reset()

    def reset(self) -> None:
        """Write the opening stock again, over whatever the file says."""
        self.path.write_text(self._opening, encoding="utf-8")

    @contextmanager
    def session(self) -> Iterator[TomlSession]:
        """Open a session; nothing is kept open between accesses."""
        yield TomlSession(self.path, self._ledger)

    def books(self) -> Books:
        """Read the file afresh."""
        stocks, ledger = _parse(self.path)
        return Books(stocks, tuple(ledger) if self._ledger else None)

    def close(self) -> None:
        """Do nothing: nothing was taken."""


class TomlSession:
    """One buyer's session: before each access it passes a scheduling point."""

    def __init__(self, path: Path, ledger: bool) -> None:
        self._path = path
        self._ledger = ledger
        self._read: tuple[dict[str, Stock], list[Entry]] = ({}, [])

    def read(self, section: str) -> Stock:
        """Return the section's record, and keep the rest of the file for the write."""
        at(READING)
        self._read = _parse(self._path)
        stock = self._read[0][section]
        note("remaining", stock.remaining)
        return stock

    def write(self, stock: Stock, entry: Entry | None) -> None:
        """Replace the whole file, with this record in it."""
        stocks, ledger = self._read
        stocks = stocks | {stock.section: stock}
        ledger = [*ledger, entry] if entry is not None and self._ledger else ledger
        new = self._path.with_suffix(f".{os.getpid()}-{id(self)}")
        new.write_text(
            _text(stocks, ledger), encoding="utf-8"
        )  # no other buyer knows this file, so it needs no scheduling point
        at(RENAMING)
        new.replace(self._path)
        note("remaining", stock.remaining)


def _text(stocks: dict[str, Stock], ledger: list[Entry]) -> str:
    lines = [f"{name} = {list(stock[1:5])}" for name, stock in stocks.items()]
    sales = [f'[{one.buyer}, "{one.section}", {list(one.tickets)}, {str(one.cancels).lower()}]' for one in ledger]
    return "\n".join(["[sections]", *lines, "[sales]", f"ledger = [{', '.join(sales)}]", ""])


def _parse(path: Path) -> tuple[dict[str, Stock], list[Entry]]:
    document: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    stocks = {name: Stock(name, *numbers) for name, numbers in document["sections"].items()}
    return stocks, [
        Entry(buyer, section, tuple(own), back) for buyer, section, own, back in document["sales"]["ledger"]
    ]


KIND = StoreKind(
    name="toml",
    summary="one TOML file, replaced by rename",
    capabilities=frozenset({Capability.RECORDS, Capability.SHARED, Capability.FILE}),
    build=TomlStore,
)
