"""A box office: the clerk behind a socket, on this machine only.

Whoever connects first shows a pass, which only buyers have; strangers wait in a lobby of a few places, where the one
that came first makes room. Then a request is one line of JSON, `["buy", buyer, section, quantity]`, and so is its
answer. A line is at most 64 KiB; a client that sends more, or anything else than a request, is disconnected, and the
others never notice. Three servers:

- `selector`: one loop over all connections, and so one owner of the inventory: nothing to lock;
- `process`: a process for each connection; they share the inventory, so they take turns by a lock;
- `pool`: N processes accept from the same socket; each serves one connection at a time, and so buyers connect for each
  order anew, or client N + 1 would wait until another one leaves.
"""

from __future__ import annotations

import json
import os
import secrets
import selectors
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

from ticketlab.core import strict_json
from ticketlab.core.errors import ClerkGone, Conflict, GaveUp, PurchaseError, TornRead
from ticketlab.core.inventory import (
    MOST_TICKETS,
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
from ticketlab.core.pacing import BLOCKED, TROUBLE, Action, Step, at, block, current, note, paced_by
from ticketlab.core.plugin import Perform, Session, Store, StrategyContext
from ticketlab.strategies.purchase import BaseStrategy, Guard, attempt, unwrap

LONGEST_LINE = 64 * 1024
SILENCE_SECONDS = 5.0
"""How long a pool's worker waits for a buyer that has shown its pass and says nothing."""
LOBBY = 64
"""How many clients without a pass a server keeps waiting."""

_OFFICE = "box office"
_PREFIX = "ticketlab-"
_LONGEST_PATH = 100  # bytes; the system takes 107
_OUTCOMES: dict[str, type[Outcome]] = {
    each.__name__.lower(): each for each in (Sold, SoldOut, Found, Cancelled, Held, Expired)
}
_ERRORS: dict[str, type[PurchaseError]] = {kind.__name__: kind for kind in (TornRead, Conflict, GaveUp, PurchaseError)}


class BoxOffice(BaseStrategy):
    """Serves purchases over a listening socket that is made before anybody starts."""

    def __init__(self, server: str, transport: str, workers: int) -> None:
        self._server, self._transport, self._workers = server, transport, workers
        self._path: Path | None = None

    def prepare(self, setting: StrategyContext) -> None:
        """Listen; connections are accepted once the staff is there."""
        self._store = setting.store
        self._sections = frozenset(setting.store.books().stocks)
        self._lock: Any = setting.context.Lock()
        self._home, self._send_home = setting.context.Pipe(duplex=False)
        self._pass = secrets.token_hex(16).encode() + b"\n"
        if self._transport == "tcp":
            self._listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        else:
            self._path = _socket_path(setting.folder)
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(self._path))
            self._listener.listen(4096)
        self._address = self._listener.getsockname()

    def services(self) -> Sequence[Callable[[], None]]:
        """Employ one server process, or a pool of them."""
        if self._server == "pool":
            return (self._serve_one_by_one,) * self._workers
        return (self._serve_all if self._server == "selector" else self._serve_by_processes,)

    def _serve_all(self) -> None:
        with self._store.session() as session, self._waiting_room() as (selector, lobby):
            while True:
                for key, _ in _ready(selector):
                    if key.fileobj is self._home:
                        return
                    if key.data is None:
                        for client in self._known(lobby, key.fileobj):
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
        with told_as_trouble():
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
                    with guard, told_as_trouble():
                        answer = attempt(session, request)
                    stream.write(format_answer(answer))
                    stream.flush()
            except (ValueError, OSError):
                return  # not a client of ours, or gone

    def _arrivals(self) -> Iterator[socket.socket]:
        """Yield each client that has shown its pass, until the staff is sent home."""
        with self._waiting_room() as (selector, lobby):
            while True:
                ready = [key.fileobj for key, _ in _ready(selector)]
                if self._home in ready:
                    os.read(self._home.fileno(), 1)  # a byte for each of the staff: a message could be read by halves
                    return
                for each in ready:
                    for client in self._known(lobby, each):
                        client.setblocking(True)
                        yield client

    def _known(self, lobby: _Lobby, ready: Any) -> Iterator[socket.socket]:
        """Let in who is at the door, or look again at who is in the lobby; yield it once it has shown its pass."""
        client = ready
        if ready is self._listener:
            try:
                client, _ = self._listener.accept()
            except OSError:  # another one of the pool was quicker, the client has left, or there are no files left
                lobby.make_room(LOBBY - 1)
                return
            client.setblocking(False)
            lobby.enter(client)
        if lobby.shows(client, self._pass):
            yield client

    @contextmanager
    def _waiting_room(self) -> Iterator[tuple[selectors.BaseSelector, _Lobby]]:
        self._listener.setblocking(False)
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._home, selectors.EVENT_READ)
            lobby = _Lobby(selector)
            try:
                yield selector, lobby
            finally:
                lobby.make_room(0)
                for key in list(selector.get_map().values()):
                    if key.data is not None:  # a client that had not left
                        cast("socket.socket", key.fileobj).close()

    def _parse(self, line: bytes) -> Request:
        request = parse_request(line)
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
                return unwrap(parse_answer(line))

            yield purchase

    @contextmanager
    def _connect(self) -> Iterator[tuple[socket.socket, Any]]:
        family = socket.AF_INET if self._transport == "tcp" else socket.AF_UNIX
        with socket.socket(family) as connection:
            connection.connect(self._address)
            connection.sendall(self._pass)
            with connection.makefile("rwb") as stream:
                yield connection, stream

    def stop_services(self) -> None:
        """Send each of the staff a byte, to go home."""
        os.write(self._send_home.fileno(), b"." * len(self.services()))

    def close(self) -> None:
        """Stop listening, and remove the socket's file."""
        for each in (self._listener, self._home, self._send_home):
            each.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            if self._path.parent.name.startswith(_PREFIX):
                self._path.parent.rmdir()


class _Lobby:
    """Clients that have not shown their pass, those that came first first."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self._selector = selector
        self._shown: dict[socket.socket, bytearray] = {}

    def enter(self, client: socket.socket) -> None:
        """Let a client wait."""
        self.make_room(LOBBY - 1)
        self._shown[client] = bytearray()
        self._selector.register(client, selectors.EVENT_READ)

    def shows(self, client: socket.socket, wanted: bytes) -> bool:
        """Look at what a client shows, and at no byte beyond; with the whole pass it leaves the lobby."""
        shown = self._shown.get(client)
        if shown is None:  # it has had to make room
            return False
        try:
            arrived = client.recv(len(wanted) - len(shown))
        except BlockingIOError:
            return False
        except OSError:
            arrived = b""
        shown += arrived
        if shown == wanted:
            self._leave(client)
            return True
        if not arrived or not wanted.startswith(shown):
            self._leave(client)
            client.close()
        return False

    def make_room(self, most: int) -> None:
        """Close the connections of those that came first, until so many are left."""
        while len(self._shown) > most:
            client = next(iter(self._shown))
            self._leave(client)
            client.close()

    def _leave(self, client: socket.socket) -> None:
        del self._shown[client]
        self._selector.unregister(client)


def _socket_path(folder: Path) -> Path:
    """Return where the socket is to stand: in the run's folder, or if that path is too long for one, in a new one."""
    path = folder.absolute() / "office"
    return path if len(os.fsencode(path)) <= _LONGEST_PATH else Path(tempfile.mkdtemp(prefix=_PREFIX)) / "office"


@contextmanager
def told_as_trouble() -> Iterator[None]:
    """Note that the system refused the store an access: to the client it looks as if the connection had been lost."""
    try:
        yield
    except OSError as error:
        note(TROUBLE, f"[Errno {error.errno}] {error.strerror}")
        raise


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


def parse_request(line: bytes) -> Request:
    """Read a request; raises ValueError for anything else."""
    match strict_json.parse(line):
        case ["buy", buyer, str(section), quantity] if _counts(buyer, quantity):
            return Buy(buyer, section, quantity)
        case ["search", buyer, str(section)] if _counts(buyer):
            return Search(buyer, section)
        case ["hold", buyer, str(section), quantity, int() | float() as seconds, str(hold)] if (
            _counts(buyer, quantity) and 0 < seconds < inf
        ):
            return Hold(buyer, section, quantity, seconds, hold)
        case ["confirm", buyer, str(section), str(hold), _] if _counts(buyer):
            return Confirm(buyer, section, hold)
        case ["cancel", buyer, str(section), [*tickets], str(hold)] if _counts(buyer, *tickets):
            return Cancel(buyer, section, tuple(tickets), hold)
    raise ValueError("not a request")


def _counts(*numbers: object) -> bool:
    """Whether all are whole numbers from 1 that every store keeps exactly."""
    return all(type(number) is int and 1 <= number < MOST_TICKETS for number in numbers)


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
