"""No guard at all: the oversell."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from ticketlab.core.plugin import Capability, Perform, Store, StrategyKind
from ticketlab.strategies.purchase import BaseStrategy, fulfil


class Unsynchronized(BaseStrategy):
    """Read, check and write; nothing keeps other buyers out."""

    def __init__(self, variant: str) -> None:
        pass

    @contextmanager
    def join(self, store: Store, buyer: int) -> Iterator[Perform]:
        """Buy unsynchronized."""
        with store.session() as session:
            yield partial(fulfil, session)


KIND = StrategyKind(
    name="none",
    summary="nothing guards the purchase",
    needs=frozenset({Capability.RECORDS}),
    build=Unsynchronized,
    wrong=frozenset({""}),
    parts={"": ()},
)
