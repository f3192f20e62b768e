"""From luck to a case: a live race that went wrong as a schedule that replays.

A race's record says of each step from when to when it was made, and what it read. It does not say when within that time
the step took effect. So the recorded order is completed by a search for a schedule under which every buyer reads, and
is answered, what it was in the race. The search begins with the steps in the order of their beginnings, of their
middles and of their ends. If a buyer then reads something else, that step is moved past others that were made at the
same time, and a move is kept if more buyers do as in the race. The result is run under control, judged, shrunk and
confirmed as any schedule that a search has found: a verdict depends on it, and not on the record.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

from ticketlab.core.errors import UsageError
from ticketlab.core.history import Operation
from ticketlab.core.result import Result, TimedStep
from ticketlab.core.scenario import Scenario
from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.executors.executor import Executor
from ticketlab.explorer.policies.replay import LenientReplay
from ticketlab.explorer.results import ExploreOptions, Finding
from ticketlab.explorer.search import search
from ticketlab.lab.exploring.explore import (
    can_be_explored,
    confirm,
    executor_for,
    refuse_unsupported,
    shrunk_finding,
)
from ticketlab.lab.exploring.scenario_workload import ScenarioWorkload

TRIES: Final = 1_000
"""The most schedules that are run to find one that does as the race did."""

_Done = tuple[list[object], list[object]]
"""What a buyer read, in order, and what it was answered."""

_FIRST_ORDERS: Final[tuple[Callable[[TimedStep], int], ...]] = (
    lambda move: move.began_ns,
    lambda move: move.began_ns + move.ended_ns,
    lambda move: move.ended_ns,
)


@dataclass(frozen=True, slots=True)
class RaceCase:
    """A schedule that goes wrong as a race did, shrunk.

    `alike` is how many of the race's buyers read and were answered the same under the schedule before it was shrunk,
    and `tried` how many schedules were run to find it.
    """

    finding: Finding
    alike: int
    tried: int

    def to_json(self) -> dict[str, Any]:
        """Return the case as the result of the race names it."""
        return {"alike": self.alike, "executions": self.tried, "case": self.finding.case.to_json()}


def case_of_race(scenario: Scenario, raced: Result, *, tries: int = TRIES) -> RaceCase | None:
    """Return the case of a race that went wrong; None if no schedule was found that goes wrong in the same way.

    Raises:
        UsageError: the race was right, or its scenario cannot be explored.
        TicketlabError: the shrunk schedule does not repeat itself, or real processes do otherwise.
    """
    if not raced.verdict.anomalies:
        raise UsageError("nothing went wrong in this race, so there is no case of it")
    options = ExploreOptions(executor=executor_for_race(scenario))
    workload = ScenarioWorkload(scenario)
    with executor_for(workload, options) as executor:
        likeness = _Likeness(executor, workload, raced)
        execution = likeness.search(tries)
        if execution is None:
            return None
        found = {"race": raced.command, "alike": likeness.alike, "execution": likeness.tried}
        finding = shrunk_finding(executor, workload, options, found, execution, (), likeness.anomalies)
    told = confirm(finding.case, workload, options)
    return RaceCase(replace(finding, confirmed=told), likeness.alike, likeness.tried)


def executor_for_race(scenario: Scenario) -> str:
    """Return the executor on which a race's scenario is explored; raises UsageError if there is none."""
    inline = can_be_explored(scenario, inline=True)
    refuse_unsupported(scenario, inline=inline)
    return "inline" if inline else "processes"


class _Likeness:
    """The search for a schedule under which the buyers do as they did in a race.

    `alike` counts the buyers that do so under the best schedule so far, and `anomalies` are those of it that the race
    had too. A schedule with such an anomaly is better than any without.
    """

    def __init__(self, executor: Executor, workload: ScenarioWorkload, raced: Result) -> None:
        self._executor, self._workload, self._moves = executor, workload, raced.moves
        self._names = {anomaly.name for anomaly in raced.verdict.anomalies}
        operations = sorted(raced.history.operations, key=lambda each: each.invoke_ns)
        reads = [(each.process - 1, value) for each in operations for _, _, value in each.accesses]
        self._wanted = self._by_buyer(reads, operations)
        self.tried, self.alike = 0, -1
        self.anomalies: list[Anomaly] = []
        self._order: list[TimedStep] = []
        self._execution: Execution | None = None

    def search(self, tries: int) -> Execution | None:
        """Return the best execution of at most `tries`, or None if none goes wrong as the race did."""
        for key in _FIRST_ORDERS:
            self._try(sorted(self._moves, key=key))
        while self.alike < len(self._wanted) and self.tried < tries:
            changed = islice(self._changed(), tries - self.tried)
            if not any(map(self._try, changed)):
                break
        return self._execution if self.anomalies else None

    def _try(self, order: list[TimedStep]) -> bool:
        """Run the steps in an order, and keep it if it is better than the best so far; return whether it is."""
        self.tried += 1
        (execution,) = search(self._executor, LenientReplay([move.who for move in order]))
        anomalies = [each for each in self._workload.judge(execution) if each.name in self._names]
        alike = sum(map(operator.eq, self._wanted, self._done(execution)))
        if (bool(anomalies), alike) <= (bool(self.anomalies), self.alike):
            return False
        self.alike, self.anomalies, self._order, self._execution = alike, anomalies, order, execution
        return True

    def _done(self, execution: Execution) -> list[_Done]:
        reads = [(who, value) for _, who, value in _reads(execution)]
        return self._by_buyer(reads, self._workload.operations(execution))

    def _by_buyer(self, reads: Iterable[tuple[int, object]], operations: Iterable[Operation]) -> list[_Done]:
        """Return what each buyer read and was answered, each in the order in which it happened."""
        done: list[tuple[list[object], list[object]]] = [([], []) for _ in self._workload.scripts]
        for who, value in reads:
            if who < len(done):  # a clerk reads in the place of buyers
                done[who][0].append(value)
        for each in operations:
            done[each.process - 1][1].append((each.result, each.tickets))
        return done

    def _changed(self) -> Iterator[list[TimedStep]]:
        """Yield the best order with one step moved past another that was made at the same time.

        First come the steps at which a buyer reads what it did not read in the race, then those that it came to after
        all its reads were right, and of the places to which a step may go the nearest.
        """
        assert self._execution is not None, "the first orders have been tried"
        order = self._order
        places: dict[int, list[int]] = {}
        for place, move in enumerate(order):
            places.setdefault(move.who, []).append(place)
        for who, nth in self._differing(self._execution):
            own = places.get(who)
            if own is None:  # no step of it was recorded
                continue
            at = own[min(nth, len(own) - 1)]
            low, high = (own[nth - 1] if nth else -1), (own[nth + 1] if nth + 1 < len(own) else len(order))
            near = sorted(range(low + 1, min(high, len(order))), key=lambda place: abs(place - at))
            for place in near:
                if place != at and _overlap(order[at], order[place]):
                    yield _moved(order, at, place)
                    yield _moved(order, place, at)

    def _differing(self, execution: Execution) -> Iterator[tuple[int, int]]:
        """Yield the buyers that did not do as in the race, and which of their steps was the first that differed."""
        nth = [0] * len(execution.schedule)
        count: Counter[int] = Counter()
        for step, who in enumerate(execution.schedule):
            nth[step] = count[who]
            count[who] += 1
        at: dict[int, int] = {}
        seen: Counter[int] = Counter()
        for step, who, value in _reads(execution):
            if who < len(self._wanted):
                wanted = self._wanted[who][0]
                if who not in at and (seen[who] >= len(wanted) or wanted[seen[who]] != value):
                    at[who] = step
                seen[who] += 1
        yield from ((who, nth[step]) for who, step in sorted(at.items(), key=lambda one: one[1]))
        for who, (before, now) in enumerate(zip(self._wanted, self._done(execution), strict=True)):
            if before != now and who not in at:
                yield who, max(0, count[who] - 1)


def _reads(execution: Execution) -> Iterator[tuple[int, int, int | str]]:
    """Yield the step, the participant and the value of everything that was read or written, in the order of steps."""
    schedule = execution.schedule
    return ((note.step, schedule[note.step], note.value) for note in execution.notes if note.what == "remaining")


def _overlap(one: TimedStep, other: TimedStep) -> bool:
    return one.who != other.who and one.began_ns <= other.ended_ns and other.began_ns <= one.ended_ns


def _moved(order: Sequence[TimedStep], place: int, to: int) -> list[TimedStep]:
    """Return the order with the step at one place moved to another."""
    rest = [*order[:place], *order[place + 1 :]]
    return [*rest[:to], order[place], *rest[to:]]
