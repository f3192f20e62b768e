"""Queues of the module `queue`: each call is one step."""

from __future__ import annotations

import queue
from collections.abc import Callable
from queue import Empty, Full
from typing import Any, Final

from ticketlab.core import pacing
from ticketlab.core.pacing import BLOCKED
from ticketlab.core.steps import Action, Step
from ticketlab.probes.here import HERE, shared_probe
from ticketlab.probes.shared.places import Put
from ticketlab.probes.shared.registry import SharedObject
from ticketlab.probes.waiting import TIMED_OUT, try_once, wait_for


class ThreadQueue(SharedObject):
    """A `Queue`, `LifoQueue` or `PriorityQueue`, whose items are in a Python object."""

    def attach(self, name: str, put: Put | None) -> None:
        """Know the steps."""
        super().attach(name, put)
        self.tasks = f"tasks of {name}"
        self.times = 0  # how often everything was done
        self.sending = Step(Action.SEND, name, also=((Action.NOTIFY, self.tasks),))
        self.receiving = Step(Action.RECEIVE, name)

    def save(self) -> tuple[list[Any], int]:
        """Return what is in it, and how much is not done."""
        return list(self.value.queue), self.value.unfinished_tasks

    def restore(self, saved: tuple[list[Any], int]) -> None:
        """Put both back."""
        held, (items, self.value.unfinished_tasks) = self.value.queue, saved
        held.clear()
        held.extend(items)

    def content(self) -> bytes:
        """Return what is in it, and how much is not done."""
        return repr(self.save()).encode()

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """Put an item in; raises Full."""
        if made_in_time(self.sending, lambda: self._put(item), block=block, timeout=timeout) is None:
            raise Full

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Take an item; raises Empty."""
        got = made_in_time(self.receiving, self._get, block=block, timeout=timeout)
        if got is None:
            raise Empty
        return got[0]

    def _put(self, item: Any) -> Any:
        value = self.value
        if 0 < value.maxsize <= value._qsize():
            return BLOCKED
        value._put(item)
        value.unfinished_tasks += 1
        return True

    def _get(self) -> Any:
        return (self.value._get(),) if self.value._qsize() else BLOCKED

    def qsize(self) -> int:
        """Look how much is there."""
        pacing.at(Step(Action.READ, self.name))
        return int(self.value._qsize())

    def empty(self) -> bool:
        """Look whether nothing is there."""
        return self.qsize() == 0

    def full(self) -> bool:
        """Look whether there is no room."""
        return bool(self.qsize() >= self.value.maxsize > 0)

    def task_done(self) -> None:
        """Say that an item is done."""
        pacing.at(Step(Action.NOTIFY, self.tasks))
        if self.value.unfinished_tasks < 1:
            raise ValueError("task_done() called too many times")
        self.value.unfinished_tasks -= 1
        self.times += not self.value.unfinished_tasks

    def join(self) -> None:
        """Wait until all is done when one looks: who is woken looks again."""
        look = Step(Action.AWAIT, self.tasks)
        pacing.at(look)
        if self.value.unfinished_tasks:
            wait_for(look, lambda: BLOCKED if self.value.unfinished_tasks else True)


class CQueue(SharedObject):
    """A `SimpleQueue`; it stands in for the C object."""

    is_replaced = True

    def attach(self, name: str, put: Put | None) -> None:
        """Take the C object's place."""
        super().attach(name, put)
        real = self.value
        self._put_back = put
        self.put = shared_probe(real.put, self._put)
        self.get = shared_probe(real.get, self._get)
        self.empty = shared_probe(real.empty, lambda: self._size() == 0)
        self.qsize = shared_probe(real.qsize, self._size)
        if put is not None:
            put(self)
        HERE.shared.enter(self, self)

    def detach(self) -> None:
        """Give its place back."""
        if self._put_back is not None:
            self._put_back(self.value)

    def put_nowait(self, item: Any) -> None:
        """Put an item in."""
        self.put(item)

    def get_nowait(self) -> Any:
        """Take an item, if there is one; raises Empty."""
        return self.get(block=False)

    def save(self) -> list[Any]:
        """Return what is in it."""
        items = [self.value.get_nowait() for _ in range(self.value.qsize())]
        for item in items:
            self.value.put(item)
        return items

    def restore(self, saved: list[Any]) -> None:
        """Have it hold that and nothing else."""
        for _ in range(self.value.qsize()):
            self.value.get_nowait()
        for item in saved:
            self.value.put(item)

    def content(self) -> bytes:
        """Return what is in it."""
        return repr(self.save()).encode()

    def _put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        pacing.at(Step(Action.SEND, self.name))
        self.value.put(item)

    def _get(self, block: bool = True, timeout: float | None = None) -> Any:
        got = made_in_time(Step(Action.RECEIVE, self.name), self._take, block=block, timeout=timeout)
        if got is None:
            raise Empty
        return got[0]

    def _take(self) -> Any:
        return (self.value.get_nowait(),) if self.value.qsize() else BLOCKED

    def _size(self) -> int:
        pacing.at(Step(Action.READ, self.name))
        return int(self.value.qsize())


def made_in_time(step: Step, attempt: Callable[[], Any], *, block: bool, timeout: float | None) -> Any:
    """Make an access that waits, waits so long, or does not; None if it could not be made."""
    if not block or (timeout is not None and timeout <= 0):
        made = try_once(step, attempt)
        return None if made is BLOCKED else made
    made = wait_for(step, attempt, timeout)
    return None if made is TIMED_OUT else made


QUEUE_CALLS: Final = ("put", "get", "qsize", "empty", "full", "task_done", "join")


def find_thread_queue(value: Any) -> SharedObject | None:
    """Return what a queue of the module `queue` is."""
    if isinstance(value, queue.Queue):
        return ThreadQueue(value)
    return CQueue(value) if type(value) is queue.SimpleQueue else None
