"""Optimistic writes: read without a lock, and write only if nobody has written since (compare-and-set)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from ticketlab.core.errors import Conflict
from ticketlab.core.inventory import Outcome, Request
from ticketlab.core.plugin import Capability, Perform, Store, StrategyKind, Versioned
from ticketlab.strategies.purchase import BaseStrategy, retrying


class Optimistic(BaseStrategy):
    """Compares the version when it writes; if another buyer has changed it, it reads again."""

    def __init__(self, variant: str) -> None:
        pass

    @contextmanager
    def join(self, store: Store, buyer: int) -> Iterator[Perform]:
        """Buy by compare-and-set."""

        def purchase(request: Request) -> Outcome:
            change = request.on(session.read(request.section))
            if change.stock is None or session.compare_and_set(change.stock, change.entry):
                return change.outcome
            raise Conflict("another buyer has changed the version")

        with store.session() as opened:
            session = cast("Versioned", opened)
            yield retrying(purchase, buyer)


KIND = StrategyKind(
    name="optimistic",
    summary="compare-and-set on a version, tried again if another buyer has changed it",
    needs=frozenset({Capability.RECORDS, Capability.COMPARE_AND_SET}),
    build=Optimistic,
    reasons={"": "a write is refused if the record has changed since it was read"},
    parts={"": ("a version in each record", "a retry when refused")},
)
