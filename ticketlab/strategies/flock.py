"""A lock file held with `fcntl.flock`: the kernel queues the waiters, and frees the lock when its holder dies.

The lock file stands beside the data and is never renamed, written or removed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ticketlab.core.plugin import Capability, Perform, Store, Strategy, StrategyContext, StrategyKind
from ticketlab.core.system.descriptors import opened
from ticketlab.strategies.purchase import BaseStrategy, flock_guard, with_lock
from ticketlab.strategies.wrong import FlockOnDataFile, FlockUnlinked


class Flock(BaseStrategy):
    """An exclusive flock around the whole purchase; nothing polls."""

    def prepare(self, setting: StrategyContext) -> None:
        """Make the lock file."""
        self._path = setting.folder / "inventory.lock"
        self._path.touch()

    @contextmanager
    def join(self, store: Store, buyer: int) -> Iterator[Perform]:
        """Buy with the file locked; each buyer opens the file itself, since a flock belongs to an opening."""
        with opened(self._path) as file, store.session() as session:
            yield with_lock(session, flock_guard("inventory.lock", file))


def _build(variant: str) -> Strategy:
    kinds: dict[str, type[Strategy]] = {"beside": Flock, "data-file": FlockOnDataFile, "unlink": FlockUnlinked}
    return kinds[variant]()


KIND = StrategyKind(
    name="flock",
    summary="a lock file held with fcntl.flock: no polling, freed by the kernel",
    variants={
        "beside": "a file beside the data",
        "data-file": "wrong on purpose where writers rename: the data file itself is locked",
        "unlink": "wrong on purpose: the lock file is removed after use",
    },
    needs=frozenset({Capability.RECORDS, Capability.SHARED, Capability.FILE}),
    build=_build,
    wrong=frozenset({"data-file", "unlink"}),
    reasons={"": "one buyer at a time holds the kernel's lock on a file"},
    parts={"": ("a lock file",)},
    opens_data_file=frozenset({"data-file"}),
)
