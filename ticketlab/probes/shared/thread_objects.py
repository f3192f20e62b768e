"""What threads share: `Condition`, `Semaphore` and `Event` of `threading`, and the locks below them, which are C.

A C lock cannot be made to say anything, so an object with the same methods takes its place where a variable of the
user's holds it. All this matters only to participants in one process; elsewhere each has objects of its own.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Literal

from ticketlab.core import pacing
from ticketlab.core.pacing import BLOCKED, Blocked
from ticketlab.core.steps import Action, Step
from ticketlab.probes.here import HERE, shared_probe
from ticketlab.probes.shared.conditions import ProcessBarrier
from ticketlab.probes.shared.reachable import Put
from ticketlab.probes.shared.registry import SharedObject
from ticketlab.probes.waiting import TIMED_OUT, try_once, wait_for

LOCK: Final = type(threading.Lock())
RLOCK: Final = type(threading.RLock())


class ThreadLock(SharedObject):
    """A lock; it stands in for the C object."""

    is_part = True

    def attach(self, name: str, put: Put | None) -> None:
        """Take the C object's place."""
        super().attach(name, put)
        self.taking = Step(Action.ACQUIRE, name, excludes=True, in_memory=True)
        self.giving = Step(Action.RELEASE, name, in_memory=True)
        self.enter, self.leave = self._acquire, self._release
        self.acquire = shared_probe(self.value.acquire, self._acquire)
        self.release = shared_probe(self.value.release, self._release)
        self._puts = list[Put]()
        HERE.shared.enter(self, self)
        if put is not None:
            self.attach_also(put)

    def attach_also(self, put: Put) -> None:
        """Take the C object's place in one more variable."""
        self._puts.append(put)
        put(self)

    def detach(self) -> None:
        """Give its places back."""
        for put in self._puts:
            put(self.value)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["value"], name)

    def __enter__(self) -> bool:
        return bool(self.acquire())

    def __exit__(self, *_: object) -> None:
        self.release()

    def save(self) -> bool:
        """Return whether it is locked."""
        return bool(self.value.locked())

    def restore(self, saved: bool) -> None:
        """Lock or unlock it."""
        if self.value.locked() and not saved:
            self.value.release()
        elif saved:
            self.value.acquire(False)

    def content(self) -> bytes:
        """Return whether it is locked."""
        return b"locked" if self.save() else b"free"

    @property
    def is_mine(self) -> bool:
        """Whether the participant at work may be the one that has it; a lock does not know who has locked it."""
        return bool(self.value.locked())

    def _acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if not blocking or timeout == 0:
            return try_once(self.taking, self.attempt) is True
        return wait_for(self.taking, self.attempt, None if timeout < 0 else timeout) is not TIMED_OUT

    def attempt(self) -> Literal[True, Blocked.BLOCKED]:
        """Take it without waiting."""
        return True if self.value.acquire(False) else BLOCKED

    def _release(self) -> None:
        pacing.at(self.giving)
        self.give()

    def give(self) -> int:
        """Give it back as often as it is locked, and return how often."""
        self.value.release()
        return 1

    def take_again(self, times: int) -> None:
        """Take it as often as it was locked."""
        wait_for(self.taking, self.attempt)


class ThreadRLock(ThreadLock):
    """A re-entrant lock, which knows the participant that has it."""

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.holder, self.times = 0, 0

    def save(self) -> bool:
        """Be free, as it was when the search began."""
        return False

    def restore(self, saved: bool) -> None:
        """Be free."""
        self.holder = self.times = 0

    def content(self) -> bytes:
        """Return who has it."""
        return b"held by %d" % self.holder if self.holder else b"free"

    @property
    def is_mine(self) -> bool:
        """Whether the participant at work has it."""
        return self.holder == HERE.who

    def _acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if self.is_mine:
            self.times += 1
            return True
        return super()._acquire(blocking, timeout)

    def attempt(self) -> Literal[True, Blocked.BLOCKED]:
        """Take it without waiting."""
        if self.holder:
            return BLOCKED
        self.holder, self.times = HERE.who, 1
        return True

    def _release(self) -> None:
        if not self.is_mine:
            raise RuntimeError("cannot release un-acquired lock")
        if self.times > 1:
            self.times -= 1
        else:
            super()._release()

    def give(self) -> int:
        """Give it back as often as it is locked, and return how often."""
        times, self.holder, self.times = self.times, 0, 0
        return times

    def take_again(self, times: int) -> None:
        """Take it as often as it was locked."""
        super().take_again(times)
        self.times = times


class ThreadCondition(SharedObject):
    """A condition variable, which wakes those first that came first."""

    is_part = True

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.waiting: deque[list[bool]] = deque()

    def attach(self, name: str, put: Put | None) -> None:
        """Have it use what stands in for its lock."""
        super().attach(name, put)
        self.real = self.value._lock
        self.lock = inner_lock(self.real, f"lock of {name}")
        self._use(self.lock)

    def detach(self) -> None:
        """Have it use the real one."""
        self._use(self.real)

    def _use(self, lock: Any) -> None:
        self.value._lock, self.value.acquire, self.value.release = lock, lock.acquire, lock.release

    def restore(self, saved: Any) -> None:
        """Have nobody wait."""
        self.waiting.clear()

    def __enter__(self) -> bool:
        return bool(self.lock.enter())

    def __exit__(self, *_: object) -> None:
        self.lock.leave()

    def wait(self, timeout: float | None = None) -> bool:
        """Give the lock back, wait to be notified, and take the lock again."""
        if not self.lock.is_mine:
            raise RuntimeError("cannot wait on un-acquired lock")
        arriving = Step(Action.ARRIVE, self.name, in_memory=True)
        pacing.at(self.lock.giving._replace(also=((Action.ARRIVE, self.name),)))
        told = [False]
        self.waiting.append(told)
        times = self.lock.give()
        woken = wait_for(Step(Action.AWAIT, self.name), lambda: True if told[0] else BLOCKED, timeout)
        if woken is TIMED_OUT:
            pacing.at(arriving)
            if told in self.waiting:
                self.waiting.remove(told)
        self.lock.take_again(times)
        return woken is not TIMED_OUT

    def notify_all(self) -> None:
        """Wake all who wait."""
        self.notify(max(1, len(self.waiting)))

    def notify(self, n: int = 1) -> None:
        """Wake the first of those who wait."""
        if not self.lock.is_mine:
            raise RuntimeError("cannot notify on un-acquired lock")
        pacing.at(Step(Action.NOTIFY, self.name, in_memory=True))
        if not self.waiting:
            pacing.note(pacing.UNCHANGED, "nobody waits")
        for _ in range(min(n, len(self.waiting))):
            self.waiting.popleft()[0] = True


class ThreadSemaphore(SharedObject):
    """A semaphore, whose value is an attribute."""

    def attach(self, name: str, put: Put | None) -> None:
        """Know the steps."""
        super().attach(name, put)
        action = Action.ACQUIRE if self.value._value else Action.RECEIVE
        self.taking = Step(action, name, in_memory=True)

    def save(self) -> int:
        """Return its value."""
        return int(self.value._value)

    def restore(self, saved: int) -> None:
        """Set its value."""
        self.value._value = saved

    def content(self) -> bytes:
        """Return its value."""
        return b"%d" % self.value._value

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
        """Take one."""
        if not blocking and timeout is not None:
            raise ValueError("can't specify timeout for non-blocking acquire")
        if not blocking or (timeout is not None and timeout <= 0):
            return try_once(self.taking, self._attempt) is True
        return wait_for(self.taking, self._attempt, timeout) is not TIMED_OUT

    def _attempt(self) -> Literal[True, Blocked.BLOCKED]:
        if not self.value._value:
            return BLOCKED
        self.value._value -= 1
        return True

    def release(self, n: int = 1) -> None:
        """Give some back."""
        if n < 1:
            raise ValueError("n must be one or more")
        pacing.at(Step(Action.RELEASE, self.name, in_memory=True))
        most = getattr(self.value, "_initial_value", None)
        if most is not None and self.value._value + n > most:
            raise ValueError("Semaphore released too many times")
        self.value._value += n


class ThreadEvent(SharedObject):
    """An event; who waits when it is set goes on, even if it is cleared again at once."""

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.times = 0

    def save(self) -> bool:
        """Return whether it is set."""
        return bool(self.value._flag)

    def restore(self, saved: bool) -> None:
        """Set or clear it."""
        self.value._flag = saved

    def content(self) -> bytes:
        """Return whether it is set."""
        return b"set" if self.value._flag else b"not set"

    def is_set(self) -> bool:
        """Look."""
        pacing.at(Step(Action.READ, self.name))
        return bool(self.value._flag)

    def set(self) -> None:
        """Set it, and wake all who wait."""
        pacing.at(Step(Action.SET, self.name))
        self.value._flag = True
        self.times += 1

    def clear(self) -> None:
        """Clear it."""
        pacing.at(Step(Action.CLEAR, self.name))
        self.value._flag = False

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set."""
        look = Step(Action.AWAIT, self.name)
        pacing.at(look)
        if self.value._flag:
            return True
        before = self.times
        return wait_for(look, lambda: True if self.times > before else BLOCKED, timeout) is True


def inner_lock(real: Any, name: str) -> ThreadLock:
    """Return what stands for a lock inside another object, which may be one that a variable holds as well."""
    known = HERE.shared.of(real) or HERE.shared.adopt(real, name)
    assert isinstance(known, ThreadLock)
    return known


_KINDS: Final[tuple[tuple[type, Callable[[Any], SharedObject]], ...]] = (
    (LOCK, ThreadLock),
    (RLOCK, ThreadRLock),
    (threading.Condition, ThreadCondition),
    (threading.Semaphore, ThreadSemaphore),
    (threading.Event, ThreadEvent),
    (threading.Barrier, ProcessBarrier),
)


def find_thread_object(value: Any) -> SharedObject | None:
    """Return what an object of `threading` is."""
    return next((found(value) for kind, found in _KINDS if isinstance(value, kind)), None)


THREAD_CALLS: Final[tuple[tuple[Any, tuple[str, ...]], ...]] = (
    (threading.Condition, ("wait", "notify", "notify_all", "__enter__", "__exit__")),
    (threading.Semaphore, ("acquire", "release")),
    (threading.BoundedSemaphore, ("release",)),
    (threading.Event, ("is_set", "set", "clear", "wait")),
    (threading.Barrier, ("wait", "reset", "abort")),
)
