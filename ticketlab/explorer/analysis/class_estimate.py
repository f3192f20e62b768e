"""How many classes of schedules a program has, estimated from some of its executions.

Two schedules are of one class (a Mazurkiewicz trace) if they differ only in the order of steps that commute. The search
tree with sleep sets has exactly one complete leaf for each class. Knuth, "Estimating the efficiency of backtrack
programs" (Mathematics of Computation, 1975), estimates the leaves of a tree by a random way down: the product of the
numbers of children on it is, on average, the number of leaves. One way tells little where most end among sleepers, so
many are followed at once, level by level, and if there are too many nodes on a level, some are drawn and stand for all
(stochastic enumeration: Rubinstein, Ridder and Vaisman, 2014). A tree that is nowhere so wide is counted exactly.

The ways down run no program: they go by what was learnt from executions. **The assumption** is that participants behave
on all of them as in the executions so far. A part of the program that no execution has come to is not counted. Where
one participant's step starts or wakes another one, who can move follows from more than that, and nothing is estimated.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Final, NamedTuple

from ticketlab.explorer.analysis.learnt_program import LONGEST, DrawnExecution, LearntProgram
from ticketlab.explorer.analysis.trace import Trace
from ticketlab.explorer.engine.steps import NONE, Symbol

MOST_CLASSES: Final = 1e15
"""Above this, all numbers mean the same: no search comes to its end."""
MOST_FOLLOWED: Final = 200
"""So many nodes are followed on a level."""
_MOST_KEPT: Final = 128  # executions
_NARROWEST: Final = 4
_WORK: Final = 20_000  # nodes times participants, so that an estimate takes less than a second or so


class _Branches(NamedTuple):
    """A node of the tree, and who may move there in this order; nobody if it is a leaf."""

    run: DrawnExecution
    pending: list[int]
    asleep: dict[int, Symbol]
    awake: list[int]
    complete: bool


class ClassEstimate:
    """Sees executions, and estimates how many classes there are; it learns only once it is asked."""

    def __init__(self) -> None:
        self._program = LearntProgram()
        self._kept: list[Trace] = []  # what is to be learnt from
        self._seen = 0
        self._stride = 1  # one of so many executions is kept
        self.applies = True
        """Whether nobody, as far as is known, comes to a step by another's."""

    def see(self, trace: Trace) -> None:
        """Take an execution into account: the first ones all, and later ones ever more seldom."""
        self.applies &= not trace.arrivals
        if self._seen % self._stride == 0:
            self._kept.append(trace)
            if len(self._kept) > _MOST_KEPT:
                self._kept = self._kept[::2]
                self._stride *= 2
        self._seen += 1

    def classes(self, widest: int = MOST_FOLLOWED) -> float | None:
        """Return the estimate, at most MOST_CLASSES; None if it cannot be told, since executions are too long, say.

        `widest` is how many nodes are followed on a level: with more, the estimate is better and takes longer.
        """
        for trace in self._kept:
            self._program.learn(trace)
        self._kept.clear()
        program, random = self._program, Random(0)
        if not self.applies or not program.longest or program.longest > LONGEST:
            return None
        width = max(_NARROWEST, min(widest, _WORK // (program.longest * program.size)))
        run = program.begin()
        pending = [program.after(run, who, random) for who in range(program.size)]
        level, each, total = [self._at(run, pending, {})], 1.0, 0.0
        for _ in range(2 * program.longest):
            total += each * sum(node.complete for node in level)
            children = [(node, place) for node in level for place in range(len(node.awake))]
            if not children or each > MOST_CLASSES:
                break
            if len(children) > width:
                each *= len(children) / width
                children = random.sample(children, width)
            level = [self._child(node, place, random) for node, place in children]
        return min(total if each <= MOST_CLASSES else each, MOST_CLASSES)

    def _at(self, run: DrawnExecution, pending: list[int], asleep: dict[int, Symbol]) -> _Branches:
        able = [who for who, step in enumerate(pending) if step != NONE and self._program.is_open(run, who, step)]
        return _Branches(run, pending, asleep, [who for who in able if who not in asleep], not able)

    def _child(self, node: _Branches, place: int, random: Random) -> _Branches:
        """Return a child: those that come before it have moved first elsewhere, and sleep until it matters."""
        program, run, who = self._program, node.run.copy(), node.awake[place]
        announced = node.pending[who]
        what = program.outcome(run, who, announced)
        made = program.table.symbols[what]
        asleep = {other: symbol for other, symbol in self._sleepers(node, place) if symbol.commutes_with(made)}
        run.make(who, announced, what)
        pending = node.pending[:]
        pending[who] = program.after(run, who, random)
        return self._at(run, pending, asleep)

    def _sleepers(self, node: _Branches, place: int) -> Iterator[tuple[int, Symbol]]:
        yield from node.asleep.items()
        for other in node.awake[:place]:
            what = self._program.outcome(node.run, other, node.pending[other])
            yield other, self._program.table.symbols[what]
