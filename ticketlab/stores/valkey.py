"""The books in a Valkey or Redis server: a hash for each section's record, and a list for its sales.

Each store's keys begin with a name of its own, and are deleted at the end, in a server that the lab starts for itself
or in yours. No connection crosses a fork.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ticketlab.core.errors import TicketlabError, TornRead, UsageError
from ticketlab.core.inventory import Books, Inventory, Stock
from ticketlab.core.plugin import Capability, StoreKind
from ticketlab.core.secrets import revealed
from ticketlab.core.spec import Option

if TYPE_CHECKING:
    from ticketlab.stores.valkey_connection import ValkeyConnection
    from ticketlab.stores.valkey_queues import QueueSession
    from ticketlab.stores.valkey_session import Keys

_MEMORY_ONLY: Final = "off"
"""The value of `appendfsync` for a server that keeps nothing in files."""
_MOST_LISTED: Final = 100_000
_RESTART_SECONDS: Final = 60.0
"""How long a server that was killed may still seem to be alive; that guards against hanging."""


class ValkeyStore:
    """Keys in a server; `appendfsync` is the server's setting of that name, or `off` if it keeps nothing in files."""

    def __init__(self, folder: Path, variant: str, url: str, appendfsync: str) -> None:
        self._url = url
        self._appendfsync = appendfsync
        self._prefix = f"ticketlab:{os.urandom(6).hex()}"
        self._ledger = True
        self._opening: dict[str, int] = {}
        self._address = ""
        self._owner = os.getpid()
        self._server = 0
        self._listed = self._streams = False
        self._own: tuple[int, ValkeyConnection] | None = None  # with the process that opened it

    def create(self, inventory: Inventory, *, ledger: bool) -> None:
        """Start a server unless one is named, and write the opening stock."""
        from ticketlab.stores.valkey_connection import driver

        driver()  # the first to tell that the extra is missing
        if self._url and self._appendfsync != _MEMORY_ONLY:
            raise UsageError(
                "appendfsync is a setting of the lab's own server, and valkey has url= as well: leave one out"
            )
        self._opening, self._ledger = dict(inventory.sections), ledger
        self._reach_server()
        self.reset()

    def _reach_server(self) -> None:
        """Connect to the server that is named, or to the lab's own, which is started again if it was killed."""
        self._own = None
        if self._url:
            self._address = revealed(self._url)
            self._connection()
            return
        from ticketlab.stores.servers.valkey import SOCKET, valkey_server

        until = time.monotonic() + _RESTART_SECONDS
        while self._own is None:
            server = valkey_server("" if self._appendfsync == _MEMORY_ONLY else self._appendfsync)
            self._server, self._address = server.pid, f"unix://{server.folder / SOCKET}"
            try:
                self._connection()
            except TicketlabError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.001)

    def _connect(self) -> ValkeyConnection:
        from ticketlab.stores.valkey_connection import ValkeyConnection

        return ValkeyConnection(self._address, self._shown)

    @property
    def _shown(self) -> str:
        """What people call the server; a password in its address is left out."""
        return self._url or "the lab's own server"

    def _connection(self) -> ValkeyConnection:
        """Return this process's own connection."""
        if self._own is None or self._own[0] != os.getpid():
            self._own = os.getpid(), self._connect()
        return self._own[1]

    def _keys(self) -> Keys:
        from ticketlab.stores.valkey_session import Keys

        return Keys(self._prefix)

    def __getstate__(self) -> dict[str, Any]:
        """Return what a buyer is given: no connection, since each process has its own."""
        return {**self.__dict__, "_own": None}

    def reset(self) -> None:
        """Put the opening stock back, and forget every lease, in one transaction."""
        from ticketlab.stores.valkey_connection import connection_errors
        from ticketlab.stores.valkey_session import to_fields

        keys = self._keys()
        records = [
            ("HSET", keys.stock(name), *to_fields(Stock(name, count, count))) for name, count in self._opening.items()
        ]
        if self._listed:
            records += [
                ("RPUSH", keys.tickets(name), *range(1, 1 + count)) for name, count in self._opening.items() if count
            ]
        try:
            self._connection().transaction(("DEL", *keys.beside(self._opening)), *records)
            if self._streams:
                self._empty_stream()
        except connection_errors() as error:
            raise self._lost(error) from error

    def list_tickets(self) -> None:
        """Make a list of all numbers for each section; raises UsageError if there are more than 100,000."""
        if sum(self._opening.values()) > _MOST_LISTED:
            raise UsageError(f"more than {_MOST_LISTED:,} tickets cannot be listed one by one")
        self._listed = True
        self.reset()

    def open_stream(self) -> None:
        """Make the stream of orders, and the group of its clerks."""
        self._streams = True
        self.reset()

    def _empty_stream(self) -> None:
        from ticketlab.stores.valkey_queues import opened_stream

        keys, connection = self._keys(), self._connection()
        answers = list(connection("KEYS", keys.answers("*")))
        for command in opened_stream(keys, answers):
            with suppress(connection.refusals):  # the group is there by now
                connection(*command)

    def _lost(self, error: Exception) -> TicketlabError:
        return TicketlabError(f"the connection to Valkey ({self._shown}) is lost: {error}")

    @contextmanager
    def session(self) -> Iterator[QueueSession]:
        """Connect to the server."""
        from ticketlab.stores.valkey_queues import QueueSession

        connection = self._connect()
        try:
            yield QueueSession(connection, self._keys(), ledger=self._ledger)
        finally:
            connection.close()

    def books(self) -> Books:
        """Read all keys at one moment; a server of the lab that was killed is started again first.

        Raises:
            TornRead: the server that was killed had kept nothing.
        """
        from ticketlab.stores.valkey_connection import connection_errors

        try:
            return self._read()
        except connection_errors() as error:
            if self._url:
                raise self._lost(error) from error
        self._reach_server()
        try:
            return self._read()
        except TornRead as error:
            setting = f"appendfsync={self._appendfsync}"
            raise TornRead(f"the server was killed, and had kept no books in files ({setting})") from error

    def _read(self) -> Books:
        from ticketlab.stores.valkey_session import FIELDS, to_entry, to_record

        keys, names = self._keys(), list(self._opening)
        records = [("HMGET", keys.stock(name), *FIELDS) for name in names]
        sales = [("LRANGE", keys.sales(name), 0, -1) for name in names]
        lengths = [("LLEN", keys.tickets(name)) for name in names]
        answers = self._connection().transaction(*records, *sales, *lengths)
        assert answers is not None, "nothing is watched"
        stocks = {name: to_record(name, answer) for name, answer in zip(names, answers, strict=False)}
        entries = [to_entry(*pair) for pair in _pairs(names, answers[len(names) : 2 * len(names)])]
        if self._listed:
            counts = dict(zip(names, answers[2 * len(names) :], strict=True))
            stocks = {name: _listed(stock, counts[name]) for name, stock in stocks.items()}
        return Books(stocks, tuple(entries) if self._ledger else None)

    def servers(self) -> list[int]:
        """Return the process id of the lab's own server; yours is not the lab's to kill."""
        return [self._server] if self._server else []

    def close(self) -> None:
        """Delete the keys, in the process that made them, and disconnect."""
        if os.getpid() != self._owner or self._own is None:
            return
        from ticketlab.stores.valkey_connection import connection_errors

        keys, (_, connection) = self._keys(), self._own
        with suppress(*connection_errors()):  # the server has been killed
            if self._streams:
                connection("DEL", keys.orders, *connection("KEYS", keys.answers("*")))
            connection("DEL", *keys.beside(self._opening), *map(keys.stock, self._opening))
        connection.close()
        self._own = None


def _listed(stock: Stock, left: int) -> Stock:
    """Return a record with what the list says; the one on the server counts cancelled numbers as issued."""
    return stock._replace(remaining=left, issued=stock.tickets + stock.issued - left)


def _pairs(names: list[str], lists: list[list[str]]) -> Iterator[tuple[str, str]]:
    for name, texts in zip(names, lists, strict=True):
        for text in texts:
            yield name, text


KIND = StoreKind(
    name="valkey",
    summary="a Valkey or Redis server: the lab's own, or yours by url=",
    options={
        "url": Option("", "the server to use, as valkey://user@host:6379/0; the lab's own server if empty", text=True),
        "appendfsync": Option(
            _MEMORY_ONLY, "Valkey's appendfsync, of the lab's own server", (_MEMORY_ONLY, "no", "everysec", "always")
        ),
    },
    capabilities=frozenset(
        {
            Capability.RECORDS,
            Capability.SHARED,
            Capability.COMPARE_AND_SET,
            Capability.CONDITIONAL_UPDATE,
            Capability.DECREMENT,
            Capability.LEASES,
            Capability.TICKET_LISTS,
            Capability.STREAMS,
            Capability.HOLDS,
        }
    ),
    build=ValkeyStore,
    on_request=True,
    toured=("none", "lock", "optimistic", "atomic", "key-lease"),
    compared=("none", "lock", "clerk", "optimistic", "atomic", "key-lease"),
    slows_forks=True,
)
