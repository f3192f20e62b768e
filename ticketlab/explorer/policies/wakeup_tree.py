"""Wakeup trees: sequences of steps that are still to be tried at a node, so that none leads to what was explored.

From "Optimal dynamic partial order reduction" by Abdulla, Aronis, Jonsson and Sagonas (POPL 2014). To reverse a race is
to make certain steps in a certain order, the *way*. It is not enough to let one participant begin: what it leads to may
be a part of what is explored elsewhere, which shows only when everybody left is asleep. So the whole way is kept.

A participant is an *initial* of a way if it can move first, because none of the way's steps comes before its own. If an
initial has moved first already, the way leads to nothing new. If a kept sequence begins with an initial, the rest of
the way is looked up in what follows there; a sequence that comes to its end answers the way. Otherwise the way goes
beside the sequences with which it shares its beginning. So it wakes all who have moved first there: whatever is
explored after it was never explored before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ticketlab.explorer.analysis.ways import CommuteTest, Way, What


@dataclass(frozen=True, slots=True)
class Branch:
    """Who moves, step by step, and as far as it is known with which; then one sequence ends, or several fork."""

    movers: tuple[int, ...]
    whats: tuple[What | None, ...]
    then: tuple[Branch, ...] = ()

    @classmethod
    def of(cls, way: Way) -> Branch:
        """Return a sequence of the steps of a way."""
        return cls(tuple([step.who for step in way]), tuple([step.what for step in way]))

    @property
    def who(self) -> int:
        """Who moves first."""
        return self.movers[0]

    def split(self, made: int) -> tuple[Branch, Branch]:
        """Return the branch's first steps, without what follows, and what is left once they are made."""
        first = Branch(self.movers[:made], self.whats[:made])
        return first, Branch(self.movers[made:], self.whats[made:], self.then)

    def renamed(self, naming: Callable[[Any], What]) -> Branch:
        """Return the branch with other names for its steps."""
        whats = (None if what is None else naming(what) for what in self.whats)
        return Branch(self.movers, tuple(whats), tuple(branch.renamed(naming) for branch in self.then))

    def first_sequence(self) -> list[tuple[int, tuple[Branch, ...]]]:
        """Return who moves at each step of the first sequence, and what else is to be tried there."""
        sequence: list[tuple[int, tuple[Branch, ...]]] = [(who, ()) for who in self.movers]
        branch = self
        while branch.then:
            branch, *beside = branch.then
            sequence.append((branch.who, tuple(beside)))
            sequence += [(who, ()) for who in branch.movers[1:]]
        return sequence


def is_explored(way: Way, explored: Mapping[int, What], commute: CommuteTest) -> bool:
    """Whether one of those that have moved first, each with a known step, is an initial of a way."""
    initials = [who for who, what in explored.items() if _after(way, who, what, commute) is not None]
    return bool(initials)


def keep_way(branches: tuple[Branch, ...], way: Way) -> tuple[Branch, ...]:
    """Return the branches with a way among them; the same ones if they answer it."""
    if not way:
        return branches
    for place, branch in enumerate(branches):
        grown = _grow(branch, way)
        if grown is branch:
            return branches
        if grown is not None:
            return (*branches[:place], grown, *branches[place + 1 :])
    return (*branches, Branch.of(way))


def left_to_try(branches: tuple[Branch, ...], who: int, what: What, commute: CommuteTest) -> tuple[Branch, ...]:
    """Return the branches without what begins, up to the order of steps that commute, with a step that was explored.

    A sequence's last step may be the one that was explored. When the sequence was kept, that could not be told yet.
    """
    left = [_without(branch, who, what, commute) for branch in branches]
    return tuple([branch for branch in left if branch is not None])


def _without(branch: Branch, who: int, what: What, commute: CommuteTest) -> Branch | None:
    for mover, made in zip(branch.movers, branch.whats, strict=True):
        if mover == who:
            return None
        if made is None or not commute(what, made):
            return branch
    then = left_to_try(branch.then, who, what, commute)
    return Branch(branch.movers, branch.whats, then) if then else None


def _grow(branch: Branch, way: Way) -> Branch | None:
    """Return a branch with a way in it; None if the first to move in the branch is no initial of the way."""
    movers = branch.movers
    same = next((n for n, (step, who) in enumerate(zip(way, movers, strict=False)) if step.who != who), len(movers))
    way = way[same:]
    for made in range(same, len(movers)):
        if not way:
            return branch
        rest = _after(way, movers[made])
        if rest is None:
            if not made:
                return None
            first, rest_of_branch = branch.split(made)
            return replace(first, then=(rest_of_branch, Branch.of(way)))
        way = rest
    if not branch.then:
        return branch
    then = keep_way(branch.then, way)
    return branch if then is branch.then else replace(branch, then=then)


def _after(way: Way, who: int, what: What | None = None, commute: CommuteTest | None = None) -> Way | None:
    """Return what is left of a way once an initial has moved; None if the participant is none.

    What the last step of the way will turn out to be is not known, unless it was explored and is this one.
    """
    if way[0].who == who:
        return way[1:]
    movers = [step.who for step in way]
    if who not in movers:
        return None
    place = movers.index(who)
    mine, before = way[place], way[:place]
    if any(mine.clock[step.who] > step.node for step in before):
        return None
    if mine.what is None and not (commute and all(commute(what, step.what) for step in before)):
        return None
    return [*before, *way[place + 1 :]]
