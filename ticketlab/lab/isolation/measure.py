"""Isolation levels measured: every schedule of every scenario, and the smallest one that shows the anomaly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from typing import Final

from ticketlab.core.errors import UsageError, unknown_name
from ticketlab.core.spec import Spec
from ticketlab.core.steps import Action, Step
from ticketlab.core.text import pluralize
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.explorer.search import search
from ticketlab.lab.artifacts.race_folder import fastest, live_folder
from ticketlab.lab.isolation.anomalies import ANOMALIES
from ticketlab.lab.isolation.engine import IsolationEngine, going_on
from ticketlab.lab.isolation.published import published_levels
from ticketlab.lab.isolation.results import IsolationCell, IsolationTable, ScenarioResult, ScheduledStep
from ticketlab.lab.isolation.sqlite import SqliteLevels
from ticketlab.lab.isolation.transactions import IsolationScenario
from ticketlab.lab.isolation.workload import REFUSED, IsolationWorkload
from ticketlab.lab.plugins.registry import executor_kind, policy_kind, store_kind

_INLINE: Final = Spec.parse("inline")
_EVERY_SCHEDULE: Final = Spec.parse("dfs")


def measure_isolation(
    store: Spec,
    *,
    levels: Sequence[str] = (),
    anomalies: Sequence[str] = (),
    executions: int | None = None,
    command: str = "",
    progress: Callable[[str], None] = lambda _text: None,
) -> IsolationTable:
    """Find out which anomalies a store's isolation levels let happen, and hold that against what is published.

    `levels` and `anomalies` name those to look at, all by default. `executions` is the most schedules of a scenario. No
    step is taken to commute with another: the search is depth-first, through every order of the statements.

    Raises:
        UsageError: a name is unknown, the store has no such levels, or what it needs is not installed.
        Nondeterminism: one schedule led to different steps.
    """
    wanted = _chosen(anomalies, [each.key for each in ANOMALIES], "anomaly")
    with _engine(store) as engine:
        chosen = _chosen(levels, engine.levels, "isolation level")
        expected = published_levels(store.name)
        cells = [
            IsolationCell(
                level,
                anomaly,
                tuple(
                    _scenario(engine, level, each, executions, partial(_say, progress, level, anomaly.key))
                    for each in anomaly.scenarios
                ),
                expected.result(level, anomaly.key),
            )
            for level in chosen
            for anomaly in ANOMALIES
            if anomaly.key in wanted
        ]
        return IsolationTable(command, str(store), engine.version, expected.source, cells)


def _chosen(named: Sequence[str], known: Sequence[str], what: str) -> Sequence[str]:
    """Return the known names that are asked for, in their own order."""
    names = {name.casefold() for name in named}
    for name in named:
        if name.casefold() not in map(str.casefold, known):
            raise unknown_name(what, name, known)
    return [name for name in known if not names or name.casefold() in names]


def _say(progress: Callable[[str], None], level: str, anomaly: str, schedules: int) -> None:
    if schedules % 50 == 1:
        progress(f"{level}: {anomaly}, {schedules:,} schedules ...")


@contextmanager
def _engine(store: Spec) -> Iterator[IsolationEngine]:
    """Open the database of a store."""
    kind = store_kind(store)
    settings = kind.settings(store)
    with live_folder(under=fastest()) as folder:
        engine: IsolationEngine
        if store.name == "sqlite":
            if store.options:
                raise UsageError(f"{store} is measured in each journal mode: write sqlite")
            engine = SqliteLevels(folder)
        elif store.name == "postgres":
            try:
                from ticketlab.lab.isolation.postgresql import PostgresLevels
            except ImportError as error:
                raise UsageError("postgres needs its driver: pip install 'ticketlab[postgres]'") from error
            engine = PostgresLevels(folder, "", **settings)
        else:
            raise UsageError(f"{store.name} has no isolation levels: choose from postgres, sqlite")
        with engine.opened():
            yield engine


def _scenario(
    engine: IsolationEngine,
    level: str,
    scenario: IsolationScenario,
    limit: int | None,
    progress: Callable[[int], None],
) -> ScenarioResult:
    """Run a scenario under every schedule."""
    workload = IsolationWorkload(engine, level, scenario)
    smallest: Execution | None = None
    executions, anomalous, reason, refusals = 0, 0, "", Counter[str]()
    with executor_kind(_INLINE).make(_INLINE, workload) as executor:
        for execution in search(executor, policy_kind(_EVERY_SCHEDULE).make(_EVERY_SCHEDULE)):
            if executions == limit:
                reason = f"only {pluralize(limit, 'schedule')} were run"
                break
            executions += 1
            progress(executions)
            if execution.ending is not ExecutionEnd.COMPLETED:
                reason = f"in a schedule, transactions wait for ever ({execution.ending.name.lower()})"
                continue
            refusals.update({outcome.refused for outcome in workload.outcomes(execution)} - {""})
            if workload.occurred(execution):
                anomalous += 1
                smallest = execution if smallest is None else min(smallest, execution, key=_size)
    steps = _steps(smallest, workload) if smallest else ()
    return ScenarioResult(scenario.name, executions, anomalous, steps, dict(sorted(refusals.items())), reason)


def _size(execution: Execution) -> tuple[int, int, tuple[int, ...]]:
    """Return what makes a schedule larger than another one: its steps, then its switches between transactions."""
    schedule = execution.schedule
    return len(schedule), sum(one != following for one, following in pairwise(schedule)), schedule


def _steps(execution: Execution, workload: IsolationWorkload) -> list[ScheduledStep]:
    """Return an execution as people read it; a statement that had to wait says so."""
    notes = {note.step: f"refused: {note.value}" if note.what == REFUSED else note.value for note in execution.notes}
    schedule, steps = execution.schedule, execution.trace.steps
    return [
        ScheduledStep(workload.participant_name(who), step.path, str(notes.get(number, "")))
        if not _waits(step, [steps[after] for after in range(number + 1, len(steps)) if schedule[after] == who])
        else ScheduledStep(workload.participant_name(who), step.path, "waits")
        for number, (who, step) in enumerate(zip(schedule, steps, strict=True))
    ]


def _waits(step: Step, following: Sequence[Step]) -> bool:
    """Whether a step had to wait, given the later steps of the same transaction."""
    return step.action is Action.ARRIVE or (bool(following) and following[0] == going_on(step))
