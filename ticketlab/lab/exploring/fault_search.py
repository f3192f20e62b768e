"""Explorations in which faults strike: at every point of every participant in turn, or at points drawn from a seed.

A policy that ends is run once without a fault, and then once for each fault at each participant's first point, second
point, and so on, until no schedule reaches the point any more. For a policy that never ends, faults and points are
drawn, for ever.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from random import Random

from ticketlab.core.errors import UsageError
from ticketlab.core.faults import Fault, FaultKind, FaultPoint
from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.analysis.footprints import footprint, servers_footprint
from ticketlab.explorer.analysis.serving import served_schedule
from ticketlab.explorer.engine.fault_pacer import SERVER
from ticketlab.explorer.executors.executor import Executor
from ticketlab.explorer.results import ExploreOptions, FaultPointResult
from ticketlab.explorer.search import search
from ticketlab.explorer.survey import Survey
from ticketlab.explorer.workload import FaultPoints
from ticketlab.lab.plugins.registry import policy_kind
from ticketlab.scheduling.schedule import JobSchedule

Tried = tuple[Execution, FaultPoints]  # an execution, and the faults that were planned for it


class FaultSearch:
    """The executions of an exploration, with or without faults; `exhausted` when every possible one was run."""

    def __init__(self, executor: Executor, options: ExploreOptions) -> None:
        if options.executions < 1:
            raise UsageError(f"{options.executions} executions explore nothing: at least 1 is needed")
        self._executor = executor
        self._options = options
        self._kind = policy_kind(options.policy)
        self.exhausted = False
        self.survey = Survey(str(options.policy))
        self._last: Execution | None = None

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
        for number, tried in enumerate(self._all()):
            if number == self._options.executions:
                return
            self._last = tried[0]
            yield tried
        self.exhausted = self._kind.exhausts

    def _all(self) -> Iterator[Tried]:
        if not self._options.faults:
            return self._under(())
        return self._everywhere() if self._kind.ends else self._drawn()

    def _victims(self, fault: Fault) -> Sequence[int]:
        buyers, everybody = len(self._executor.scripts), self._executor.size
        if fault.kind is FaultKind.KILL_SERVICE:
            return self._executor.distinct_services
        return range(buyers if fault.kind.is_step else everybody)

    def _everywhere(self) -> Iterator[Tried]:
        everybody = range(self._executor.size)
        noticed: dict[int | None, set[str]] = {who: set() for who in (*everybody, SERVER)}
        for execution, none in self._under(()):
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
        policy = self._kind.make(self._options.policy, self._options.seed)
        for execution in search(self._executor, policy, fault_points=faults):
            if not faults or execution.injected:
                self.survey.see(execution, policy)
            yield execution, faults

    def _drawn(self) -> Iterator[Tried]:
        policy = self._kind.make(self._options.policy, self._options.seed)
        longest: dict[int, int] = {}
        for number in count():
            draw = Random(f"faults/{self._options.seed}/{number}")
            fault = draw.choice(self._options.faults)
            who = draw.choice(self._victims(fault))
            faults = (FaultPoint(who, draw.randint(0, longest.get(who, 8)), fault),)
            execution = next(search(self._executor, policy, 1, fault_points=faults), None)
            if execution is None:
                return
            made = sum(mover == who for mover in execution.trace.who)
            longest[who] = max(longest.get(who, 0), made)
            self.survey.see(execution, policy)
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
                before = struck_before(execution, fault)
                point = self._results.get((fault, before)) or _untried(fault, before, name_of(fault.who))
                self._results[fault, before] = replace(
                    point,
                    executions=point.executions + 1,
                    anomalous=point.anomalous + bool(anomalies),
                    names=dict(Counter(point.names) + Counter({anomaly.name for anomaly in anomalies})),
                    waited=max(point.waited, execution.waited),
                )

    def results(self) -> list[FaultPointResult]:
        """Return the results in the order in which the points were tried."""
        return list(self._results.values())


def _untried(fault: FaultPoint, before: str, who: str) -> FaultPointResult:
    """Return a point with no execution counted yet."""
    return FaultPointResult(fault.fault, who, fault.point, before, executions=0, anomalous=0, names={}, waited=0.0)


def struck_before(execution: Execution, fault: FaultPoint) -> str:
    """Return the step that the fault struck before, or the step that failed by it.

    An attempt that was taken back because it had to wait leaves no note; it is the participant's step at that point.
    """
    for note in execution.notes:
        if execution.trace.who[note.step] == fault.who:
            if note.what == "before":
                return str(note.value)
            if note.what == "fault":
                return execution.steps[note.step]
    own = [step for who, step in zip(execution.trace.who, execution.steps, strict=True) if who == fault.who]
    return own[fault.point] if fault.point < len(own) else "its answer"
