"""Make a failing execution small: fewer buyers, then fewer faults, fewer steps, fewer preemptions.

Requests are left out as long as the failure stays: a whole buyer's first, then single ones. Then the schedule itself is
changed, one place at a time, and each change that makes it smaller is kept, until none does. At last, where a
depth-first search with one preemption less is small enough to be finished, it says whether a smaller one exists at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.executors.executor import Executor
from ticketlab.explorer.policies.dfs import DepthFirst
from ticketlab.explorer.policies.replay import LenientReplay
from ticketlab.explorer.workload import NOTHING, FaultPoints, Place

Fails = Callable[[Execution], bool]

SEARCH: Final = 300  # executions spent on a smaller cast, or on fewer preemptions, where changing the schedule fails


@dataclass(frozen=True, slots=True)
class ShrinkResult:
    """A failing execution, the requests that were left out, and the faults that struck."""

    execution: Execution
    without: frozenset[Place]
    strikes: FaultPoints = ()

    @property
    def size(self) -> tuple[int, int, int, int, int]:
        """What is made smaller, the first difference counting: buyers, faults, steps, preemptions, switches."""
        schedule = self.execution.schedule
        switches = sum(one != other for one, other in pairwise(schedule))
        return len(set(schedule)), len(self.strikes), len(schedule), self.execution.trace.preemptions(), switches


def shrink(
    executor: Executor,
    execution: Execution,
    fails: Fails,
    without: frozenset[Place] = NOTHING,
    strikes: FaultPoints = (),
) -> ShrinkResult:
    """Return a locally minimal execution that fails as the given one does.

    `fails` is asked about each execution right after it ran, so it may look at the store.
    """
    clocked = bool(execution.when)
    return _Shrinking(executor, fails, clocked=clocked).smallest(ShrinkResult(execution, without, strikes))


class _Shrinking:
    def __init__(self, executor: Executor, fails: Fails, *, clocked: bool) -> None:
        self._executor = executor
        self._fails = fails
        self._clocked = clocked  # whether virtual time orders the steps, and may be what makes the execution fail

    def smallest(self, best: ShrinkResult) -> ShrinkResult:
        while True:
            smaller = self._smaller(best)
            if smaller is None:
                return self._first_buyers(best)
            best = smaller

    def _first_buyers(self, best: ShrinkResult) -> ShrinkResult:
        """Give the parts to the first buyers, in the order in which they come up, where they can play them as well."""
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
        strikes = tuple(strike._replace(who=part.get(strike.who, strike.who)) for strike in best.strikes)
        found = self._follow([part.get(who, who) for who in schedule], without, strikes)
        return found if found is not None and found.size == best.size else best

    def _smaller(self, best: ShrinkResult) -> ShrinkResult | None:
        omissions = list(self._omissions(best.without))
        for without in omissions:
            if found := self._follow(best.execution.schedule, without, best.strikes):
                return found
        for strikes in _fewer(best.strikes):
            if found := self._follow(best.execution.schedule, best.without, strikes):
                return found
        for without in omissions:
            if found := self._look(without, best):
                return found
        for schedule in _changes(best.execution.schedule):
            found = self._follow(schedule, best.without, best.strikes)
            if found is not None and found.size < best.size:
                return found
        for strikes in _earlier(best.strikes):
            found = self._follow(best.execution.schedule, best.without, strikes)
            if found is not None and found.size < best.size:
                return found
        return self._look(best.without, best)

    def _omissions(self, without: frozenset[Place]) -> Iterator[frozenset[Place]]:
        """Yield what else may be left out, the last buyers first, so that the first ones are those that are left."""
        scripts = [
            [(buyer, place) for place in range(len(script)) if (buyer, place) not in without]
            for buyer, script in enumerate(self._executor.scripts)
        ]
        yield from (without | set(script) for script in reversed(scripts) if script)
        yield from (without | {request} for script in reversed(scripts) if len(script) > 1 for request in script[::-1])

    def _follow(self, schedule: Sequence[int], without: frozenset[Place], strikes: FaultPoints) -> ShrinkResult | None:
        execution = self._executor.run(LenientReplay(schedule, clocked=self._clocked), without, strikes)
        return ShrinkResult(execution, without, strikes) if execution is not None and self._fails(execution) else None

    def _look(self, without: frozenset[Place], best: ShrinkResult) -> ShrinkResult | None:
        """Search schedules with few preemptions, fewer than the best where that leaves out nothing more."""
        fewer = without != best.without
        most = best.size[3] if fewer else best.size[3] - 1
        for bound in [*range(min(most, 2) + 1), *([most] if most > 2 and not fewer else [])]:
            policy = DepthFirst(bound, clocked=self._clocked)
            for _ in range(SEARCH):
                execution = self._executor.run(policy, without, best.strikes)
                if execution is None:
                    break
                if not execution.redundant and self._fails(execution):
                    found = ShrinkResult(execution, without, best.strikes)
                    if fewer or found.size < best.size:
                        return found
        return None


def _fewer(strikes: FaultPoints) -> Iterator[FaultPoints]:
    """Yield what is left without one of the faults."""
    for place in range(len(strikes)):
        yield strikes[:place] + strikes[place + 1 :]


def _earlier(strikes: FaultPoints) -> Iterator[FaultPoints]:
    """Yield the faults with one of them a point earlier."""
    for place, strike in enumerate(strikes):
        if strike.point:
            yield (*strikes[:place], strike._replace(point=strike.point - 1), *strikes[place + 1 :])


def _changes(schedule: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Yield schedules that may be smaller: a step put off, or a buyer's next steps brought forward to join its last."""
    schedule = tuple(schedule)
    for place in reversed(range(len(schedule))):
        yield schedule[:place]
        yield schedule[:place] + schedule[place + 1 :]
    for place in range(1, len(schedule)):
        last = schedule[place - 1]
        if schedule[place] != last and last in schedule[place:]:
            again = schedule.index(last, place)
            until = again
            while until < len(schedule) and schedule[until] == last:
                until += 1
            yield schedule[:place] + schedule[again:until] + schedule[place:again] + schedule[until:]
