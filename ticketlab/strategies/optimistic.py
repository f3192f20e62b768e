"""Optimistic writes: read without a lock, and write only if nobody has written since (compare-and-set)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import cast

from ticketlab.core.errors import GaveUp
from ticketlab.core.inventory import Outcome, Request
from ticketlab.core.plugin import Capability, Perform, Store, StrategyKind, Versioned
from ticketlab.strategies.purchase import RETRIES, Unattended, back_off


class Optimistic(Unattended):
    """Compare the version at the write; when it has moved on, read again."""

    def __init__(self, variant: str) -> None:
        pass

    @contextmanager
    def join(self, store: Store, buyer: int) -> Iterator[Perform]:
        """Buy by compare-and-set."""
        draw = Random(buyer)

        def purchase(request: Request) -> Outcome:
            for attempt in range(RETRIES):
                change = request.on(session.read(request.section))
                if change.stock is None or session.compare_and_set(change.stock, change.entry):
                    return change.outcome
                back_off(draw, attempt, "the version moved on")
            raise GaveUp(f"the version moved on {RETRIES} times")

        with store.session() as opened:
            session = cast("Versioned", opened)
            yield purchase


KIND = StrategyKind(
    name="optimistic",
    summary="compare-and-set on a version, tried again when it has moved on",
    needs=frozenset({Capability.RECORDS, Capability.COMPARE_AND_SET}),
    build=Optimistic,
    parts={"": ("a version in each record", "a retry when refused")},
)
