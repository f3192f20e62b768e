"""The state of one controlled execution: data that executors share between processes, without the rules.

Participants are numbered from 0, buyers first, services after them. Each stands before its next step, its *pending*
one, until the policy picks it; one moves at a time. An attempt that fails has no effect and is no step.

All that changes is kept in columns of whole numbers and in counters. In one process columns are lists; between
processes they are memory that all share, so that whoever yields the turn can decide who gets it. `Scheduler` has the
rules by which the state changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from itertools import accumulate
from typing import Final, NamedTuple

from ticketlab.core.errors import TicketlabError
from ticketlab.explorer.engine.clock import Clock
from ticketlab.explorer.engine.column_memory import LocalMemory, Memory, as_slice
from ticketlab.explorer.engine.execution_counters import Counters
from ticketlab.explorer.engine.fault_plan import FaultPlan
from ticketlab.explorer.engine.policy_columns import LentColumns
from ticketlab.explorer.engine.steps import NONE, StepTable

NOBODY: Final = -1
BYTE: Final = 256


class ExecutionEnd(IntEnum):
    """How an execution ended."""

    RUNNING = 0
    COMPLETED = 1  # every buyer finished
    STUCK = 2  # buyers are left, and each waits for something
    ENDLESS = 3  # the bound on steps was reached
    DIVERGED = 4  # the policy's choice could not be followed: the program did not repeat itself


class Taught(NamedTuple):
    """How often each symbol was seen to keep its promise to exclude others, and for each participant if it gave way."""

    kept: bytes
    gave_way: Sequence[int]


class ExecutionState:
    """The columns of one execution at a time; `bound` is how many steps it may have.

    `requests` says how many requests each buyer makes. A participant that has no next step, or that has yet to appear,
    has the pending symbol NONE, so a state may have room for more participants than take part from the start.
    """

    # Slots, since the attributes are too many for the form in which Python finds them fastest without.
    __slots__ = (
        "_ones",
        "_present",
        "_zeros",
        "announced",
        "arrived_at",
        "arrived_by",
        "arrived_who",
        "bound",
        "buyers",
        "clock",
        "copied",
        "counters",
        "cut_off",
        "failed_at",
        "failed_what",
        "faults",
        "for_policy",
        "gave_way",
        "joined",
        "kept",
        "offset",
        "open",
        "opening",
        "pending",
        "pending_bytes",
        "promises",
        "refused",
        "retried",
        "size",
        "skip",
        "slept",
        "table",
        "what",
        "who",
    )

    def __init__(
        self,
        table: StepTable,
        requests: Sequence[int],
        services: int,
        bound: int,
        memory: Memory | None = None,
        *,
        joining: bool = False,
    ) -> None:
        memory = memory or LocalMemory()
        self.table = table
        self.copied: object = None  # the trace of the execution, once it is over and somebody has asked for it
        self.buyers = len(requests)
        self.size = size = self.buyers + services
        self.bound = bound
        self.counters = memory.numbers(Counters)
        self._present = self.counters.present = self.buyers if joining else size  # at the start of an execution

        self._place_standing(size, memory)
        self._place_trace(size, bound, memory)

        # What lasts from one execution to the next: which requests are left out, and how each buyer begins.
        self.skip = memory.column(sum(requests))  # by request, buyer by buyer: whether it is left out
        self.offset = tuple(accumulate(requests, initial=0))  # by buyer: the place of its first request there
        self.opening = memory.column(self.buyers)  # the first step of each buyer, once it is known

        self.clock = Clock(self.counters, size, bound, table.most_resources, memory)
        self.faults = FaultPlan(self.counters, size, memory)
        self.for_policy = LentColumns(size, bound, memory)

    def _place_standing(self, size: int, memory: Memory) -> None:
        """Place who stands where, and which attempts may succeed."""
        table = self.table
        self.pending = memory.column(size)  # by participant: a symbol
        self.pending_bytes = memory.bytes(size)  # the same modulo 256, which is all while symbols are few
        self.open = memory.bytes(table.limit)  # by symbol: whether an attempt may succeed
        self.kept = memory.bytes(table.limit)  # by symbol: how often it was seen to exclude others, as it promises
        self._ones = b"\1" * table.limit
        self.open[1 : table.limit] = self._ones[1:]  # 0 is no step

    def _place_trace(self, size: int, bound: int, memory: Memory) -> None:
        """Place what happens in an execution.

        The trace so far: who made each step, and which, as announced and as it turned out; before which step an attempt
        failed, and which.
        """
        self.who = memory.column(bound)
        self.announced = memory.column(bound)
        self.what = memory.column(bound)
        self.failed_at = memory.column(2 * bound)
        self.failed_what = memory.column(2 * bound)

        # By participant, 0 if there was none: 1 + the length at which it last slept, 1 + the length at which it last
        # attempted what was known to fail, and 1 + the number of its last failed attempt.
        self.slept = memory.column(size)
        self.retried = memory.column(size)
        self.refused = memory.column(size)
        self.promises = memory.column(size)  # whether its tries are all alike until one is not refused
        self._zeros = as_slice(self.pending, [0] * size)
        # Who came to a step by another's step, and not by its own: when, who it was, and who made that other step.
        self.arrived_at = memory.column(bound)
        self.arrived_who = memory.column(bound)
        self.arrived_by = memory.column(bound)
        # Who was kept for ever from a step before which it stood, by another's step: when, who it was, and which step.
        self.cut_off: list[tuple[int, int, int]] = []
        self.joined = memory.column(size)  # by participant: whether it has joined while the execution ran
        self.gave_way = memory.column(size)  # whether it was ever put off with tries left out; never reset

    def reset(self) -> None:
        """Go back to the start of an execution: no buyer has come yet, and services keep standing where they wait."""
        self.copied = None
        self.cut_off = []
        self.clock.reset(self.table.known_resources)
        self.counters.reset()
        self.counters.unfinished = self.buyers
        self.counters.present = self._present
        self.faults.reset()
        for column in (self.slept, self.retried, self.refused, self.promises):
            column[: self.size] = self._zeros
        if self.counters.arrivals:
            self.joined[: self.size] = self._zeros
            self.pending[self.buyers : self.size] = self._zeros[self.buyers :]
            self.pending_bytes[self.buyers : self.size] = bytes(self.size - self.buyers)
            self.counters.arrivals = 0
        known = len(self.table.symbols)
        self.open[1:known] = self._ones[1:known]
        self.place_buyers(self._zeros[: self.buyers])

    def taught(self) -> Taught:
        """Return what executions have taught that later ones go by."""
        return Taught(bytes(self.kept[: len(self.table)]), [1 if each else 0 for each in self.gave_way])

    def teach(self, taught: Taught) -> None:
        """Take in what the executions of another state have taught, whose table had the same steps."""
        kept, gave_way = taught
        self.kept[: len(kept)] = kept
        self.gave_way[: len(gave_way)] = as_slice(self.gave_way, gave_way)

    def leave_out(self, without: Iterable[tuple[int, int]]) -> None:
        """Have buyers not make these requests, each given by its buyer and its place in the buyer's script."""
        self.counters.learnt = False
        self.skip[: len(self.skip)] = as_slice(self.skip, [0] * len(self.skip))
        for buyer, place in without:
            self.skip[self.offset[buyer] + place] = 1

    def arrive(self, who: int, symbol: int) -> None:
        """Have a participant stand before a step, which may be an attempt that is known to fail."""
        self.pending[who] = symbol
        self.pending_bytes[who] = symbol % BYTE
        if not self.open[symbol]:
            self.counters.version += 1

    def join(self, who: int) -> None:
        """Have a participant take part from now on."""
        self.joined[who] = 1
        self.counters.unfinished += 1
        self.counters.present = max(self.counters.present, 1 + who)

    def leave_alone(self, who: int) -> None:
        """Have a participant stand before no step for now: it waits for something that no step of its own gets."""
        self.pending[who] = self.pending_bytes[who] = NONE
        self.counters.version += 1

    def note_arrival(self, who: int, by: int) -> None:
        """Take down that a participant comes to its step because of a step that another one has just made."""
        counters = self.counters
        number = counters.arrivals
        if number == len(self.arrived_at):
            raise TicketlabError(f"participants were woken {number} times in {counters.length} steps: allow more steps")
        self.arrived_at[number], self.arrived_who[number], self.arrived_by[number] = counters.length, who, by
        counters.arrivals = number + 1
        counters.version += 1

    def note_cut_off(self, who: int) -> bool:
        """Take down that the step just made ends a participant, or its wait; return whether it stood before a step."""
        if self.pending[who] == NONE:
            return False
        self.cut_off.append((self.counters.length, who, self.pending[who]))
        return True

    def place_buyers(self, symbols: Sequence[int]) -> None:
        """Have every buyer stand before a step, or before none; the symbols are a slice of a column."""
        self.pending[: self.buyers] = symbols
        self.pending_bytes[: self.buyers] = bytes(symbol % BYTE for symbol in symbols)
        self.counters.version += 1
