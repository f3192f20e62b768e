"""Explorations of plain functions: every schedule that matters of what they do to files, judged and shrunk."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.file_names import LINKS, LIST, READERS
from ticketlab.core.spec import Spec
from ticketlab.core.steps import NAME, TABLE, Action, Step
from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.deadlock import cut_short_sentences, ends_search, is_cut_short
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.analysis.trace import Nondeterminism
from ticketlab.explorer.engine.scheduler import StepWatch
from ticketlab.explorer.executors.executor import Executor
from ticketlab.explorer.policies.replay import ReplaySchedule
from ticketlab.explorer.results import ExploreOptions, Progress, as_right_execution
from ticketlab.explorer.search import run_schedule
from ticketlab.explorer.shrink import shrink
from ticketlab.explorer.workload import FaultPoints
from ticketlab.lab.artifacts.case_files import versions
from ticketlab.lab.environment import environment
from ticketlab.lab.exploring.contention import order_matters, sentences_of_gave_way
from ticketlab.lab.exploring.fault_search import FaultSearch
from ticketlab.lab.exploring.kept_search import SearchKeeper, SearchPause
from ticketlab.lab.plain.case import PlainCase
from ticketlab.lab.plain.faults import refuse_impossible_faults
from ticketlab.lab.plain.function import PlainFunction
from ticketlab.lab.plain.judge import PlainJudge, made_steps
from ticketlab.lab.plain.loading import imported
from ticketlab.lab.plain.participants import executor_of, judge_of, learn_orders, probes_in_place, ready_participants
from ticketlab.lab.plain.results import PlainExploration, PlainFinding, PlainReplay, Touched, not_seen
from ticketlab.lab.plain.tally import PlainTally
from ticketlab.lab.plain.workload import PlainWorkload, process_name
from ticketlab.probes.file_system.resources import DATABASE
from ticketlab.probes.unseen import Watch

_NAMED_BY_RESOURCE: Final = (Action.RENAME, Action.GO_ON)
_BETWEEN_PROGRESS: Final = 100  # executions
_FOUND_ON: Final = {"threads": "threads of one process", "tasks": "tasks of one event loop"}


def explore_plain(
    plain: PlainFunction,
    how: ExploreOptions | None = None,
    *,
    command: str = "",
    allows_unseen: bool = False,
    progress: Progress = lambda _done, _anomalous, _classes=None: None,
    make_judge: Callable[[PlainWorkload], PlainJudge] | None = None,
    pause: SearchPause | None = None,
) -> PlainExploration:
    """Search the schedules of a plain function for one that goes wrong, and shrink it.

    `command` is the command line that runs the search again. `allows_unseen` says that it may prove something though
    it saw no race, or not all. `progress` is called now and then with the number of executions, and of wrong ones.
    `make_judge` makes the judge of its executions, if that is another one than for functions. `pause` says when the
    search stops, and where it goes on from.

    Raises:
        UsageError: a name is unknown, or things do not go together.
        Nondeterminism: the same schedule did not lead to the same steps.
        TicketlabError: the lab could not do its work.
    """
    how = how or ExploreOptions(executor="processes")
    began = time.monotonic()
    tally, finding = _explored(plain, how, progress, make_judge or judge_of(how), pause)
    return PlainExploration(
        command=command,
        function=plain.title,
        processes=plain.processes,
        how=how,
        executions=tally.executions,
        anomalous=tally.anomalous,
        names=dict(tally.names),
        exhausted=tally.exhausted and not tally.gave_way,
        gave_way=tally.gave_way,
        contested=tally.contested,
        seconds=time.monotonic() - began,
        seen=tally.seen,
        unseen=tally.unseen,
        outside=tuple(tally.outside),
        finding=finding,
        environment=environment(Path.cwd()),
        injected=tally.points.results(),
        left_behind=tally.left_behind,
        allows_unseen=allows_unseen,
        schedule=tally.schedule,
        how_far=tally.how_far,
        right=None if tally.first else as_right_execution(tally.last),
    )


def _explored(
    plain: PlainFunction,
    how: ExploreOptions,
    progress: Progress,
    make_judge: Callable[[PlainWorkload], PlainJudge],
    pause: SearchPause | None,
) -> tuple[PlainTally, PlainFinding | None]:
    """Search, and shrink what went wrong first, if anything did."""
    refuse_impossible_faults(how.faults, how.executor)
    workload, tally = PlainWorkload(plain), PlainTally()
    with probes_in_place(how), executor_of(workload, how) as executor, _told_of(tally, workload):
        judge = make_judge(workload)
        _look_around(executor, workload, judge, how, tally)
        _search(executor, judge, how, tally, progress, pause)
        unstruck = ["no fault was injected"] if how.faults and not tally.points.results() else []
        tally.gave_way = [
            *unstruck,
            *sentences_of_gave_way(executor.gave_way, process_name),
            *tally.untried,
            *judge.left_out,
        ]
        tally.gave_way += cut_short_sentences(tally.cut_short)
        finding = _finding(executor, judge, how, plain, tally.found_by, *tally.first) if tally.first else None
    tally.left_behind = sorted(judge.left_behind)
    if finding is not None and Spec.parse(how.executor).name == "inline":
        finding = _confirmed(finding, plain, how, make_judge)
    return tally, finding


def replay_plain(
    plain: PlainFunction,
    case: PlainCase,
    executor: str = "processes",
    make_judge: Callable[[PlainWorkload], PlainJudge] | None = None,
    watch: StepWatch | None = None,
) -> tuple[Execution, list[Anomaly]]:
    """Run a case again, and return the execution and what is wrong with it; `make_judge` is as in `explore_plain`.

    Raises:
        Nondeterminism: the function makes other steps now.
        UsageError: it is of another number of processes.
    """
    if case.processes != plain.processes:
        raise UsageError(f"the case is of {case.processes} processes, and the test of {plain.processes}")
    how = ExploreOptions(executor=executor, atomic_accesses=case.atomic_accesses, faults=case.faults, watch=watch)
    with ready_participants(plain, how, make_judge) as (running, judge):
        judge.learn_group(running, [who for who in range(case.processes) if (who, 0) not in case.without])
        execution = running.run(ReplaySchedule(case.schedule, case.when), case.without, case.fault_points)
        assert execution is not None, "a replay has one execution"
        case.check(execution)  # an execution that could not follow the schedule has fewer steps, or others
        return execution, judge.judge(execution)


def replay_imported(
    case: PlainCase,
    executor: str | None = None,
    *,
    command: str = "",
    file: object = "FILE",
    watch: StepWatch | None = None,
) -> PlainReplay:
    """Run a case again whose function has an import path; `file` is where it is. Raises as `replay_plain` does."""
    plain = imported_of(case, file)
    kind = case.settings.get("participants")
    if kind and executor not in (None, kind):
        raise UsageError(f"this case is of {kind}: leave out --executor {executor}")
    executor = kind or executor or "processes"
    execution, anomalies = replay_plain(plain, case, executor, watch=watch)
    return PlainReplay(command, case, executor, execution, anomalies, environment(Path.cwd()))


def imported_of(case: PlainCase, file: object) -> PlainFunction:
    """Return the function that a case names; raises UsageError if it has no import path."""
    if ":" not in case.function:
        raise UsageError(
            f"this case is of the function {case.function!r}, which has no import path: replay it with "
            "ticketlab.testing.replay_plain_function"
        )
    if "::" in case.function:
        raise UsageError(
            f"this case is of the test {case.function}: replay it with pytest {case.function} --ticketlab-replay {file}"
        )
    return imported(case.function, case.processes, case.settings)


@contextmanager
def _told_of(tally: PlainTally, workload: PlainWorkload) -> Iterator[None]:
    """Have an error that a function does not repeat itself name what of it was not seen, which may be why."""
    try:
        yield
    except Nondeterminism as error:
        if causes := not_seen(tally.unseen or workload.unseen, tally.outside):
            raise Nondeterminism(f"{error} (what may be why: {'; '.join(causes)})") from None
        raise


def _look_around(
    executor: Executor, workload: PlainWorkload, judge: PlainJudge, how: ExploreOptions, tally: PlainTally
) -> None:
    """Run the participants one after another, and see what they touch, with steps and without."""
    with Watch(workload.folder) as workload.watch:
        executions = learn_orders(executor, judge, how)
    workload.watch = None
    tally.unseen = workload.unseen
    tally.seen = touched(executions[:1])
    for execution in executions:
        tally.note(execution)


def _search(
    executor: Executor,
    judge: PlainJudge,
    how: ExploreOptions,
    tally: PlainTally,
    progress: Progress,
    pause: SearchPause | None,
) -> None:
    """Run a search and judge each execution, until one goes wrong or, if it shall exhaust, until nothing is left."""
    kept = SearchKeeper(pause, executor, how, (tally, judge.counted))
    tried = kept.search = FaultSearch(executor, how, stopping=kept.stops)
    kept.begin()
    with kept.listening():
        for execution, faults in tried.executions():
            tally.executions += 1
            tally.last = execution
            tally.note(execution)
            if tally.executions % _BETWEEN_PROGRESS == 0:
                progress(tally.executions, tally.anomalous, tried.survey.classes)
            tally.contested = tally.contested or (not execution.injected and order_matters(execution))
            anomalies = judge.judge(execution)
            tally.points.count(execution, faults, anomalies, process_name)
            tally.cut_short += is_cut_short(execution)
            if ends_search(execution, tally.cut_short, how.steps):
                break
            if anomalies:
                tally.anomalous += 1
                tally.names.update({anomaly.name for anomaly in anomalies})
                if kept.first is None:
                    kept.first = tally.executions, execution, faults, anomalies
                    tally.found_by = tried.survey.last_by
                if not how.exhaust:
                    break
    tally.first = kept.end(judge.judge)
    tally.exhausted = tried.exhausted
    tally.schedule = tried.schedule(process_name)
    tally.how_far = tried.survey.how_far(estimated=not tally.exhausted and not tally.first)


def _finding(
    executor: Executor,
    judge: PlainJudge,
    how: ExploreOptions,
    plain: PlainFunction,
    found_by: str,
    number: int,
    execution: Execution,
    faults: FaultPoints,
    anomalies: Sequence[Anomaly],
) -> PlainFinding:
    """Shrink an execution that went wrong, and return it with its case."""
    wanted = {anomaly.name for anomaly in anomalies}
    judge.learn_smaller(executor)

    def fails(one: Execution) -> bool:
        return bool(wanted & {anomaly.name for anomaly in judge.judge(one)})

    small = shrink(executor, execution, fails, fault_points=faults)
    last = run_schedule(executor, small.execution.schedule, small.without, small.fault_points, small.execution.when)
    found = judge.judge(last)
    if not found:
        raise Nondeterminism("the shrunk schedule went wrong once and not again: something beside the schedule decides")
    case = PlainCase(
        function=plain.title,
        processes=plain.processes,
        schedule=last.schedule,
        steps=last.steps,
        anomalies=tuple(anomaly.name for anomaly in found),
        settings=plain.settings,
        without=small.without,
        fault_points=small.fault_points,
        when=tuple(last.when),
        atomic_accesses=how.atomic_accesses,
        found={"policy": found_by, "seed": how.seed, "execution": number},
        versions=versions(),
    )
    where = _FOUND_ON.get(Spec.parse(how.executor).name, "real processes")
    return PlainFinding(case, last, tuple(found), f"found on {where}")


def _confirmed(
    finding: PlainFinding, plain: PlainFunction, how: ExploreOptions, make_judge: Callable[[PlainWorkload], PlainJudge]
) -> PlainFinding:
    """Replay on real processes what was found in one; raises TicketlabError if they do otherwise."""
    try:
        _, found = replay_plain(plain, finding.case, make_judge=make_judge)
    except Nondeterminism as error:
        raise TicketlabError(
            f"real processes do otherwise than one process does (use the executor processes): {error}"
        ) from None
    names = {anomaly.name for anomaly in found}
    if not set(finding.case.anomalies) <= names:
        raise TicketlabError(
            f"real processes do not confirm what {how.executor} found: {', '.join(finding.case.anomalies)} in one "
            f"process, {', '.join(sorted(names)) or 'nothing'} in several"
        )
    return PlainFinding(finding.case, finding.execution, finding.anomalies, "confirmed on real processes")


def touched(executions: Sequence[Execution]) -> list[Touched]:
    """Return what more than one process touched in some executions and one of them changed, and how often."""
    reads: dict[str, Counter[int]] = {}
    changes: dict[str, Counter[int]] = {}
    for execution in executions:
        for who, step, refused in made_steps(execution):
            for action, path in _paths(step):
                counted = reads if action.looks or refused else changes
                counted.setdefault(path, Counter())[who + 1] += 1
    found = [Touched(path, reads.get(path, {}), changes[path]) for path in sorted(changes)]
    return [each for each in found if len(each.reads.keys() | each.changes.keys()) > 1]


def _paths(step: Step) -> Iterator[tuple[Action, str]]:
    """Yield what a step does to which path: each path once, and no lists of names, nor that a lock is given back.

    Of a database it yields the tables.
    """
    told: dict[str, Action] = {}
    tables = [(action, name.removeprefix(TABLE)) for action, name in step.accesses if name.startswith(TABLE)]
    if tables:
        yield from tables if not step.action.gives_back else ()
        return
    for action, resource in reversed(step.accesses):
        if (
            not action.gives_back
            and action is not Action.ENTER
            and not resource.startswith((LIST, LINKS, DATABASE, READERS))
        ):
            path = step.path if resource == step.resource and step.action not in _NAMED_BY_RESOURCE else ""
            told[path or resource.removeprefix(NAME)] = action
    yield from ((action, path) for path, action in told.items())
