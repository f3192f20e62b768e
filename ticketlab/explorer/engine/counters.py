"""Counters: the single numbers of one execution, in one piece of memory that all its processes share.

Whoever has the turn goes on where the one before left off, and the leading process reads at the end how the execution
went, so each of these numbers has to be seen by all. They are fields of a C structure because the scheduler looks at
them several times at each step: a field is read in 24 ns, a property over a column in 46 to 58.
"""

from __future__ import annotations

from ctypes import Structure, c_bool, c_int64, sizeof
from typing import ClassVar

from ticketlab.explorer.engine.columns import AllocateBytes


class Counters(Structure):
    """How far an execution has come, who takes part in it, and how it ended."""

    _fields_: ClassVar = [
        ("length", c_int64),
        ("failures", c_int64),
        ("version", c_int64),
        ("ending", c_int64),
        ("redundant", c_int64),
        ("started", c_int64),
        ("unfinished", c_int64),
        ("held", c_int64),
        ("settling", c_bool),
        ("learnt", c_bool),
    ]

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
    held: int
    """How many things participants waited for, took, and have not given back."""
    settling: bool
    """Whether no execution has begun: the services go on to where they wait for the buyers."""
    learnt: bool
    """Whether everybody's first step is known from an execution before."""

    def reset(self) -> None:
        """Start an execution in which nobody has moved; what earlier ones taught is kept."""
        self.length = self.failures = self.ending = self.redundant = self.started = self.held = 0
        self.settling = False


def counters_in(allocate: AllocateBytes) -> Counters:
    """Return counters that are all 0, in memory that `allocate` gives."""
    return Counters.from_buffer(allocate(sizeof(Counters)))
