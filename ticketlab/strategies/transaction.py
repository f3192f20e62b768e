"""A database transaction around the purchase, begun in one of SQLite's three ways."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from ticketlab.core.inventory import Outcome, Request
from ticketlab.core.plugin import Capability, Perform, Store, StrategyKind, Transactional
from ticketlab.strategies.purchase import BaseStrategy, fulfil, retrying


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


KIND = StrategyKind(
    name="transaction",
    summary="a database transaction around the purchase, tried again if it is refused",
    variants={
        "immediate": "takes the write lock at BEGIN",
        "deferred": "takes it at the first write: a buyer that has read an older state is refused, and retries",
        "exclusive": "takes it at BEGIN; with a rollback journal it keeps readers out too",
    },
    needs=frozenset({Capability.RECORDS, Capability.TRANSACTION}),
    build=Transaction,
    parts={"": ("a transaction",), "deferred": ("a transaction", "a retry when refused")},
)
