"""Nodes of a `dpor` search: in the process that searches, and as values for others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from ticketlab.explorer.engine.steps import StepName

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
    backtrack: set[int] = field(default_factory=set)  # who must move first here in one execution at least
    closed: set[int] = field(default_factory=set)  # symbols whose attempts fail here, as any execution has seen


@dataclass(frozen=True, slots=True)
class GivenNode:
    """A node as a value for other processes, with steps in place of symbols."""

    who: int
    what: StepName | None
    sleep: NamedSteps
    explored: NamedSteps
    backtrack: frozenset[int]
    closed: frozenset[StepName | None]

    @classmethod
    def of(cls, node: Node, named: SymbolNames) -> GivenNode:
        """Return a node with the names that a table gives to its symbols."""
        closed = frozenset(named(symbol) for symbol in node.closed)
        sleep, explored = _steps(node.sleep, named), _steps(node.explored, named)
        return cls(node.who, named(node.what), sleep, explored, frozenset(node.backtrack), closed)

    def next(self) -> GivenNode | None:
        """Return the node with the next participant that has to move first there; None if there is none."""
        explored = {**dict(self.explored), self.who: self.what}
        left = self.backtrack - explored.keys() - dict(self.sleep).keys()
        if not left:
            return None
        return replace(self, who=min(left), explored=tuple(sorted(explored.items(), key=lambda one: one[0])))

    def after(self, explored: GivenNode, *, branch: bool) -> GivenNode:
        """Return the node with the attempts that were seen to fail there and, if it is the branch, with its step."""
        return replace(self, closed=explored.closed, what=explored.what if branch else self.what)

    def reversing(self, second: int, initials: frozenset[int]) -> GivenNode:
        """Return the node with a participant that can begin to reverse a race, unless it has one."""
        if initials & (self.backtrack | dict(self.sleep).keys()):
            return self
        return replace(self, backtrack=self.backtrack | {second if second in initials else min(initials)})

    def same_search(self, other: GivenNode) -> bool:
        """Whether the same participant moves first, the same ones sleep, and the same attempts are known to fail."""
        mine, others = replace(self, backtrack=frozenset()), replace(other, backtrack=frozenset())
        return mine == others


def _steps(steps: Mapping[int, int], named: SymbolNames) -> NamedSteps:
    return tuple((who, named(what)) for who, what in sorted(steps.items()))
