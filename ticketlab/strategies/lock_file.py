"""A lock file through the filelock library, which polls; and lock files by hand that are broken when they are stale."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ticketlab.core.plugin import Capability, Perform, Store, Strategy, StrategyContext, StrategyKind
from ticketlab.core.spec import Option
from ticketlab.strategies.purchase import BaseStrategy, Guard, with_lock
from ticketlab.strategies.stale import StaleHolder
from ticketlab.strategies.wrong import StaleAge

if TYPE_CHECKING:
    from filelock import BaseFileLock


class LockFile(BaseStrategy):
    """A `FileLock`, which the kernel frees, or a `SoftFileLock`, which is held for as long as the file exists."""

    def __init__(self, variant: str) -> None:
        self._soft = variant == "soft"

    def prepare(self, setting: StrategyContext) -> None:
        """Choose the lock file, and take it once: then forked buyers inherit what filelock imports at first use."""
        self._path = setting.folder / "inventory.filelock"
        with self._lock():
            pass

    def _lock(self) -> BaseFileLock:
        from filelock import FileLock, SoftFileLock

        return (SoftFileLock if self._soft else FileLock)(self._path)

    @contextmanager
    def join(self, store: Store, buyer: int) -> Iterator[Perform]:
        """Buy with the lock file held; filelock asks for it every 50 ms until it is free."""
        from filelock import Timeout

        lock = self._lock()

        def acquire(wait: bool) -> bool:
            try:
                lock.acquire(blocking=wait)
            except Timeout:
                return False
            return True

        with store.session() as session:
            yield with_lock(session, Guard("inventory.filelock", acquire, lock.release, mutex=True))


def _build(variant: str, stale: str) -> Strategy:
    if variant == "stale-age":
        return StaleAge(float(stale))
    return StaleHolder() if variant == "stale-holder" else LockFile(variant)


KIND = StrategyKind(
    name="filelock",
    summary="a lock file through the filelock library, which polls",
    variants={
        "hard": "FileLock: the kernel frees it when its holder dies",
        "soft": "SoftFileLock: held for as long as the file exists, or until its holder is seen to be dead",
        "stale-holder": "a link that names its holder, broken when that process has died",
        "stale-age": "wrong on purpose: a link that is broken when it is old, though its holder may only be paused",
    },
    options={"stale": Option("10", "how old a lock has to be, in seconds", variant="stale-age")},
    needs=frozenset({Capability.RECORDS, Capability.SHARED, Capability.FILE}),
    build=_build,
    wrong=frozenset({"stale-age"}),
    asks_who_lives=frozenset({"soft", "stale-holder"}),
    slows_forks=True,
    reasons={"": "one buyer at a time holds the lock on a file"},
    parts={
        "": ("a lock file", "a library that polls it"),
        "stale-holder": ("a lock file", "a list of who is alive", "a lock for those who break it"),
        "stale-age": ("a lock file", "a clock"),
    },
)
