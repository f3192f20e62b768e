"""Live races: real processes, real files, and a verdict from two oracles."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.plugin import ServedStore, Setting, Store, Strategy
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.lab.folders import live_folder
from ticketlab.lab.registry import launcher_kind, refuse_combination, store_kind, strategy_kind
from ticketlab.launch.gate import Gate
from ticketlab.launch.limits import allow_open_files
from ticketlab.launch.log import Log
from ticketlab.launch.party import Launcher, Party
from ticketlab.timings.latency import Latency

if TYPE_CHECKING:
    from ticketlab.core.faults import Risk
    from ticketlab.core.result import Result
    from ticketlab.lab.aftermath import Leftovers
    from ticketlab.lab.judging import Raced
    from ticketlab.launch.striking import Risks

MEMORY_MB = 1024
"""Far more than any purchase needs, and far less than what 100 buyers could take together."""


@dataclass(frozen=True, slots=True)
class Live:
    """How a scenario is raced.

    `timeout` is in seconds; `trace` says whether steps are recorded beside requests; a `folder` that is named is kept.
    `meanwhile` is called when all buyers have been started, and may prepare what is needed after the race.
    `timeline` asks for the timeline, which needs the steps. `memory_mb` is how much memory a buyer in a process of its
    own may take, in MiB, beyond what it had at the start; 0 sets no limit. `faults` strike at random, by the scenario's
    seed; where there are any, buyers none of whom has moved for `patience` seconds count as blocked for ever.
    """

    launcher: Spec = field(default_factory=lambda: Spec("process"))
    latency: Latency = field(default_factory=lambda: Latency({}))
    timeout: float = 60.0
    trace: bool = True
    folder: Path | None = None
    meanwhile: Callable[[], None] = lambda: None
    timeline: bool = False
    memory_mb: int = MEMORY_MB
    faults: tuple[Risk, ...] = ()
    patience: float = 5.0


def race(scenario: Scenario, live: Live | None = None, *, command: str = "") -> Result:
    """Race a scenario and judge it.

    Raises:
        UsageError: the store, strategy or launcher is unknown, or they and the faults do not go together.
        TicketlabError: the race could not be run at all.
    """
    live = live or Live()
    began = time.monotonic()
    with _prepared(scenario, live) as (store, strategy, launcher, folder, leftovers):
        raced = _run(scenario, live, store, strategy, launcher, folder)
        from ticketlab.lab.judging import judged  # imported by now, while the buyers got ready

        result = judged(scenario, live, raced, store, began_s=began, command=command)
    return replace(result, left=leftovers.found) if leftovers else result


def check_combination(scenario: Scenario) -> None:
    """Raise UsageError where the scenario's strategy cannot run on its store."""
    store = store_kind(scenario.store)
    if store.in_process:
        raise UsageError(f"{store.name} cannot be raced for: its books never leave one process (explore it instead)")
    refuse_combination(scenario)


@contextmanager
def _prepared(scenario: Scenario, live: Live) -> Iterator[tuple[Store, Strategy, Launcher, Path, Leftovers | None]]:
    """Build and set up all that the race needs, and take it down again."""
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
            from ticketlab.lab.aftermath import Leftovers

            leftovers = Leftovers(folder)
            stack.callback(leftovers.end)
        store = store_kind(scenario.store).make(scenario.store, folder)
        try:
            stack.callback(store.close)
            store.create(scenario.inventory, ledger=scenario.ledger)
            strategy.prepare(Setting(starter.context(), folder, store, scenario.buyers))
        except OSError as error:
            raise TicketlabError(f"cannot set up the race in {folder}: {error.strerror or error}") from error
        stack.callback(strategy.close)
        if leftovers:
            _refuse_impossible(scenario, live, store, len(strategy.staff()))
            leftovers.begin()
        yield store, strategy, starter, folder, leftovers


def _refuse_impossible(scenario: Scenario, live: Live, store: Store, staff: int) -> None:
    """Raise UsageError where a fault cannot strike in this race."""
    from ticketlab.lab.striking import why_not_live  # beside it stands much that only explorations need

    for fault in (risk.fault for risk in live.faults):
        reason = why_not_live(fault, scenario, live.launcher, store, staff)
        if not reason and fault.seconds >= live.timeout:
            reason = f"the race itself ends after {live.timeout:g} s (see --timeout)"
        if reason:
            raise UsageError(f"the fault {fault} cannot strike {scenario.strategy} on {scenario.store}: {reason}")


def _risks(live: Live, store: Store) -> Risks | None:
    if not live.faults:
        return None
    from ticketlab.launch.striking import Risks

    return Risks(live.faults, store.servers() if isinstance(store, ServedStore) else ())


def _run(scenario: Scenario, live: Live, store: Store, strategy: Strategy, launcher: Launcher, folder: Path) -> Raced:
    """Let everybody race, and return what they left behind."""
    surroundings: dict[str, Any] = {}

    def meanwhile() -> None:
        import ticketlab.lab.judging  # noqa: F401 - the smaller the lab, the faster it forks buyers
        from ticketlab.lab.environment import environment

        surroundings.update(environment(folder))
        live.meanwhile()

    began_ns = time.monotonic_ns()
    gate, log = Gate(), Log(scenario.buyers + len(strategy.staff()))
    try:
        pace = partial(live.latency.pace, scenario.seed)
        risks = _risks(live, store)
        traced = live.trace or risks is not None
        party = Party(
            scenario, store, strategy, log, gate, pace, live.timeout, traced, live.memory_mb, risks, live.patience
        )
        endings = launcher.run(party, meanwhile)
        from ticketlab.lab.judging import Raced
        from ticketlab.launch.track import track

        people, keep = range(log.participants), live.timeline or risks is not None
        tracks = [track(each + 1, log.records(each), gate.fired_ns, keep=keep) for each in people]
        return Raced(tracks, endings, (gate.fired_ns - began_ns) / 1e9, surroundings)
    finally:
        gate.close()
        log.close()
