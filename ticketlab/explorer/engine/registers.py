"""Registers: the single numbers of an execution, in one column that all processes share.

Each has to be one that others see: whoever has the turn goes on from where the one before left off, and the leading
process reads at the end how the execution went. A policy has a few of its own, in `ExecutionState.own`.
"""

from __future__ import annotations

from typing import Final

# How far the execution has come.
LENGTH: Final = 0  # steps executed so far
FAILURES: Final = 1  # attempts that failed so far
VERSION: Final = 2  # grows whenever the set of enabled participants may have changed; never goes back
ENDING: Final = 3  # an `ExecutionEnd`
REDUNDANT: Final = 4  # 1 + the length from which it repeats an execution that was explored before; 0 where it is new

# Who takes part in it.
SETTLING: Final = 5  # whether there is no execution yet: staff come to where they wait for the buyers
LEARNT: Final = 6  # whether everybody's first step is known from an execution before
STARTED: Final = 7  # buyers that have come to their first step
UNFINISHED: Final = 8  # buyers that have not yet finished

HELD: Final = 14  # what participants waited for and took, and have not given back

# Virtual time, in ticks.
TIME: Final = 9  # what the clock shows that never jumps
SKEW: Final = 10  # by how much the one on the wall has jumped ahead of it
LEAPS: Final = 11  # how often time passed for everybody at once
LETS: Final = 12  # how often it was let pass because nobody could move
WAITED: Final = 13  # and for how long in all

REGISTERS: Final = 15
