"""Explorations in which faults strike: every point of every participant in turn, or drawn from a seed.

A policy that comes to an end is asked to do so for each point anew: first with no fault, then with each fault at each
participant's first point, its second, and so on until in no schedule there is such a point any more. Other policies go
on for ever, and so does the drawing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count
from random import Random

from ticketlab.core.errors import UsageError
from ticketlab.core.faults import Fault, FaultKind, FaultPoint
from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.deadlock import participant_name
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.analysis.footprints import SERVER, footprint, servers_footprint
from ticketlab.explorer.executors.executor import Executor
from ticketlab.explorer.results import ExploreOptions, FaultPointResult
from ticketlab.explorer.search import search
from ticketlab.explorer.workload import FaultPoints
from ticketlab.lab.plugins.registry import policy_kind

Tried = tuple[Execution, FaultPoints]  # an execution, and what was to strike in it


class FaultSearch:
    """The executions of an exploration, with faults or without; `exhausted` once all that there can be were tried."""

    def __init__(self, executor: Executor, how: ExploreOptions) -> None:
        if how.executions < 1:
            raise UsageError(f"{how.executions} executions explore nothing: at least 1 is needed")
        self._executor = executor
        self._how = how
        self._kind = policy_kind(how.policy)
        self.exhausted = False

    def executions(self) -> Iterator[Tried]:
        """Yield each execution, and what was to strike in it."""
        for number, tried in enumerate(self._all()):
            if number == self._how.executions:
                return
            yield tried
        self.exhausted = self._kind.exhausts

    def _all(self) -> Iterator[Tried]:
        if not self._how.faults:
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
        for fault in self._how.faults:
            for who in self._victims(fault):
                for point in count():
                    injected = False
                    for execution, strikes in self._under((FaultPoint(who, point, fault),)):
                        if execution.injected:  # else it is one of those without a fault
                            injected = True
                            yield execution, strikes
                    if not injected:
                        break

    def _under(self, strikes: FaultPoints) -> Iterator[Tried]:
        policy = self._kind.make(self._how.policy, self._how.seed)
        for execution in search(self._executor, policy, strikes=strikes):
            yield execution, strikes

    def _drawn(self) -> Iterator[Tried]:
        policy = self._kind.make(self._how.policy, self._how.seed)
        longest: dict[int, int] = {}
        for number in count():
            draw = Random(f"faults/{self._how.seed}/{number}")
            fault = draw.choice(self._how.faults)
            who = draw.choice(self._victims(fault))
            strikes = (FaultPoint(who, draw.randint(0, longest.get(who, 8)), fault),)
            execution = next(search(self._executor, policy, 1, strikes=strikes), None)
            if execution is None:
                return
            made = sum(mover == who for mover in execution.trace.who)
            longest[who] = max(longest.get(who, 0), made)
            yield execution, strikes


class Points:
    """What came of the faults, point by point."""

    def __init__(self) -> None:
        self._by_strike: dict[FaultPoint, FaultPointResult] = {}

    def count(self, execution: Execution, strikes: FaultPoints, anomalies: Sequence[Anomaly], buyers: int) -> None:
        """Take in one execution."""
        for strike in strikes:
            if strike.who in execution.injected:
                point = self._by_strike.get(strike) or _untried(strike, participant_name(strike.who, buyers), execution)
                self._by_strike[strike] = replace(
                    point,
                    executions=point.executions + 1,
                    anomalous=point.anomalous + bool(anomalies),
                    names=dict(Counter(point.names) + Counter({anomaly.name for anomaly in anomalies})),
                    waited=max(point.waited, execution.waited),
                )

    def told(self) -> list[FaultPointResult]:
        """Return them in the order in which they were tried."""
        return list(self._by_strike.values())


def _untried(strike: FaultPoint, who: str, execution: Execution) -> FaultPointResult:
    """Return a point of which nothing has come so far."""
    before = _before(execution, strike)
    return FaultPointResult(strike.fault, who, strike.point, before, executions=0, anomalous=0, names={}, waited=0.0)


def _before(execution: Execution, strike: FaultPoint) -> str:
    """Return the step that a fault struck before, or befell."""
    for note in execution.notes:
        if execution.trace.who[note.step] == strike.who:
            if note.what == "before":
                return str(note.value)
            if note.what == "fault":
                return execution.steps[note.step]
    return ""
