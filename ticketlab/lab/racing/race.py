"""Live races: real processes, real files, and a verdict from two oracles.

Modules that are needed only after the race are imported while the buyers get ready: the smaller the lab, the faster it
forks buyers.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.plugin import ServedStore, Store, Strategy, StrategyContext
from ticketlab.core.scenario import Scenario
from ticketlab.lab.artifacts.race_folder import live_folder
from ticketlab.lab.plugins.registry import launcher_kind, refuse_combination, store_kind, strategy_kind
from ticketlab.lab.racing.options import RaceOptions
from ticketlab.lab.racing.reach import refuse_unreachable
from ticketlab.launch.job import RaceJob
from ticketlab.launch.launcher import Launcher
from ticketlab.launch.limits import allow_open_files

if TYPE_CHECKING:
    from ticketlab.core.result import Result
    from ticketlab.lab.racing.fault_effects import Leftovers
    from ticketlab.lab.racing.verdict import RaceRecord
    from ticketlab.launch.fault_injection import FaultInjector


class _Ready(NamedTuple):
    """A race that is set up and can be started."""

    store: Store
    strategy: Strategy
    launcher: Launcher
    folder: Path
    leftovers: Leftovers | None


def run_race(
    scenario: Scenario,
    options: RaceOptions | None = None,
    *,
    command: str = "",
    meanwhile: Callable[[], None] = lambda: None,
) -> Result:
    """Race a scenario live, and judge it.

    `command` is the command line that runs the race again. `meanwhile` is called when all buyers have been started,
    before they are released.

    Raises:
        UsageError: the store, strategy or launcher is unknown, or these and the faults do not go together.
        TicketlabError: the race could not be run.
    """
    options = options or RaceOptions()
    began = time.monotonic()
    with _prepared(scenario, options) as ready:
        raced = _run(scenario, options, ready, meanwhile)
        from ticketlab.lab.racing.verdict import judge_race

        result = judge_race(scenario, options, raced, ready.store, began_s=began, command=command)
    return replace(result, left_behind=ready.leftovers.found) if ready.leftovers else result


def check_combination(scenario: Scenario) -> None:
    """Raise UsageError if the scenario's strategy cannot run on its store."""
    store = store_kind(scenario.store)
    if store.in_process:
        raise UsageError(f"{store.name} cannot be raced for: its books never leave one process (explore it instead)")
    refuse_combination(scenario)


@contextmanager
def _prepared(scenario: Scenario, options: RaceOptions) -> Iterator[_Ready]:
    """Set up the store, the strategy and the launcher of a race, and close them at the end."""
    check_combination(scenario)
    allow_open_files(scenario.buyers)
    launcher = launcher_kind(options.launcher)
    starter = launcher.build(
        launcher.variant(options.launcher) or options.launcher.variant, **launcher.settings(options.launcher)
    )
    strategy = strategy_kind(scenario.strategy).make(scenario.strategy)
    with ExitStack() as stack:
        if isinstance(starter, AbstractContextManager):
            stack.enter_context(starter)
        if getattr(starter, "elsewhere", False):
            refuse_unreachable(scenario)
        folder = stack.enter_context(live_folder(options.folder))
        leftovers = None
        if options.faults:
            from ticketlab.lab.racing.fault_effects import Leftovers

            leftovers = Leftovers(folder)
            stack.callback(leftovers.end)
        store = store_kind(scenario.store).make(scenario.store, folder)
        try:
            stack.callback(store.close)
            store.create(scenario.inventory, ledger=scenario.ledger)
            strategy.prepare(StrategyContext(starter.context(), folder, store, scenario.buyers))
        except OSError as error:
            raise TicketlabError(f"cannot set up the race in {folder}: {error.strerror or error}") from error
        stack.callback(strategy.close)
        if leftovers:
            _refuse_impossible(scenario, options, store, len(strategy.services()))
            leftovers.begin()
        yield _Ready(store, strategy, starter, folder, leftovers)


def _refuse_impossible(scenario: Scenario, options: RaceOptions, store: Store, services: int) -> None:
    """Raise UsageError if a fault cannot be injected into this race."""
    from ticketlab.lab.faults import why_not_live

    for fault in (rate.fault for rate in options.faults):
        reason = why_not_live(fault, scenario, options.launcher, store, services)
        if not reason and fault.seconds >= options.timeout:
            reason = f"the race itself ends after {options.timeout:g} s (see --timeout)"
        if reason:
            raise UsageError(
                f"the fault {fault} cannot be injected into {scenario.strategy} on {scenario.store}: {reason}"
            )


def _fault_injector(options: RaceOptions, store: Store) -> FaultInjector | None:
    if not options.faults:
        return None
    from ticketlab.launch.fault_injection import FaultInjector

    return FaultInjector(options.faults, store.servers() if isinstance(store, ServedStore) else ())


def _run(scenario: Scenario, options: RaceOptions, ready: _Ready, meanwhile: Callable[[], None]) -> RaceRecord:
    """Run the race, and return what was recorded."""
    store, strategy = ready.store, ready.strategy
    measured_on: dict[str, Any] = {}

    def prepare() -> None:
        import ticketlab.lab.racing.verdict  # noqa: F401 - needed after the race
        from ticketlab.lab.environment import environment

        measured_on.update(environment(ready.folder, sqlite="sqlite3" in sys.modules))
        meanwhile()

    began_ns = time.monotonic_ns()
    participants = scenario.buyers + len(strategy.services())
    start_barrier, log = ready.launcher.make_barrier(), ready.launcher.make_log(participants)
    try:
        fault_injector = _fault_injector(options, store)
        job = RaceJob(
            scenario=scenario,
            store=store,
            strategy=strategy,
            log=log,
            start_barrier=start_barrier,
            pace=partial(options.latency.pace, scenario.seed),
            timeout=options.timeout,
            trace=options.trace or fault_injector is not None,
            memory_mb=options.memory_mb,
            fault_injector=fault_injector,
            stall_timeout=options.stall_timeout,
        )
        exits = ready.launcher.run(job, prepare)
        from ticketlab.lab.racing.verdict import RaceRecord
        from ticketlab.launch.track import track

        keep, released_ns = options.timeline or fault_injector is not None, start_barrier.released_ns
        tracks = [
            track(each + 1, log.records(each), released_ns, keep=keep, error_ns=log.error_ns(each))
            for each in range(participants)
        ]
        notes = ready.launcher.notes
        return RaceRecord(tracks, exits, (released_ns - began_ns) / 1e9, measured_on, notes)
    finally:
        start_barrier.close()
        log.close()
