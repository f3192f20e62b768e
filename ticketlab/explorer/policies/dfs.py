"""Depth-first search: every schedule once, or every schedule with at most so many preemptions.

A preemption is a switch away from a participant that could have gone on. Most races need one or two (Musuvathi and
Qadeer, "Iterative context bounding for systematic testing of multithreaded programs", PLDI 2007).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from ticketlab.core.spec import Option
from ticketlab.explorer.analysis.trace import Trace, same_standing, same_start
from ticketlab.explorer.engine.policy_columns import Number, PerParticipant, PerStep
from ticketlab.explorer.engine.state import NOBODY, ExecutionState
from ticketlab.explorer.engine.steps import StepName, StepTable
from ticketlab.explorer.policies.policy import PolicyKind
from ticketlab.explorer.policies.replay import go_on
from ticketlab.explorer.policies.subtree import Subtree, TreeSearch, repeats


@dataclass(slots=True)
class ChoicePoint:
    """One step of the last execution: who made it, which it was, and who is still to be tried in its place."""

    who: int
    what: int
    preemptions: int  # up to and including this step
    untried: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class GivenChoice:
    """A choice point as a value for other processes."""

    who: int
    what: StepName | None
    preemptions: int
    untried: tuple[int, ...]

    def next(self) -> GivenChoice | None:
        """Return the choice point if somebody is untried; the search finds out which of them can move."""
        return self if self.untried else None

    def after(self, explored: GivenChoice, *, branch: bool) -> GivenChoice:
        """Return the choice point with who moved there, and who is left."""
        return explored if branch else self

    def same_search(self, other: GivenChoice) -> bool:
        """Whether the same participants are to be tried."""
        return replace(self, who=0, what=None) == replace(other, who=0, what=None)


class DepthFirst(TreeSearch):
    """Every schedule exactly once; `preemptions` bounds the preemptions in each, None sets no bound.

    A stack has a choice point for each step of the last execution. The next execution repeats the stack up to the
    deepest choice point at which a participant is untried, lets that one move there, and goes on without preemption.
    Whether an attempt would fail is found out by trying: if the candidate fails, the next one is tried at the same
    place, and if all of them fail, the execution is redundant.
    """

    planned = PerStep()  # the choices that are repeated
    prefix = Number()  # how many they are
    candidates = PerParticipant()  # who is to be tried at the branch, in order, until one can move
    candidates_left = Number()  # how many they are

    def __init__(self, preemptions: int | None = None, *, clocked: bool = False) -> None:
        super().__init__()
        self.clocked = clocked
        self._bound = preemptions
        self._stack: list[ChoicePoint] = []
        self._last: Trace | None = None  # the last execution, whose beginning the next one repeats
        self._begun = False
        self._table: StepTable | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Return what `choose` needs, which is neither the stack nor the last execution."""
        return {**super().__getstate__(), "_stack": [], "_last": None, "_table": None, "_subtree": None}

    def begin(self, state: ExecutionState) -> bool:
        """Push the new steps of the last execution onto the stack, and lay out the next execution."""
        if self._begun:
            self._grow(Trace.of(state), redundant=state.counters.redundant > 0)
            while len(self._stack) > self._floor and not self._stack[-1].untried:
                self._stack.pop()
            if len(self._stack) == self._floor or self._pauses():
                return False
        elif self._subtree is not None:
            self._take(self._subtree, state.table)
        self._table = state.table
        self._begun = True
        self.repeated = self.prefix[0] = max(0, len(self._stack) - 1)
        for place, node in enumerate(self._stack[: self.repeated]):
            self.planned[place] = node.who
        candidates = self._stack[-1].untried if self._stack else []
        for place, who in enumerate(candidates):
            self.candidates[place] = who
        self.candidates_left[0] = len(candidates)
        return True

    def choose(self, enabled: Sequence[int], state: ExecutionState) -> int:
        """Repeat the stack, let a candidate move at the branch, then go on without preemption."""
        place, prefix = state.counters.length, self.prefix[0]
        if place < prefix:
            planned: int = self.planned[place]
            return planned if planned in enabled else NOBODY
        if place == prefix and (left := self.candidates_left[0]):
            for candidate in self.candidates[:left]:
                if candidate in enabled:
                    return int(candidate)
            state.counters.redundant = place + 1
        return go_on(enabled, state)

    def _take(self, subtree: Subtree, table: StepTable) -> None:
        for node in cast("tuple[GivenChoice, ...]", subtree.stack):
            self._stack.append(ChoicePoint(node.who, table.symbol(node.what), node.preemptions, list(node.untried)))

    def explored(self) -> Subtree:
        """Return the subtree as the search has left it."""
        assert self._table is not None
        name = self._table.name
        stack = [GivenChoice(node.who, name(node.what), node.preemptions, tuple(node.untried)) for node in self._stack]
        return Subtree(tuple(stack), self._floor)

    def _grow(self, trace: Trace, *, redundant: bool) -> None:
        branch = self.repeated
        if self._last is None:
            repeats(trace, [(node.who, node.what) for node in self._stack[:branch]])
        else:
            same_start(trace, self._last, branch)
            same_standing(trace, self._last, branch)
        self._last = trace
        if redundant:  # none of the candidates at the branch could move after all
            self._stack[-1].untried.clear()
            return
        if self._stack:
            untried = self._stack.pop().untried
            tried = untried.index(trace.who[branch]) if trace.who[branch] in untried else len(untried)
            rest = untried[tried + 1 :]
        else:
            rest = None
        for node, enabled in enumerate(trace.enabled(branch), branch):
            if node == len(trace):
                break
            who = trace.who[node]
            before = self._stack[-1] if self._stack else None
            spent = before.preemptions if before else 0
            preempted = before.who if before and before.who in enabled else None
            others = rest if node == branch and rest is not None else [one for one in enabled if one != who]
            allowed = [one for one in others if self._within(spent + (preempted is not None and one != preempted))]
            cost = spent + (preempted is not None and who != preempted)
            self._stack.append(ChoicePoint(who, trace.what[node], cost, allowed))

    def _within(self, preemptions: int) -> bool:
        return self._bound is None or preemptions <= self._bound


def _build(_variant: str, _seed: int, preemptions: str) -> DepthFirst:
    return DepthFirst(int(preemptions) if preemptions else None)


KIND = PolicyKind(
    name="dfs",
    summary="every schedule once, by depth-first search",
    options={"preemptions": Option("", "the most switches away from a buyer that could go on (default: no bound)")},
    build=_build,
    ends=True,
    exhausts=True,
)
