"""Replays: one saved schedule run again, with the same steps every time."""

from __future__ import annotations

from ticketlab.core.errors import UsageError
from ticketlab.explorer.case import Case
from ticketlab.explorer.engine.scheduler import StepWatch
from ticketlab.explorer.results import ExploreOptions, ReplayResult
from ticketlab.explorer.search import run_schedule
from ticketlab.lab.artifacts.race_folder import LIVE
from ticketlab.lab.environment import environment
from ticketlab.lab.exploring.explore import can_be_explored, executor_for, refuse_unsupported
from ticketlab.lab.exploring.scenario_workload import ScenarioWorkload
from ticketlab.lab.faults import needs_processes


def replay_case(
    case: Case, executor: str | None = None, *, command: str = "", watch: StepWatch | None = None
) -> ReplayResult:
    """Run a case again; without an `executor`, in this process unless its faults or its locks need real ones.

    `watch` is called at each step, in the participant that makes it: then participants may take as long as they want.

    Raises:
        Nondeterminism: the steps differ from the case's, which is no verdict.
        UsageError: the case's scenario cannot run here, or not on this executor.
    """
    if test := case.found.get("test"):
        raise UsageError(f"this case is of the test {test}: replay it with pytest --ticketlab-replay")
    workload = ScenarioWorkload(case.scenario)
    return replay_workload(workload, case, executor or _executor(case), command=command, watch=watch)


def _executor(case: Case) -> str:
    if needs_processes(case.faults, case.scenario.strategy):
        return "processes"
    return "inline" if can_be_explored(case.scenario, inline=True) else "processes"


def replay_workload(
    workload: ScenarioWorkload,
    case: Case,
    executor: str = "inline",
    *,
    command: str = "",
    watch: StepWatch | None = None,
) -> ReplayResult:
    """Run a case again with the workload that it was found with."""
    refuse_unsupported(case.scenario, inline=executor == "inline")
    options = ExploreOptions(executor=executor, atomic_accesses=case.atomic_accesses, faults=case.faults, watch=watch)
    with executor_for(workload, options) as running:
        execution = run_schedule(running, case.schedule, case.without, case.fault_points, case.when)
        case.check(execution)
        anomalies = tuple(workload.judge(execution))
        history = workload.history(execution)
    return ReplayResult(
        command=command,
        case=case,
        executor=executor,
        execution=execution,
        anomalies=anomalies,
        history=history,
        environment=environment(LIVE.parent),
    )
