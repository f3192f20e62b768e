"""Explorations of plain functions: every schedule that matters of what they do to files, judged and shrunk."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.pacing import NAME, OUT_OF_SIGHT, Action, Step
from ticketlab.core.spec import Spec
from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.analysis.trace import Nondeterminism
from ticketlab.explorer.executors.executor import Executor
from ticketlab.explorer.results import ExploreOptions
from ticketlab.explorer.search import run_schedule
from ticketlab.explorer.shrink import shrink
from ticketlab.lab.artifacts.case_files import versions
from ticketlab.lab.environment import environment
from ticketlab.lab.exploring.contention import order_matters, sentences_of_gave_way
from ticketlab.lab.exploring.fault_search import FaultSearch
from ticketlab.lab.plain.function import PlainFunction
from ticketlab.lab.plain.judge import PlainJudge, made_steps, process_name
from ticketlab.lab.plain.results import PlainCase, PlainExploration, PlainFinding, Touched
from ticketlab.lab.plain.workload import PlainWorkload
from ticketlab.lab.plugins.registry import executor_kind, probes
from ticketlab.probes.kind import installed
from ticketlab.probes.resources import LINKS, LIST
from ticketlab.probes.unseen import Watch
from ticketlab.probes.waiting import SLEPT, WAITED


def explore_plain(plain: PlainFunction, how: ExploreOptions | None = None) -> PlainExploration:
    """Search the schedules of a plain function for one that goes wrong, and shrink it.

    Raises:
        UsageError: a name is unknown, or things do not go together.
        Nondeterminism: the same schedule did not lead to the same steps.
        TicketlabError: the lab could not do its work.
    """
    how = how or ExploreOptions(executor="processes")
    began = time.monotonic()
    workload = PlainWorkload(plain)
    with _installed(how), _executor(workload, how) as executor:
        judge = PlainJudge(workload)
        tally = _Tally()
        _look_around(executor, workload, judge, tally)
        _search(executor, judge, how, tally)
        gave_way = sentences_of_gave_way(executor, process_name)
        finding = _finding(executor, judge, how, plain, tally) if tally.first else None
    if finding is not None and Spec.parse(how.executor).name == "inline":
        finding = _confirmed(finding, plain, how)
    return PlainExploration(
        function=plain.title,
        processes=plain.processes,
        how=how,
        executions=tally.executions,
        anomalous=tally.anomalous,
        names=dict(tally.names),
        exhausted=tally.exhausted and not gave_way,
        gave_way=gave_way,
        contested=tally.contested,
        seconds=time.monotonic() - began,
        seen=tally.seen,
        unseen=tally.unseen,
        outside=tuple(tally.outside),
        finding=finding,
        environment=environment(Path.cwd()),
    )


def replay_plain(plain: PlainFunction, case: PlainCase, executor: str = "processes") -> tuple[Execution, list[Anomaly]]:
    """Run a case again, and return the execution and what is wrong with it.

    Raises:
        Nondeterminism: the function makes other steps now.
        UsageError: it is of another number of processes.
    """
    if case.processes != plain.processes:
        raise UsageError(f"the case is of {case.processes} processes, and the test of {plain.processes}")
    workload = PlainWorkload(plain)
    how = ExploreOptions(executor=executor, atomic_accesses=case.atomic_accesses)
    with _installed(how), _executor(workload, how) as running:
        judge = PlainJudge(workload)
        judge.learn(running)
        judge.learn_smaller(running)
        execution = run_schedule(running, case.schedule, case.without, when=case.when)
        case.check(execution)
        return execution, judge.judge(execution)


@dataclass(slots=True)
class _Tally:
    """What a search has come to."""

    executions: int = 0
    anomalous: int = 0
    names: Counter[str] = field(default_factory=Counter)
    exhausted: bool = False
    contested: bool = False
    first: tuple[int, Execution, list[Anomaly]] | None = None
    seen: Sequence[Touched] = ()
    unseen: dict[str, str] = field(default_factory=dict)
    outside: dict[str, None] = field(default_factory=dict)

    def note(self, execution: Execution) -> None:
        """Take down what the participants did out of sight."""
        self.outside.update({str(value): None for _, what, value in execution.told if what == OUT_OF_SIGHT})
        waited, slept = ({value for _, what, value in execution.told if what == each} for each in (WAITED, SLEPT))
        if waited and slept and len(waited | slept) > 1:
            self.outside["a time-out that ends while another process sleeps was not tried"] = None


def _installed(how: ExploreOptions) -> AbstractContextManager[None]:
    named = Spec.parse(how.executor)
    participant = "thread" if named.name == "threads" else "process"
    return installed(probes(), in_one_process=not executor_kind(named).real_processes, participant=participant)


def _executor(workload: PlainWorkload, how: ExploreOptions) -> AbstractContextManager[Executor]:
    named = Spec.parse(how.executor)
    return executor_kind(named).make(
        named, workload, atomic_accesses=how.atomic_accesses, steps=how.steps, stall_timeout=how.stall_timeout
    )


def _look_around(executor: Executor, workload: PlainWorkload, judge: PlainJudge, tally: _Tally) -> None:
    """Run the participants one after another, and see what they touch, with steps and without."""
    with Watch(workload.folder) as workload.watch:
        executions = judge.learn(executor)
    workload.watch = None
    tally.unseen = workload.unseen
    tally.seen = touched(executions[:1])
    for execution in executions:
        tally.note(execution)


def _search(executor: Executor, judge: PlainJudge, how: ExploreOptions, tally: _Tally) -> None:
    """Run a search and judge each execution, until one goes wrong or, if it shall exhaust, until nothing is left."""
    tried = FaultSearch(executor, how)
    for execution, _ in tried.executions():
        tally.executions += 1
        tally.note(execution)
        tally.contested = tally.contested or order_matters(execution)
        anomalies = judge.judge(execution)
        if anomalies:
            tally.anomalous += 1
            tally.names.update({anomaly.name for anomaly in anomalies})
            if tally.first is None:
                tally.first = tally.executions, execution, anomalies
            if not how.exhaust:
                break
    tally.exhausted = tried.exhausted


def _finding(
    executor: Executor, judge: PlainJudge, how: ExploreOptions, plain: PlainFunction, tally: _Tally
) -> PlainFinding:
    assert tally.first is not None
    number, execution, anomalies = tally.first
    wanted = {anomaly.name for anomaly in anomalies}
    judge.learn_smaller(executor)

    def fails(one: Execution) -> bool:
        return bool(wanted & {anomaly.name for anomaly in judge.judge(one)})

    small = shrink(executor, execution, fails)
    last = run_schedule(executor, small.execution.schedule, small.without, when=small.execution.when)
    found = judge.judge(last)
    if not found:
        raise TicketlabError("the shrunk schedule went wrong once and not again: something beside the schedule decides")
    case = PlainCase(
        function=plain.title,
        processes=plain.processes,
        schedule=last.schedule,
        steps=last.steps,
        anomalies=tuple(anomaly.name for anomaly in found),
        without=small.without,
        when=tuple(last.when),
        atomic_accesses=how.atomic_accesses,
        found={"policy": str(how.policy), "seed": how.seed, "execution": number},
        versions=versions(),
    )
    where = "threads of one process" if Spec.parse(how.executor).name == "threads" else "real processes"
    return PlainFinding(case, last, tuple(found), f"found on {where}")


def _confirmed(finding: PlainFinding, plain: PlainFunction, how: ExploreOptions) -> PlainFinding:
    """Replay on real processes what was found in one; raises TicketlabError if they do otherwise."""
    try:
        _, found = replay_plain(plain, finding.case)
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
    """Yield what a step does to which path: each path once, and no lists of names, nor that a lock is given back."""
    told: dict[str, Action] = {}
    for action, resource in reversed(step.accesses):
        if not action.gives_back and action is not Action.ENTER and not resource.startswith((LIST, LINKS)):
            path = step.path if resource == step.resource and step.action is not Action.RENAME else ""
            told[path or resource.removeprefix(NAME)] = action
    yield from ((action, path) for path, action in told.items())
