"""Explorations: run a scenario under one schedule after another, judge each, shrink the first that goes wrong.

The shrunk schedule is then run on real processes, which must find the same anomalies.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.deadlock import cut_short_sentences, participant_name
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.case import Case
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.explorer.executors.executor import Executor
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.results import Exploration, ExploreOptions, Finding, Progress, as_right_execution
from ticketlab.explorer.search import run_schedule
from ticketlab.explorer.shrink import shrink
from ticketlab.explorer.survey import HowFar
from ticketlab.explorer.workload import FaultPoints
from ticketlab.lab.artifacts.case_files import versions
from ticketlab.lab.environment import environment
from ticketlab.lab.exploring.contention import Contention, sentences_of_gave_way
from ticketlab.lab.exploring.fault_options import refuse_impossible
from ticketlab.lab.exploring.fault_search import FaultPointTally, FaultSearch
from ticketlab.lab.exploring.first_failure import Failed
from ticketlab.lab.exploring.kept_search import SearchKeeper, SearchPause
from ticketlab.lab.exploring.scenario_workload import ScenarioWorkload
from ticketlab.lab.plugins.registry import executor_kind, refuse_combination, store_kind, strategy_kind
from ticketlab.lab.workers.workers import Workers
from ticketlab.scheduling.schedule import JobSchedule


def executor_for(workload: ScenarioWorkload, options: ExploreOptions) -> AbstractContextManager[Executor]:
    """Return the executor that the options name; raises UsageError if the store cannot run on it."""
    named = Spec.parse(options.executor)
    kind, store = executor_kind(named), store_kind(workload.scenario.store)
    if kind.real_processes and store.in_process:
        raise UsageError(f"{store.name} cannot be explored with {kind.name}: its books never leave one process")
    return kind.make(
        named,
        workload,
        atomic_accesses=options.atomic_accesses,
        steps=options.steps,
        stall_timeout=options.stall_timeout,
        faults=options.faults,
        watch=options.watch,
    )


def refuse_unsupported(scenario: Scenario, *, inline: bool) -> None:
    """Raise UsageError if the scenario's strategy cannot run on its store, or cannot be controlled there.

    `inline` says that all buyers shall be explored in one process.
    """
    refuse_combination(scenario)
    store, strategy = store_kind(scenario.store), strategy_kind(scenario.strategy)
    settings = strategy.settings(scenario.strategy)
    for option, values in strategy.uncontrolled.items():
        owner = strategy.options[option].variant
        if settings[option] in values and owner in ("", strategy.variant(scenario.strategy)):
            raise UsageError(
                f"{scenario.strategy} cannot be explored: with {option}={settings[option]} it starts processes or "
                f"queues of its own (use {option}={strategy.options[option].default})"
            )
    if inline and store.process_locks and strategy.variant(scenario.strategy) in strategy.opens_data_file:
        raise UsageError(
            f"{scenario.strategy} on {scenario.store} cannot be explored inline: when one buyer closes the store's "
            "file, the locks of all buyers in its process are lost (add --executor processes)"
        )


def can_be_explored(scenario: Scenario, *, inline: bool) -> bool:
    """Return whether `refuse_unsupported` lets a scenario pass."""
    try:
        refuse_unsupported(scenario, inline=inline)
    except UsageError:
        return False
    return True


def explore_scenario(
    scenario: Scenario,
    options: ExploreOptions | None = None,
    *,
    command: str = "",
    progress: Progress = lambda _done, _anomalous, _classes=None: None,
    workers: Workers | None = None,
    pause: SearchPause | None = None,
) -> Exploration:
    """Search the schedules of a scenario for one that goes wrong, shrink it, and confirm it on real processes.

    `command` is the command line that runs the search again. `progress` is called now and then with the number of
    executions so far, and how many of them went wrong. `workers` share the search, and change nothing of its result.
    `pause` says when the search stops, and where it goes on from.

    Raises:
        UsageError: a name is unknown, or the parts do not go together.
        Nondeterminism: one schedule led to different steps.
        TicketlabError: the lab could not do its work.
    """
    options = options or ExploreOptions()
    workload = ScenarioWorkload(scenario, options.folder)
    return explore_workload(workload, options, command=command, progress=progress, workers=workers, pause=pause)


def explore_workload(
    workload: ScenarioWorkload,
    options: ExploreOptions,
    *,
    command: str = "",
    progress: Progress = lambda _done, _anomalous, _classes=None: None,
    workers: Workers | None = None,
    pause: SearchPause | None = None,
) -> Exploration:
    """Explore a workload as `explore_scenario` explores a scenario's orders."""
    refuse_unsupported(workload.scenario, inline=options.executor == "inline")
    began = time.monotonic()
    with executor_for(workload, options) as executor:
        refuse_impossible(options, workload.scenario, workload.store, executor.size - len(executor.scripts))
        if workers is None:
            tally = search_all(executor, workload, options, progress, pause=pause)
            put_off = executor.gave_way
        else:
            from ticketlab.lab.exploring.divided import divide, divisible

            options = divisible(options)
            if pause is not None and pause.begun is not None:
                raise UsageError("a search that goes on is not shared by workers: leave out --workers and --cluster")
            tally, put_off = divide(executor, workload, options, workers, progress)
        gave_way = sentences_of_gave_way(put_off, partial(participant_name, buyers=len(executor.scripts)))
        finding = _finding(executor, workload, options, tally.found_by, tally.first) if tally.first else None
    if finding is not None:
        finding, tally.untried = _confirmed(finding, workload, options)
    left_out = [*gave_way, *tally.left_out, *workload.left_out]
    return Exploration(
        command=command,
        scenario=workload.scenario,
        how=options,
        executions=tally.executions,
        anomalous=tally.anomalous,
        names=dict(tally.names),
        exhausted=tally.exhausted and not left_out,
        left_out=left_out,
        seconds=time.monotonic() - began,
        finding=finding,
        environment=environment(options.folder or Path.cwd()),
        injected=tally.points.results(),
        left_behind=sorted(workload.left_behind),
        schedule=tally.schedule,
        how_far=tally.how_far,
        right=None if tally.first else as_right_execution(tally.last),
    )


@dataclass(slots=True)
class SearchTally:
    """The counts of a search. `examples` holds the first anomaly of each name.

    `untried` says why the executions prove nothing, if the workload's buyers may share nothing. `last` is the last one.
    """

    executions: int = 0
    anomalous: int = 0
    names: Counter[str] = field(default_factory=Counter)
    exhausted: bool = False
    first: Failed | None = None
    points: FaultPointTally = field(default_factory=FaultPointTally)
    examples: list[Anomaly] = field(default_factory=list)
    untried: str = ""
    cut_short: int = 0
    schedule: JobSchedule | None = None
    found_by: str = ""
    how_far: HowFar = field(default_factory=HowFar)
    last: Execution | None = None

    def add(self, other: SearchTally) -> None:
        """Add the counts of a part of the search that comes after what is counted here."""
        self.executions += other.executions
        self.anomalous += other.anomalous
        self.examples += [anomaly for anomaly in other.examples if anomaly.name not in self.names]
        self.names.update(other.names)
        self.points.add(other.points)
        self.cut_short += other.cut_short
        self.how_far = self.how_far.plus(other.how_far)

    @property
    def left_out(self) -> list[str]:
        """What the executions left out, in sentences."""
        untried = [self.untried] if self.untried else []
        return [*untried, *cut_short_sentences(self.cut_short)]


def search_all(
    executor: Executor,
    workload: ScenarioWorkload,
    options: ExploreOptions,
    progress: Progress = lambda _done, _anomalous, _classes=None: None,
    tally: SearchTally | None = None,
    policy: Policy | None = None,
    *,
    in_part: bool = False,
    pause: SearchPause | None = None,
) -> SearchTally:
    """Run a search and judge each execution: until one goes wrong or, with `exhaust`, until no schedule is left.

    Each execution is counted in `tally` at once, so that the counts are there even if the search is interrupted.
    `policy` is followed in place of the one that the options name. `in_part` says that other processes search as well.
    """
    tally = tally or SearchTally()
    contention = Contention() if workload.may_share_nothing else None
    kept = SearchKeeper(pause, executor, options, (tally, contention))
    searched = kept.search = FaultSearch(executor, options, policy, in_part=in_part, stopping=kept.stops)
    kept.begin()
    name_of = partial(participant_name, buyers=len(workload.scripts))
    with kept.listening():
        for execution, faults in searched.executions():
            tally.executions += 1
            tally.last = execution
            if tally.executions % 100 == 0:
                progress(tally.executions, tally.anomalous, searched.survey.classes)
            if contention:
                contention.see(execution)
            anomalies = workload.judge(execution)
            tally.points.count(execution, faults, anomalies, name_of)
            tally.cut_short += execution.ending is ExecutionEnd.ENDLESS and not anomalies
            if anomalies:
                tally.anomalous += 1
                tally.examples += [anomaly for anomaly in anomalies if anomaly.name not in tally.names]
                tally.names.update({anomaly.name for anomaly in anomalies})
                if kept.first is None:
                    tally.first = kept.first = tally.executions, execution, faults, anomalies
                    tally.found_by = searched.survey.last_by
                if not options.exhaust:
                    break
    tally.first = kept.end(workload.judge)
    tally.exhausted = searched.exhausted
    tally.schedule = searched.schedule(name_of)
    tally.how_far = searched.survey.how_far(estimated=not in_part and not tally.exhausted and not tally.first)
    tally.untried = contention.reason if contention else ""
    return tally


def _finding(
    executor: Executor,
    workload: ScenarioWorkload,
    options: ExploreOptions,
    found_by: str,
    first: Failed,
) -> Finding:
    number, execution, faults, anomalies = first
    found = {"policy": found_by, "seed": options.seed, "execution": number}
    return shrunk_finding(executor, workload, options, found, execution, faults, anomalies)


def shrunk_finding(
    executor: Executor,
    workload: ScenarioWorkload,
    options: ExploreOptions,
    found: Mapping[str, Any],
    execution: Execution,
    faults: FaultPoints,
    anomalies: list[Anomaly],
) -> Finding:
    """Shrink an anomalous execution, and return it with its case, in which `found` says how it was found.

    Raises TicketlabError if the shrunk schedule goes wrong only sometimes.
    """
    wanted = {anomaly.name for anomaly in anomalies}

    def fails(candidate: Execution) -> bool:
        return bool(wanted & {anomaly.name for anomaly in workload.judge(candidate)})

    small = shrink(executor, execution, fails, fault_points=faults, all_needed=wanted == {"invariant broken"})
    last = run_schedule(executor, small.execution.schedule, small.without, small.fault_points, small.execution.when)
    wrong = workload.judge(last)
    if not wrong:
        raise TicketlabError(
            "the shrunk schedule went wrong once, and did not when it was repeated: the outcome depends on more than "
            "the schedule"
        )
    case = Case(
        scenario=workload.scenario,
        schedule=last.schedule,
        steps=last.steps,
        anomalies=tuple(anomaly.name for anomaly in wrong),
        without=small.without,
        fault_points=small.fault_points,
        when=tuple(last.when),
        atomic_accesses=options.atomic_accesses,
        found={**found, **workload.origin},
        versions=versions(),
    )
    return Finding(case, last, tuple(wrong), workload.history(last), "")


def _confirmed(
    finding: Finding, workload: ScenarioWorkload, options: ExploreOptions
) -> tuple[Finding, str] | tuple[None, str]:
    """Return the finding once real processes have confirmed it, or None and why the program is not blamed.

    The participants that found it have ended by now, and hold none of the locks that processes may want.
    """
    try:
        return replace(finding, confirmed=confirm(finding.case, workload, options)), ""
    except TicketlabError as error:
        if not workload.may_need_processes:
            raise
        return None, (
            f"real processes do otherwise than one process does ({error}), so the function is not blamed: it depends "
            "on being a process of its own, by a lock, a name or memory. Explore it with executor='processes' or, if "
            "its buyers share memory, with store='memory'"
        )


def confirm(case: Case, workload: ScenarioWorkload, options: ExploreOptions) -> str:
    """Replay a case on real processes, unless it was found there; say how it went, or why it was not replayed.

    Raises TicketlabError if real processes do otherwise.
    """
    store = store_kind(case.scenario.store)
    if executor_kind(Spec.parse(options.executor)).real_processes:
        return "found on real processes"
    if store.in_process:
        return f"not run on real processes: {store.name} never leaves one process"
    there = replace(options, executor="processes", atomic_accesses=case.atomic_accesses, faults=case.faults)
    with executor_for(workload, there) as executor:
        again = run_schedule(executor, case.schedule, case.without, case.fault_points, case.when)
        case.check(again)
        found = {anomaly.name for anomaly in workload.judge(again)}
    if not set(case.anomalies) <= found:
        raise TicketlabError(
            f"real processes do not confirm the shrunk schedule: {', '.join(case.anomalies)} in one process, "
            f"{', '.join(sorted(found)) or 'no anomaly'} in several"
        )
    return "confirmed on real processes"
