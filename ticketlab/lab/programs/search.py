"""The search of a program's schedules: what it tries, what it counts, and the smallest execution that goes wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, Final, NamedTuple

from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.faults import FaultPoint
from ticketlab.core.file_names import LINKS, LIST, ORDER, READERS
from ticketlab.core.spec import Spec
from ticketlab.core.steps import NAME, OF_PROCESSES, TABLE, Action
from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.deadlock import cut_short_sentences, ends_search, is_cut_short
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.policies.replay import LenientReplay
from ticketlab.explorer.results import ExploreOptions, Progress, RightExecution, as_right_execution
from ticketlab.explorer.search import run_schedule, search
from ticketlab.explorer.shrink import ShrinkResult, shrink
from ticketlab.explorer.survey import Survey
from ticketlab.explorer.workload import FaultPoints
from ticketlab.lab.exploring.contention import sentences_of_gave_way
from ticketlab.lab.exploring.fault_search import FaultPointTally
from ticketlab.lab.plain.results import Touched
from ticketlab.lab.plugins.registry import policy_kind
from ticketlab.lab.programs.executor import ProgramExecutor
from ticketlab.lab.programs.fault_judge import ProgramFaultJudge
from ticketlab.lab.programs.judge import ProgramJudge
from ticketlab.lab.programs.run import branches, is_contested

_BETWEEN_PROGRESS: Final = 20  # executions
_UNTOLD: Final = (*OF_PROCESSES, LIST, LINKS, READERS, ORDER)
_MANY, _LONG = 8, 60  # processes, and steps: with more, the first executions of a search that ends are too much alike
_FIRST_OF_MANY: Final = 5  # executions, if many processes race
_FIRST_BY_RANDOM: Final = 10  # executions
_SHRINKING_STEPS: Final = 5_000  # in all executions of one shrinking
_LEAST_SHRINKING: Final = 4  # executions
_SHRINKING_SEARCH: Final = 20  # executions
_AFTER_FIRST: Final = 20  # executions
_LOUD: Final = {"exception", "exit code", "killed"}


class _Wrong(NamedTuple):
    """An execution that went wrong: which one it was, what is wrong with it, and the points that it had."""

    number: int
    execution: Execution
    anomalies: Sequence[Anomaly]
    points: frozenset[str]
    fault_points: FaultPoints
    by: str  # the policy that drew it

    @property
    def rank(self) -> int:
        """How soon it is told, the lowest first: where nobody failed, which is worse than a failure, and seen later.

        Of those, torn reads come last: what mends the others mends them as well, and not the other way round.
        """
        names = {anomaly.name for anomaly in self.anomalies}
        return 2 if names & _LOUD else int("torn read" in names)


@dataclass(slots=True)
class _Tally:
    """What a search has come to."""

    executions: int = 0
    anomalous: int = 0
    names: Counter[str] = field(default_factory=Counter)
    exhausted: bool = False
    contested: bool = False
    first: int = 0  # the number of the first that went wrong
    met: bool = False  # whether the fault that is planned was met
    participants: set[int] = field(default_factory=set)
    points: FaultPointTally = field(default_factory=FaultPointTally)
    wrong: _Wrong | None = None
    cut_short: int = 0
    over: bool = False  # since what comes would be cut short as well
    survey: Survey = field(default_factory=lambda: Survey(""))
    right: RightExecution | None = None  # the last that did not go wrong

    def is_enough(self, how: ExploreOptions) -> bool:
        """Whether as many executions were run as there shall be, or enough after one that went wrong."""
        if self.wrong and not how.exhaust and self.executions >= self.first + _AFTER_FIRST:
            return True
        return self.executions >= how.executions or self.over


@dataclass(frozen=True, slots=True)
class Smallest:
    """An execution that went wrong, as small as it could be made, and what is wrong with it.

    `number` is that of the execution that it was made of, `by` the policy that drew that one, and `points` has the
    resources whose accesses were steps.
    `lined` is the same execution with the source lines of its steps.
    """

    number: int
    by: str
    execution: Execution
    lined: Execution
    shrunk: ShrinkResult
    anomalies: tuple[Anomaly, ...]
    points: tuple[str, ...]
    names: Mapping[int, str]
    printed: Sequence[tuple[str, str]]


def searched(
    executor: ProgramExecutor, judge: ProgramJudge, how: ExploreOptions, progress: Progress
) -> tuple[dict[str, Any], Smallest | None]:
    """Search, and shrink what went wrong; return the fields of the result, and what was found."""
    tally = _Tally(survey=Survey(str(how.policy)))
    racing = _search_everything(executor, judge, how, tally, progress)
    gave_way = [*sentences_of_gave_way(executor.gave_way, judge.name_of), *judge.left_out]
    gave_way += cut_short_sentences(tally.cut_short)
    fields = {
        "processes": racing,
        "executions": tally.executions,
        "anomalous": tally.anomalous,
        "names": dict(tally.names),
        "exhausted": tally.exhausted and not gave_way,
        "gave_way": gave_way,
        "contested": tally.contested,
        "right": None if tally.wrong else tally.right,
        "seen": touched_resources(executor),
        "outside": list(executor.outside),
        "injected": tally.points.results(),
        "how_far": tally.survey.how_far(estimated=not tally.exhausted and tally.wrong is None),
    }
    smallest = _smallest(executor, judge, tally.wrong) if tally.wrong else None
    return fields | {"left_behind": sorted(judge.left_behind)}, smallest


def _smallest(executor: ProgramExecutor, judge: ProgramJudge, wrong: _Wrong) -> Smallest:
    """Shrink an execution that went wrong."""
    number, execution, anomalies, points, fault_points, by = wrong
    wanted = anomalies[0].name
    executor.points, executor.frozen = set(points), True

    if judge.serial.repeats:
        judge.learn_smaller()

    def fails(one: Execution) -> bool:
        without = executor.left_out
        if without and not judge.knows(without):
            return False
        return wanted in [anomaly.name for anomaly in judge.judge(one, without)]

    small = ShrinkResult(execution, frozenset(), fault_points)
    if judge.serial.repeats:
        first = execution if fault_points else _those_who_cross(executor, execution, anomalies, fails)
        budget = max(_LEAST_SHRINKING, _SHRINKING_STEPS // (1 + len(first.trace)))
        small = shrink(executor, first, fails, fault_points=fault_points, search=_SHRINKING_SEARCH, budget=budget)
    last = run_schedule(executor, small.execution.schedule, small.without, small.fault_points)
    found = judge.judge(last, small.without)
    if not found:
        raise TicketlabError("the shrunk schedule went wrong once and not again: something beside the schedule decides")
    run = executor.run_of
    lined = executor.with_lines(last, small.without, small.fault_points)
    return Smallest(number, by, last, lined, small, tuple(found), tuple(sorted(points)), run.names, run.output)


def _search_everything(
    executor: ProgramExecutor, judge: ProgramJudge, how: ExploreOptions, tally: _Tally, progress: Progress
) -> int:
    """Search without faults and then with those that are asked for; return how many commands or children race.

    Where many race, or for long, random schedules come first.
    """
    longest = max(len(execution.trace) for execution in judge.learn())
    racing = len(branches(list(executor.run_of.names.values()), len(executor.scripts)))
    if (racing > _MANY or longest > _LONG) and policy_kind(how.policy).ends:
        few = _FIRST_BY_RANDOM if racing <= _MANY else _FIRST_OF_MANY
        first = replace(how, policy=Spec("random"), executions=min(how.executions, few))
        _search(executor, judge, first, tally, progress)
    if tally.wrong is None or how.exhaust:
        tally.exhausted = _search(executor, judge, how, tally, progress)
    if isinstance(judge, ProgramFaultJudge) and tally.exhausted and (tally.wrong is None or how.exhaust):
        tally.exhausted = _search_with_faults(executor, judge, how, tally, progress)
    return max(racing, 1)


def _search(
    executor: ProgramExecutor,
    judge: ProgramJudge,
    how: ExploreOptions,
    tally: _Tally,
    progress: Progress,
    fault_points: FaultPoints = (),
) -> bool:
    """Run a search and judge each execution, until nothing is left or, unless it shall exhaust, some have gone wrong.

    After the first that goes wrong a few more are run, for a failure that nobody would have seen. If the execution
    before has taught a new scheduling point, the search begins anew: it must cover that as well. Return whether nothing
    is left; where a fault is planned that is never met, nothing was there.
    """
    kind = policy_kind(how.policy)
    if how.executions < 1:
        raise UsageError(f"{how.executions} executions explore nothing: at least 1 is needed")
    while True:
        policy = kind.make(how.policy, how.seed)
        for execution in search(executor, policy, fault_points=fault_points):
            if not fault_points or execution.injected:
                tally.executions += 1
                tally.survey.see(execution, policy, str(how.policy))
                tally.met |= bool(fault_points)
                _take_down(executor, judge, execution, tally, fault_points)
                tally.over = tally.over or ends_search(execution, tally.cut_short, how.steps)
            if tally.executions % _BETWEEN_PROGRESS == 0:
                progress(tally.executions, tally.anomalous, tally.survey.classes)
            tally.contested = tally.contested or bool(touched_resources(executor))
            if tally.is_enough(how):
                return False
            if executor.grew:
                break
        else:
            if not executor.grew:  # by an execution that the search left out as redundant
                return kind.exhausts


def _search_with_faults(
    executor: ProgramExecutor, judge: ProgramFaultJudge, how: ExploreOptions, tally: _Tally, progress: Progress
) -> bool:
    """Search once for each fault at each point of each participant that took part in a search without faults."""
    judge.learn_without_each()
    for fault in how.faults:
        for who in sorted(tally.participants):
            for point in count():
                tally.met = False
                faults = (FaultPoint(who, point, fault),)
                if not _search(executor, judge, how, tally, progress, faults):
                    return False
                if not tally.met:
                    break
    return True


def _take_down(
    executor: ProgramExecutor, judge: ProgramJudge, execution: Execution, tally: _Tally, fault_points: FaultPoints
) -> None:
    anomalies = judge.judge(execution)
    tally.participants |= executor.run_of.names.keys()
    tally.points.count(execution, fault_points, anomalies, judge.name_of)
    tally.cut_short += is_cut_short(execution)
    if not anomalies:
        tally.right = as_right_execution(execution, executor.run_of.names)
        return
    tally.anomalous += 1
    tally.names.update({anomaly.name for anomaly in anomalies})
    wrong = _Wrong(tally.executions, execution, anomalies, executor.used, fault_points, tally.survey.last_by)
    if tally.wrong is None:
        tally.wrong, tally.first = wrong, tally.executions
    elif wrong.rank < tally.wrong.rank:
        tally.wrong = wrong


def _those_who_cross(
    executor: ProgramExecutor, execution: Execution, anomalies: Sequence[Anomaly], fails: Callable[[Execution], bool]
) -> Execution:
    """Return an execution that fails and in which only those move in turn who cross each other, if there is one."""
    names = executor.name_now
    nodes = [node - 1 for anomaly in anomalies for node in anomaly.evidence.get("steps", ())]
    crossing = {names(execution.trace.who[node]) for node in nodes}
    wanted = [who for who in execution.schedule if _leads_to(names(who), crossing)]
    if not crossing or len(wanted) == len(execution.schedule):
        return execution
    alone = executor.run(LenientReplay(wanted))
    return alone if alone is not None and fails(alone) else execution


def _leads_to(name: str, others: Collection[str]) -> bool:
    """Whether a participant is one of some others, or has started one."""
    return any(other == name or other.startswith((f"{name}.", f"{name}t")) for other in others)


def touched_resources(executor: ProgramExecutor) -> list[Touched]:
    """Return what several participants touched and one of them changed, and how often, in the last execution."""
    found = []
    with_tables = {name.rpartition(" in ")[2] for name in executor.touched if name.startswith(TABLE)}
    for resource, by in sorted(executor.touched.items()):
        if resource.startswith(_UNTOLD) or resource in with_tables or not is_contested(by):
            continue
        names = executor.run_of.names
        reads = {names[who]: count for who, done in by.items() if (count := _count(done, looks=True))}
        changes = {names[who]: count for who, done in by.items() if (count := _count(done, looks=False))}
        found.append(Touched(resource.removeprefix(NAME).removeprefix(TABLE), reads, changes))
    return found


def _count(done: Mapping[Action, int], *, looks: bool) -> int:
    return sum(count for action, count in done.items() if action.looks is looks and not action.gives_back)
