"""Explorations with faults injected: at every point of every participant in turn, or at points drawn from a seed.

A policy that ends is run once without a fault, and then once for each fault at each participant's first point, second
point, and so on, until no schedule reaches the point any more. For a policy that never ends, faults and points are
drawn, for ever.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from random import Random
from typing import Final

from ticketlab.core.errors import UsageError
from ticketlab.core.faults import Fault, FaultKind, FaultPoint
from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.analysis.footprints import footprint, servers_footprint
from ticketlab.explorer.analysis.serving import served_schedule
from ticketlab.explorer.engine.fault_pacer import SERVER
from ticketlab.explorer.executors.executor import Executor
from ticketlab.explorer.policies.draws import draw
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.results import ExploreOptions, FaultPointResult
from ticketlab.explorer.search import SearchedSoFar, search
from ticketlab.explorer.survey import Survey
from ticketlab.explorer.workload import FaultPoints
from ticketlab.lab.plugins.registry import policy_kind
from ticketlab.scheduling.schedule import JobSchedule

BLOCK_EXECUTIONS: Final = 1_000
"""After so many executions, a policy that never ends begins anew with another seed."""

Tried = tuple[Execution, FaultPoints]  # an execution, and the faults that were planned for it


@dataclass(slots=True)
class SearchPosition:
    """Where a search without faults stands: how many executions it has had, and how far its present policy has come.

    `block` is the number of the present block, if the policy never ends.
    """

    policy: Policy
    done: int = 0
    block: int = 0
    so_far: SearchedSoFar = field(default_factory=SearchedSoFar)


class FaultSearch:
    """The executions of an exploration, with or without faults; `exhausted` when every possible one was run.

    It has `ended` when the policy has no other.

    A policy that never ends is made anew for each block of executions, with a seed that depends on nothing but the
    search's seed and the number of the block. So another process can run a block without those before.
    `policy` is followed in place of the one that the options name. `in_part` says that other processes search as well.
    `stopping` is asked before each execution whether the search shall stop, and how many executions it has had; what
    comes then is left. If it goes on from a `position`, what was seen before is in `survey`.
    """

    def __init__(
        self,
        executor: Executor,
        options: ExploreOptions,
        policy: Policy | None = None,
        *,
        in_part: bool = False,
        stopping: Callable[[int], bool] = lambda _done: False,
    ) -> None:
        if options.executions < 1:
            raise UsageError(f"{options.executions} executions explore nothing: at least 1 is needed")
        self._executor = executor
        self._options = options
        self._kind = policy_kind(options.policy)
        self._stopping = stopping
        made = policy or self._kind.make(options.policy, seed_of_block(options.seed, 0))
        self.position = SearchPosition(made)
        self.exhausted = self.ended = False
        self.survey = Survey(str(options.policy), in_part=in_part)
        self._last: Execution | None = None

    @property
    def never_ends(self) -> bool:
        """Whether the policy draws, block by block."""
        return not self._kind.ends

    def schedule(self, name_of: Callable[[int], str]) -> JobSchedule | None:
        """Return who ran, was ready or was blocked in the last execution; None if the policy keeps no ready queue.

        `name_of` says how people call a participant.
        """
        if self._last is None:
            return None
        names = [name_of(who) for who in range(len(self._last.trace.final))]
        return served_schedule(self._last, str(self._options.policy), self._kind.summary, names)

    def executions(self) -> Iterator[Tried]:
        """Yield each execution with the faults that were planned for it."""
        position, tried = self.position, self._all()
        while not self._stopping(position.done):
            one = next(tried, None)
            if one is None:
                self.ended = True
                self.exhausted = self._kind.exhausts
                return
            if position.done == self._options.executions:
                return
            position.done += 1
            self._last = one[0]
            self.survey.see(self._last, position.policy)
            yield one

    def _all(self) -> Iterator[Tried]:
        if not self._kind.ends:
            return self._blocks()
        return self._everywhere() if self._options.faults else self._first_without_faults()

    def _blocks(self) -> Iterator[Tried]:
        position = self.position
        while True:
            if self._options.faults:
                yield from self._drawn(position.policy, seed_of_block(self._options.seed, position.block))
            else:
                for execution in search(self._executor, position.policy, BLOCK_EXECUTIONS, so_far=position.so_far):
                    yield execution, ()
            position.block += 1
            position.policy = self._kind.make(self._options.policy, seed_of_block(self._options.seed, position.block))
            position.so_far = SearchedSoFar()

    def _first_without_faults(self) -> Iterator[Tried]:
        for execution in search(self._executor, self.position.policy, so_far=self.position.so_far):
            yield execution, ()

    def _victims(self, fault: Fault) -> Sequence[int]:
        buyers, everybody = len(self._executor.scripts), self._executor.size
        if fault.kind is FaultKind.KILL_SERVICE:
            return self._executor.distinct_services
        return range(buyers if fault.kind.is_step else everybody)

    def _everywhere(self) -> Iterator[Tried]:
        everybody = range(self._executor.size)
        noticed: dict[int | None, set[str]] = {who: set() for who in (*everybody, SERVER)}
        for execution, none in self._first_without_faults():
            for who in everybody:
                noticed[who] |= footprint(execution, who)
            noticed[SERVER] |= servers_footprint(execution)
            yield execution, none
        self._executor.expose({who: tuple(sorted(names)) for who, names in noticed.items()})
        for fault in self._options.faults:
            for who in self._victims(fault):
                for point in count():
                    injected = False
                    for execution, faults in self._under((FaultPoint(who, point, fault),)):
                        if execution.injected:  # otherwise the point was not reached, and the execution is a repetition
                            injected = True
                            yield execution, faults
                    if not injected:
                        break

    def _under(self, faults: FaultPoints) -> Iterator[Tried]:
        self.position.policy = policy = self._kind.make(self._options.policy, self._options.seed)
        for execution in search(self._executor, policy, fault_points=faults):
            yield execution, faults

    def _drawn(self, policy: Policy, seed: int) -> Iterator[Tried]:
        longest: dict[int, int] = {}
        for number in range(BLOCK_EXECUTIONS):
            random = Random(f"faults/{seed}/{number}")
            fault = random.choice(self._options.faults)
            who = random.choice(self._victims(fault))
            faults = (FaultPoint(who, random.randint(0, longest.get(who, 8)), fault),)
            execution = next(search(self._executor, policy, 1, fault_points=faults), None)
            if execution is None:
                return
            made = sum(mover == who for mover in execution.trace.who)
            longest[who] = max(longest.get(who, 0), made)
            yield execution, faults


class FaultPointTally:
    """The outcome of each fault at each point, counted over the executions in which it was injected.

    A buyer's third write may be another step in another schedule, so a point has a result for each step that it was.
    """

    def __init__(self) -> None:
        self._results: dict[tuple[FaultPoint, str], FaultPointResult] = {}

    def count(
        self,
        execution: Execution,
        faults: FaultPoints,
        anomalies: Sequence[Anomaly],
        name_of: Callable[[int], str],
    ) -> None:
        """Add one execution; `name_of` says how people call a participant."""
        for fault in faults:
            if fault.who in execution.injected:
                before = injected_before(execution, fault)
                point = self._results.get((fault, before)) or _untried(fault, before, name_of(fault.who))
                names = Counter({anomaly.name for anomaly in anomalies})
                once = replace(
                    point, executions=1, anomalous=int(bool(anomalies)), names=names, waited=execution.waited
                )
                self._results[fault, before] = _sum(point, once)

    def add(self, others: FaultPointTally) -> None:
        """Add the executions that another search has counted."""
        for key, more in others._results.items():
            self._results[key] = _sum(self._results[key], more) if key in self._results else more

    def results(self) -> list[FaultPointResult]:
        """Return the results in the order in which the points were tried."""
        return list(self._results.values())


def _sum(one: FaultPointResult, other: FaultPointResult) -> FaultPointResult:
    return replace(
        one,
        executions=one.executions + other.executions,
        anomalous=one.anomalous + other.anomalous,
        names=dict(Counter(one.names) + Counter(other.names)),
        waited=max(one.waited, other.waited),
    )


def _untried(fault: FaultPoint, before: str, who: str) -> FaultPointResult:
    """Return a point with no execution counted yet."""
    return FaultPointResult(fault.fault, who, fault.point, before, executions=0, anomalous=0, names={}, waited=0.0)


def seed_of_block(seed: int, block: int) -> int:
    """Return the seed of a block of executions; the first has the search's own."""
    return draw(draw(seed, 2), block) if block else seed


def injected_before(execution: Execution, fault: FaultPoint) -> str:
    """Return the step before which the fault was injected, or the step that failed by it.

    An attempt that was taken back because it had to wait leaves no note; it is the participant's step at that point.
    """
    for note in execution.notes:
        if execution.trace.who[note.step] == fault.who:
            if note.what == "before":
                return str(note.value)
            if note.what == "fault":
                return execution.steps[note.step]
    own = [step for who, step in zip(execution.trace.who, execution.steps, strict=True) if who == fault.who]
    return own[fault.point] if fault.point < len(own) else "its return"
