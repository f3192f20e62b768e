"""Queues of `multiprocessing`: what is put into one is there at once, in the order in which it was put.

The library's own helper thread, which carries items to the pipe, takes no part: each item is written by who puts it.
Who ends or calls `join_thread` waits until no more is left in the pipe than it holds, as that thread would.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from queue import Empty, Full
from typing import Any, Final, Literal

from ticketlab.core import pacing
from ticketlab.core.pacing import BLOCKED, Blocked
from ticketlab.core.steps import Action, Step
from ticketlab.core.system.queue_feeders import await_feeders
from ticketlab.probes.here import of_object
from ticketlab.probes.shared.conditions import counter_of
from ticketlab.probes.shared.pipes import HOLDS, Stream, readable
from ticketlab.probes.shared.places import Put
from ticketlab.probes.shared.pulses import Pulse
from ticketlab.probes.shared.registry import SharedObject
from ticketlab.probes.standins import StandIn
from ticketlab.probes.waiting import TIMED_OUT, try_once, wait_for


class PipeQueue(SharedObject):
    """A `SimpleQueue`, and what all queues have in common: a pipe with messages."""

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.stream = Stream(value._reader.fileno(), value._writer.fileno())
        self.sent = False  # whether the participant at work has put something in, in this execution

    def attach(self, name: str, put: Put | None) -> None:
        """Have room."""
        super().attach(name, put)
        self.stream.widen()
        self.sending = Step(Action.SEND, name, in_memory=True)
        self.receiving = Step(Action.RECEIVE, name, in_memory=True)

    def detach(self) -> None:
        """Have its pipe hold what it held; what was in it is put back later."""
        if self.kept:
            self.stream.narrow()

    def begin(self) -> None:
        """Have put nothing in."""
        self.sent = False

    def save(self) -> Any:
        """Return what is in it."""
        await_feeders()
        saved = self.stream.take()
        self.stream.restore(saved)
        return saved

    def restore(self, saved: Any) -> None:
        """Have it hold that and nothing else."""
        await_feeders()
        self.stream.restore(saved)

    def content(self) -> bytes:
        """Return what is in it."""
        saved = self.stream.take()
        self.stream.restore(saved)
        return saved

    def put(self, obj: Any) -> None:
        """Put an item in, and wait until a pipe could hold what is left."""
        data = _pickled(obj)
        wait_for(self.sending, lambda: self._write(data) if self.stream.can_take(len(data)) else BLOCKED)
        self.flush()

    def get(self) -> Any:
        """Wait for an item, and take it."""
        return pickle.loads(wait_for(self.receiving, self._take))  # noqa: S301 - as the library does

    def empty(self) -> bool:
        """Look whether something is there."""
        pacing.at(Step(Action.READ, self.name))
        return not readable(self.stream.reader)

    def close(self) -> None:
        """Be closed for this participant; nobody notices."""

    def flush(self) -> None:
        """Wait until a pipe could hold what is left."""
        if self.stream.waiting > HOLDS:
            step = Step(Action.FLUSH, self.name, in_memory=True)
            wait_for(step, lambda: True if self.stream.waiting <= HOLDS else BLOCKED)

    def _write(self, data: bytes) -> Literal[True]:
        self.value._writer.send_bytes(data)
        self.sent = True
        return True

    def _take(self) -> Any:
        return self.value._reader.recv_bytes() if readable(self.stream.reader) else BLOCKED


class FedQueue(PipeQueue):
    """A `Queue`, which may be full."""

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.places = counter_of(value._sem)

    def begin(self) -> None:
        """Be open, as when the search began."""
        super().begin()
        self.value._closed = False
        self.waits_at_end = True

    def end(self) -> None:
        """Wait, as a process that ends does, until what it put in is in the pipe."""
        if self.sent and self.waits_at_end:
            self.flush()

    def put(self, obj: Any, block: bool = True, timeout: float | None = None) -> None:
        """Put an item in; raises Full."""
        self._refuse_closed()
        if self._at(self.sending, lambda: self._put(obj), block=block, timeout=timeout) is None:
            raise Full

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Take an item; raises Empty."""
        self._refuse_closed()
        item = self._at(self.receiving, self._get, block=block, timeout=timeout)
        if item is None:
            raise Empty
        return pickle.loads(item)  # noqa: S301 - as the library does

    def qsize(self) -> int:
        """Look how much is there."""
        pacing.at(Step(Action.READ, self.name))
        return int(self.value._maxsize) - self.places.value

    def full(self) -> bool:
        """Look whether there is room."""
        pacing.at(Step(Action.READ, self.name))
        return self.places.value == 0

    def close(self) -> None:
        """Be closed for this participant."""
        self.value._closed = True

    def join_thread(self) -> None:
        """Wait until what was put in is in the pipe."""
        assert self.value._closed, f"Queue {self.value!r} not closed"
        self.flush()

    def cancel_join_thread(self) -> None:
        """Do not wait for that at the end."""
        self.waits_at_end = False

    def _at(self, step: Step, attempt: Callable[[], Any], *, block: bool, timeout: float | None) -> Any:
        """Make an access that waits, waits so long, or does not; None if it could not be made."""
        if not block or (timeout is not None and timeout <= 0):
            made = try_once(step, attempt)
            return None if made is BLOCKED else made
        made = wait_for(step, attempt, timeout)
        return None if made is TIMED_OUT else made

    def _put(self, obj: Any) -> Literal[True, Blocked.BLOCKED]:
        if not self.places.take():
            return BLOCKED
        try:
            data = _pickled(obj)
        except Exception as error:  # as the helper thread says it
            self.places.post()
            self.value._on_queue_feeder_error(error, obj)
            return True
        self.stream.must_take(len(data))
        return self._write(data)

    def _get(self) -> Any:
        item = self._take()
        if item is not BLOCKED:
            self.places.post()
        return item

    def _refuse_closed(self) -> None:
        if self.value._closed:
            raise ValueError(f"Queue {self.value!r} is closed")


class CountedQueue(FedQueue):
    """A queue that counts what has been put in and is not done."""

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.unfinished = counter_of(value._unfinished_tasks)
        self.pulse = Pulse()

    def task_done(self) -> None:
        """Say that an item is done."""
        pacing.at(Step(Action.NOTIFY, self.tasks))
        if not self.unfinished.take():
            raise ValueError("task_done() called too many times")
        if not self.unfinished.value:
            self.pulse.happen()

    def join(self) -> None:
        """Wait until all is done."""
        look = Step(Action.AWAIT, self.tasks)
        pacing.at(look)
        if self.unfinished.value:
            before = self.pulse.times
            wait_for(look, lambda: True if self.pulse.times > before else BLOCKED)

    def attach(self, name: str, put: Put | None) -> None:
        """Know the steps."""
        super().attach(name, put)
        self.tasks = f"tasks of {name}"
        self.sending = Step(Action.SEND, name, in_memory=True, also=((Action.NOTIFY, self.tasks),))

    def content(self) -> bytes:
        """Return what is in it, and how much is not done."""
        return super().content() + b", %d not done" % self.unfinished.value

    def _put(self, obj: Any) -> Literal[True, Blocked.BLOCKED]:
        put = super()._put(obj)
        if put is True:
            self.unfinished.post()
        return put


def _pickled(obj: Any) -> bytes:
    from multiprocessing.reduction import ForkingPickler

    return bytes(ForkingPickler.dumps(obj))


_CALLS: Final = {
    "SimpleQueue": ("put", "get", "empty", "close"),
    "Queue": ("put", "get", "empty", "full", "qsize", "close", "join_thread", "cancel_join_thread"),
    "JoinableQueue": ("put", "task_done", "join"),
}


def find_queue(value: Any) -> SharedObject | None:
    """Return what a queue of `multiprocessing` is."""
    from multiprocessing import queues

    if isinstance(value, queues.JoinableQueue):
        return CountedQueue(value)
    if isinstance(value, queues.Queue):
        return FedQueue(value)
    return PipeQueue(value) if isinstance(value, queues.SimpleQueue) else None


def queue_standins() -> list[StandIn]:
    """Return what stands in for the methods of queues."""
    from multiprocessing import queues

    return [
        StandIn(getattr(owner, name), of_object(getattr(owner, name), name), owner, name)
        for kind, names in _CALLS.items()
        for owner in [getattr(queues, kind)]
        for name in names
    ]
