"""What a search proves: nothing if no order of two participants' steps matters, and less if tries were left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Final

from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.spinning import MOST_VAIN_TRIES

NO_POINT: Final = (
    "no buyer passed a scheduling point, so no order of their steps was tried: "
    "use the session, or say with ticketlab.at what is accessed"
)
NOTHING_SHARED: Final = (
    "no two buyers passed scheduling points for a resource that one of them changes, so nothing was tried: "
    "say with ticketlab.at what is accessed"
)


def order_matters(execution: Execution) -> bool:
    """Whether two participants made steps whose order can make a difference."""
    trace = execution.trace
    made = set(zip(trace.who, trace.what, strict=True))
    return any(
        one != other and not trace.table.commute(step, beside) for (one, step), (other, beside) in combinations(made, 2)
    )


def sentences_of_gave_way(gave_way: Sequence[int], name_of: Callable[[int], str]) -> list[str]:
    """Return in sentences which tries of these participants a search has left out."""
    return [
        f"{name_of(who)} sleeps and tries again: what it does after {MOST_VAIN_TRIES} tries in vain was not tried "
        "before others moved"
        for who in gave_way
    ]


class Contention:
    """What the executions of a search have tried so far; `reason` says why that proves nothing, or is empty."""

    def __init__(self) -> None:
        self._steps = self._contested = False

    def see(self, execution: Execution) -> None:
        """Take an execution into account."""
        if not self._contested:
            self._steps = self._steps or len(execution.trace) > 0
            self._contested = order_matters(execution)

    @property
    def reason(self) -> str:
        """Why nothing is proved by the executions."""
        if self._contested:
            return ""
        return NOTHING_SHARED if self._steps else NO_POINT
