"""Counters: the single numbers of one execution, which the scheduler and the policies look at in each step.

Whoever has the turn goes on where the one before left off, and the leading process reads at the end how the execution
went, so each of these numbers is in memory that all processes share.
"""

from __future__ import annotations

from ticketlab.explorer.engine.column_memory import Numbers


class Counters(Numbers):
    """How far an execution has come, who takes part in it, and how it ended."""

    length: int
    """Steps made so far."""
    failures: int
    """Attempts that failed so far."""
    version: int
    """Grows whenever the set of enabled participants may have changed; it never goes back."""
    ending: int
    """An `ExecutionEnd`."""
    redundant: int
    """1 + the length from which on the execution repeats one that was explored before; 0 if it is new."""
    started: int
    """Buyers that have come to their first step."""
    unfinished: int
    """Buyers that have not finished."""
    present: int
    """How many participants there are by now, those included that have finished."""
    held: int
    """How many things participants waited for, took, and have not given back."""
    broken: int
    """1 + the step that was made although another one promised to exclude it; 0 if there was none."""
    leaps: int
    """How often time passed for everybody at once."""
    time_passes: int
    """How often it did because nobody could move."""
    arrivals: int
    """How often a participant came to a step by another's step, and not by its own."""
    settling: bool
    """Whether no execution has begun: the services go on to where they wait for the buyers."""
    drifts: bool
    """Whether a participant has slept, so that its clock may be ahead of the others'."""
    spun: bool
    """Whether a participant was put off whose tries are known to repeat themselves."""
    learnt: bool
    """Whether everybody's first step is known from an execution before."""

    def reset(self) -> None:
        """Start an execution in which nobody has moved; what earlier ones taught is kept."""
        self.length = self.failures = self.ending = self.redundant = self.started = self.held = self.leaps = 0
        self.time_passes = self.broken = 0
        self.settling = self.drifts = self.spun = False
