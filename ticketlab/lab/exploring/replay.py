"""Replays: one saved schedule again, the same every time."""

from __future__ import annotations

from ticketlab.core.errors import UsageError
from ticketlab.explorer.case import Case
from ticketlab.explorer.results import ExploreOptions, ReplayResult
from ticketlab.explorer.search import run_schedule as replayed
from ticketlab.lab.artifacts.race_folder import LIVE
from ticketlab.lab.environment import environment
from ticketlab.lab.exploring.explore import executor_for, refuse_unsupported
from ticketlab.lab.exploring.scenario_workload import ScenarioWorkload
from ticketlab.lab.faults import needs_processes


def replay(case: Case, executor: str | None = None, *, command: str = "") -> ReplayResult:
    """Run a case again: in this process, unless somebody is killed in it or the executor is named.

    Raises:
        Nondeterminism: the steps differ from the case's; that is no verdict.
        UsageError: the case's scenario cannot run here, or not on this executor.
    """
    if test := case.found.get("test"):
        raise UsageError(f"this case is of the test {test}: replay it with pytest --ticketlab-replay")
    executor = executor or ("processes" if needs_processes(case.faults, case.scenario.strategy) else "inline")
    return replay_cast(ScenarioWorkload(case.scenario), case, executor, command=command)


def replay_cast(cast: ScenarioWorkload, case: Case, executor: str = "inline", *, command: str = "") -> ReplayResult:
    """Do so with the cast that the case was found with."""
    refuse_unsupported(case.scenario, executor)
    with executor_for(
        cast, ExploreOptions(executor=executor, atomic_accesses=case.atomic_accesses, faults=case.faults)
    ) as running:
        execution = replayed(running, case.schedule, case.without, case.strikes, case.when)
        case.check(execution)
        anomalies = tuple(cast.judge(execution))
        history = cast.history(execution)
    return ReplayResult(
        command=command,
        case=case,
        executor=executor,
        execution=execution,
        anomalies=anomalies,
        history=history,
        environment=environment(LIVE.parent),
    )
