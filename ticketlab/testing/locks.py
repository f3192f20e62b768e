"""Locks of one's own, made known to the lab."""

from __future__ import annotations

from typing import Protocol

from ticketlab.strategies.purchase import Guard


class Lock(Protocol):
    """What `threading` and `multiprocessing` call a lock or a semaphore."""

    def acquire(self, blocking: bool, /) -> bool:
        """Take the lock, or say that it is taken."""

    def release(self) -> None:
        """Give it back."""


def guarded(name: str, lock: Lock) -> Guard:
    """Make a lock say what is waited for.

    Use it as `with guarded("checkout", lock):`. Under control a lock that is taken is waited for without blocking the
    process, and a deadlock is seen and named. Outside of the lab it is the lock and nothing else.
    """
    return Guard(name, lock.acquire, lock.release)
