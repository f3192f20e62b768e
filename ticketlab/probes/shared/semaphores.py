"""Semaphores of `multiprocessing`, and so its locks: `Lock`, `RLock`, `Semaphore` and `BoundedSemaphore`.

Each has a semaphore of the system (sem_overview(7)), which is tried and posted itself. Who has it how often is kept
here for each participant, since several may be in one process.
"""

from __future__ import annotations

from ctypes import CDLL, byref, c_int, c_void_p
from typing import Any, Final, Literal

from ticketlab.core import pacing
from ticketlab.core.pacing import BLOCKED, Blocked
from ticketlab.core.steps import Action, Step
from ticketlab.probes.here import HERE, shared_probe
from ticketlab.probes.shared.places import Put
from ticketlab.probes.shared.registry import SharedObject
from ticketlab.probes.waiting import TIMED_OUT, try_once, wait_for

_SYSTEM: Final = CDLL(None)
RECURSIVE: Final = 0  # the kind of a re-entrant lock


class SystemCounter:
    """A semaphore of the system, by its address."""

    def __init__(self, handle: int) -> None:
        self._handle = c_void_p(handle)

    def post(self) -> None:
        """Add one."""
        _SYSTEM.sem_post(self._handle)

    def take(self) -> bool:
        """Take one, if there is one."""
        return bool(_SYSTEM.sem_trywait(self._handle) == 0)

    @property
    def value(self) -> int:
        """How many there are."""
        value = c_int()
        _SYSTEM.sem_getvalue(self._handle, byref(value))
        return value.value

    def set(self, value: int) -> None:
        """Make it so many."""
        for _ in range(value, self.value):
            self.take()
        for _ in range(self.value, value):
            self.post()


class ProcessSemaphore(SharedObject):
    """A lock or semaphore; it stands in for the C object inside."""

    is_part = True

    def __init__(self, lock: Any) -> None:
        super().__init__(lock)
        self.real = lock._semlock
        self.handle, self.kind, self.maxvalue = self.real.handle, self.real.kind, self.real.maxvalue
        self.counter = SystemCounter(self.handle)
        self.recursive = self.kind == RECURSIVE
        self.mine: dict[int, int] = {}  # by participant: how often it has it

    def attach(self, name: str, put: Put | None) -> None:
        """Stand in for the C object."""
        super().attach(name, put)
        signal = self.maxvalue > 1 and self.counter.value == 0  # whoever takes from it will not give back
        action = Action.RECEIVE if signal else Action.ACQUIRE
        self.taking = Step(action, name, excludes=self.maxvalue == 1, in_memory=True)
        self.giving = Step(Action.RELEASE, name, in_memory=True)
        self.acquire = shared_probe(self.real.acquire, self._acquire)
        self.release = shared_probe(self.real.release, self._release)
        self._get_value = shared_probe(self.real._get_value, self._look)
        self._is_zero = shared_probe(self.real._is_zero, lambda: self._look() == 0)
        self._put = HERE.shared.put_of(self.real)  # if its methods are held
        self._install(self)

    def detach(self) -> None:
        """Give the C object back."""
        self._install(self.real)

    def _install(self, inside: Any) -> None:
        if self._put is not None:
            self._put(inside)
        self.value._semlock = inside
        self.value.acquire, self.value.release = inside.acquire, inside.release

    def begin(self) -> None:
        """Have nothing."""
        self.mine.pop(HERE.who, None)

    def save(self) -> int:
        """Return its value."""
        return self.counter.value

    def restore(self, saved: int) -> None:
        """Make its value what it was."""
        self.counter.set(saved)

    def content(self) -> bytes:
        """Return its value."""
        return b"%d" % self.counter.value

    @property
    def is_mine(self) -> bool:
        """Whether the participant at work has it."""
        return self.mine.get(HERE.who, 0) > 0

    def _acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        self.touch()
        if self.recursive and self.is_mine:
            self.mine[HERE.who] += 1
            return True
        if not block or (timeout is not None and timeout <= 0):
            return try_once(self.taking, self.attempt) is True
        return wait_for(self.taking, self.attempt, timeout) is not TIMED_OUT

    def attempt(self) -> Literal[True, Blocked.BLOCKED]:
        """Take one without waiting."""
        if not self.counter.take():
            return BLOCKED
        self.mine[HERE.who] = self.mine.get(HERE.who, 0) + 1
        return True

    def _release(self) -> None:
        if self.recursive:
            if not self.is_mine:
                raise AssertionError("attempt to release recursive lock not owned by thread")
            if self.mine[HERE.who] > 1:
                self.mine[HERE.who] -= 1
                return
        pacing.at(self.giving)
        if self.counter.value >= self.maxvalue:
            pacing.note(pacing.UNCHANGED, "ValueError")
            raise ValueError("semaphore or lock released too many times")
        self.give()

    def give(self, times: int = 1) -> None:
        """Give one back that the participant took so many times."""
        self.mine[HERE.who] = self.mine.get(HERE.who, 0) - times
        self.counter.post()

    def _look(self) -> int:
        pacing.at(Step(Action.READ, self.name))
        return self.counter.value

    def _is_mine(self) -> bool:
        return self.is_mine if HERE.acts() else bool(self.real._is_mine())

    def _count(self) -> int:
        return self.mine.get(HERE.who, 0) if HERE.acts() else int(self.real._count())

    def _after_fork(self) -> None:
        self.real._after_fork()

    def __enter__(self) -> bool:
        return bool(self.acquire())

    def __exit__(self, *_: object) -> None:
        self.release()


def find_semaphore(value: Any) -> SharedObject | None:
    """Return what a lock or semaphore of `multiprocessing` is."""
    from multiprocessing.synchronize import SemLock

    return ProcessSemaphore(value) if isinstance(value, SemLock) else None


def semaphore_of(lock: Any) -> ProcessSemaphore:
    """Return what a lock or semaphore is."""
    found = HERE.shared.of(lock)
    assert isinstance(found, ProcessSemaphore)
    return found
