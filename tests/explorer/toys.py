"""Small programs to explore: ordinary functions over cells, locks and queues that pass scheduling points."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ticketlab.core import pacing
from ticketlab.core.pacing import BLOCKED
from ticketlab.core.steps import Action, Step


class Cells:
    """Numbers that all share."""

    def __init__(self, **start: int) -> None:
        self._start = start
        self._now = dict(start)

    def read(self, name: str) -> int:
        pacing.at(Step(Action.READ, name))
        value = self._now[name]
        pacing.note("read", value)
        return value

    def write(self, name: str, value: int) -> None:
        pacing.at(Step(Action.WRITE, name))
        self._now[name] = value

    def take(self, name: str) -> bool:
        """Subtract one where there is one, at once."""
        pacing.at(Step(Action.WRITE, name))
        if self._now[name] < 1:
            return False
        self._now[name] -= 1
        return True

    def reset(self) -> None:
        self._now = dict(self._start)

    def __getitem__(self, name: str) -> int:
        return self._now[name]


class Draft:
    """A number with one writer at a time, whose draft readers do not see until it is published."""

    def __init__(self, name: str = "draft") -> None:
        self._name = name
        self._drafting = False
        self.published = 0

    def read(self) -> int:
        pacing.at(Step(Action.READ, self._name))
        return self.published

    def add(self, more: int) -> int | None:
        """Add to what is published, in two steps; None where another is about to."""
        seen = self.read()
        pacing.at(Step(Action.WRITE, self._name, uncommitted=True))
        if self._drafting:
            pacing.note(pacing.UNCHANGED, "somebody else is writing")
            return None
        self._drafting = True
        pacing.at(Step(Action.COMMIT, self._name))
        self._drafting = False
        self.published = seen + more
        return self.published

    def reset(self) -> None:
        self._drafting, self.published = False, 0


class Semaphore:
    """A lock by default."""

    def __init__(self, name: str = "lock", count: int = 1) -> None:
        self._name = name
        self._count = self._free = count

    def _attempt(self) -> Any:
        if not self._free:
            return BLOCKED
        self._free -= 1
        return None

    def acquire(self) -> None:
        pacing.block(Step(Action.ACQUIRE, self._name), self._attempt, lambda: None)

    def release(self) -> None:
        pacing.at(Step(Action.RELEASE, self._name))
        self._free += 1

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def reset(self) -> None:
        self._free = self._count


class Lease:
    """A lock that ends by itself; who is refused asks again later."""

    def __init__(self, name: str = "lease", seconds: float = 10.0) -> None:
        self._step = Step(Action.ACQUIRE, name)
        self._seconds = seconds
        self._until = 0.0

    def take(self) -> None:
        while True:
            pacing.at(self._step)
            now = pacing.now()
            if now >= self._until:
                self._until = now + self._seconds
                return
            pacing.note(pacing.UNCHANGED, "taken")
            pacing.note(pacing.RETRY, "taken")
            pacing.sleep(self._until - now)

    def give_back(self) -> None:
        pacing.at(Step(Action.RELEASE, self._step.resource))
        self._until = 0.0

    def reset(self) -> None:
        self._until = 0.0


class Queue:
    """Messages, first in, first out."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._items: list[Any] = []

    def put(self, item: Any) -> None:
        pacing.at(Step(Action.SEND, self._name))
        self._items.append(item)

    def get(self) -> Any:
        return pacing.block(
            Step(Action.RECEIVE, self._name), lambda: self._items.pop(0) if self._items else BLOCKED, lambda: None
        )

    def reset(self) -> None:
        self._items.clear()


class Toy:
    """A cast of functions: each buyer's is called once in each execution."""

    def __init__(
        self, *buyers: Callable[[], Any], shared: Sequence[Any] = (), services: Sequence[Callable[[], None]] = ()
    ):
        self.scripts = [[buyer] for buyer in buyers]
        self._shared = shared
        self._services = services

    def open(self) -> Sequence[Callable[[], None]]:
        self.reset()
        return self._services

    @contextmanager
    def join(self, buyer: int) -> Iterator[Callable[[Any], Any]]:
        yield lambda request: request()

    def reset(self) -> None:
        for one in self._shared:
            one.reset()

    def close(self) -> None:
        pass


def racing(buyers: int, tickets: int) -> tuple[Toy, Cells]:
    """Buyers that read, then write if they read a ticket, nothing guarding."""
    cells = Cells(tickets=tickets)

    def buy() -> bool:
        seen = cells.read("tickets")
        if not seen:
            return False
        cells.write("tickets", seen - 1)
        return True

    return Toy(*[buy] * buyers, shared=[cells]), cells


def locked(buyers: int, tickets: int) -> tuple[Toy, Cells]:
    """The same under a lock."""
    cells, lock = Cells(tickets=tickets), Semaphore()

    def buy() -> bool:
        with lock:
            seen = cells.read("tickets")
            if not seen:
                return False
            cells.write("tickets", seen - 1)
            return True

    return Toy(*[buy] * buyers, shared=[cells, lock]), cells
