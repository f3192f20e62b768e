"""What the kernels use of Go: channels, wait groups, locks for readers and writers, and goroutines that block for ever.

All are built on one `threading.Condition` for each program; what they keep is touched under it alone, and put back
before each execution. A goroutine that blocks for ever is a deadlock here.
"""

from __future__ import annotations

from collections import deque
from threading import Condition
from typing import Any

from tests.suites.program import Body, ThreadsOfProgram


class GoPanic(RuntimeError):
    """What ends a Go program: a second close, a send on a closed channel, a counter below zero."""


class GoChannel:
    """A channel; without room for items, who sends waits until somebody has received."""

    def __init__(self, room: Condition, capacity: int) -> None:
        self._room, self._capacity = room, capacity
        self.put_back()

    def put_back(self) -> None:
        """Make it as new."""
        self._items: deque[Any] = deque()
        self._sent = self._received = self._waiting = 0
        self._closed = False

    def send(self, item: object = True) -> None:
        """Send; raises GoPanic if the channel is closed, or becomes so meanwhile."""
        with self._room:
            self._refuse_closed()
            self._put(item)
            mine = self._sent
            while self._received < mine - self._capacity:
                self._room.wait()
                if self._received < mine - self._capacity:
                    self._refuse_closed()

    def try_send(self, item: object = True) -> bool:
        """Send if that needs no wait (a `select` with a `default`), and return whether it was sent."""
        with self._room:
            self._refuse_closed()
            free = len(self._items) < self._capacity + self._waiting
            if free:
                self._put(item)
            return free

    def receive(self) -> Any:
        """Return the next item, or None once the channel is closed and empty."""
        with self._room:
            self._waiting += 1
            while not self.is_ready:
                self._room.wait()
            self._waiting -= 1
            return self.take()

    def close(self) -> None:
        """Close; raises GoPanic if it is closed."""
        with self._room:
            if self._closed:
                raise GoPanic("close of closed channel")
            self._closed = True
            self._room.notify_all()

    @property
    def is_ready(self) -> bool:
        """Whether to receive needs no wait; the caller holds the condition."""
        return bool(self._items) or self._closed

    def take(self) -> Any:
        """Return the next item, or None; the caller holds the condition."""
        if not self._items:
            return None
        self._received += 1
        self._room.notify_all()
        return self._items.popleft()

    def _put(self, item: object) -> None:
        self._items.append(item)
        self._sent += 1
        self._room.notify_all()

    def _refuse_closed(self) -> None:
        if self._closed:
            raise GoPanic("send on closed channel")


class GoWaitGroup:
    """A counter that can be waited for until it is 0."""

    def __init__(self, room: Condition, count: int) -> None:
        self._room, self._begin = room, count
        self.put_back()

    def put_back(self) -> None:
        """Make it as new."""
        self._count = self._begin

    def add(self, count: int = 1) -> None:
        """Count up; raises GoPanic below 0."""
        with self._room:
            self._count += count
            if self._count < 0:
                raise GoPanic("negative WaitGroup counter")
            self._room.notify_all()

    def done(self) -> None:
        """Count down."""
        self.add(-1)

    def wait(self) -> None:
        """Wait until the counter is 0."""
        with self._room:
            while self._count:
                self._room.wait()


class GoReadWriteLock:
    """A lock for one writer or many readers; a writer that waits keeps new readers out, as Go's does."""

    def __init__(self, room: Condition) -> None:
        self._room = room
        self.put_back()

    def put_back(self) -> None:
        """Make it as new."""
        self._readers = self._writers_waiting = 0
        self._written = False

    def read_lock(self) -> None:
        """Take it for reading."""
        with self._room:
            while self._written or self._writers_waiting:
                self._room.wait()
            self._readers += 1

    def read_unlock(self) -> None:
        """Give it back as a reader."""
        with self._room:
            self._readers -= 1
            self._room.notify_all()

    def lock(self) -> None:
        """Take it for writing."""
        with self._room:
            self._writers_waiting += 1
            while self._written or self._readers:
                self._room.wait()
            self._writers_waiting -= 1
            self._written = True

    def unlock(self) -> None:
        """Give it back as the writer."""
        with self._room:
            self._written = False
            self._room.notify_all()


class Go:
    """Makes what a kernel shares, and puts it back."""

    def __init__(self) -> None:
        self.room = Condition()
        self._made: list[GoChannel | GoWaitGroup | GoReadWriteLock] = []

    def channel(self, capacity: int = 0) -> GoChannel:
        """Return a channel with room for so many items."""
        made = GoChannel(self.room, capacity)
        self._made.append(made)
        return made

    def wait_group(self, count: int = 0) -> GoWaitGroup:
        """Return a wait group to which so many were added already."""
        made = GoWaitGroup(self.room, count)
        self._made.append(made)
        return made

    def read_write_lock(self) -> GoReadWriteLock:
        """Return a free lock."""
        made = GoReadWriteLock(self.room)
        self._made.append(made)
        return made

    def select(self, *channels: GoChannel) -> tuple[int, Any]:
        """Wait until one of the channels can be received from; return its place and the item.

        If several can, the first one is taken, where Go draws lots.
        """
        with self.room:
            while True:
                for place, channel in enumerate(channels):
                    if channel.is_ready:
                        return place, channel.take()
                self.room.wait()

    def threads(self, *bodies: Body) -> ThreadsOfProgram:
        """Return goroutines that share what was made."""
        return ThreadsOfProgram(bodies, reset=[self._put_back])

    def _put_back(self) -> None:
        for one in self._made:
            one.put_back()
