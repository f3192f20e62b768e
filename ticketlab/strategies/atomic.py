"""One conditional UPDATE: the database checks and changes in one step, so there is no moment in between to guard."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from ticketlab.core.plugin import Capability, Conditional, Perform, Store, StrategyKind
from ticketlab.strategies.purchase import BaseStrategy


class Atomic(BaseStrategy):
    """UPDATE ... SET remaining = remaining - 1 WHERE remaining >= 1."""

    def __init__(self, variant: str) -> None:
        pass

    @contextmanager
    def join(self, store: Store, buyer: int) -> Iterator[Perform]:
        """Buy in one statement."""
        with store.session() as session:
            yield cast("Conditional", session).apply


KIND = StrategyKind(
    name="atomic",
    summary="one conditional UPDATE",
    needs=frozenset({Capability.CONDITIONAL_UPDATE}),
    build=Atomic,
    parts={"": ()},
)
