"""Servers outside the program, to which participants are connected: a database, or anything that listens.

Such a server is under nobody's control. Before anybody else moves it gets to do all that it can do for the request that
was sent to it, so that a request is one step. When it is done is seen: all its threads sleep, looked at twice, and
nothing is on its way to it. Where that cannot be seen (another machine, somebody else's process, a process that only
forwards), and where it does not come to rest, patience ends the wait for an answer.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final

from ticketlab.gate.descriptors import descriptors_of
from ticketlab.gate.kernel import Sleep, children_of, sleep_of, state_of, threads_of

_POLL, _SELDOM = 0.0005, 0.005  # seconds
_LISTENS: Final = {"tcp": "0A", "tcp6": "0A", "udp": "07", "udp6": "07"}
_FORWARDS: Final = ("docker-proxy", "rootlessport", "slirp4netns", "ssh", "sshd", "socat")
_CREDENTIALS: Final = struct.Struct("3i")


class Server:
    """A server at an address, which is its name."""

    def __init__(self, name: str, patience: float) -> None:
        self.name = name
        self._patience = patience
        self._pids: list[int] = []
        self.was_late = False
        """Whether patience has ended a wait, and not what was seen of the server."""

    def listens(self, pids: Iterable[int]) -> None:
        """Take down which processes listen there now, as far as they can be seen."""
        self._pids = [pid for pid in pids if pid and not _forwards(pid)]

    def answers(self, is_ready: Callable[[], bool]) -> bool:
        """Wait until an answer is there, or the server has nothing more to do; return whether it is there."""
        until, before = time.monotonic() + self._patience, None
        while not is_ready():
            now = self._sleep()
            if now is not None and now == before:
                return is_ready()
            if now is None:
                if time.monotonic() > until:
                    self.was_late = True
                    return is_ready()
                time.sleep(_POLL)
            before = now
        return True

    def settle(self) -> None:
        """Wait until the server has nothing more to do, if that can be seen."""
        if self._pids:
            self.answers(lambda: False)

    def _sleep(self) -> list[tuple[int, Sleep]] | None:
        """Return the sleep of each of its threads; None if one may not sleep, or none is seen."""
        found: list[tuple[int, Sleep]] = []
        for thread in (thread for pid in _trees(self._pids) for thread in threads_of(pid)):
            sleep, state = sleep_of(thread), state_of(thread)
            if state in ("R", "D") or sleep is None:
                return None
            found.append((thread, sleep))
        return found or None


class Servers:
    """The servers to which the participants of one execution are connected, by the name of the connection."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._servers: dict[str, Server] = {}
        self._by_connection: dict[str, Server] = {}
        self.unanswered: set[str] = set()
        """The connections by which something was sent since the last answer came."""
        self._at_ports: dict[int, list[tuple[int, int]]] = {}  # who listens there, and the inodes of their sockets

    def begin(self) -> None:
        """Begin an execution, in which nobody is connected, when the servers are done with the one before."""
        self.settle()
        self._by_connection.clear()
        self.unanswered.clear()

    def connect(self, connection: str, listener: str, pids: Iterable[int]) -> None:
        """Take down that a connection leads to a server."""
        server = self._servers.setdefault(listener, Server(listener, self._patience))
        server.listens(pids)
        self._by_connection[connection] = server

    def of(self, connection: str) -> Server | None:
        """Return the server to which a connection leads; None if that is within the program."""
        return self._by_connection.get(connection)

    def settle(self) -> None:
        """Wait until all servers have nothing more to do, as far as that can be seen."""
        for server in self._servers.values():
            server.settle()

    def wait(self, have_come: Callable[[], bool]) -> None:
        """Wait with all patience until something has come from a server."""
        until = time.monotonic() + self._patience
        while not have_come() and time.monotonic() < until:
            time.sleep(_SELDOM)

    def sentences(self, *, reset: bool) -> Iterator[str]:
        """Yield what is to be said of the servers."""
        for name, server in self._servers.items():
            back = "" if reset else ", and nothing puts it back between executions (see --reset)"
            yield f"a server outside the program answers at {name}: what it does is not under control{back}"
            if server.was_late:
                yield f"the server at {name} did not come to rest within {self._patience:g} s (see --patience)"

    def at_other_end(self, connected: socket.socket, client: int, own: Mapping[str, object]) -> list[int] | None:
        """Return the processes at the other end of a process's connection, as far as they can be seen.

        None says that the other end is one of the program's `own` processes, named by their digits, or not there.
        """
        with suppress(OSError):
            peer = connected.getpeername()
            if connected.family != socket.AF_UNIX:
                return self._at_port(peer[1], client, [int(pid) for pid in own])
            data = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
            pid = int(_CREDENTIALS.unpack(data)[0])
            return None if str(pid) in own else [pid]
        return None

    def _at_port(self, port: int, client: int, own: Sequence[int]) -> list[int] | None:
        """Return who listens at a port of this machine; nobody, if it is a port of another."""
        known = self._at_ports.get(port, [])
        if not known or not all(has_socket(pid, inode) for pid, inode in known):
            inodes = list(_listening(port, client))
            if any(has_socket(pid, inode) for pid in own for inode in inodes):
                return None
            known = self._at_ports[port] = [
                (pid, inode) for pid in _all_processes() for inode in inodes if has_socket(pid, inode)
            ]
        return [pid for pid, _ in known]


def _listening(port: int, pid: int) -> Iterator[int]:
    """Yield the inodes of the sockets that listen at a port, as a process sees them."""
    for table, state in _LISTENS.items():
        with suppress(OSError), open(f"/proc/{pid}/net/{table}") as rows:
            next(rows, "")
            for row in rows:
                words = row.split()
                if words[3] == state and int(words[1].rpartition(":")[2], 16) == port:
                    yield int(words[9])


def has_socket(pid: int, inode: int) -> bool:
    """Whether a process has a socket open."""
    for descriptor in descriptors_of(pid):
        with suppress(OSError):
            if os.readlink(f"/proc/{pid}/fd/{descriptor}") == f"socket:[{inode}]":
                return True
    return False


def _all_processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _trees(pids: Iterable[int]) -> Iterator[int]:
    """Yield processes and all that descends from them."""
    for pid in pids:
        yield pid
        yield from _trees(children_of(pid))


def _forwards(pid: int) -> bool:
    """Whether a process only forwards what others answer, so that nothing is known if it sleeps."""
    with suppress(OSError), open(f"/proc/{pid}/comm") as file:
        return file.read().strip() in _FORWARDS
    return False
