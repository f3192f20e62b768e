"""A lock on the section's row (SELECT ... FOR UPDATE), held until the transaction ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from ticketlab.core.inventory import Outcome, Request
from ticketlab.core.plugin import Capability, Perform, RowLocking, Store, Strategy, StrategyKind
from ticketlab.strategies.numbered import SkipLocked
from ticketlab.strategies.purchase import BaseStrategy, retrying

_LEVEL = "read-committed"


class RowLock(BaseStrategy):
    """Reads the row with a lock on it, checks, and writes, in one transaction."""

    def __init__(self, variant: str) -> None:
        self._wait = variant != "nowait"
        self._splits = variant == "other-transaction"

    @contextmanager
    def join(self, store: Store, buyer: int) -> Iterator[Perform]:
        """Buy with the section's row locked."""

        def purchase(request: Request) -> Outcome:
            with session.transaction(_LEVEL):
                change = request.on(session.read_locked(request.section, wait=self._wait))
                if change.stock is not None and not self._splits:
                    session.write(change.stock, change.entry)
            if change.stock is not None and self._splits:  # by now the lock is gone
                with session.transaction(_LEVEL):
                    session.write(change.stock, change.entry)
            return change.outcome

        with store.session() as opened:
            session = cast("RowLocking", opened)
            yield retrying(purchase, buyer)


_SKIPPING = ("skip-locked", "skip-locked-gives-up")


def _build(variant: str) -> Strategy:
    return SkipLocked(gives_up=variant != _SKIPPING[0]) if variant in _SKIPPING else RowLock(variant)


KIND = StrategyKind(
    name="row-lock",
    summary="SELECT ... FOR UPDATE: a lock on the row until the transaction ends",
    variants={
        "wait": "waits while another buyer has locked the row",
        "nowait": "is refused while another buyer has locked the row, and retries",
        "skip-locked": "takes numbered tickets that nobody has locked, and waits for nobody",
        "skip-locked-gives-up": "says sold out if others have locked too many; not all of them may buy (wrong)",
        "other-transaction": "locks the row in one transaction and writes in the next (wrong)",
    },
    needs=frozenset({Capability.RECORDS, Capability.TRANSACTION, Capability.ROW_LOCKS}),
    also_needs=dict.fromkeys(_SKIPPING, frozenset({Capability.NUMBERED_TICKETS})),
    build=_build,
    wrong=frozenset({"other-transaction", "skip-locked-gives-up"}),
    reasons={
        "": "one transaction at a time has locked the row",
        "skip-locked": "each numbered ticket is locked by one transaction at a time",
    },
    parts={
        "": ("a transaction", "a lock on a row"),
        "nowait": ("a transaction", "a lock on a row", "a retry when refused"),
        "skip-locked": ("a transaction", "a lock on a row", "a row for each ticket", "a retry when refused"),
    },
    without_holds=frozenset(_SKIPPING),
)
