"""Dynamic partial-order reduction: one execution for each way in which steps that do not commute can be ordered.

Source-DPOR of Abdulla, Aronis, Jonsson and Sagonas, "Optimal dynamic partial order reduction" (POPL 2014), with sleep
sets (Godefroid 1996). After each execution the races in it are found by vector clocks: pairs of steps by different
participants that do not commute and that no third step orders. To reverse a race (e, f), the stack's node before e
must also try a participant that can begin the steps that do not happen after e, then f: an *initial* of them. Sleep
sets keep out what has been explored under another name; an execution that runs into one is redundant, not counted.

Blocking steps. f may have been unable to move before e: an acquisition before the release that made it possible. Then
the race can not be reversed there, and the one before it counts, back to the other's acquisition. What would have
failed is known from attempts, each of which speaks for the whole time in which nothing changed its resource; so where
an attempt might fail, it is made first. Steps that never came, as the execution got stuck, race as if they came last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ticketlab.explorer.analysis.races import races
from ticketlab.explorer.analysis.trace import Trace, same_start
from ticketlab.explorer.engine.declared import Number, PerParticipant, PerStep
from ticketlab.explorer.engine.state import NOBODY, ExecutionState
from ticketlab.explorer.engine.steps import NONE, StepTable
from ticketlab.explorer.policies.policy import Policy, PolicyKind
from ticketlab.explorer.policies.replay import go_on


@dataclass(slots=True)
class Node:
    """One step of the last execution, and what else is to be tried there."""

    who: int
    what: int
    sleep: dict[int, int]  # who need not move first here, and the step with which that was explored elsewhere
    explored: dict[int, int] = field(default_factory=dict)  # who has moved first here, with which step
    backtrack: set[int] = field(default_factory=set)  # who must
    closed: set[int] = field(default_factory=set)  # symbols whose attempts fail here, as this or earlier executions saw


class SourceSets(Policy):
    """Every Mazurkiewicz trace at least once, and no complete execution that repeats one."""

    planned = PerStep()  # the choices that are given, the branch included
    planned_steps = Number()  # how many they are
    asleep = PerParticipant()  # the step with which a participant sleeps: its first was explored elsewhere; 0 if awake
    woken_until = Number()  # the step up to which sleepers have been woken

    def __init__(self) -> None:
        self._stack: list[Node] = []
        self._planned = 0
        self._begun = False

    def __getstate__(self) -> dict[str, Any]:
        """Leave the stack behind: whoever chooses goes by the state alone."""
        return {**super().__getstate__(), "_stack": []}

    def begin(self, state: ExecutionState) -> bool:
        """Find the races of the last execution, and lay out the next one."""
        branch: Node | None = None
        if self._begun:
            trace, redundant = Trace.of(state), state.counters.redundant
            # What comes after an execution became redundant is no part of the search: steps that only happened to be
            # made there would pass for a way to begin the reversal of a race.
            self._grow(trace.until(redundant - 1) if redundant else trace)
            branch = self._branch()
            if branch is None:
                return False
        self._begun = True
        self._planned = self.planned_steps[0] = len(self._stack)
        for place, node in enumerate(self._stack):
            self.planned[place] = node.who
        self.woken_until[0] = max(0, self._planned - 1)
        sleep = {**branch.sleep, **branch.explored} if branch else {}
        for who in range(state.size):
            self.asleep[who] = sleep.get(who, NONE)
        return True

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
            counters.redundant = place + 1  # the branch could not move after all; that much is known now
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
        """Let sleepers wake whose step does not commute with one that was made since."""
        symbols, asleep = state.table.symbols, self.asleep
        for node in range(self.woken_until[0], place):
            made = symbols[state.what[node]]
            for who in range(state.size):
                if asleep[who] and not symbols[asleep[who]].commutes_with(made):
                    asleep[who] = NONE
        self.woken_until[0] = place

    def _grow(self, trace: Trace) -> None:
        fresh = max(0, self._planned - 1)
        same_start(trace, [(node.who, node.what) for node in self._stack[:fresh]])
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
        """Return what fails at each node; what repeated nodes were found to refuse is not attempted again."""
        closed = trace.closed()
        for place, here in enumerate(closed):
            if place < len(self._stack):
                here |= self._stack[place].closed
            if place:
                made = trace.what[place - 1]
                here |= closed[place - 1].difference(trace.table.symbols[made].reopens)
            if place < len(self._stack):
                self._stack[place].closed = here
        return closed

    def _branch(self) -> Node | None:
        """Drop from the stack what is explored, and pick who moves next at the deepest node that is not."""
        while self._stack:
            node = self._stack[-1]
            node.explored[node.who] = node.what
            left = node.backtrack - node.explored.keys() - node.sleep.keys()
            if left:
                node.who = min(left)
                return node
            self._stack.pop()
        return None


def _still_asleep(node: Node, table: StepTable) -> dict[int, int]:
    """Return who stays asleep past a node's present step: those whose step commutes with it."""
    sleep = {**node.sleep, **node.explored}
    return {who: what for who, what in sleep.items() if table.commute(what, node.what)}


KIND = PolicyKind(
    name="dpor",
    summary="one execution for each order of the steps that do not commute (source sets and sleep sets)",
    build=lambda _variant, _seed: SourceSets(),
    ends=True,
    exhausts=True,
)
