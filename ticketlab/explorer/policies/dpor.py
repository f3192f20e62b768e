"""Dynamic partial-order reduction: one execution for each way in which steps that do not commute can be ordered.

Optimal DPOR of Abdulla, Aronis, Jonsson and Sagonas, "Optimal dynamic partial order reduction" (POPL 2014), with sleep
sets (Godefroid 1996) and wakeup trees (see `wakeup_tree`). After each execution the races in it are found by vector
clocks: pairs of steps of different participants that do not commute, and that no third step orders. To reverse a race
(e, f), the steps that do not happen after e must be tried, followed by f, from the stack's node before e on: the race's
*way*. A sleep set holds the participants whose first step was explored elsewhere; an execution in which only these can
move is redundant, and is not counted.

Nothing is left out. Take an order of steps that is possible from a node, and begins with nobody who has moved first
there. Of those who have, take one that commutes with as many of the order's first steps as any. What it was explored
with has these steps, and then a race of its own with the next one. Its way begins with a participant that has moved
first, or will, and that commutes with one step more: a contradiction. This takes of a way only who begins it, and that
it begins. The rest of it sees to it that no execution is redundant: it wakes all who are asleep.

Blocking steps. It may be that f could not have been made before e, as a lock cannot be acquired before the release e.
Then this race cannot be reversed, unless steps that do not happen after e would let f be made: f is a writer, and e a
reader that comes in beside another. Otherwise the race of f with an earlier step counts, back to the acquisition. Which
attempts would have failed is known from attempts that were made: a failed one speaks for all the time in which no step
changed its resource. So an attempt that may fail is made before other steps, and what lets others go on after all
others. If an execution got stuck, the steps that were never made race as if they came last.

What is redundant all the same. Whether f can be made without e is not known if no execution has tried that attempt
there. Then it is tried. If it fails, the execution goes on freely, and is redundant if everybody left is asleep. No
order in which attempts are learnt of avoids this: of two participants that each write what the other waits for, one
writes first, and whether the other's wait would have ended before is not known. Nor is it known what f turns out to be
without e. So a sleeper that is no part of a way is not taken to commute with it.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, cast

from ticketlab.explorer.analysis.races import Clocks, Race, races
from ticketlab.explorer.analysis.trace import Trace, same_standing, same_start
from ticketlab.explorer.engine.policy_columns import Number, PerParticipant, PerStep
from ticketlab.explorer.engine.state import NOBODY, ExecutionState
from ticketlab.explorer.engine.steps import NONE, StepTable
from ticketlab.explorer.policies.given_node import GivenNode, Node
from ticketlab.explorer.policies.policy import PolicyKind
from ticketlab.explorer.policies.replay import go_on
from ticketlab.explorer.policies.subtree import ReachingRace, Subtree, TreeSearch, repeats
from ticketlab.explorer.policies.wakeup_tree import Branch, is_explored, keep_way


class SourceSets(TreeSearch):
    """Every Mazurkiewicz trace once, and no complete execution that repeats one.

    A Mazurkiewicz trace is a set of schedules that differ only in the order of steps that commute, so one of them
    stands for all. Like a depth-first search, the policy keeps a stack with a node for each step of the last execution.
    Unlike it, the policy tries at a node only participants with which a race that was seen could be reversed.
    """

    planned = PerStep()  # the choices that are given, the branch included
    planned_steps = Number()  # how many they are
    branch = Number()  # how many of them repeat the last execution
    asleep = PerParticipant()  # the step of a participant that was explored elsewhere; 0 if it is awake
    woken_until = Number()  # the step up to which sleepers have been woken

    def __init__(self) -> None:
        super().__init__()
        self._stack: list[Node] = []
        self._table: StepTable | None = None
        self._reaching: dict[Hashable, ReachingRace] = {}  # by what they are, in the order in which they were found
        self._branch_at = 0
        self._plan: list[tuple[int, tuple[Branch, ...]]] = []  # who is to come after the branch, and what is beside
        self._last: Trace | None = None  # the last execution, whose beginning the next one repeats
        self._clocks: Clocks | None = None  # of its steps
        self._failed = False  # whether any attempt has
        self._begun = False

    def __getstate__(self) -> dict[str, Any]:
        """Return what `choose` needs, which is neither the stack nor the last execution."""
        return {
            **super().__getstate__(),
            "_stack": [],
            "_last": None,
            "_clocks": None,
            "_table": None,
            "_subtree": None,
            "_reaching": {},
            "_plan": [],
        }

    def begin(self, state: ExecutionState) -> bool:
        """Find the races of the last execution, and lay out the next one."""
        if not self.take_in(state):
            return False
        self.lay_out(state)
        return True

    def take_in(self, state: ExecutionState) -> bool:
        """Find the races of the last execution, which the state holds, and return whether there is another one."""
        self._table = state.table
        if not self._begun:
            self._begun = True
            if self._subtree is not None:
                self._take(self._subtree, state.table)
            return True
        trace, redundant = Trace.of(state), state.counters.redundant
        # The steps after an execution became redundant are no part of the search: they would count as ways to begin the
        # reversal of a race.
        self._check_repeated(trace)
        self._grow(trace.until(redundant - 1) if redundant else trace)
        return self._branch() and not self._pauses()

    def lay_out(self, state: ExecutionState) -> None:
        """Lay out the next execution: the stack, whose last node is where it branches off, and what comes after."""
        branch = self._stack[-1] if self._stack else None
        self._branch_at = self.repeated = self.branch[0] = self.woken_until[0] = max(0, len(self._stack) - 1)
        self._plan = branch.ahead.first_sequence() if branch and branch.ahead else []
        planned = self.planned
        for place, node in enumerate(self._stack):
            planned[place] = node.who
        for place, (who, _) in enumerate(self._plan, len(self._stack)):
            planned[place] = who
        self.planned_steps[0] = len(self._stack) + len(self._plan)
        sleep = {**branch.sleep, **branch.explored} if branch else {}
        for who in range(state.size):
            self.asleep[who] = sleep.get(who, NONE)

    def choose(self, enabled: Sequence[int], state: ExecutionState) -> int:
        """Repeat the stack; then make attempts first and what lets others go on last, else without preemption."""
        counters = state.counters
        place = counters.length
        if place < self.planned_steps[0]:
            choice: int = self.planned[place]
            if choice in enabled:
                return choice
            if place < self.branch[0]:
                return NOBODY
            self.planned_steps[0] = place  # it could not move after all, as is known now
            if place == self.branch[0]:
                counters.redundant = place + 1
        if counters.redundant:
            return go_on(enabled, state)
        self._wake(state, place)
        asleep = self.asleep
        awake = [who for who in enabled if not asleep[who]]
        if not awake:
            counters.redundant = place + 1
            return go_on(enabled, state)
        symbols, pending = state.table.symbols, state.pending
        if len(awake) > 1:
            haste = [symbols[pending[who]].haste for who in awake]
            if haste.count(soonest := min(haste)) != len(haste):
                awake = [who for who, each in zip(awake, haste, strict=True) if each == soonest]
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
        fresh = self._branch_at
        if self._last is None:
            repeats(trace, [(node.who, node.what) for node in self._stack[:fresh]])
        else:
            same_start(trace, self._last, fresh)
            same_standing(trace, self._last, fresh)
        self._last = trace

    def _grow(self, trace: Trace) -> None:
        fresh = self._branch_at
        if self._stack:
            self._stack[-1].made(trace.what[fresh] if fresh < len(trace) else NONE)
        table = trace.table
        for place in range(len(self._stack), len(trace)):
            above = self._stack[-1] if self._stack else None
            sleep = _still_asleep(above, table) if above else {}
            self._stack.append(Node(trace.who[place], trace.what[place], sleep))
        for node, (who, beside) in zip(self._stack[fresh + 1 :], self._plan, strict=False):
            if beside:
                node.branches = tuple(branch for branch in beside if branch.who != node.who)
            if node.who != who:
                break  # it could not move after all: everything is tried from there on
        closed = self._closed(trace)
        self._clocks = Clocks(trace, self._clocks, fresh)
        for race in races(self._clocks, fresh, closed):
            if race.first < len(self._stack):
                self._reverse(race, trace.table)

    def _reverse(self, race: Race, table: StepTable) -> None:
        """Keep the way to reverse a race, unless what it leads to is explored elsewhere, or will be."""
        node, way = self._stack[race.first], race.way
        first = way[0].who  # an initial, and most often the one that is explored
        for sleep in (node.sleep, node.explored):
            if sleep and (first in sleep or is_explored(way, sleep, table.commute)):
                return
        branches = keep_way(node.branches, way)
        if branches is node.branches:
            return
        if race.first >= self._floor:
            node.branches = branches
            return
        key = race.first, tuple(step[:2] for step in way)
        if key not in self._reaching:
            self._reaching[key] = ReachingRace(race.first, tuple(step.renamed(table.name) for step in way))

    def _closed(self, trace: Trace) -> list[set[int]]:
        """Return the symbols whose attempts fail at each node, as this execution or an earlier one has seen."""
        self._failed |= bool(trace.failed)
        if not self._failed:
            return [set()] * (1 + len(trace))
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

    def _take(self, subtree: Subtree, table: StepTable) -> None:
        symbol = table.symbol
        for node in cast("tuple[GivenNode, ...]", subtree.stack):
            sleep, explored = ({who: symbol(what) for who, what in each} for each in (node.sleep, node.explored))
            closed = {symbol(what) for what in node.closed}
            self._failed |= bool(closed)
            branches = tuple(branch.renamed(symbol) for branch in node.branches)
            ahead = node.ahead and node.ahead.renamed(symbol)
            self._stack.append(Node(node.who, symbol(node.what), sleep, explored, branches, ahead, closed))

    def explored(self) -> Subtree:
        """Return the subtree as the search has left it, and the races that reach below its floor."""
        assert self._table is not None
        stack = [GivenNode.of(node, self._table.name) for node in self._stack]
        return Subtree(tuple(stack), self._floor, tuple(self._reaching.values()))

    def _branch(self) -> bool:
        """Pop the nodes that are fully explored, and pick what is tried next at the deepest one, if one is left."""
        assert self._table is not None
        while len(self._stack) > self._floor:
            if self._stack[-1].go_on(self._table.commute):
                return True
            self._stack.pop()
        return False


def _still_asleep(node: Node, table: StepTable) -> dict[int, int]:
    """Return who stays asleep after a node's present step: those whose step commutes with it."""
    sleep, made = {**node.sleep, **node.explored}, table.symbols[node.what]
    return {who: what for who, what in sleep.items() if table.symbols[what].commutes_with(made)} if sleep else sleep


KIND = PolicyKind(
    name="dpor",
    summary="one execution for each order of the steps that do not commute (wakeup trees and sleep sets)",
    build=lambda _variant, _seed: SourceSets(),
    ends=True,
    exhausts=True,
)
