"""The books in a `multiprocessing.Manager().dict`: a server process holds them, and each access is one message.

A section's record and the section's sales are one value, so to read it is one message, and to write it another.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from multiprocessing import get_context
from multiprocessing.managers import DictProxy, SyncManager
from pathlib import Path
from typing import Any

from ticketlab.core.inventory import Books, Entry, Inventory, OpenHold, Stock
from ticketlab.core.pacing import at, note
from ticketlab.core.plugin import Capability, StoreKind
from ticketlab.core.steps import Action, Step
from ticketlab.core.system.lifeline import die_with_parent, signals_blocked
from ticketlab.core.system.sockets import remove_socket, socket_path

_Rows = tuple[tuple[Any, ...], ...]
_Value = tuple[int, int, int, int, _Rows, _Rows | None]
"""Tickets, remaining, issued, version, holds, sales (None without a ledger); plain tuples pickle fastest."""


class ManagerStore:
    """A dict proxy; the manager's server is started by `create`, in the lab's process."""

    def __init__(self, folder: Path, variant: str) -> None:
        self._folder = folder
        self._socket: Path
        self._manager: SyncManager | None = None
        self._records: DictProxy[str, _Value]
        self._opening: dict[str, _Value] = {}

    def create(self, inventory: Inventory, *, ledger: bool) -> None:
        """Start the server and fill its dict."""
        self._socket = socket_path(self._folder, "manager.socket")  # a server that is killed leaves it behind
        self._manager = SyncManager(str(self._socket), ctx=get_context("fork"))
        with signals_blocked():
            self._manager.start(die_with_parent, (os.getpid(),))
        sales: _Rows | None = () if ledger else None
        self._opening = {name: (count, count, 0, 0, (), sales) for name, count in inventory.sections.items()}
        self._records = self._manager.dict(self._opening)

    def __getstate__(self) -> dict[str, Any]:
        """Return what a buyer is given: the proxy, and not the server."""
        return {**self.__dict__, "_manager": None}

    def reset(self) -> None:
        """Put the opening stock back, in one message."""
        self._records.update(self._opening)

    @contextmanager
    def session(self) -> Iterator[ManagerSession]:
        """Open a session; its proxy connects to the server when it is first used."""
        yield ManagerSession(self._records)

    def lock(self) -> AbstractContextManager[bool]:
        """Return a new lock that lives in the server."""
        assert self._manager is not None, "locks are made in the lab's process, and handed to the buyers"
        return self._manager.Lock()

    def servers(self) -> list[int]:
        """Return the process id of the server."""
        process = getattr(self._manager, "_process", None)
        return [process.pid] if process is not None else []

    def books(self) -> Books:
        """Copy the whole dict, in one message."""
        records = self._records.copy()
        stocks = {name: Stock(name, *value[:4], _holds(value[4])) for name, value in records.items()}
        sales = [value[5] for value in records.values()]
        ledger = None if None in sales else tuple(Entry(*entry) for entries in sales for entry in entries or ())
        return Books(stocks, ledger)

    def close(self) -> None:
        """Stop the server, and remove what it leaves behind if it was killed."""
        if self._manager is not None:
            self._manager.shutdown()
            remove_socket(self._socket)


class ManagerSession:
    """One buyer's proxy."""

    def __init__(self, records: DictProxy[str, _Value]) -> None:
        self._records = records
        self._steps: dict[str, tuple[Step, Step]] = {
            name: (Step(Action.READ, name), Step(Action.WRITE, name))
            for name in records.keys()  # noqa: SIM118 - a proxy
        }
        self._sales: _Rows | None = None

    def read(self, section: str) -> Stock:
        """Fetch the section's value, in one message."""
        at(self._steps[section][0])
        tickets, remaining, issued, version, holds, self._sales = self._records[section]
        note("remaining", remaining)
        return Stock(section, tickets, remaining, issued, version, _holds(holds) if holds else ())

    def write(self, stock: Stock, entry: Entry | None) -> None:
        """Store the section's value, in one message."""
        if entry is not None and self._sales is not None:
            self._sales = (*self._sales, tuple(entry))
        at(self._steps[stock.section][1])
        section, tickets, remaining, issued, version, holds = stock
        self._records[section] = (tickets, remaining, issued, version, tuple(map(tuple, holds)), self._sales)
        note("remaining", remaining)


def _holds(rows: _Rows) -> tuple[OpenHold, ...]:
    return tuple(OpenHold(*row) for row in rows)


KIND = StoreKind(
    name="manager",
    summary="a multiprocessing.Manager().dict: a server process, one message for each access",
    capabilities=frozenset({Capability.RECORDS, Capability.SHARED, Capability.MANAGER, Capability.HOLDS}),
    build=ManagerStore,
    toured=("none", "lock", "manager-lock", "clerk"),
    compared=("none", "lock", "manager-lock", "clerk", "clerk:socket"),
)
