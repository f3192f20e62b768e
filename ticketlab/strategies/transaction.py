"""A database transaction around the purchase: begun in one of SQLite's ways, or at an isolation level."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from ticketlab.core.inventory import Outcome, Request
from ticketlab.core.plugin import Capability, Perform, Store, StrategyKind, Transactional
from ticketlab.strategies.purchase import BaseStrategy, fulfil, retrying
from ticketlab.strategies.wrong import RetriesTooMuch


class Transaction(BaseStrategy):
    """Read, check and write in one transaction; if the database refuses it, try again."""

    def __init__(self, variant: str) -> None:
        self._mode = variant

    @contextmanager
    def join(self, store: Store, buyer: int) -> Iterator[Perform]:
        """Buy in a transaction."""

        def purchase(request: Request) -> Outcome:
            with session.transaction(self._mode):
                return fulfil(session, request)

        with store.session() as opened:
            session = cast("Transactional", opened)
            yield retrying(purchase, buyer)


_BEGINS = frozenset({Capability.BEGIN_MODES})
_LEVELS = frozenset({Capability.ISOLATION_LEVELS})

KIND = StrategyKind(
    name="transaction",
    summary="a database transaction around the purchase, tried again if it is refused",
    variants={
        "immediate": "takes the write lock at BEGIN",
        "deferred": "takes it at the first write: a buyer that has read an older state is refused, and retries",
        "exclusive": "takes it at BEGIN; with a rollback journal it keeps readers out too",
        "read-committed": "lets another buyer's sale come between its read and its write (wrong)",
        "repeatable-read": "is refused if it writes what another buyer has changed since its first read",
        "serializable": "is refused if the transactions might not be as if one came after the other",
        "retry-too-much": "repeats a sale that is committed, if what comes after it is refused (wrong)",
    },
    needs=frozenset({Capability.RECORDS, Capability.TRANSACTION}),
    also_needs={
        "immediate": _BEGINS,
        "deferred": _BEGINS,
        "exclusive": _BEGINS,
        "read-committed": _LEVELS,
        "repeatable-read": _LEVELS,
        "serializable": _LEVELS,
        "retry-too-much": _LEVELS,
    },
    build=lambda variant: RetriesTooMuch() if variant == "retry-too-much" else Transaction(variant),
    wrong=frozenset({"read-committed", "retry-too-much"}),
    reasons={
        "": "a transaction that met another's change is refused, and tried again",
        "immediate": "one transaction at a time may write, from its BEGIN to its COMMIT",
        "exclusive": "one transaction at a time may write, from its BEGIN to its COMMIT",
    },
    parts={
        "": ("a transaction", "a retry when refused"),
        "immediate": ("a transaction",),
        "exclusive": ("a transaction",),
    },
)
