"""Well-known structures as sequential specifications: what each does, one call after another.

Each is a plain class (see `plain_model`), by which histories and concurrent machines are judged. A method that returns
BLOCKED says that the call has to wait. What people use is `ticketlab.testing.models`, which has the same names.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Hashable
from typing import Any, Final, Literal

from ticketlab.core.pacing import BLOCKED, Blocked

Waits = Literal[Blocked.BLOCKED]


class CounterModel:
    """A number that is counted up and down; each change returns the number after it."""

    def __init__(self, start: int = 0) -> None:
        self.number = start

    def increment(self, by: int = 1) -> int:
        """Count up."""
        self.number += by
        return self.number

    def decrement(self, by: int = 1) -> int:
        """Count down."""
        self.number -= by
        return self.number

    def read(self) -> int:
        """Return the number."""
        return self.number


class SetModel:
    """A set: `add` and `remove` say whether they changed it."""

    def __init__(self) -> None:
        self.items: set[Hashable] = set()

    def add(self, item: Hashable) -> bool:
        """Put an item in."""
        if item in self.items:
            return False
        self.items.add(item)
        return True

    def remove(self, item: Hashable) -> bool:
        """Take an item out."""
        if item not in self.items:
            return False
        self.items.remove(item)
        return True

    def contains(self, item: Hashable) -> bool:
        """Say whether an item is in it."""
        return item in self.items

    def size(self) -> int:
        """Return how many there are."""
        return len(self.items)


class DictModel:
    """A dictionary; what is not there is None."""

    def __init__(self) -> None:
        self.values: dict[Hashable, Any] = {}

    def get(self, key: Hashable) -> Any:
        """Return a value."""
        return self.values.get(key)

    def put(self, key: Hashable, value: Any) -> Any:
        """Set a value, and return the one before."""
        before = self.values.get(key)
        self.values[key] = value
        return before

    def put_if_absent(self, key: Hashable, value: Any) -> Any:
        """Set a value unless there is one, and return the value that is there then."""
        return self.values.setdefault(key, value)

    def replace(self, key: Hashable, old: Any, new: Any) -> bool:
        """Set a value if it is the old one, and say whether it was."""
        if self.values.get(key) != old:
            return False
        self.values[key] = new
        return True

    def pop(self, key: Hashable) -> Any:
        """Remove a value, and return it."""
        return self.values.pop(key, None)


class QueueModel:
    """A queue, first in, first out; with `most`, `put` waits while so many are in it, and `try_put` is refused."""

    def __init__(self, most: int | None = None) -> None:
        self.most = most
        self.items: deque[Any] = deque()

    def put(self, item: Any) -> Waits | None:
        """Put an item at the end."""
        if self.most is not None and len(self.items) >= self.most:
            return BLOCKED
        self.items.append(item)
        return None

    def get(self) -> Any:
        """Take the first item out, once there is one."""
        return self.items.popleft() if self.items else BLOCKED

    def try_put(self, item: Any) -> bool:
        """Put an item at the end, unless it is full."""
        return self.put(item) is None

    def try_get(self) -> Any:
        """Take the first item out; None if there is none."""
        return self.items.popleft() if self.items else None

    def size(self) -> int:
        """Return how many there are."""
        return len(self.items)


class StackModel:
    """A stack, last in, first out."""

    def __init__(self) -> None:
        self.items: list[Any] = []

    def push(self, item: Any) -> None:
        """Put an item on top."""
        self.items.append(item)

    def pop(self) -> Any:
        """Take the top item off; None if there is none."""
        return self.items.pop() if self.items else None

    def peek(self) -> Any:
        """Return the top item; None if there is none."""
        return self.items[-1] if self.items else None


class LockModel:
    """A lock with an owner: who does not hold it cannot release it, and who holds it does not get it again."""

    def __init__(self) -> None:
        self.owner: int | None = None

    def acquire(self, who: int) -> bool | Waits:
        """Take the lock, once it is free."""
        return self.try_acquire(who) or BLOCKED

    def try_acquire(self, who: int) -> bool:
        """Take the lock if it is free."""
        if self.owner is not None:
            return False
        self.owner = who
        return True

    def release(self, who: int) -> bool:
        """Give the lock back, and say whether it was one's own."""
        if self.owner != who:
            return False
        self.owner = None
        return True


class SemaphoreModel:
    """A semaphore of so many permits, which belong to nobody; with `bounded`, there are never more."""

    def __init__(self, permits: int = 1, *, bounded: bool = False) -> None:
        self.permits = self.most = permits
        self.bounded = bounded

    def acquire(self) -> bool | Waits:
        """Take a permit, once there is one."""
        return self.try_acquire() or BLOCKED

    def try_acquire(self) -> bool:
        """Take a permit if there is one."""
        if not self.permits:
            return False
        self.permits -= 1
        return True

    def release(self) -> bool:
        """Give a permit back, and say whether that was possible."""
        if self.bounded and self.permits == self.most:
            return False
        self.permits += 1
        return True


class RateLimiterModel:
    """At most `limit` calls of each key are allowed until `renew`, with which a new window begins."""

    def __init__(self, limit: int = 1) -> None:
        self.limit = limit
        self.used: dict[Hashable, int] = {}

    def allow(self, key: Hashable = None) -> bool:
        """Say whether one more is allowed, and count it."""
        if self.used.get(key, 0) >= self.limit:
            return False
        self.used[key] = self.used.get(key, 0) + 1
        return True

    def renew(self) -> None:
        """Begin a new window."""
        self.used.clear()


class LogModel:
    """Entries that are only added; `append` returns the place of its entry, from 0."""

    def __init__(self) -> None:
        self.entries: list[Any] = []

    def append(self, entry: Any) -> int:
        """Add an entry."""
        self.entries.append(entry)
        return len(self.entries) - 1

    def read(self, place: int = 0) -> list[Any]:
        """Return the entries from a place on."""
        return self.entries[place:]

    def length(self) -> int:
        """Return how many there are."""
        return len(self.entries)


class JobQueueModel:
    """Jobs that wait, are claimed by one worker each, and are done or given back by that worker."""

    def __init__(self) -> None:
        self.waiting: list[Hashable] = []
        self.claimed: dict[Hashable, int] = {}
        self.finished: set[Hashable] = set()

    def submit(self, job: Hashable) -> bool:
        """Add a job, unless it is known."""
        if job in self.waiting or job in self.claimed or job in self.finished:
            return False
        self.waiting.append(job)
        return True

    def claim(self, who: int) -> Hashable:
        """Take the job that waits longest; None if there is none."""
        if not self.waiting:
            return None
        job = self.waiting.pop(0)
        self.claimed[job] = who
        return job

    def finish(self, job: Hashable, who: int) -> bool:
        """Say that one's own job is done, and return whether it was one's own."""
        if self.claimed.get(job) != who:
            return False
        del self.claimed[job]
        self.finished.add(job)
        return True

    def give_back(self, job: Hashable, who: int) -> bool:
        """Have one's own job wait again, before all others."""
        if self.claimed.get(job) != who:
            return False
        del self.claimed[job]
        self.waiting.insert(0, job)
        return True

    def status(self, job: Hashable) -> str:
        """Return "waiting", "claimed", "finished" or "unknown"."""
        if job in self.waiting:
            return "waiting"
        return "claimed" if job in self.claimed else "finished" if job in self.finished else "unknown"


STRUCTURES: Final[dict[str, type]] = {
    "dict": DictModel,
    "increments": CounterModel,
    "job-queue": JobQueueModel,
    "lock": LockModel,
    "log": LogModel,
    "queue": QueueModel,
    "rate-limiter": RateLimiterModel,
    "semaphore": SemaphoreModel,
    "set": SetModel,
    "stack": StackModel,
}
"""The structures by the names that `ticketlab check --model` knows them by."""


def parameters_of(structure: type) -> dict[str, type]:
    """Return what a structure is made with: names, and whether each is a whole number or a truth value."""
    found = inspect.signature(structure).parameters.values()
    return {each.name: int if each.annotation.startswith("int") else bool for each in found}
