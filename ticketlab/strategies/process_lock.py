"""A lock in memory: `multiprocessing.Lock`, which processes inherit, or a manager's, which they reach by messages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from ticketlab.core.plugin import ManagedStore, Perform, Store, StrategyContext
from ticketlab.strategies.purchase import BaseStrategy, Guard, with_lock


class ProcessLock(BaseStrategy):
    """One `multiprocessing.Lock` around the whole purchase."""

    def __init__(self, variant: str) -> None:
        self._lock: Any = None

    def prepare(self, setting: StrategyContext) -> None:
        """Make the lock; it can be handed over only when a buyer starts."""
        self._lock = setting.context.Lock()

    def guard(self) -> Guard:
        """Return the lock as a guard."""
        return Guard("lock", self._lock.acquire, self._lock.release, mutex=True, in_memory=True)

    @contextmanager
    def join(self, store: Store, buyer: int) -> Iterator[Perform]:
        """Buy with the lock held."""
        with store.session() as session:
            yield with_lock(session, self.guard())


class ManagerLock(ProcessLock):
    """A lock in the manager's server: to acquire it is a message, and to release it is one."""

    def prepare(self, setting: StrategyContext) -> None:
        """Ask the store's manager for a lock."""
        self._lock = cast("ManagedStore", setting.store).lock()
