"""Nodes of a `dpor` search: in the process that searches, and as values for others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import cast

from ticketlab.explorer.analysis.ways import CommuteTest, Way, What
from ticketlab.explorer.engine.steps import NONE, StepName, StepTable
from ticketlab.explorer.policies.wakeup_tree import Branch, is_explored, keep_way, left_to_try

SymbolNames = Callable[[int], StepName | None]
NamedSteps = tuple[tuple[int, StepName | None], ...]
"""Participants, ascending, each with a step."""


@dataclass(slots=True)
class Node:
    """One step of the last execution, and what else is to be tried there."""

    who: int
    what: int
    sleep: dict[int, int]  # who need not move first here, with the step that was explored elsewhere
    explored: dict[int, int] = field(default_factory=dict)  # who has moved first here, with which step
    branches: tuple[Branch, ...] = ()  # what else is to be tried here
    ahead: Branch | None = None  # what is to come right after the step, until that has been made
    closed: set[int] = field(default_factory=set)  # symbols whose attempts fail here, as any execution has seen

    def made(self, what: int) -> None:
        """Take down what the step was; NONE says that the participant could not move after all."""
        self.what, self.ahead = what, None

    def go_on(self, commute: CommuteTest) -> bool:
        """Take what is to be tried next in place of the present step, and return whether there is something."""
        if self.branches and self.what != NONE:
            self.explored[self.who] = self.what
            self.branches = left_to_try(self.branches, self.who, self.what, commute)
        if not self.branches:
            return False
        first, *others = self.branches
        self.who, self.what, self.branches, self.ahead = first.who, NONE, tuple(others), first.split(1)[1]
        return True


@dataclass(frozen=True, slots=True)
class GivenNode:
    """A node as a value for other processes, with steps in place of symbols."""

    who: int
    what: StepName | None
    sleep: NamedSteps
    explored: NamedSteps
    branches: tuple[Branch, ...]
    ahead: Branch | None
    closed: frozenset[StepName | None]

    @classmethod
    def of(cls, node: Node, named: SymbolNames) -> GivenNode:
        """Return a node with the names that a table gives to its symbols."""
        closed = frozenset(named(symbol) for symbol in node.closed)
        sleep, explored = _steps(node.sleep, named), _steps(node.explored, named)
        branches = tuple(branch.renamed(named) for branch in node.branches)
        ahead = node.ahead and node.ahead.renamed(named)
        return cls(node.who, named(node.what), sleep, explored, branches, ahead, closed)

    def next(self) -> GivenNode | None:
        """Return the node with what is to be tried next there; None if there is nothing left."""
        explored, branches = dict(self.explored), self.branches
        if self.what is not None:
            explored[self.who] = self.what
            branches = left_to_try(branches, self.who, self.what, commuting)
        if not branches:
            return None
        first, *others = branches
        ascending = tuple(sorted(explored.items(), key=lambda one: one[0]))
        ahead = first.split(1)[1]
        return replace(self, who=first.who, what=None, explored=ascending, branches=tuple(others), ahead=ahead)

    def after(self, explored: GivenNode, *, branch: bool) -> GivenNode:
        """Return the node with the attempts that were seen to fail there and, if it is the branch, with its step."""
        if not branch:
            return replace(self, closed=explored.closed)
        return replace(self, closed=explored.closed, what=explored.what, ahead=explored.ahead)

    def reversing(self, way: Way) -> GivenNode:
        """Return the node with a way to reverse a race among what is to be tried; the same one if that is answered."""
        if is_explored(way, {**dict(self.sleep), **dict(self.explored)}, commuting):
            return self
        branches = keep_way(self.branches, way)
        return self if branches is self.branches else replace(self, branches=branches)

    def same_search(self, other: GivenNode) -> bool:
        """Whether the same is tried first, the same ones sleep, and the same attempts are known to fail."""
        return replace(self, branches=()) == replace(other, branches=())


@cache
def commuting(one: What, other: What) -> bool:
    """Whether the order of two steps, given by their names, can make no difference."""
    table = StepTable()
    return table.commute(*(table.symbol(cast("StepName", name)) for name in (one, other)))


def _steps(steps: Mapping[int, int], named: SymbolNames) -> NamedSteps:
    return tuple((who, named(what)) for who, what in sorted(steps.items()))
