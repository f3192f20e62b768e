"""A box office: the clerk behind a socket, on this machine only.

A request is one line of JSON, `["buy", buyer, section, quantity]`, and so is its answer. A line is at most 64 KiB; a
client that sends more, or anything else than a request, is disconnected, and the others never notice. Three servers:

- `selector`: one loop over all connections, and so one owner of the inventory: nothing to lock;
- `process`: a process for each connection; they share the inventory, so they take turns by a lock;
- `pool`: N processes accept from the same socket; each serves one connection at a time, and so buyers connect for each
  order anew, or client N + 1 would wait until another one leaves.
"""

from __future__ import annotations

import json
import os
import selectors
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from math import inf
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, cast

from ticketlab.core.errors import ClerkGone, Conflict, GaveUp, PurchaseError, TornRead
from ticketlab.core.inventory import (
    Buy,
    Cancel,
    Cancelled,
    Confirm,
    Expired,
    Found,
    Held,
    Hold,
    Outcome,
    Request,
    Search,
    Sold,
    SoldOut,
)
from ticketlab.core.lifeline import die_with_parent
from ticketlab.core.pacing import BLOCKED, Action, Step, at, block, current, paced_by
from ticketlab.core.plugin import Perform, Session, Setting, Store
from ticketlab.strategies.purchase import Guard, Unattended, attempt, open_answer

LONGEST_LINE = 64 * 1024
SILENCE_SECONDS = 5.0
"""How long a pool's worker waits for a client that has connected and says nothing."""

_OFFICE = "box office"
_OUTCOMES: dict[str, type[Outcome]] = {
    each.__name__.lower(): each for each in (Sold, SoldOut, Found, Cancelled, Held, Expired)
}
_ERRORS: dict[str, type[PurchaseError]] = {kind.__name__: kind for kind in (TornRead, Conflict, GaveUp, PurchaseError)}


class BoxOffice(Unattended):
    """Serves purchases over a listening socket that is made before anybody starts."""

    def __init__(self, server: str, transport: str, workers: int) -> None:
        self._server, self._transport, self._workers = server, transport, workers
        self._folder: Path | None = None

    def prepare(self, setting: Setting) -> None:
        """Listen; connections are accepted once the staff is there."""
        self._store = setting.store
        self._sections = frozenset(setting.store.books().stocks)
        self._lock: Any = setting.context.Lock()
        self._home, self._send_home = setting.context.Pipe(duplex=False)
        if self._transport == "tcp":
            self._listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        else:
            self._folder = Path(tempfile.mkdtemp(prefix="ticketlab-"))  # short: the path of a socket has 107 bytes
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(self._folder / "office"))
            self._listener.listen(4096)
        self._address = self._listener.getsockname()

    def staff(self) -> Sequence[Callable[[], None]]:
        """Employ one server process, or a pool of them."""
        if self._server == "pool":
            return (self._serve_one_by_one,) * self._workers
        return (self._serve_all if self._server == "selector" else self._serve_by_processes,)

    def _serve_all(self) -> None:
        with self._store.session() as session, self._waiting_room() as selector:
            while True:
                for key, _ in _ready(selector):
                    if key.fileobj is self._home:
                        return
                    if key.fileobj is self._listener:
                        client, _ = self._listener.accept()
                        client.setblocking(False)
                        selector.register(client, selectors.EVENT_READ, bytearray())
                    elif not self._serve_ready(session, key.fileobj, key.data):
                        selector.unregister(key.fileobj)
                        key.fileobj.close()

    def _serve_ready(self, session: Session, client: Any, pending: bytearray) -> bool:
        """Answer what has arrived from one client; False when it has left or is not a client of ours."""
        try:
            arrived = client.recv(LONGEST_LINE)
            pending += arrived
            while b"\n" in pending:
                line, _, rest = bytes(pending).partition(b"\n")
                pending[:] = rest
                buyer, answer = self._deal_with(session, line)
                at(Step(Action.SEND, f"answers {buyer}"))
                client.send(answer)
        except (ValueError, OSError):
            return False
        return bool(arrived) and len(pending) <= LONGEST_LINE

    def _deal_with(self, session: Session, line: bytes) -> tuple[int, bytes]:
        """Return who asked, and the line that says what came of it; raises ValueError for what is no request."""
        request = self._parse(line)
        return request.buyer, format_answer(attempt(session, request))

    def _serve_by_processes(self) -> None:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps them
        server = os.getpid()
        for client in self._arrivals():
            if os.fork() == 0:
                die_with_parent(server)
                with paced_by(current().for_fork()), self._store.session() as session:
                    self._serve_connection(session, client)
                os._exit(0)
            client.close()

    def _serve_one_by_one(self) -> None:
        with self._store.session() as session:
            for client in self._arrivals():
                client.settimeout(SILENCE_SECONDS)
                self._serve_connection(session, client)

    def _serve_connection(self, session: Session, client: socket.socket) -> None:
        guard = Guard("clerks' lock", self._lock.acquire, self._lock.release)
        with client, client.makefile("rwb") as stream:
            try:
                while line := stream.readline(LONGEST_LINE):
                    request = self._parse(line)
                    with guard:
                        answer = attempt(session, request)
                    stream.write(format_answer(answer))
                    stream.flush()
            except (ValueError, OSError):
                return  # not a client of ours, or gone

    def _arrivals(self) -> Iterator[socket.socket]:
        """Yield each new connection, until the staff is sent home."""
        with self._waiting_room() as selector:
            while True:
                ready = [key.fileobj for key, _ in _ready(selector)]
                if self._home in ready:
                    os.read(self._home.fileno(), 1)  # a byte for each of the staff: a message could be read by halves
                    return
                try:
                    client, _ = self._listener.accept()
                except BlockingIOError:
                    continue  # another one of the pool was quicker
                client.setblocking(True)
                yield client

    @contextmanager
    def _waiting_room(self) -> Iterator[selectors.BaseSelector]:
        self._listener.setblocking(False)
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._home, selectors.EVENT_READ)
            try:
                yield selector
            finally:
                for key in list(selector.get_map().values()):
                    if key.data is not None:  # a client that had not left
                        cast("socket.socket", key.fileobj).close()

    def _parse(self, line: bytes) -> Request:
        request = _parse_request(line)
        if request.section not in self._sections:
            raise ValueError("no such section")
        return request

    @contextmanager
    def join(self, store: Store, buyer: int) -> Iterator[Perform]:
        """Buy over a connection; it stays open except where a pool serves."""
        with ExitStack() as open_for_good:
            kept = None if self._server == "pool" else open_for_good.enter_context(self._connect())

            def purchase(request: Request) -> Outcome:
                with ExitStack() as open_once:
                    line = exchange(kept or open_once.enter_context(self._connect()), buyer, format_request(request))
                if not line.endswith(b"\n"):
                    raise ClerkGone("the box office closed the connection before it answered")
                return open_answer(parse_answer(line))

            yield purchase

    @contextmanager
    def _connect(self) -> Iterator[tuple[socket.socket, Any]]:
        family = socket.AF_INET if self._transport == "tcp" else socket.AF_UNIX
        with socket.socket(family) as connection:
            connection.connect(self._address)
            with connection.makefile("rwb") as stream:
                yield connection, stream

    def dismiss(self) -> None:
        """Send each of the staff a byte, to go home."""
        os.write(self._send_home.fileno(), b"." * len(self.staff()))

    def close(self) -> None:
        """Stop listening, and remove the socket's file."""
        for each in (self._listener, self._home, self._send_home):
            each.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def exchange(connected: tuple[socket.socket, Any], buyer: int, message: bytes) -> bytes:
    """Send a line, and return the one that answers it; it is not whole where the connection broke off before."""
    connection, stream = connected
    at(Step(Action.SEND, _OFFICE))
    try:
        connection.sendall(message)
        line: bytes = block(
            Step(Action.RECEIVE, f"answers {buyer}"), partial(_answer_line, connection, stream), stream.readline
        )
    except ConnectionError:
        return b""
    return line


def _ready(selector: selectors.BaseSelector) -> Any:
    return block(Step(Action.RECEIVE, _OFFICE), lambda: selector.select(0) or BLOCKED, selector.select)


def _answer_line(connection: socket.socket, stream: Any) -> Any:
    return stream.readline() if wait([connection], 0) else BLOCKED


def format_request(request: Request) -> bytes:
    """Return a request as a line."""
    return json.dumps([type(request).__name__.lower(), *request]).encode() + b"\n"


def _parse_request(line: bytes) -> Request:
    """Read a request; raises ValueError for anything else."""
    match json.loads(line):
        case ["buy", int(buyer), str(section), int(quantity)] if quantity >= 1:
            return Buy(buyer, section, quantity)
        case ["search", int(buyer), str(section)]:
            return Search(buyer, section)
        case ["hold", int(buyer), str(section), int(quantity), int() | float() as seconds, str(hold)] if (
            quantity >= 1 and 0 < seconds < inf
        ):
            return Hold(buyer, section, quantity, seconds, hold)
        case ["confirm", int(buyer), str(section), str(hold), _]:
            return Confirm(buyer, section, hold)
        case ["cancel", int(buyer), str(section), [*tickets], str(hold)] if all(
            isinstance(ticket, int) for ticket in tickets
        ):
            return Cancel(buyer, section, tuple(tickets), hold)
    raise ValueError("not a request")


def format_answer(answer: Outcome | PurchaseError) -> bytes:
    """Return what came of a request as a line."""
    if isinstance(answer, PurchaseError):
        return json.dumps(["error", type(answer).__name__, str(answer)]).encode() + b"\n"
    return json.dumps([type(answer).__name__.lower(), *answer]).encode() + b"\n"


def parse_answer(line: bytes) -> Outcome | PurchaseError:
    """Read what came of a request."""
    kind, *fields = json.loads(line)
    if kind == "error":
        return _ERRORS.get(fields[0], PurchaseError)(fields[1])
    make: Any = _OUTCOMES[kind]
    return cast("Outcome", make(*(tuple(field) if isinstance(field, list) else field for field in fields)))
