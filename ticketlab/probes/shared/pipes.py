"""Pipes of `multiprocessing`: a message is sent and received whole, and a full pipe makes its sender wait.

A pipe is made as large as the system allows, so that a message that a reader would have to take piece by piece is there
at once; its sender waits all the same until no more is left than a pipe holds.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import socket
import stat
import struct
import termios
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final, Literal

from ticketlab.core import pacing
from ticketlab.core.errors import UsageError
from ticketlab.core.pacing import BLOCKED, Blocked
from ticketlab.core.steps import Access, Action, Step
from ticketlab.probes.here import HERE, of_known, shared_probe
from ticketlab.probes.shared.places import Put
from ticketlab.probes.shared.registry import SharedObject
from ticketlab.probes.standins import StandIn
from ticketlab.probes.waiting import TIMED_OUT, wait_for

HOLDS: Final = 1 << 16
"""Bytes that a pipe holds; a socket is taken to hold as many."""
MOST_BYTES: Final = 1 << 20
_HEADER: Final = 4  # bytes before a message
_fstat, _read, _write = os.fstat, os.read, os.write


class Stream:
    """One direction of a pipe, by the descriptors of its two ends; -1 if one is unknown."""

    def __init__(self, reader: int, writer: int) -> None:
        self.reader, self.writer = reader, writer
        self.is_pipe = stat.S_ISFIFO(_fstat(max(reader, writer)).st_mode)
        self._held = 0  # bytes that it could hold, if that is known

    def widen(self) -> None:
        """Make room."""
        if self.is_pipe:
            self._held = fcntl.fcntl(max(self.reader, self.writer), fcntl.F_GETPIPE_SZ)
            self._resize(MOST_BYTES)

    def narrow(self) -> None:
        """Empty it and have it hold as much as before, if it is still there."""
        if self._held:
            with suppress(OSError):
                self.take()
                self._resize(self._held)

    def _resize(self, size: int) -> None:
        try:
            fcntl.fcntl(max(self.reader, self.writer), fcntl.F_SETPIPE_SZ, size)
        except OSError as error:
            if error.errno != errno.EPERM:
                raise

    @property
    def waiting(self) -> int:
        """How many bytes wait to be read."""
        end = self.reader if self.reader >= 0 else self.writer
        if not self.is_pipe and self.reader < 0:
            return 0
        size = fcntl.ioctl(end, termios.FIONREAD, b"\0" * 4)
        return int(struct.unpack("i", size)[0])

    def take(self) -> bytes:
        """Read all that is there."""
        size = self.waiting
        return _read(self.reader, size) if size else b""

    def restore(self, saved: bytes) -> None:
        """Have it hold these bytes and no others."""
        self.take()
        if saved:
            _write(self.writer, saved)

    def can_take(self, size: int) -> bool:
        """Whether a message goes in now; raises UsageError if none that large ever could."""
        if not self.is_pipe:
            self._refuse(size, HOLDS)
            return bool(select.select([], [self.writer], [], 0)[1])
        if self.waiting > HOLDS:  # somebody is in the middle of writing
            return False
        self.must_take(size)
        return True

    def must_take(self, size: int) -> None:
        """Raise UsageError if a message does not go in."""
        self._refuse(self.waiting + size + _HEADER, fcntl.fcntl(self.writer, fcntl.F_GETPIPE_SZ))

    def _refuse(self, size: int, limit: int) -> None:
        if size > limit:
            raise UsageError(f"{size:,} bytes in a pipe are more than the lab can have it hold: {limit:,}")


class PipeEnd(SharedObject):
    """One end of a pipe."""

    stream_in = stream_out = ""  # the names of what it reads and writes, once its other end is known

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        descriptor = value.fileno()
        found = _fstat(descriptor)
        self.inode, self.is_socket = found.st_ino, stat.S_ISSOCK(found.st_mode)
        self.closed = False
        self.incoming = Stream(descriptor, -1) if value.readable else None
        self.outgoing = Stream(-1, descriptor) if value.writable else None
        self.peer: PipeEnd | None = None

    def attach(self, name: str, put: Put | None) -> None:
        """Have room."""
        super().attach(name, put)
        self.stream_in, self.stream_out = f"what comes to {name}", f"what {name} sends"
        for stream in (self.incoming, self.outgoing):
            if stream is not None:
                stream.widen()

    def detach(self) -> None:
        """Have it hold what it held; what waited in it is put back later."""
        for stream in (self.incoming, self.outgoing):
            if stream is not None and self.kept:
                stream.narrow()

    def pair(self, other: PipeEnd) -> None:
        """Take down that another is the other end."""
        for one, beside in ((self, other), (other, self)):
            one.peer = beside
            if one.incoming is not None and beside.outgoing is not None:
                one.incoming.writer = beside.value.fileno()
                beside.outgoing.reader = one.value.fileno()
                one.stream_in = beside.stream_out = f"pipe to {one.name}"

    def reached(self, others: Sequence[PipeEnd]) -> list[PipeEnd]:
        """Return those of some ends to which a byte comes that this one sends; all hold what they held before."""
        incoming = [(each, each.incoming, each.incoming.waiting) for each in others if each.incoming is not None]
        _write(self.value.fileno(), b"?")
        found = [(each, stream) for each, stream, before in incoming if stream.waiting > before]
        for _, stream in found:
            if content := stream.take()[:-1]:
                _write(self.value.fileno(), content)
        return [each for each, _ in found]

    def begin(self) -> None:
        """Be open, as when the search began."""
        self.closed = False

    def save(self) -> bytes | None:
        """Return what waits to be read."""
        if self.incoming is None or self.incoming.writer < 0:
            return None
        saved = self.incoming.take()
        self.incoming.restore(saved)
        return saved

    def restore(self, saved: bytes | None) -> None:
        """Have what waited then wait again."""
        if self.incoming is not None and saved is not None:
            self.incoming.restore(saved)

    def content(self) -> bytes | None:
        """Return what waits to be read."""
        return self.save()

    def send(self, original: Callable[..., Any], size: int, *args: Any) -> Any:
        """Send a message, and wait until a pipe could hold what is left."""
        stream = self._stream(self.outgoing)
        step = Step(Action.SEND, self.stream_out, in_memory=True)

        def attempt() -> Any:
            return original(self.value, *args) if stream.can_take(size) else BLOCKED

        wait_for(step, attempt)
        if stream.waiting > HOLDS:
            flush = Step(Action.FLUSH, self.stream_out)
            wait_for(flush, lambda: True if stream.waiting <= HOLDS else BLOCKED)

    def receive(self, original: Callable[..., Any], *args: Any) -> Any:
        """Wait for a message, and take it."""
        stream = self._stream(self.incoming)
        if self.peer is not None and self.peer.closed:
            raise UsageError(
                f"{HERE.called} reads to the end of a pipe ({self.name}), which never comes here: the test holds it "
                "open, so send a last message"
            )
        step = Step(Action.RECEIVE, self.stream_in, in_memory=True)
        return wait_for(step, lambda: original(self.value, *args) if readable(stream.reader) else BLOCKED)

    def poll(self, timeout: float | None = 0.0) -> bool:
        """Return whether there is a message, and wait for one so long."""
        stream = self._stream(self.incoming)
        if timeout is not None and timeout <= 0:
            pacing.at(Step(Action.READ, self.stream_in))
            return readable(stream.reader)
        step = Step(Action.AWAIT, self.stream_in)
        return wait_for(step, lambda: True if readable(stream.reader) else BLOCKED, timeout) is not TIMED_OUT

    def close(self) -> None:
        """Be closed for this participant, until the next execution."""
        self.closed = True

    def _stream(self, stream: Stream | None) -> Stream:
        if self.closed:
            raise OSError("handle is closed")
        if stream is None:
            raise OSError("connection is " + ("write-only" if self.incoming is None else "read-only"))
        return stream


def readable(descriptor: int) -> bool:
    """Whether there is something to read."""
    return bool(select.select([descriptor], [], [], 0)[0])


def find_connection(value: Any) -> SharedObject | None:
    """Return what an end of a pipe is; a connection to a server is none."""
    from multiprocessing.connection import Connection

    if type(value) is not Connection or value.closed:
        return None
    return PipeEnd(value) if _is_end(value.fileno()) else None


def _is_end(descriptor: int) -> bool:
    mode = _fstat(descriptor).st_mode
    if not stat.S_ISSOCK(mode):
        return stat.S_ISFIFO(mode)
    with socket.socket(fileno=os.dup(descriptor)) as one:
        return one.family == socket.AF_UNIX and not one.getpeername() and not one.getsockname()


def pair_ends(ends: Sequence[PipeEnd]) -> None:
    """Find out which ends belong together: those of a pipe are one inode, those of a pair of sockets were made as one.

    Whether two sockets are a pair, a byte tells that one of them sends.
    """
    for one in ends:
        if one.outgoing is None or one.peer is not None:
            continue
        others = [each for each in ends if each.incoming is not None and each is not one]
        if one.is_socket and any(each.is_socket and abs(each.inode - one.inode) == 1 for each in others):
            others = one.reached(others)
        else:
            others = [each for each in others if each.inode == one.inode]
        for other in others:
            one.pair(other)


def connection_standins() -> list[StandIn]:
    """Return what stands in for the methods of pipes' ends, and for waiting for several of them."""
    from multiprocessing import connection

    base: Any = connection._ConnectionBase
    dumps = connection._ForkingPickler.dumps  # type: ignore[attr-defined]
    send = base.send_bytes
    calls: dict[str, Callable[..., Any]] = {
        "send": lambda one, obj: _send(one, send, bytes(dumps(obj))),
        "send_bytes": lambda one, data, *part: _send(one, send, _part(data, *part)),
        "recv": lambda one: _of(one).receive(originals["recv"]),
        "recv_bytes": lambda one, *args: _of(one).receive(originals["recv_bytes"], *args),
        "recv_bytes_into": lambda one, *args: _of(one).receive(originals["recv_bytes_into"], *args),
        "poll": lambda one, *args: _of(one).poll(*args),
        "close": lambda one: _of(one).close(),
    }
    originals = {name: getattr(base, name) for name in calls}
    wait = connection.wait
    return [
        *(StandIn(originals[name], of_known(originals[name], calls[name]), base, name) for name in calls),
        StandIn(wait, shared_probe(wait, _wait_for_any(wait))),
    ]


def _of(one: Any) -> PipeEnd:
    found = HERE.shared.of(one)
    assert isinstance(found, PipeEnd)
    return found


def _send(one: Any, original: Callable[..., Any], data: bytes) -> None:
    _of(one).send(original, len(data), data)


def _part(data: Any, offset: int = 0, size: int | None = None) -> bytes:
    view = memoryview(data).cast("B")
    return bytes(view[offset:] if size is None else view[offset : offset + size])


def _wait_for_any(original: Callable[..., Any]) -> Callable[..., Any]:
    def probe(objects: Sequence[Any], timeout: float | None = None) -> Any:
        known = [_of(each) for each in objects if HERE.shared.knows(each)]
        if not known:
            return original(objects, timeout)
        also: tuple[Access, ...] = tuple((Action.AWAIT, each.stream_in) for each in known[1:])
        step = Step(Action.AWAIT, known[0].stream_in, also=also)

        def attempt() -> list[Any] | Literal[Blocked.BLOCKED]:
            return original(objects, 0) or BLOCKED

        if timeout is not None and timeout <= 0:
            pacing.at(step)
            return original(objects, 0)
        ready = wait_for(step, attempt, timeout)
        return [] if ready is TIMED_OUT else ready

    return probe
