"""A lock in memory: `multiprocessing.Lock`, shared by inheritance, or a manager's lock, shared by messages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from ticketlab.core.plugin import Capability, ManagedStore, Perform, Store, Strategy, StrategyContext, StrategyKind
from ticketlab.strategies.purchase import BaseStrategy, Guard, with_lock


class ProcessLock(BaseStrategy):
    """One `multiprocessing.Lock` around the whole purchase."""

    def __init__(self, variant: str) -> None:
        self._lock: Any = None

    def prepare(self, setting: StrategyContext) -> None:
        """Make the lock; it can only be handed over when a buyer starts."""
        self._lock = setting.context.Lock()

    def guard(self) -> Guard:
        """Return the lock as a guard."""
        return Guard("lock", self._lock.acquire, self._lock.release, in_memory=True)

    @contextmanager
    def join(self, store: Store, buyer: int) -> Iterator[Perform]:
        """Buy with the lock held."""
        with store.session() as session:
            yield with_lock(session, self.guard())


class ManagerLock(ProcessLock):
    """A lock in the manager's server: acquiring it is a message, and so is releasing it."""

    def prepare(self, setting: StrategyContext) -> None:
        """Ask the store's manager for a lock."""
        self._lock = cast("ManagedStore", setting.store).lock()


def _build(variant: str) -> Strategy:
    from ticketlab.strategies.wrong import LockTooLate  # which is a Lock

    return (LockTooLate if variant == "too-late" else ProcessLock)(variant)


def _build_check(variant: str) -> Strategy:
    from ticketlab.strategies.wrong import CheckThenLock

    return CheckThenLock(variant)


KIND = StrategyKind(
    name="lock",
    summary="a multiprocessing.Lock around the purchase",
    variants={
        "whole": "read, check and write with the lock held",
        "too-late": "wrong on purpose: only the write is locked",
    },
    needs=frozenset({Capability.RECORDS}),
    build=_build,
    wrong=frozenset({"too-late"}),
    parts={"": ("a lock handed to each process",)},
)

CHECK_KIND = StrategyKind(
    name="check-then-lock",
    summary="wrong on purpose: whether a hold still stands is looked up before the lock is taken",
    needs=frozenset({Capability.RECORDS, Capability.HOLDS}),
    build=_build_check,
    wrong=frozenset({""}),
    parts={"": ("a lock handed to each process",)},
)

MANAGER_KIND = StrategyKind(
    name="manager-lock",
    summary="a Manager().Lock around the purchase",
    needs=frozenset({Capability.RECORDS, Capability.MANAGER}),
    build=ManagerLock,
    parts={"": ("a lock in the manager's process", "a message for each turn")},
)
