"""Shrinking: a failing execution is made small, with fewer buyers, then fewer faults, steps and preemptions.

Requests are left out for as long as the failure stays: all requests of a buyer first, then single ones. Somebody always
stays, and what is left must still be right if one buyer goes after the other, provided that the whole was: a buyer that
nobody serves any more, or a sum that lacks a buyer's share, is another failure with the same name. Then the schedule is
changed in one place at a time, and each change that makes it smaller is kept, until no change does. Last comes a depth-
first search with fewer preemptions; if it is small enough to be finished, no smaller schedule exists at all.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from math import inf
from typing import Final

from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.executors.executor import Executor
from ticketlab.explorer.policies.dfs import DepthFirst
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.policies.replay import LenientReplay
from ticketlab.explorer.workload import NOTHING, FaultPoints, Place

Fails = Callable[[Execution], bool]

SEARCH: Final = 300
"""Executions spent on one search with fewer buyers or fewer preemptions, once no change of the schedule helps."""


@dataclass(frozen=True, slots=True)
class ShrinkResult:
    """A failing execution, the requests that were left out, and the faults that were injected."""

    execution: Execution
    without: frozenset[Place]
    fault_points: FaultPoints = ()

    @property
    def size(self) -> tuple[int, int, int, int, int]:
        """Buyers, faults, steps, preemptions and switches; the first of these in which two results differ decides."""
        schedule = self.execution.schedule
        switches = sum(one != other for one, other in pairwise(schedule))
        return len(set(schedule)), len(self.fault_points), len(schedule), self.execution.trace.preemptions(), switches


def shrink(
    executor: Executor,
    execution: Execution,
    fails: Fails,
    without: frozenset[Place] = NOTHING,
    fault_points: FaultPoints = (),
    *,
    all_needed: bool = False,
    search: int = SEARCH,
    budget: float = inf,
) -> ShrinkResult:
    """Return a locally minimal execution that fails, given one that does.

    `fails` says whether an execution fails; it is called right after the execution ran, so it may look at the store.
    `budget` bounds the executions: what is left then may not be minimal. `search` is how many of them are spent on one
    search, once no change of the schedule helps. `all_needed` says that without some of the requests it may fail for
    another reason, if it fails in any order.
    """
    shrinking = _Shrinking(executor, fails, clocked=bool(execution.when), search=search, budget=budget)
    shrinking.omits = not (shrinking.fails_in_turn(without) and all_needed)
    return shrinking.smallest(ShrinkResult(execution, without, fault_points))


class _Shrinking:
    def __init__(self, executor: Executor, fails: Fails, *, clocked: bool, search: int, budget: float) -> None:
        self._search = search
        self._left = budget
        self._executor = executor
        self._fails = fails
        self._clocked = clocked  # whether virtual time orders the steps, and may be what makes the execution fail
        self._in_turn: dict[frozenset[Place], bool] = {}  # by omission, whether it fails if buyers go in turn
        self.omits = True

    def fails_in_turn(self, without: frozenset[Place]) -> bool:
        """Whether an execution without a fault fails in which one buyer goes after the other."""
        if without not in self._in_turn:
            execution = self._executor.run(LenientReplay((), clocked=self._clocked), without, ())
            self._in_turn[without] = execution is not None and self._fails(execution)
        return self._in_turn[without]

    def smallest(self, best: ShrinkResult) -> ShrinkResult:
        while True:
            smaller = self._smaller(best)
            if smaller is None:
                return self._first_buyers(best)
            best = smaller

    def _first_buyers(self, best: ShrinkResult) -> ShrinkResult:
        """Renumber the buyers in the order of their first steps, if the failure stays."""
        scripts, schedule = self._executor.scripts, best.execution.schedule
        order = list(dict.fromkeys(who for who in schedule if who < len(scripts)))
        part = {old: new for new, old in enumerate(order)}
        kept = {
            (part[old], place)
            for old in order
            for place in range(len(scripts[old]))
            if (old, place) not in best.without
        }
        without = (
            frozenset((buyer, place) for buyer, script in enumerate(scripts) for place in range(len(script))) - kept
        )
        fault_points = tuple(point._replace(who=part.get(point.who, point.who)) for point in best.fault_points)
        found = self._follow([part.get(who, who) for who in schedule], without, fault_points)
        return found if found is not None and found.size == best.size else best

    def _smaller(self, best: ShrinkResult) -> ShrinkResult | None:
        for without in chain(self._many_omissions(best.without), self._omissions(best.without)):
            if self._is_the_same(best.without, without):
                found = self._follow(best.execution.schedule, without, best.fault_points)
                if found is not None:
                    return found
        for fault_points in _fewer(best.fault_points):
            if found := self._follow(best.execution.schedule, best.without, fault_points):
                return found
        for without in self._omissions(best.without):
            if self._is_the_same(best.without, without) and (found := self._look(without, best)):
                return found
        for schedule in self._changes(best):
            found = self._follow(schedule, best.without, best.fault_points)
            if found is not None and found.size < best.size:
                return found
        for fault_points in _earlier(best.fault_points):
            found = self._follow(best.execution.schedule, best.without, fault_points)
            if found is not None and found.size < best.size:
                return found
        return self._look(best.without, best)

    def _is_the_same(self, before: frozenset[Place], without: frozenset[Place]) -> bool:
        """Whether a failure without further requests is still the one that was found."""
        everything = sum(map(len, self._executor.scripts))
        return len(without) < everything and (self.fails_in_turn(before) or not self.fails_in_turn(without))

    def _many_omissions(self, without: frozenset[Place]) -> Iterator[frozenset[Place]]:
        """Yield sets that leave out half of the buyers, then a quarter, down to two at once, the last buyers first.

        So a crowd is made small in few executions: ddmin, Zeller and Hildebrandt, IEEE TSE 28(2), 2002.
        """
        scripts = [script for script in self._left_of(without) if script] if self.omits else []
        size = len(scripts) // 2
        while size > 1:
            for end in range(len(scripts), 0, -size):
                yield without.union(*scripts[max(0, end - size) : end])
            size //= 2

    def _left_of(self, without: frozenset[Place]) -> list[list[Place]]:
        """Return each buyer's requests that are not left out."""
        return [
            [(buyer, place) for place in range(len(script)) if (buyer, place) not in without]
            for buyer, script in enumerate(self._executor.scripts)
        ]

    def _omissions(self, without: frozenset[Place]) -> Iterator[frozenset[Place]]:
        """Yield larger sets of requests to leave out, the last buyer's first, so that the first buyers stay."""
        scripts = self._left_of(without)
        if not self.omits:
            return
        yield from (without | set(script) for script in reversed(scripts) if script)
        yield from (without | {request} for script in reversed(scripts) if len(script) > 1 for request in script[::-1])

    def _run(self, policy: Policy, without: frozenset[Place], fault_points: FaultPoints) -> Execution | None:
        """Run an execution, unless the budget is spent."""
        self._left -= 1
        return self._executor.run(policy, without, fault_points) if self._left >= 0 else None

    def _follow(
        self, schedule: Sequence[int], without: frozenset[Place], fault_points: FaultPoints
    ) -> ShrinkResult | None:
        execution = self._run(LenientReplay(schedule, clocked=self._clocked), without, fault_points)
        return (
            ShrinkResult(execution, without, fault_points) if execution is not None and self._fails(execution) else None
        )

    def _changes(self, best: ShrinkResult) -> Iterator[tuple[int, ...]]:
        """Yield schedules that may be smaller: cut short, without a step, or with a buyer's steps moved together.

        The last steps may have changed nothing, as those of who tries in vain; then no choice among them matters.
        """
        schedule = best.execution.schedule
        yield from (schedule[:place] for place in reversed(range(self._chosen(best))))
        schedule = schedule[: best.execution.trace.changed]
        yield from _without_a_step(schedule)
        yield from _with_steps_together(schedule)

    def _chosen(self, best: ShrinkResult) -> int:
        """Return how many steps of the schedule lead to all of it, since the rest is what a replay does by itself."""

        def leads_to_best(length: int) -> bool:
            found = self._follow(best.execution.schedule[:length], best.without, best.fault_points)
            return found is not None and found.execution.schedule == best.execution.schedule

        return bisect_left(range(len(best.execution.schedule)), True, key=leads_to_best)

    def _look(self, without: frozenset[Place], best: ShrinkResult) -> ShrinkResult | None:
        """Search for a failure with few preemptions: with fewer than the best, unless more is left out."""
        fewer = without != best.without
        most = best.size[3] if fewer else best.size[3] - 1
        for bound in [*range(min(most, 2) + 1), *([most] if most > 2 and not fewer else [])]:
            policy = DepthFirst(bound, clocked=self._clocked)
            for _ in range(self._search):
                execution = self._run(policy, without, best.fault_points)
                if execution is None:
                    break
                if not execution.redundant and self._fails(execution):
                    found = ShrinkResult(execution, without, best.fault_points)
                    if fewer or found.size < best.size:
                        return found
        return None


def _fewer(fault_points: FaultPoints) -> Iterator[FaultPoints]:
    """Yield the faults without one of them, each in turn."""
    for place in range(len(fault_points)):
        yield fault_points[:place] + fault_points[place + 1 :]


def _earlier(fault_points: FaultPoints) -> Iterator[FaultPoints]:
    """Yield the faults with one of them moved to the point before, each in turn."""
    for place, fault in enumerate(fault_points):
        if fault.point:
            yield (*fault_points[:place], fault._replace(point=fault.point - 1), *fault_points[place + 1 :])


def _without_a_step(schedule: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield the schedule without one of its steps, the last first, and of a buyer's steps in a row only one."""
    for place in reversed(range(len(schedule))):
        if schedule[place : place + 1] != schedule[place + 1 : place + 2]:
            yield schedule[:place] + schedule[place + 1 :]


def _with_steps_together(schedule: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield the schedule with steps of a buyer moved to those of the same buyer before them, each in turn."""
    for place in range(1, len(schedule)):
        last = schedule[place - 1]
        if schedule[place] != last and last in schedule[place:]:
            again = schedule.index(last, place)
            until = again
            while until < len(schedule) and schedule[until] == last:
                until += 1
            yield schedule[:place] + schedule[again:until] + schedule[place:again] + schedule[until:]
