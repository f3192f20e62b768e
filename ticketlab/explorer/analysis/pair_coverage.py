"""Coverage of ordered pairs: of the steps that do not commute, which were seen in one order, and which in both.

A step counts here by its participant and by what it does, however often the participant does it. Pairs of one
participant are left out, since their order is the program's.
"""

from __future__ import annotations

from ticketlab.explorer.analysis.trace import Trace
from ticketlab.explorer.engine.steps import StepTable


class PairCoverage:
    """The ordered pairs of all executions so far: for each step, the steps on its resources that it was seen after."""

    def __init__(self) -> None:
        self._table = StepTable()
        self._numbers: dict[tuple[int, int], int] = {}  # by participant and symbol; the numbers are places of bits
        self._after: list[int] = []  # by step: the steps that came before it, as bits

    def see(self, trace: Trace) -> None:
        """Take the pairs of an execution into account."""
        self._table = trace.table
        symbols, numbers, after = trace.table.symbols, self._numbers, self._after
        before: dict[int, int] = {}  # by resource: the steps so far on it, as bits
        for step in zip(trace.who, trace.what, strict=True):
            number = numbers.get(step)
            if number is None:
                number = numbers[step] = len(after)
                after.append(0)
            for resource in symbols[step[1]].resources:
                earlier = before.get(resource, 0)
                after[number] |= earlier
                before[resource] = earlier | 1 << number

    def counts(self) -> tuple[int, int]:
        """Return how many pairs of steps that do not commute were seen at all, and how many in both orders."""
        steps, some, both = list(self._numbers), 0, 0
        for number, (who, what) in enumerate(steps):
            for other, (beside, does) in enumerate(steps[:number]):
                orders = (self._after[number] >> other & 1) + (self._after[other] >> number & 1)
                if orders and who != beside and not self._table.commute(what, does):
                    some += 1
                    both += orders == 2
        return some, both
