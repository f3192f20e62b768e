"""Clients that have connected to a server and not yet shown its token, which only buyers know.

A stranger can connect, say nothing and stay. So only a few such clients are kept: if one more connects, the oldest is
disconnected. A client's token is read byte for byte as it arrives, and no byte beyond it, so that a slow client holds
up nobody and its first request is left for whoever serves it.
"""

from __future__ import annotations

import selectors
import socket
from typing import Final

MOST_PENDING: Final = 64
"""How many clients without a token a server keeps waiting."""


class PendingClients:
    """The clients without a token, the oldest first; the selector that is given watches them."""

    def __init__(self, selector: selectors.BaseSelector, token: bytes) -> None:
        self._selector = selector
        self._token = token
        self._received: dict[socket.socket, bytearray] = {}

    def add(self, client: socket.socket) -> None:
        """Keep a client that has just connected."""
        self.make_room()
        self._received[client] = bytearray()
        self._selector.register(client, selectors.EVENT_READ)

    def receive(self, client: socket.socket) -> bool:
        """Read what has arrived of a client's token; return whether it is complete, and then forget the client.

        A client that has left, or sends something else, is disconnected.
        """
        received = self._received.get(client)
        if received is None:  # it was disconnected to make room
            return False
        try:
            arrived = client.recv(len(self._token) - len(received))
        except BlockingIOError:
            return False
        except OSError:
            arrived = b""
        received += arrived
        if received == self._token:
            self._forget(client)
            return True
        if not arrived or not self._token.startswith(received):
            self._disconnect(client)
        return False

    def make_room(self) -> None:
        """Disconnect the oldest clients, until there is room for one more."""
        while len(self._received) >= MOST_PENDING:
            self._disconnect(next(iter(self._received)))

    def close(self) -> None:
        """Disconnect all of them."""
        for client in list(self._received):
            self._disconnect(client)

    def _disconnect(self, client: socket.socket) -> None:
        self._forget(client)
        client.close()

    def _forget(self, client: socket.socket) -> None:
        del self._received[client]
        self._selector.unregister(client)
