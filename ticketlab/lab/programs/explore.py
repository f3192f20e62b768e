"""Explorations of programs: every schedule that matters of what their processes share, judged and shrunk."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from ticketlab.core.errors import UsageError
from ticketlab.explorer.policies.replay import ReplaySchedule
from ticketlab.explorer.results import ExploreOptions, Progress
from ticketlab.gate.database_locks import EVERY_CALL
from ticketlab.lab.artifacts.case_files import versions
from ticketlab.lab.environment import environment
from ticketlab.lab.programs.case import ProgramCase
from ticketlab.lab.programs.executor import ProgramExecutor
from ticketlab.lab.programs.fault_judge import ProgramFaultJudge
from ticketlab.lab.programs.judge import ProgramJudge
from ticketlab.lab.programs.program import Program
from ticketlab.lab.programs.results import ProgramExploration, ProgramFinding, ProgramReplay
from ticketlab.lab.programs.search import Smallest, searched

FOUND_ON: Final = "found on the program itself"


def explore_program(
    program: Program,
    how: ExploreOptions | None = None,
    *,
    command: str = "",
    allows_unseen: bool = False,
    every_call: bool = False,
    progress: Progress = lambda _done, _anomalous, _classes=None: None,
) -> ProgramExploration:
    """Search the schedules of a program for one that goes wrong, and shrink it.

    `command` is the command line that runs the search again. `allows_unseen` says that it may prove something though
    it saw no race, or not all; `every_call` that each call of SQLite in a Python process is a step, as where faults
    make calls fail. `progress` is called now and then with the number of executions, and of wrong ones.

    Raises:
        UsageError: a command or a name is unknown, or things do not go together.
        Nondeterminism: the same schedule did not lead to the same steps.
        TicketlabError: the lab could not do its work.
    """
    how = how or ExploreOptions(executor="program")
    began = time.monotonic()
    with _executor(program, how, every_call=every_call) as executor:
        judge = ProgramFaultJudge(executor) if how.faults else ProgramJudge(executor)
        fields, smallest = searched(executor, judge, how, progress)
    return ProgramExploration(
        command=command,
        function=program.title,
        how=how,
        seconds=time.monotonic() - began,
        finding=_finding(program, how, smallest) if smallest else None,
        environment=environment(Path.cwd()),
        allows_unseen=allows_unseen,
        **fields,
    )


def _executor(program: Program, how: ExploreOptions, *, every_call: bool) -> ProgramExecutor:
    return ProgramExecutor(
        program,
        steps=how.steps,
        stall_timeout=how.stall_timeout,
        patience=how.patience,
        seed=how.seed,
        points=(EVERY_CALL,) if every_call or not all(fault.kind.is_step for fault in how.faults) else (),
        faults=how.faults,
    )


def _finding(program: Program, how: ExploreOptions, smallest: Smallest) -> ProgramFinding:
    """Return what was found, with its case."""
    last = smallest.execution
    case = ProgramCase(
        program=program,
        points=smallest.points,
        schedule=last.schedule,
        steps=last.steps,
        participants=smallest.names,
        seed=how.seed,
        anomalies=tuple(anomaly.name for anomaly in smallest.anomalies),
        without=smallest.shrunk.without,
        fault_points=smallest.shrunk.fault_points,
        found={"policy": smallest.by, "seed": how.seed, "execution": smallest.number},
        versions=versions(),
    )
    return ProgramFinding(case, smallest.lined, smallest.anomalies, FOUND_ON, smallest.names, smallest.printed)


def replay_program(case: ProgramCase, *, command: str = "") -> ProgramReplay:
    """Run a case again, and say what is wrong with it.

    Raises:
        Nondeterminism: the program makes other steps now.
        UsageError: a command or the folder is not there, or only a test can judge the case.
    """
    program = case.program
    if program.test and not program.invariant:
        raise UsageError(
            f"the case is of the test {program.test}: pytest {program.test} --ticketlab-replay FILE runs it"
        )
    with ProgramExecutor(program, seed=case.seed, points=case.points, faults=case.faults) as executor:
        judge = ProgramFaultJudge(executor) if case.faults else ProgramJudge(executor)
        executor.frozen = True
        judge.learn(case.without)
        execution = executor.run(ReplaySchedule(case.schedule), case.without, case.fault_points)
        assert execution is not None, "a replay has one execution"
        case.check(execution)
        anomalies = judge.judge(execution, case.without)
        names = executor.run_of.names
        execution = executor.with_lines(execution, case.without, case.fault_points)
    return ProgramReplay(command, case, "program", execution, anomalies, environment(Path.cwd()), names)
