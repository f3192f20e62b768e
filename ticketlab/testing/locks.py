"""Locks of one's own, made known to the lab."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from threading import Thread, get_ident
from typing import Any, Final, Protocol

from greenlet import getcurrent

from ticketlab.strategies.purchase import Guard

_Holder = tuple[int, Any]  # a thread and a greenlet of it


class Lock(Protocol):
    """What `threading`, `multiprocessing` and `filelock` call a lock or a semaphore."""

    @property
    def acquire(self) -> Callable[..., object]:
        """Takes the lock, or returns False or raises TimeoutError if it is taken."""

    @property
    def release(self) -> Callable[[], object]:
        """Gives the lock back."""


def guarded(name: str, lock: Lock) -> Guard:
    """Return a guard for a lock, which tells the lab who waits for it.

    Use it as `with guarded("checkout", lock):`. While the lab controls the schedule, a buyer waits for the lock without
    blocking its process, and a deadlock is seen and named. Whether the lock admits a second holder is tried each time,
    by a real attempt: a semaphore of two, a lock made anew for each call, or a `threading.Lock` among processes admits
    one. Buyers that are explored in one thread exclude each other from a re-entrant lock as threads would. Outside the
    lab the guard is the lock and nothing else. A lock of filelock's is taken as well.
    """
    shared = ThreadsLock(lock)
    return Guard(name, shared.acquire, shared.release)


def acquired(lock: Lock, *, wait: bool) -> bool:
    """Take a lock, and wait for it if `wait` is set and it can wait; return whether it was taken."""
    try:
        return (lock.acquire() if wait else _acquire_at_once(lock)) is not False
    except TimeoutError:
        return False


def _acquire_at_once(lock: Lock) -> object:
    try:
        parameters = list(signature(lock.acquire).parameters)
    except ValueError:  # it is written in C, and takes what `threading.Lock` takes
        parameters = ["blocking"]
    if parameters[:1] in (["blocking"], ["block"]):
        return lock.acquire(False)
    return lock.acquire(timeout=0) if "timeout" in parameters else lock.acquire()


class ThreadsLock:
    """A lock as buyers would find it if each had a thread of its own, even where greenlets of one thread play them.

    A re-entrant lock belongs to a thread, which it admits again. So if another greenlet of this thread has the lock,
    and an attempt succeeds all the same, the attempt is undone and repeated by another thread: that thread is admitted
    only if the lock really has room for one more.
    """

    _holders: Final[dict[int, tuple[Lock, list[_Holder]]]] = {}  # by the lock's id: who has it in this process

    def __init__(self, lock: Lock) -> None:
        self._lock = lock

    def acquire(self, wait: bool) -> bool:
        """Take the lock, and wait for it if `wait` is set; return whether it was taken."""
        if not acquired(self._lock, wait=wait):
            return False
        me = get_ident(), getcurrent()
        _, holders = self._holders.setdefault(id(self._lock), (self._lock, []))  # which keeps the id from being reused
        if me not in holders and any(thread == me[0] for thread, _ in holders):
            self._lock.release()
            if not (self._admits_another_thread() and acquired(self._lock, wait=False)):
                return False
        holders.append(me)
        return True

    def _admits_another_thread(self) -> bool:
        admitted: list[bool] = []

        def attempt() -> None:
            admitted.append(acquired(self._lock, wait=False))
            if admitted[0]:
                self._lock.release()

        thread = Thread(target=attempt)
        thread.start()
        thread.join()
        return admitted == [True]

    def release(self) -> None:
        """Give the lock back."""
        me = get_ident(), getcurrent()
        _, holders = self._holders.get(id(self._lock), (None, []))
        if holders:
            holders.remove(me if me in holders else holders[0])  # another buyer may release it, as it may a plain lock
        if not holders:
            self._holders.pop(id(self._lock), None)
        self._lock.release()
