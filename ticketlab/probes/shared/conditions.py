"""What `multiprocessing` makes of semaphores: `Condition`, `Event`, `Barrier`, by the effect of each call.

The library guards each of these by a lock of its own that nobody keeps, so a call is one step, or two if it waits. A
notification wakes any of those who waited when it came, and `notify` returns when they have woken, as in the library.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import BrokenBarrierError
from typing import Any, Final, Literal

from ticketlab.core import pacing
from ticketlab.core.pacing import BLOCKED, Blocked
from ticketlab.core.steps import Action, Step
from ticketlab.probes.here import HERE, of_object
from ticketlab.probes.shared.places import Put
from ticketlab.probes.shared.pulses import Pulse
from ticketlab.probes.shared.registry import SharedObject
from ticketlab.probes.shared.semaphores import ProcessSemaphore, SystemCounter, semaphore_of
from ticketlab.probes.standins import StandIn
from ticketlab.probes.waiting import TIMED_OUT, wait_for

_FILLING, _DRAINING, _RESETTING, _BROKEN = 0, 1, -1, -2  # as in `threading.Barrier`


def counter_of(lock: Any) -> SystemCounter:
    """Return the number in a semaphore that only the library uses."""
    return SystemCounter(lock._semlock.handle)


class ProcessCondition(SharedObject):
    """A condition variable, with a lock that others may use too."""

    is_part = True

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        inside = (value._sleeping_count, value._woken_count, value._wait_semaphore)
        self.sleeping, self.woken, self.tickets = (counter_of(each) for each in inside)

    def attach(self, name: str, put: Put | None) -> None:
        """Have it pass on the lock's own methods."""
        super().attach(name, put)
        HERE.shared.adopt(self.value._lock, f"lock of {name}")
        self.value._make_methods()

    def detach(self) -> None:
        """Have it pass on the real ones."""
        real = self.value._lock
        semaphore = HERE.shared.of(real)
        if isinstance(semaphore, ProcessSemaphore):
            semaphore.detach()
        self.value._make_methods()

    @property
    def lock(self) -> ProcessSemaphore:
        """Its lock."""
        return semaphore_of(self.value._lock)

    def wait(self, timeout: float | None = None) -> bool:
        """Give the lock back, wait to be notified, and take the lock again."""
        lock = self.lock
        assert lock.is_mine, "must acquire() condition before using wait()"
        times = lock.mine[HERE.who]
        pacing.at(lock.giving._replace(also=((Action.ARRIVE, self.name),)))
        self.sleeping.post()
        lock.give(times)
        step = Step(Action.RECEIVE, self.name, in_memory=True)
        woken = wait_for(step, self._take_ticket, timeout, changes=True)
        if woken is TIMED_OUT:
            self.woken.post()
        wait_for(lock.taking, lock.attempt)
        lock.mine[HERE.who] = times
        return woken is not TIMED_OUT

    def _take_ticket(self) -> Literal[True, Blocked.BLOCKED]:
        if not self.tickets.take():
            return BLOCKED
        self.woken.post()
        return True

    def notify(self, n: int = 1) -> None:
        """Wake so many of those who wait."""
        assert self.lock.is_mine, "lock is not owned"
        step = Step(Action.NOTIFY, self.name, in_memory=True)
        pacing.at(step)
        while self.woken.take():
            self.sleeping.take()
        sleepers = 0
        while sleepers < n and self.sleeping.take():
            self.tickets.post()
            sleepers += 1
        if sleepers:
            wait_for(step, lambda: self._all_woken(sleepers))
        else:
            pacing.note(pacing.UNCHANGED, "nobody waits")

    def _all_woken(self, sleepers: int) -> Literal[True, Blocked.BLOCKED]:
        if self.woken.value < sleepers:
            return BLOCKED
        for _ in range(sleepers):
            self.woken.take()
        while self.tickets.take():  # of those whose time-out came first
            pass
        return True


class ProcessEvent(SharedObject):
    """An event; who waits is woken when it is set, and looks again afterwards, as in the library."""

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.flag = counter_of(value._flag)
        self.pulse = Pulse()

    def save(self) -> int:
        """Return whether it is set."""
        return self.flag.value

    def restore(self, saved: int) -> None:
        """Set or clear it."""
        self.flag.set(saved)

    def content(self) -> bytes:
        """Return whether it is set."""
        return b"set" if self.flag.value else b"not set"

    def is_set(self) -> bool:
        """Look."""
        pacing.at(Step(Action.READ, self.name))
        return self.flag.value > 0

    def set(self) -> None:
        """Set it, and wake all who wait."""
        pacing.at(Step(Action.SET, self.name))
        self.flag.set(1)
        self.pulse.happen()

    def clear(self) -> None:
        """Clear it."""
        pacing.at(Step(Action.CLEAR, self.name))
        self.flag.set(0)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set; then it may have been cleared again before it is looked at."""
        look = Step(Action.AWAIT, self.name)
        pacing.at(look)
        if self.flag.value:
            return True
        before = self.pulse.times
        if wait_for(look, lambda: True if self.pulse.times > before else BLOCKED, timeout) is TIMED_OUT:
            return self.flag.value > 0
        pacing.at(look)
        return self.flag.value > 0


class ProcessBarrier(SharedObject):
    """A barrier, whose state and count are in shared memory."""

    def attach(self, name: str, put: Put | None) -> None:
        """Know its steps."""
        super().attach(name, put)
        self.arriving, self.leaving = Step(Action.ARRIVE, name), Step(Action.LEAVE, name)

    def save(self) -> tuple[int, int]:
        """Return its state and how many have come."""
        return self.value._state, self.value._count

    def restore(self, saved: tuple[int, int]) -> None:
        """Put both back."""
        self.value._state, self.value._count = saved

    def wait(self, timeout: float | None = None) -> int:
        """Wait until all have come."""
        timeout = self.value._timeout if timeout is None else timeout
        index: int = wait_for(self.arriving, self._arrive)
        if index + 1 == self.value._parties:
            self._release()
        elif wait_for(self.leaving, self._pass, timeout, changes=True) is TIMED_OUT:
            self.value._state = _BROKEN
        broken = self.value._state < 0
        self.value._count -= 1
        if not self.value._count and self.value._state in (_RESETTING, _DRAINING):
            self.value._state = _FILLING
        if broken:
            raise BrokenBarrierError
        return index

    def _arrive(self) -> int | Literal[Blocked.BLOCKED]:
        barrier = self.value
        if barrier._state in (_RESETTING, _DRAINING):
            return BLOCKED
        if barrier._state < 0:
            raise BrokenBarrierError
        barrier._count += 1
        return int(barrier._count) - 1

    def _release(self) -> None:
        barrier = self.value
        try:
            if barrier._action:
                HERE.acting = True
                try:
                    barrier._action()
                finally:
                    HERE.acting = False
                pacing.at(self.arriving)  # what it did may have been steps
        except BaseException:
            barrier._state = _BROKEN
            raise
        barrier._state = _DRAINING

    def _pass(self) -> Literal[True, Blocked.BLOCKED]:
        return True if self.value._state != _FILLING else BLOCKED

    def reset(self) -> None:
        """Have those who wait fail, and begin anew."""
        pacing.at(self.arriving)
        barrier = self.value
        if not barrier._count:
            barrier._state = _FILLING
        elif barrier._state in (_FILLING, _BROKEN):
            barrier._state = _RESETTING

    def abort(self) -> None:
        """Break it."""
        pacing.at(self.arriving)
        self.value._state = _BROKEN


_CALLS: Final[dict[type[SharedObject], Sequence[str]]] = {
    ProcessCondition: ("wait", "notify"),
    ProcessEvent: ("is_set", "set", "clear", "wait"),
    ProcessBarrier: ("wait", "reset", "abort"),
}


def find_condition(value: Any) -> SharedObject | None:
    """Return what a condition, an event or a barrier of `multiprocessing` is."""
    from multiprocessing import synchronize

    kinds: list[tuple[type, type[SharedObject]]] = [
        (synchronize.Condition, ProcessCondition),
        (synchronize.Event, ProcessEvent),
        (synchronize.Barrier, ProcessBarrier),
    ]
    return next((found(value) for kind, found in kinds if isinstance(value, kind)), None)


def condition_standins() -> list[StandIn]:
    """Return what stands in for the methods of conditions, events and barriers."""
    from multiprocessing import synchronize

    return [
        StandIn(getattr(owner, name), of_object(getattr(owner, name), name), owner, name)
        for found, names in _CALLS.items()
        for owner in [getattr(synchronize, found.__name__.removeprefix("Process"))]
        for name in names
    ]
