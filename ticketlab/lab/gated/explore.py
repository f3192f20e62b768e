"""Explorations of plain functions under the gate, and replays of what they found."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from ticketlab.core.errors import UsageError
from ticketlab.explorer.policies.replay import ReplaySchedule
from ticketlab.explorer.results import ExploreOptions, Progress
from ticketlab.lab.artifacts.case_files import versions
from ticketlab.lab.environment import environment
from ticketlab.lab.gated.calls import Calls
from ticketlab.lab.gated.executor import FunctionExecutor
from ticketlab.lab.gated.judge import FunctionJudge
from ticketlab.lab.gated.probed import untold
from ticketlab.lab.plain.case import PlainCase
from ticketlab.lab.plain.function import PlainFunction
from ticketlab.lab.plain.gates import KERNEL, check_gate
from ticketlab.lab.plain.results import PlainExploration, PlainFinding, PlainReplay
from ticketlab.lab.programs.search import Smallest, searched

_FOUND_ON: Final = "found on real processes, under the gate"


def explore_gated(
    plain: PlainFunction,
    how: ExploreOptions | None = None,
    *,
    command: str = "",
    allows_unseen: bool = False,
    progress: Progress = lambda _done, _anomalous, _classes=None: None,
) -> PlainExploration:
    """Search the schedules of a function's system calls for one that goes wrong, shrink it, and check the probes.

    Raises as `lab.plain.explore.explore_plain` does.
    """
    how = how or ExploreOptions(executor=KERNEL)
    check_gate(KERNEL, [name for name in ("faults", "atomic_accesses") if getattr(how, name)])
    began = time.monotonic()
    calls = Calls.of_function(plain)
    with FunctionExecutor(calls, steps=how.steps, stall_timeout=how.stall_timeout, seed=how.seed) as executor:
        judge = FunctionJudge(executor)
        fields, smallest = searched(executor, judge, how, progress)
    return PlainExploration(
        command=command,
        function=plain.title,
        how=how,
        untold=untold(plain, judge.serial_deeds, how),
        seconds=time.monotonic() - began,
        finding=_finding(plain, how, smallest) if smallest else None,
        environment=environment(Path.cwd()),
        allows_unseen=allows_unseen,
        **fields | {"processes": plain.processes},
    )


def _finding(plain: PlainFunction, how: ExploreOptions, smallest: Smallest) -> PlainFinding:
    last = smallest.execution
    case = PlainCase(
        function=plain.title,
        processes=plain.processes,
        schedule=last.schedule,
        steps=last.steps,
        anomalies=tuple(anomaly.name for anomaly in smallest.anomalies),
        settings=plain.settings,
        without=smallest.shrunk.without,
        gate=KERNEL,
        points=smallest.points,
        seed=how.seed,
        participants=smallest.names,
        found={"policy": smallest.by, "seed": how.seed, "execution": smallest.number},
        versions=versions(),
    )
    return PlainFinding(case, smallest.lined, smallest.anomalies, _FOUND_ON, smallest.names, smallest.printed)


def replay_gated(plain: PlainFunction, case: PlainCase, *, command: str = "") -> PlainReplay:
    """Run a case again that was found under the gate, and say what is wrong with it.

    Raises:
        Nondeterminism: the function makes other steps now.
        UsageError: it is of another number of processes.
    """
    if case.processes != plain.processes:
        raise UsageError(f"the case is of {case.processes} processes, and the test of {plain.processes}")
    with FunctionExecutor(Calls.of_function(plain), seed=case.seed, points=case.points) as executor:
        judge = FunctionJudge(executor)
        executor.frozen = True
        judge.learn(case.without)
        execution = executor.run(ReplaySchedule(case.schedule), case.without)
        assert execution is not None, "a replay has one execution"
        case.check(execution)
        anomalies = judge.judge(execution, case.without)
        names = executor.run_of.names
        execution = executor.with_lines(execution, case.without, ())
    return PlainReplay(command, case, KERNEL, execution, anomalies, environment(Path.cwd()), names)
