"""Subtrees: a part of a tree search (`dfs`, `dpor`) as a value, which another process can explore.

A tree search keeps a stack with a node for each step of the last execution. A subtree is such a stack and its *floor*:
the nodes below the floor are given, and what is left to be tried there is somebody else's to try. To explore a subtree
is to run every execution that goes on from the nodes below the floor, up to the point at which the search would try
something else at one of them. A search that is *paused* gives its stack back, as a subtree that can be gone on with.

Symbols are numbers of one process, so the nodes of a subtree name steps by what they are.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Protocol, Self

from ticketlab.explorer.analysis.trace import Nondeterminism, Trace
from ticketlab.explorer.analysis.ways import Way
from ticketlab.explorer.policies.policy import Policy


class TreeNode(Protocol):
    """A node of a subtree: who moves there at present, and what else is to be tried."""

    @property
    def who(self) -> int:
        """Who moves there at present."""

    def next(self) -> Self | None:
        """Return the node as it is once all is explored that begins with the present step; None if it is done with."""

    def after(self, explored: Self, *, branch: bool) -> Self:
        """Return the node with what was learnt of it by exploring a subtree; `branch` says that it was the topmost."""

    def same_search(self, other: Self) -> bool:
        """Whether the executions that go on from here are the same, and teach the same, as from another node."""


@dataclass(frozen=True, slots=True)
class ReachingRace:
    """A race of a step in a subtree with the step at a node below its floor, and the way that reverses it."""

    first: int
    way: Way


@dataclass(frozen=True, slots=True)
class Subtree:
    """A stack of nodes, and how many of them are given; without nodes it is the whole search.

    `reaching` lists the races with steps at the given nodes, in the order in which they were found.
    """

    stack: tuple[TreeNode, ...] = ()
    floor: int = 0
    reaching: tuple[ReachingRace, ...] = ()


class TreeSearch(Policy):
    """A policy whose search can be divided into subtrees, each of which it explores as the whole search would."""

    proves = True

    def __init__(self) -> None:
        self._subtree: Subtree | None = None  # the given one, until its nodes have been taken in
        self._floor = 0
        self._deadline: float | None = None
        self.paused = False

    def explore(self, subtree: Subtree, seconds: float | None = None) -> None:
        """Explore this subtree in place of everything, and pause after so long a time."""
        self._subtree = subtree
        self._floor = subtree.floor
        self._deadline = None if seconds is None else monotonic() + seconds

    @abstractmethod
    def explored(self) -> Subtree:
        """Return the subtree as the search has left it: with the nodes below the floor alone, unless it is paused."""

    def _pauses(self) -> bool:
        self.paused = self._deadline is not None and monotonic() >= self._deadline
        return self.paused


def repeats(trace: Trace, given: Sequence[tuple[int, int]]) -> None:
    """Check that an execution began with the steps of the given nodes; raises Nondeterminism if it did not."""
    made = list(zip(trace.who, trace.what, strict=True))[: len(given)]
    if made != list(given):
        node = next((n for n, both in enumerate(zip(made, given, strict=False)) if both[0] != both[1]), len(made))
        raise Nondeterminism(
            f"step {node + 1} of a schedule is another one in another process: something beside the schedule decides"
        )
