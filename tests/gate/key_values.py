"""A server of keys, values and locks, as a process of its own: what a database is to its clients.

Lines in, lines out: GET KEY, SET KEY VALUE, LOCK NAME (answered when it is free), UNLOCK NAME, CLEAR. Locks of a client
that hangs up are given to others. The first argument is the path of a Unix socket; the port is printed.
"""

from __future__ import annotations

import selectors
import socket
import sys
from contextlib import suppress

_Answer = tuple[socket.socket, str]


class Values:
    """The values, and who holds which lock: the first of those who have asked for it."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}
        self._asked: dict[str, list[socket.socket]] = {}

    def asked(self, client: socket.socket, word: str, key: str = "", value: str = "") -> list[_Answer]:
        """Return who is answered what now."""
        if word == "LOCK":
            line = self._asked.setdefault(key, [])
            line.append(client)
            return [(client, "ok")] if line[0] is client else []
        if word == "UNLOCK":
            return [(client, "ok"), *self._leave(client, key)]
        if word == "SET":
            self._values[key] = value
        elif word == "CLEAR":
            self._values.clear()
        return [(client, self._values.get(key, "0") if word == "GET" else "ok")]

    def hangs_up(self, client: socket.socket) -> list[_Answer]:
        """Return who gets a lock that a client held."""
        return [answer for name in self._asked for answer in self._leave(client, name)]

    def _leave(self, client: socket.socket, name: str) -> list[_Answer]:
        line = self._asked[name]
        held = bool(line) and line[0] is client
        self._asked[name] = line = [each for each in line if each is not client]
        return [(line[0], "ok")] if held and line else []


def main() -> None:
    """Serve until the process is killed."""
    values, selector = Values(), selectors.DefaultSelector()
    at_port, at_path = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX)
    at_path.bind(sys.argv[1])
    at_path.listen()
    listeners = (at_port, at_path)
    for each in listeners:
        selector.register(each, selectors.EVENT_READ)
    print(at_port.getsockname()[1], flush=True)
    while True:
        for key, _ in selector.select():
            ready = key.fileobj
            assert isinstance(ready, socket.socket)
            if ready in listeners:
                selector.register(ready.accept()[0], selectors.EVENT_READ)
                continue
            lines = _received(ready)
            answers = [answer for line in lines for answer in values.asked(ready, *line.split())]
            if not lines:
                selector.unregister(ready)
                ready.close()
                answers = values.hangs_up(ready)
            for client, text in answers:
                with suppress(OSError):  # it has hung up, which is heard of next
                    client.sendall(f"{text}\n".encode())


def _received(client: socket.socket) -> list[str]:
    try:
        return client.recv(4096).decode().splitlines()
    except ConnectionError:
        return []


if __name__ == "__main__":
    main()
