"""The books in an ordinary dict: every process has its own copy, and the lab's own never changes.

It shows that processes share no memory. Threads do, so to them the dict is one set of books. In an exploration each
participant has a copy of its own, as its process would, even if all of them run in one process. Participants outlive
an execution there, and nobody can reach into their processes. So a reset counts the executions in memory that all
processes share, and a participant that finds its copy to be from an earlier one begins with a new copy.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ticketlab.core.inventory import Books, Entry, Inventory, Stock
from ticketlab.core.pacing import at, moving, note
from ticketlab.core.plugin import Capability, StoreKind
from ticketlab.core.steps import Action, Step

_READING = Step(Action.READ, "private dict")
_WRITING = Step(Action.WRITE, "private dict")
_COUNTER_BYTES: Final = 8


@dataclass(slots=True)
class _Copy:
    """One copy of the books, made after so many resets."""

    resets: int
    stocks: dict[str, Stock]
    ledger: list[Entry]


def _shared_counter(value: int = 0) -> memoryview[int]:
    """Return one number in memory that forked processes share."""
    counter = memoryview(mmap.mmap(-1, _COUNTER_BYTES)).cast("Q")
    counter[0] = value
    return counter


class PrivateStore:
    """A dict in the memory of whichever process uses it; the store is its own session."""

    def __init__(self, folder: Path, variant: str) -> None:
        self._opening: dict[str, Stock] = {}
        self._ledger = False
        self._copies: dict[int | None, _Copy] = {}  # by participant; None is the process itself, outside explorations
        self._resets = _shared_counter()

    def __getstate__(self) -> dict[str, Any]:
        """Return what a process needs that is not forked; the memory of the counter cannot be sent to it."""
        return {**vars(self), "_resets": self._resets[0]}

    def __setstate__(self, sent: dict[str, Any]) -> None:
        """Take over what was sent, with a counter of its own."""
        vars(self).update(sent, _resets=_shared_counter(sent["_resets"]))

    def create(self, inventory: Inventory, *, ledger: bool) -> None:
        """Fill the lab's own copy."""
        self._opening = {name: Stock(name, count, count) for name, count in inventory.sections.items()}
        self._ledger = ledger
        self.reset()

    def reset(self) -> None:
        """Have every process and participant begin with a new copy at its next access."""
        self._resets[0] += 1

    def _mine(self) -> _Copy:
        """Return the copy of whoever asks."""
        who, resets = moving(), self._resets[0]
        mine = self._copies.get(who)
        if mine is None or mine.resets != resets:
            mine = self._copies[who] = _Copy(resets, dict(self._opening), [])
        return mine

    @contextmanager
    def session(self) -> Iterator[PrivateStore]:
        """Use the copy of whoever makes an access."""
        yield self

    def read(self, section: str) -> Stock:
        """Return the record in the copy of whoever asks."""
        at(_READING)
        stock = self._mine().stocks[section]
        note("remaining", stock.remaining)
        return stock

    def write(self, stock: Stock, entry: Entry | None) -> None:
        """Change the copy of whoever writes."""
        at(_WRITING)
        mine = self._mine()
        mine.stocks[stock.section] = stock
        if entry is not None and self._ledger:
            mine.ledger.append(entry)
        note("remaining", stock.remaining)

    def books(self) -> Books:
        """Read the copy of whoever asks: the lab's own, if the lab does."""
        mine = self._mine()
        return Books(dict(mine.stocks), tuple(mine.ledger) if self._ledger else None)

    def close(self) -> None:
        """Do nothing: memory is given back with the store."""


KIND = StoreKind(
    name="private",
    summary="an ordinary dict: every process has its own copy (to show that processes share nothing)",
    capabilities=frozenset({Capability.RECORDS, Capability.HOLDS}),
    build=PrivateStore,
)
