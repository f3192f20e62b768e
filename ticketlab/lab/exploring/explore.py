"""Explorations: run a scenario under one schedule after another, judge each, and shrink the first that goes wrong."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ticketlab.core.errors import TicketlabError, UsageError, unknown_name
from ticketlab.core.scenario import Scenario
from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.case import Case
from ticketlab.explorer.executors.executor import Executor
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.executors.processes import Processes
from ticketlab.explorer.results import Exploration, ExploreOptions, Finding
from ticketlab.explorer.search import run_schedule
from ticketlab.explorer.shrink import shrink
from ticketlab.explorer.workload import FaultPoints
from ticketlab.lab.artifacts.cases import versions
from ticketlab.lab.environment import environment
from ticketlab.lab.exploring.fault_search import FaultSearch, Points
from ticketlab.lab.exploring.scenario_workload import ScenarioWorkload
from ticketlab.lab.faults import refuse_impossible
from ticketlab.lab.plugins.registry import refuse_combination, store_kind

EXECUTORS: Final = ("inline", "processes")


def executor_for(cast: ScenarioWorkload, how: ExploreOptions) -> AbstractContextManager[Executor]:
    """Return the executor that is asked for; raises UsageError where the store cannot run there."""
    if how.executor not in EXECUTORS:
        raise unknown_name("executor", how.executor, EXECUTORS)
    if how.executor == "inline":
        return Inline(cast, atomic_accesses=how.atomic_accesses, steps=how.steps, faults=how.faults)
    store = store_kind(cast.scenario.store)
    if store.in_process:
        raise UsageError(f"{store.name} cannot be explored with processes: its books never leave one process")
    return Processes(
        cast, atomic_accesses=how.atomic_accesses, steps=how.steps, stall_timeout=how.stall_timeout, faults=how.faults
    )


def refuse_unsupported(scenario: Scenario, executor: str) -> None:
    """Raise UsageError where the scenario's strategy cannot run on its store, or not under control."""
    refuse_combination(scenario)
    store, strategy = scenario.store, scenario.strategy
    server = dict(strategy.options).get("server", "selector")
    if strategy.name == "clerk" and strategy.variant == "socket" and server != "selector":
        raise UsageError(
            f"{strategy} cannot be explored: its server starts processes or queues of its own (use selector)"
        )
    if executor == "inline" and store.name == "sqlite" and strategy.variant == "data-file":
        raise UsageError(
            f"{strategy} on {store} cannot be explored inline: closing the database file drops its process's locks on "
            "it, and SQLite knows that only of other processes (add --executor processes)"
        )


def explore(
    scenario: Scenario,
    how: ExploreOptions | None = None,
    *,
    command: str = "",
    progress: Callable[[int, int], None] = lambda _done, _anomalous: None,
) -> Exploration:
    """Search the schedules of a scenario for one that goes wrong, shrink it, and confirm it on real processes.

    `progress` is told now and then how many executions there were, and how many of them went wrong.

    Raises:
        UsageError: a name is unknown, or things do not go together.
        Nondeterminism: the same schedule did not lead to the same steps.
        TicketlabError: the lab could not do its work.
    """
    how = how or ExploreOptions()
    return explore_cast(ScenarioWorkload(scenario, how.folder), how, command=command, progress=progress)


def explore_cast(
    cast: ScenarioWorkload,
    how: ExploreOptions,
    *,
    command: str = "",
    progress: Callable[[int, int], None] = lambda _done, _anomalous: None,
) -> Exploration:
    """Do so for what buyers do in a scenario, where that need not be its orders."""
    refuse_unsupported(cast.scenario, how.executor)
    began = time.monotonic()
    with executor_for(cast, how) as executor:
        refuse_impossible(how, cast.scenario, cast.store, executor.size - len(executor.scripts))
        seen = search_all(executor, cast, how, progress)
        finding = _finding(executor, cast, how, *seen.first) if seen.first else None
    return Exploration(
        command=command,
        scenario=cast.scenario,
        how=how,
        executions=seen.executions,
        anomalous=seen.anomalous,
        names=dict(seen.names),
        exhausted=seen.exhausted,
        seconds=time.monotonic() - began,
        finding=finding,
        environment=environment(how.folder or Path.cwd()),
        injected=seen.points.told(),
        left_behind=sorted(cast.left_behind),
    )


@dataclass(slots=True)
class SearchTally:
    """What a search has come to. `worst` holds the first anomaly of each name."""

    executions: int = 0
    anomalous: int = 0
    names: Counter[str] = field(default_factory=Counter)
    exhausted: bool = False
    first: tuple[int, Execution, FaultPoints, list[Anomaly]] | None = None
    points: Points = field(default_factory=Points)
    worst: list[Anomaly] = field(default_factory=list)


def search_all(
    executor: Executor,
    cast: ScenarioWorkload,
    how: ExploreOptions,
    progress: Callable[[int, int], None] = lambda _done, _anomalous: None,
    seen: SearchTally | None = None,
) -> SearchTally:
    """Run a search and judge each execution, until one goes wrong or, if it shall exhaust, until nothing is left.

    What is found goes into `seen` at once, so that it is there even where the search breaks off.
    """
    seen = seen or SearchTally()
    tried = FaultSearch(executor, how)
    for execution, strikes in tried.executions():
        seen.executions += 1
        if seen.executions % 100 == 0:
            progress(seen.executions, seen.anomalous)
        anomalies = cast.judge(execution)
        seen.points.count(execution, strikes, anomalies, len(cast.scripts))
        if anomalies:
            seen.anomalous += 1
            seen.worst += [anomaly for anomaly in anomalies if anomaly.name not in seen.names]
            seen.names.update({anomaly.name for anomaly in anomalies})
            if seen.first is None:
                seen.first = seen.executions, execution, strikes, anomalies
            if not how.exhaust:
                break
    seen.exhausted = tried.exhausted
    return seen


def _finding(
    executor: Executor,
    cast: ScenarioWorkload,
    how: ExploreOptions,
    number: int,
    execution: Execution,
    strikes: FaultPoints,
    anomalies: list[Anomaly],
) -> Finding:
    wanted = {anomaly.name for anomaly in anomalies}

    def fails(one: Execution) -> bool:
        return bool(wanted & {anomaly.name for anomaly in cast.judge(one)})

    small = shrink(executor, execution, fails, strikes=strikes)
    last = run_schedule(executor, small.execution.schedule, small.without, small.strikes, small.execution.when)
    found = cast.judge(last)
    if not found:
        raise TicketlabError("the shrunk schedule went wrong once and not again: something beside the schedule decides")
    case = Case(
        scenario=cast.scenario,
        schedule=last.schedule,
        steps=last.steps,
        anomalies=tuple(anomaly.name for anomaly in found),
        without=small.without,
        strikes=small.strikes,
        when=tuple(last.when),
        atomic_accesses=how.atomic_accesses,
        found={"policy": str(how.policy), "seed": how.seed, "execution": number, **cast.origin},
        versions=versions(),
    )
    return Finding(case, last, tuple(found), cast.history(last), _confirm(case, cast, how))


def _confirm(case: Case, cast: ScenarioWorkload, how: ExploreOptions) -> str:
    """Replay a case on real processes, unless it was found there; say how it went, or why it was not asked."""
    store = store_kind(case.scenario.store)
    if how.executor == "processes":
        return "found on real processes"
    if store.in_process:
        return f"not asked of real processes: {store.name} never leaves one process"
    if cast.in_process_only:
        return "found in one process"
    cast = cast.copy()
    with Processes(
        cast, atomic_accesses=case.atomic_accesses, steps=how.steps, stall_timeout=how.stall_timeout, faults=case.faults
    ) as executor:
        again = run_schedule(executor, case.schedule, case.without, case.strikes, case.when)
        case.check(again)
        found = {anomaly.name for anomaly in cast.judge(again)}
    if not set(case.anomalies) <= found:
        raise TicketlabError(
            f"real processes do not confirm the shrunk schedule: {', '.join(case.anomalies)} in one process, "
            f"{', '.join(sorted(found)) or 'nothing'} in several"
        )
    return "confirmed on real processes"
