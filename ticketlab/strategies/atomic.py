"""One conditional UPDATE: the database checks and changes in one step, so there is no moment in between to guard."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from ticketlab.core.plugin import Capability, Conditional, Perform, Store, Strategy, StrategyKind
from ticketlab.strategies.purchase import BaseStrategy


class Atomic(BaseStrategy):
    """UPDATE ... SET remaining = remaining - 1 WHERE remaining >= 1, or a script that a server runs as one step."""

    @contextmanager
    def join(self, store: Store, buyer: int) -> Iterator[Perform]:
        """Buy in one statement."""
        with store.session() as session:
            yield cast("Conditional", session).apply


def _build(variant: str) -> Strategy:
    if variant == "unchecked":
        from ticketlab.strategies.wrong import DecrementUnchecked

        return DecrementUnchecked()
    return Atomic()


KIND = StrategyKind(
    name="atomic",
    summary="one conditional UPDATE",
    variants={
        "checked": "checks how many are left, and takes them, in one step",
        "unchecked": "checks in one step and takes in the next, by a decrement without a floor (wrong)",
    },
    needs=frozenset({Capability.CONDITIONAL_UPDATE}),
    also_needs={"unchecked": frozenset({Capability.DECREMENT})},
    build=_build,
    wrong=frozenset({"unchecked"}),
    reasons={"": "the check and the write are one statement"},
    parts={"": ()},
)
