"""An advisory lock: the database keeps it, and it guards whatever its users agree on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from ticketlab.core.inventory import Outcome, Request
from ticketlab.core.plugin import AdvisoryLocking, Capability, Perform, Store, StrategyKind
from ticketlab.strategies.purchase import BaseStrategy, fulfil

_LEVEL = "read-committed"


class Advisory(BaseStrategy):
    """Buys in a transaction, with the one advisory lock of all buyers held around it."""

    def __init__(self, variant: str) -> None:
        self._early = variant == "early-release"

    @contextmanager
    def join(self, store: Store, buyer: int) -> Iterator[Perform]:
        """Buy with the advisory lock held."""

        def purchase(request: Request) -> Outcome:
            session.take_advisory_lock()
            if self._early:
                with session.transaction(_LEVEL):
                    outcome = fulfil(session, request)
                    session.end_advisory_lock()  # the next buyer reads before this sale is committed
                return outcome
            try:
                with session.transaction(_LEVEL):
                    return fulfil(session, request)
            finally:
                session.end_advisory_lock()

        with store.session() as opened:
            session = cast("AdvisoryLocking", opened)
            yield purchase


KIND = StrategyKind(
    name="advisory",
    summary="an advisory lock of the database around the transaction",
    variants={
        "held": "gives the lock back after the commit",
        "early-release": "gives the lock back before the commit (wrong)",
    },
    needs=frozenset({Capability.RECORDS, Capability.TRANSACTION, Capability.ADVISORY_LOCKS}),
    build=Advisory,
    wrong=frozenset({"early-release"}),
    reasons={"": "one buyer at a time holds the database's lock"},
    parts={"": ("a transaction", "an advisory lock")},
)
