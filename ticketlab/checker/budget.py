"""How much a search may spend before it answers "undecided": time, memory, configurations.

The judges read no clock and ask no operating system: a budget brings functions for that, and a test passes its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

_LOOK_EVERY = 64
"""After how many configurations clock and memory are looked at: one costs a few microseconds, a look about five."""


class BudgetSpent(Exception):
    """A search ran out of its budget; the message says of what, and after how much work."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of one judgement; None is no limit.

    `seconds` are measured by `clock`. `megabytes` (of 1,000,000 bytes) are measured by `memory`, which returns the
    bytes in use now; the growth since the judgement began counts. A limit without its function is ignored.
    `configurations` needs no function and has a default: with it alone, the same history always gets the same answer.
    """

    seconds: float | None = None
    megabytes: float | None = None
    configurations: int | None = 5_000_000
    clock: Callable[[], float] | None = None
    memory: Callable[[], int] | None = None

    def start(self) -> Meter:
        """Begin to count."""
        return Meter(self)


class Meter:
    """A budget as it is being spent."""

    __slots__ = ("_begin_bytes", "_begin_clock", "_budget", "_next_look", "configurations")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.configurations = 0
        self._next_look = 0
        self._begin_clock = budget.clock() if budget.clock else 0.0
        self._begin_bytes = budget.memory() if budget.memory else 0

    def spend(self, configurations: int = 1) -> None:
        """Count configurations that were made, or the like of them in work.

        Raises:
            BudgetSpent: a limit is reached.
        """
        self.configurations += configurations
        if self.configurations >= self._next_look:
            self._look()

    def work(self, effort: int) -> None:
        """Hasten the next look at clock and memory: work was done that takes as long as so many configurations.

        Raises:
            BudgetSpent: a limit is reached.
        """
        self._next_look -= effort
        if self.configurations >= self._next_look:
            self._look()

    def part(self, configurations: int) -> Meter:
        """Begin to count a part of the work; it may spend so many configurations, and this meter's time and memory."""
        part = Meter(replace(self._budget, configurations=configurations, clock=None, memory=None))
        part._budget = replace(self._budget, configurations=configurations)
        part._begin_clock, part._begin_bytes = self._begin_clock, self._begin_bytes
        return part

    def _look(self) -> None:
        self._next_look = self.configurations + _LOOK_EVERY
        budget = self._budget
        if budget.configurations is not None:
            if self.configurations > budget.configurations:
                raise BudgetSpent(f"the budget of {budget.configurations:,} configurations was spent")
            self._next_look = min(self._next_look, budget.configurations + 1)
        if budget.clock and budget.seconds is not None and budget.clock() - self._begin_clock >= budget.seconds:
            raise BudgetSpent(self._spent(f"{budget.seconds:g} s"))
        if budget.memory and budget.megabytes is not None:
            grown = (budget.memory() - self._begin_bytes) / 1_000_000
            if grown >= budget.megabytes:
                raise BudgetSpent(self._spent(f"{budget.megabytes:g} MB"))

    def _spent(self, what: str) -> str:
        return f"the budget of {what} was spent after {self.configurations:,} configurations"
