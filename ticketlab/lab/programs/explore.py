"""Explorations of programs: every schedule that matters of what their processes share, judged and shrunk."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.file_names import LIST
from ticketlab.core.pacing import NAME, Action
from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.policies.replay import ReplaySchedule
from ticketlab.explorer.results import ExploreOptions
from ticketlab.explorer.search import run_schedule, search
from ticketlab.explorer.shrink import ShrinkResult, shrink
from ticketlab.lab.artifacts.case_files import versions
from ticketlab.lab.environment import environment
from ticketlab.lab.exploring.contention import order_matters, sentences_of_gave_way
from ticketlab.lab.exploring.explore import Progress
from ticketlab.lab.plain.results import Touched
from ticketlab.lab.plugins.registry import policy_kind
from ticketlab.lab.programs.case import ProgramCase
from ticketlab.lab.programs.executor import ProgramExecutor
from ticketlab.lab.programs.judge import ProgramJudge
from ticketlab.lab.programs.program import Program
from ticketlab.lab.programs.results import ProgramExploration, ProgramFinding, ProgramReplay

_BETWEEN_PROGRESS: Final = 20  # executions
_OF_PROCESSES: Final = ("process ", "children of ", LIST)
_CONFIRMED: Final = "found on the program itself"


@dataclass(slots=True)
class _Tally:
    """What a search has come to."""

    executions: int = 0
    anomalous: int = 0
    names: Counter[str] = field(default_factory=Counter)
    exhausted: bool = False
    contested: bool = False
    first: tuple[int, Execution, list[Anomaly], frozenset[str]] | None = None


def explore_program(
    program: Program,
    how: ExploreOptions | None = None,
    *,
    command: str = "",
    allows_unseen: bool = False,
    progress: Progress = lambda _done, _anomalous: None,
) -> ProgramExploration:
    """Search the schedules of a program for one that goes wrong, and shrink it.

    `command` is the command line that runs the search again. `allows_unseen` says that it may prove something though
    it saw no race, or not all. `progress` is called now and then with the number of executions, and of wrong ones.

    Raises:
        UsageError: a command or a name is unknown, or things do not go together.
        Nondeterminism: the same schedule did not lead to the same steps.
        TicketlabError: the lab could not do its work.
    """
    how = how or ExploreOptions(executor="program")
    began = time.monotonic()
    tally = _Tally()
    with ProgramExecutor(program, steps=how.steps, seed=how.seed) as executor:
        judge = ProgramJudge(executor)
        for execution in judge.learn():
            tally.contested = tally.contested or order_matters(execution)
        _search(executor, judge, how, tally, progress)
        gave_way = sentences_of_gave_way(executor, judge.name_of)
        seen, outside = touched(executor), list(executor.outside)
        finding = _finding(executor, judge, how, *tally.first) if tally.first else None
    return ProgramExploration(
        command=command,
        function=program.title,
        processes=len(program.commands),
        how=how,
        executions=tally.executions,
        anomalous=tally.anomalous,
        names=dict(tally.names),
        exhausted=tally.exhausted and not gave_way,
        gave_way=gave_way,
        contested=tally.contested,
        seconds=time.monotonic() - began,
        seen=seen,
        outside=outside,
        finding=finding,
        environment=environment(Path.cwd()),
        allows_unseen=allows_unseen,
    )


def _search(
    executor: ProgramExecutor, judge: ProgramJudge, how: ExploreOptions, tally: _Tally, progress: Progress
) -> None:
    """Run a search and judge each execution, until one goes wrong or, if it shall exhaust, until nothing is left.

    If the execution before has taught a new scheduling point, the search begins anew: it must cover that as well.
    """
    kind = policy_kind(how.policy)
    if how.executions < 1:
        raise UsageError(f"{how.executions} executions explore nothing: at least 1 is needed")
    while True:
        for execution in search(executor, kind.make(how.policy, how.seed)):
            tally.executions += 1
            if tally.executions % _BETWEEN_PROGRESS == 0:
                progress(tally.executions, tally.anomalous)
            tally.contested = tally.contested or order_matters(execution)
            if _is_wrong(executor, judge, execution, tally) and not how.exhaust:
                return
            if executor.grew or tally.executions >= how.executions:
                break
        else:
            tally.exhausted = kind.exhausts
            return
        if tally.executions >= how.executions:
            return


def _is_wrong(executor: ProgramExecutor, judge: ProgramJudge, execution: Execution, tally: _Tally) -> bool:
    anomalies = judge.judge(execution)
    if anomalies:
        tally.anomalous += 1
        tally.names.update({anomaly.name for anomaly in anomalies})
        if tally.first is None:
            tally.first = tally.executions, execution, anomalies, executor.used
    return bool(anomalies)


def _finding(
    executor: ProgramExecutor,
    judge: ProgramJudge,
    how: ExploreOptions,
    number: int,
    execution: Execution,
    anomalies: Sequence[Anomaly],
    points: frozenset[str],
) -> ProgramFinding:
    """Shrink an execution that went wrong, and return it with its case."""
    wanted = {anomaly.name for anomaly in anomalies}
    executor.points, executor.frozen = set(points), True

    if judge.serial.repeats:
        judge.learn_smaller()

    def fails(one: Execution) -> bool:
        without = executor.left_out
        if without and not judge.knows(without):
            return False
        return bool(wanted & {anomaly.name for anomaly in judge.judge(one, without)})

    small = shrink(executor, execution, fails) if judge.serial.repeats else ShrinkResult(execution, frozenset())
    executor.with_lines = True
    last = run_schedule(executor, small.execution.schedule, small.without)
    found = judge.judge(last, small.without)
    if not found:
        raise TicketlabError("the shrunk schedule went wrong once and not again: something beside the schedule decides")
    case = ProgramCase(
        program=executor.program,
        points=tuple(sorted(points)),
        schedule=last.schedule,
        steps=last.steps,
        participants=executor.run_of.names,
        seed=how.seed,
        anomalies=tuple(anomaly.name for anomaly in found),
        without=small.without,
        found={"policy": str(how.policy), "seed": how.seed, "execution": number},
        versions=versions(),
    )
    return ProgramFinding(case, last, tuple(found), _CONFIRMED, executor.run_of.names, executor.run_of.output)


def replay_program(case: ProgramCase, *, command: str = "") -> ProgramReplay:
    """Run a case again, and say what is wrong with it.

    Raises:
        Nondeterminism: the program makes other steps now.
        UsageError: a command or the folder is not there.
    """
    with ProgramExecutor(case.program, seed=case.seed, points=case.points) as executor:
        judge = ProgramJudge(executor)
        executor.frozen = True
        judge.learn(case.without)
        executor.with_lines = True
        execution = executor.run(ReplaySchedule(case.schedule), case.without)
        assert execution is not None, "a replay has one execution"
        case.check(execution)
        anomalies = judge.judge(execution, case.without)
        names = executor.run_of.names
    return ProgramReplay(command, case, "program", execution, anomalies, environment(Path.cwd()), names)


def touched(executor: ProgramExecutor) -> list[Touched]:
    """Return what several participants touched and one of them changed, and how often, in the last execution."""
    found = []
    for resource, by in sorted(executor.touched.items()):
        if resource.startswith(_OF_PROCESSES):
            continue
        names = executor.run_of.names
        reads = {names[who]: count for who, done in by.items() if (count := _count(done, looks=True))}
        changes = {names[who]: count for who, done in by.items() if (count := _count(done, looks=False))}
        found.append(Touched(resource.removeprefix(NAME), reads, changes))
    return found


def _count(done: Mapping[Action, int], *, looks: bool) -> int:
    return sum(count for action, count in done.items() if action.looks is looks)
