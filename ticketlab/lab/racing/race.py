"""Live races: real processes, real files, and a verdict from two oracles."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
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
from ticketlab.launch.job import RaceJob
from ticketlab.launch.launcher import Launcher
from ticketlab.launch.limits import allow_open_files

if TYPE_CHECKING:
    from ticketlab.core.result import Result
    from ticketlab.lab.racing.fault_effects import Leftovers
    from ticketlab.lab.racing.verdict import RaceRecord
    from ticketlab.launch.fault_injection import FaultInjector


class _Ready(NamedTuple):
    """All that a race needs, set up."""

    store: Store
    strategy: Strategy
    launcher: Launcher
    folder: Path
    leftovers: Leftovers | None


def race(
    scenario: Scenario,
    live: RaceOptions | None = None,
    *,
    command: str = "",
    meanwhile: Callable[[], None] = lambda: None,
) -> Result:
    """Race a scenario and judge it.

    `command` says how it is run again; `meanwhile` is called when all buyers have been started, before the gun.

    Raises:
        UsageError: the store, strategy or launcher is unknown, or they and the faults do not go together.
        TicketlabError: the race could not be run at all.
    """
    live = live or RaceOptions()
    began = time.monotonic()
    with _prepared(scenario, live) as ready:
        raced = _run(scenario, live, ready, meanwhile)
        from ticketlab.lab.racing.verdict import judged  # imported by now, while the buyers got ready

        result = judged(scenario, live, raced, ready.store, began_s=began, command=command)
    return replace(result, left_behind=ready.leftovers.found) if ready.leftovers else result


def check_combination(scenario: Scenario) -> None:
    """Raise UsageError where the scenario's strategy cannot run on its store."""
    store = store_kind(scenario.store)
    if store.in_process:
        raise UsageError(f"{store.name} cannot be raced for: its books never leave one process (explore it instead)")
    refuse_combination(scenario)


@contextmanager
def _prepared(scenario: Scenario, live: RaceOptions) -> Iterator[_Ready]:
    """Build and set up all that a race needs, and take it down again."""
    check_combination(scenario)
    allow_open_files(scenario.buyers)
    launcher = launcher_kind(live.launcher)
    starter = launcher.build(
        launcher.variant(live.launcher) or live.launcher.variant, **launcher.settings(live.launcher)
    )
    strategy = strategy_kind(scenario.strategy).make(scenario.strategy)
    with ExitStack() as stack:
        folder = stack.enter_context(live_folder(live.folder))
        leftovers = None
        if live.faults:
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
            _refuse_impossible(scenario, live, store, len(strategy.services()))
            leftovers.begin()
        yield _Ready(store, strategy, starter, folder, leftovers)


def _refuse_impossible(scenario: Scenario, live: RaceOptions, store: Store, services: int) -> None:
    """Raise UsageError where a fault cannot strike in this race."""
    from ticketlab.lab.faults import why_not_live  # beside it stands much that only explorations need

    for fault in (risk.fault for risk in live.faults):
        reason = why_not_live(fault, scenario, live.launcher, store, services)
        if not reason and fault.seconds >= live.timeout:
            reason = f"the race itself ends after {live.timeout:g} s (see --timeout)"
        if reason:
            raise UsageError(f"the fault {fault} cannot strike {scenario.strategy} on {scenario.store}: {reason}")


def _fault_injector(live: RaceOptions, store: Store) -> FaultInjector | None:
    if not live.faults:
        return None
    from ticketlab.launch.fault_injection import FaultInjector

    return FaultInjector(live.faults, store.servers() if isinstance(store, ServedStore) else ())


def _run(scenario: Scenario, live: RaceOptions, ready: _Ready, meanwhile: Callable[[], None]) -> RaceRecord:
    """Let everybody race, and return what they left behind."""
    store, strategy = ready.store, ready.strategy
    surroundings: dict[str, Any] = {}

    def prepare() -> None:
        import ticketlab.lab.racing.verdict  # noqa: F401 - the smaller the lab, the faster it forks buyers
        from ticketlab.lab.environment import environment

        surroundings.update(environment(ready.folder, sqlite="sqlite3" in sys.modules))
        meanwhile()

    began_ns = time.monotonic_ns()
    participants = scenario.buyers + len(strategy.services())
    start_barrier, log = ready.launcher.make_barrier(), ready.launcher.make_log(participants)
    try:
        fault_injector = _fault_injector(live, store)
        job = RaceJob(
            scenario=scenario,
            store=store,
            strategy=strategy,
            log=log,
            start_barrier=start_barrier,
            pace=partial(live.latency.pace, scenario.seed),
            timeout=live.timeout,
            trace=live.trace or fault_injector is not None,
            memory_mb=live.memory_mb,
            fault_injector=fault_injector,
            stall_timeout=live.stall_timeout,
        )
        exits = ready.launcher.run(job, prepare)
        from ticketlab.lab.racing.verdict import RaceRecord
        from ticketlab.launch.track import track

        people, keep = range(log.participants), live.timeline or fault_injector is not None
        tracks = [track(each + 1, log.records(each), start_barrier.released_ns, keep=keep) for each in people]
        return RaceRecord(tracks, exits, (start_barrier.released_ns - began_ns) / 1e9, surroundings)
    finally:
        start_barrier.close()
        log.close()
