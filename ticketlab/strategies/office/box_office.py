"""A box office: a clerk that buyers reach through a socket on this machine.

A client first sends a token, which only buyers know, and then requests, each a line of JSON (`wire`); each answer is a
line too. A line is at most 64 KiB. A client that sends more, or anything else, is disconnected, and no other client
notices. There are three servers:

- `selector`: one loop over all connections. It alone owns the inventory, so nothing is locked.
- `process`: a process for each connection. They share the inventory, so they take turns by a lock.
- `pool`: N processes accept from the same socket. Each serves one connection at a time, so buyers connect anew for each
  order; if they stayed connected, client N + 1 would wait until another one leaves.
"""

from __future__ import annotations

import os
import secrets
import selectors
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, Final

from ticketlab.core.errors import ClerkGone
from ticketlab.core.inventory import Outcome, Request
from ticketlab.core.pacing import ACCESS_FAILED, BLOCKED, NO_SPACE, at, block, current, note, paced_by
from ticketlab.core.plugin import Perform, Session, Store, StrategyContext
from ticketlab.core.steps import Action, Step
from ticketlab.core.system.lifeline import die_with_parent
from ticketlab.core.system.no_space import no_space
from ticketlab.core.system.sockets import remove_socket, socket_path
from ticketlab.strategies.office.pending_clients import PendingClients
from ticketlab.strategies.office.wire import format_answer, format_request, parse_answer, parse_request
from ticketlab.strategies.purchase import BaseStrategy, Guard, attempt, unwrap

_LONGEST_LINE: Final = 64 * 1024
_SILENCE_SECONDS: Final = 5.0
"""How long a pool's worker waits for a buyer that has sent its token and says nothing."""

_OFFICE: Final = "box office"
_CLOSING: Final = Step(Action.SEND, "end of connection")


class BoxOffice(BaseStrategy):
    """Serves purchases through a listening socket that is made before anybody starts."""

    def __init__(self, server: str, transport: str, workers: int) -> None:
        self._server, self._transport, self._workers = server, transport, workers
        self._path: Path | None = None

    def prepare(self, setting: StrategyContext) -> None:
        """Listen; connections are accepted once the servers run."""
        self._store = setting.store
        self._sections = frozenset(setting.store.books().stocks)
        self._closing = _CLOSING._replace(affects=(_OFFICE, *map(_answers, range(1, 1 + setting.buyers))))
        self._lock: Any = setting.context.Lock()
        self._stop_received, self._stop_sent = setting.context.Pipe(duplex=False)
        self._token = secrets.token_hex(16).encode() + b"\n"
        if self._transport == "tcp":
            self._listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        else:
            self._path = socket_path(setting.folder, "office")
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(self._path))
            self._listener.listen(4096)
        self._address = self._listener.getsockname()

    def services(self) -> Sequence[Callable[[], None]]:
        """Return one server process, or a pool of them."""
        if self._server == "pool":
            return (self._serve_one_by_one,) * self._workers
        return (self._serve_all if self._server == "selector" else self._serve_by_processes,)

    def _serve_all(self) -> None:
        with self._store.session() as session, self._listening() as (selector, pending):
            while True:
                for key, _ in _ready(selector):
                    if key.fileobj is self._stop_received:
                        return
                    if key.data is None:
                        for client in self._admitted(pending, key.fileobj):
                            selector.register(client, selectors.EVENT_READ, bytearray())
                    elif not self._serve_ready(session, key.fileobj, key.data):
                        selector.unregister(key.fileobj)
                        self._disconnect(key.fileobj)

    def _disconnect(self, client: Any) -> None:
        """Close a client's connection, which whoever waits for an answer notices, and whoever sends a request."""
        at(self._closing)
        client.close()

    def _serve_ready(self, session: Session, client: Any, unanswered: bytearray) -> bool:
        """Answer the lines that have arrived from a client; return False if it has left, or does not send requests."""
        try:
            arrived = client.recv(_LONGEST_LINE)
            unanswered += arrived
            while b"\n" in unanswered:
                line, _, rest = bytes(unanswered).partition(b"\n")
                unanswered[:] = rest
                buyer, answer = self._answer(session, line)
                at(Step(Action.SEND, _answers(buyer)))
                client.send(answer)
        except (ValueError, OSError):
            return False
        return bool(arrived) and len(unanswered) <= _LONGEST_LINE

    def _answer(self, session: Session, line: bytes) -> tuple[int, bytes]:
        """Perform the request in a line; return its buyer and the line to answer. Raises ValueError for other lines."""
        request = self._parse(line)
        with failed_access_noted():
            return request.buyer, format_answer(attempt(session, request))

    def _serve_by_processes(self) -> None:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the children
        server = os.getpid()
        for client in self._clients():
            if os.fork() == 0:
                die_with_parent(server)
                with paced_by(current().for_fork()), self._store.session() as session:
                    self._serve_connection(session, client)
                os._exit(0)
            client.close()

    def _serve_one_by_one(self) -> None:
        with self._store.session() as session:
            for client in self._clients():
                client.settimeout(_SILENCE_SECONDS)
                self._serve_connection(session, client)

    def _serve_connection(self, session: Session, client: socket.socket) -> None:
        guard = Guard("clerks' lock", self._lock.acquire, self._lock.release, mutex=True)
        with client, client.makefile("rwb") as stream:
            try:
                while line := stream.readline(_LONGEST_LINE):
                    request = self._parse(line)
                    with guard, failed_access_noted():
                        answer = attempt(session, request)
                    stream.write(format_answer(answer))
                    stream.flush()
            except (ValueError, OSError):
                return  # the client does not send requests, or has left

    def _clients(self) -> Iterator[socket.socket]:
        """Yield each client that has sent the token, until the servers are told to stop."""
        with self._listening() as (selector, pending):
            while True:
                ready = [key.fileobj for key, _ in _ready(selector)]
                if self._stop_received in ready:
                    os.read(self._stop_received.fileno(), 1)  # one byte for each server
                    return
                for each in ready:
                    for client in self._admitted(pending, each):
                        client.setblocking(True)
                        yield client

    def _admitted(self, pending: PendingClients, ready: Any) -> Iterator[socket.socket]:
        """Accept a new client, or read on from a pending one; yield the client once it has sent the token."""
        client = ready
        if ready is self._listener:
            try:
                client, _ = self._listener.accept()
            except OSError:  # another server of the pool was quicker, the client has left, or no file can be opened
                pending.make_room()
                return
            client.setblocking(False)
            pending.add(client)
        if pending.receive(client):
            yield client

    @contextmanager
    def _listening(self) -> Iterator[tuple[selectors.BaseSelector, PendingClients]]:
        self._listener.setblocking(False)
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._stop_received, selectors.EVENT_READ)
            pending = PendingClients(selector, self._token)
            try:
                yield selector, pending
            finally:
                pending.close()
                for key in list(selector.get_map().values()):
                    if key.data is not None:  # a client that is still connected
                        self._disconnect(key.fileobj)

    def _parse(self, line: bytes) -> Request:
        request = parse_request(line)
        if request.section not in self._sections:
            raise ValueError("no such section")
        return request

    @contextmanager
    def join(self, store: Store, buyer: int) -> Iterator[Perform]:
        """Buy over a connection; it stays open unless a pool serves."""
        with ExitStack() as stack:
            kept = None if self._server == "pool" else stack.enter_context(self._connect())

            def purchase(request: Request) -> Outcome:
                with ExitStack() as once:
                    line = exchange(kept or once.enter_context(self._connect()), buyer, format_request(request))
                if not line.endswith(b"\n"):
                    raise ClerkGone("the box office closed the connection before it answered")
                return unwrap(parse_answer(line))

            yield purchase

    @contextmanager
    def _connect(self) -> Iterator[tuple[socket.socket, Any]]:
        family = socket.AF_INET if self._transport == "tcp" else socket.AF_UNIX
        with socket.socket(family) as connection:
            connection.connect(self._address)
            connection.sendall(self._token)
            with connection.makefile("rwb") as stream:
                yield connection, stream

    def stop_services(self) -> None:
        """Send a byte for each server."""
        os.write(self._stop_sent.fileno(), b"." * len(self.services()))

    def close(self) -> None:
        """Stop listening, and remove the socket's file."""
        for each in (self._listener, self._stop_received, self._stop_sent):
            each.close()
        if self._path is not None:
            remove_socket(self._path)


def _answers(buyer: int) -> str:
    return f"answers {buyer}"


@contextmanager
def failed_access_noted() -> Iterator[None]:
    """Note that the system refused the store an access; the client will only see that its connection was lost."""
    try:
        yield
    except OSError as error:
        note(NO_SPACE if no_space(error) else ACCESS_FAILED, f"[Errno {error.errno}] {error.strerror}")
        raise


def exchange(connected: tuple[socket.socket, Any], buyer: int, message: bytes) -> bytes:
    """Send a line and return the line that answers it, which is cut short or empty if the connection broke off."""
    connection, stream = connected
    at(Step(Action.SEND, _OFFICE))
    try:
        connection.sendall(message)
        line: bytes = block(
            Step(Action.RECEIVE, _answers(buyer)), partial(_answer_line, connection, stream), stream.readline
        )
    except ConnectionError:
        return b""
    return line


def _ready(selector: selectors.BaseSelector) -> Any:
    """Wait for clients that have sent something; return them in the order of their descriptors.

    The kernel returns them in an order that depends on earlier calls, and a repeated schedule must repeat everything.
    """
    ready = block(Step(Action.RECEIVE, _OFFICE), lambda: selector.select(0) or BLOCKED, selector.select)
    return sorted(ready, key=lambda event: event[0].fd)


def _answer_line(connection: socket.socket, stream: Any) -> Any:
    return stream.readline() if wait([connection], 0) else BLOCKED
