"""Dynamic partial-order reduction: one execution for each way in which steps that do not commute can be ordered.

Source-DPOR of Abdulla, Aronis, Jonsson and Sagonas, "Optimal dynamic partial order reduction" (POPL 2014), with sleep
sets (Godefroid 1996). After each execution the races in it are found by vector clocks: pairs of steps of different
participants that do not commute, and that no third step orders. To reverse a race (e, f), the stack's node before e
must also try a participant that can begin the sequence of those steps that do not happen after e, followed by f. Such a
participant is called an *initial* of the sequence. A sleep set holds the participants whose first step was explored
elsewhere; an execution in which only these can move is redundant, and is not counted.

Blocking steps. It may be that f could not have been made before e, as a lock cannot be acquired before the release e.
Then this race cannot be reversed, unless steps that do not happen after e would let f be made: f is a writer, and e a
reader that comes in beside another. Otherwise the race of f with an earlier step counts, back to the acquisition. Which
attempts would have failed is known from attempts that were made: a failed one speaks for all the time in which no step
changed its resource. So an attempt that may fail is made before other steps. If an execution got stuck, the steps that
were never made race as if they came last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ticketlab.explorer.analysis.races import races
from ticketlab.explorer.analysis.trace import Trace, same_standing, same_start
from ticketlab.explorer.engine.policy_columns import Number, PerParticipant, PerStep
from ticketlab.explorer.engine.state import NOBODY, ExecutionState
from ticketlab.explorer.engine.steps import NONE, StepTable
from ticketlab.explorer.policies.policy import Policy, PolicyKind
from ticketlab.explorer.policies.replay import go_on


@dataclass(slots=True)
class Node:
    """One step of the last execution, and what else is to be tried there."""

    who: int
    what: int
    sleep: dict[int, int]  # who need not move first here, with the step that was explored elsewhere
    explored: dict[int, int] = field(default_factory=dict)  # who has moved first here, with which step
    backtrack: set[int] = field(default_factory=set)  # who must move first here in one execution at least
    closed: set[int] = field(default_factory=set)  # symbols whose attempts fail here, as any execution has seen


class SourceSets(Policy):
    """Every Mazurkiewicz trace at least once, and no complete execution that repeats one.

    A Mazurkiewicz trace is a set of schedules that differ only in the order of steps that commute, so one of them
    stands for all. Like a depth-first search, the policy keeps a stack with a node for each step of the last execution.
    Unlike it, the policy tries at a node only participants with which a race that was seen could be reversed.
    """

    proves = True

    planned = PerStep()  # the choices that are given, the branch included
    planned_steps = Number()  # how many they are
    asleep = PerParticipant()  # the step of a participant that was explored elsewhere; 0 if it is awake
    woken_until = Number()  # the step up to which sleepers have been woken

    def __init__(self) -> None:
        self._stack: list[Node] = []
        self._planned = 0
        self._last: Trace | None = None  # the last execution, whose beginning the next one repeats
        self._begun = False

    def __getstate__(self) -> dict[str, Any]:
        """Return what `choose` needs, which is neither the stack nor the last execution."""
        return {**super().__getstate__(), "_stack": [], "_last": None}

    def begin(self, state: ExecutionState) -> bool:
        """Find the races of the last execution, and lay out the next one."""
        if not self.take_in(state):
            return False
        self.lay_out(state)
        return True

    def take_in(self, state: ExecutionState) -> bool:
        """Find the races of the last execution, which the state holds, and return whether there is another one."""
        if not self._begun:
            self._begun = True
            return True
        trace, redundant = Trace.of(state), state.counters.redundant
        # The steps after an execution became redundant are no part of the search: they would count as ways to begin the
        # reversal of a race.
        self._check_repeated(trace)
        self._grow(trace.until(redundant - 1) if redundant else trace)
        return self._branch()

    def lay_out(self, state: ExecutionState) -> None:
        """Lay out the next execution: the stack, whose last node is where it branches off."""
        branch = self._stack[-1] if self._stack else None
        self._planned = self.planned_steps[0] = len(self._stack)
        self.repeated = max(0, self._planned - 1)
        for place, node in enumerate(self._stack):
            self.planned[place] = node.who
        self.woken_until[0] = max(0, self._planned - 1)
        sleep = {**branch.sleep, **branch.explored} if branch else {}
        for who in range(state.size):
            self.asleep[who] = sleep.get(who, NONE)

    def choose(self, enabled: Sequence[int], state: ExecutionState) -> int:
        """Repeat the stack; then make attempts that may fail first, and go on without preemption."""
        counters, planned = state.counters, self.planned_steps[0]
        place = counters.length
        if place < planned:
            choice: int = self.planned[place]
            if choice in enabled:
                return choice
            if place < planned - 1:
                return NOBODY
            counters.redundant = place + 1  # the branch could not move after all, as is known now
        if counters.redundant:
            return go_on(enabled, state)
        self._wake(state, place)
        asleep = self.asleep
        awake = [who for who in enabled if not asleep[who]]
        if not awake:
            counters.redundant = place + 1
            return go_on(enabled, state)
        symbols, pending = state.table.symbols, state.pending
        for who in awake:
            if symbols[pending[who]].may_fail:
                return who
        return go_on(awake, state)

    def _wake(self, state: ExecutionState, place: int) -> None:
        """Wake those whose step does not commute with one of the steps made since."""
        symbols, asleep = state.table.symbols, self.asleep
        for node in range(self.woken_until[0], place):
            made = symbols[state.what[node]]
            for who in range(state.counters.present):
                if asleep[who] and not symbols[asleep[who]].commutes_with(made):
                    asleep[who] = NONE
        self.woken_until[0] = place

    def _check_repeated(self, trace: Trace) -> None:
        """Check that an execution repeated what was planned."""
        fresh = max(0, self._planned - 1)
        if self._last is not None:
            same_start(trace, self._last, fresh)
            same_standing(trace, self._last, fresh)
        self._last = trace

    def _grow(self, trace: Trace) -> None:
        fresh = max(0, self._planned - 1)
        if self._stack:
            branch = self._stack[-1]
            branch.what = trace.what[fresh] if fresh < len(trace) else trace.final[branch.who]
        for node in range(self._planned, len(trace)):
            above = self._stack[-1] if self._stack else None
            sleep = _still_asleep(above, trace.table) if above else {}
            self._stack.append(Node(trace.who[node], trace.what[node], sleep, backtrack={trace.who[node]}))
        for race in races(trace, fresh, self._closed(trace)):
            if race.first < len(self._stack):
                node_ = self._stack[race.first]
                if not race.initials & (node_.backtrack | node_.sleep.keys()):
                    node_.backtrack.add(race.second if race.second in race.initials else min(race.initials))

    def _closed(self, trace: Trace) -> list[set[int]]:
        """Return the symbols whose attempts fail at each node, as this execution or an earlier one has seen."""
        closed = trace.closed()
        for place, here in enumerate(closed):
            if place < len(self._stack):
                here |= self._stack[place].closed
            if place and (before := closed[place - 1]):
                made = trace.what[place - 1]
                here |= before.difference(trace.table.symbols[made].reopens)
            if place < len(self._stack):
                self._stack[place].closed = here
        return closed

    def _branch(self) -> bool:
        """Pop the nodes that are fully explored, and pick who moves next at the deepest one, if one is left."""
        while self._stack:
            node = self._stack[-1]
            node.explored[node.who] = node.what
            left = node.backtrack - node.explored.keys() - node.sleep.keys()
            if left:
                node.who = min(left)
                return True
            self._stack.pop()
        return False


def _still_asleep(node: Node, table: StepTable) -> dict[int, int]:
    """Return who stays asleep after a node's present step: those whose step commutes with it."""
    sleep, made = {**node.sleep, **node.explored}, table.symbols[node.what]
    return {who: what for who, what in sleep.items() if table.symbols[what].commutes_with(made)} if sleep else sleep


KIND = PolicyKind(
    name="dpor",
    summary="one execution for each order of the steps that do not commute (source sets and sleep sets)",
    build=lambda _variant, _seed: SourceSets(),
    ends=True,
    exhausts=True,
)
