"""The crash matrix: what every crash point of two buyers leaves behind, for every store and strategy.

Each pair of store and strategy is explored to exhaustion: first without a fault, then with each fault at each point of
each participant, over all schedules. Speed plays no part, so every run gives the same matrix.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import Final

from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.faults import Fault, FaultKind
from ticketlab.core.inventory import Inventory
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.core.text import join_words
from ticketlab.explorer.analysis.deadlock import participant_name
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.environment import environment
from ticketlab.lab.exploring.contention import sentences_of_gave_way
from ticketlab.lab.exploring.crash_result import MATRIX_BUYERS, CrashMatrixResult, CrashResult
from ticketlab.lab.exploring.explore import SearchTally, executor_for, refuse_unsupported, search_all
from ticketlab.lab.exploring.fault_options import every_fault
from ticketlab.lab.exploring.scenario_workload import ScenarioWorkload
from ticketlab.lab.faults import needs_processes, parse_faults, why_not
from ticketlab.lab.plugins.combinations import UnsupportedPair
from ticketlab.lab.plugins.registry import store_kind, stores, strategies, strategy_kind
from ticketlab.lab.workers.pool import ProcessWorkers
from ticketlab.lab.workers.workers import Workers

Pair = tuple[Spec, Spec]  # a store and a strategy
MatrixProgress = Callable[[int, int, str], None]

CRASHES: Final = (Fault(FaultKind.KILL), Fault(FaultKind.KILL_SERVICE))
"""The faults of a matrix if none are named: each participant is killed."""
_MOST_EXECUTIONS: Final = 100_000


def matrix_faults(text: str) -> tuple[Fault, ...]:
    """Read faults as a command line names them; `crash` stands for the death of any participant, `all` for all."""
    if text == "all":
        return every_fault()
    return CRASHES if text == "crash" else parse_faults(text)


def supported_pairs(named_stores: Iterable[Spec] = (), named_strategies: Iterable[Spec] = ()) -> list[Pair]:
    """Return every named store with every named strategy that runs on it; without names, all that are installed.

    If no store is named, each comes in its default variant; if no strategy is named, each comes in all its variants.

    Raises:
        UsageError: no named strategy runs on a named store.
    """
    chosen_stores = list(named_stores) or [Spec(kind.name) for kind in stores() if not kind.in_process]
    chosen_strategies = list(named_strategies) or [
        Spec(kind.name, variant) for kind in strategies() for variant in kind.variants or ("",)
    ]
    found = [pair for pair in product(chosen_stores, chosen_strategies) if _is_supported(*pair)]
    if not found:
        raise UsageError("no strategy that was named runs on a store that was named (see ticketlab strategies)")
    return found


def _is_supported(store: Spec, strategy: Spec) -> bool:
    store_kind(store).settings(store), strategy_kind(strategy).settings(strategy)
    try:
        refuse_unsupported(_scenario(store, strategy), inline=False)
    except UsageError:
        return False
    return True


def _scenario(store: Spec, strategy: Spec) -> Scenario:
    return Scenario(store, strategy, MATRIX_BUYERS, Inventory({"main": MATRIX_BUYERS}))


def crash(pair: Pair, faults: Sequence[Fault]) -> CrashResult | UnsupportedPair:
    """Explore every crash point of one store and strategy, with those of the faults that can be injected there."""
    store, strategy = pair
    workload = ScenarioWorkload(_scenario(store, strategy))
    with workload.opened() as (opened, services):
        reasons = {fault: why_not(fault, workload.scenario, opened, services) for fault in faults}
    possible = tuple(fault for fault, reason in reasons.items() if not reason)
    if not possible:
        return UnsupportedPair(store, strategy, "; ".join(dict.fromkeys(reasons.values())))
    tally, left_out = _searched(workload, possible)
    points = tally.points.results()
    names = sum((Counter(point.names) for point in points), Counter[str]())
    anyway = tally.names - names
    return CrashResult(
        store=str(store),
        strategy=str(strategy),
        claims_safety=strategy_kind(strategy).claims_safety(strategy),
        faults=[str(fault) for fault in possible],
        points=points,
        executions=tally.executions,
        names={name: times for name, times in sorted(names.items()) if name not in anyway},
        anyway=sorted(anyway),
        sentences={anomaly.name: anomaly.sentence for anomaly in tally.examples},
        left_behind=sorted(workload.left_behind),
        reason="; ".join(left_out),
    )


def _searched(workload: ScenarioWorkload, faults: tuple[Fault, ...]) -> tuple[SearchTally, list[str]]:
    """Search all schedules with and without the faults; return what was found, and in sentences what was left out."""
    executor = "processes" if needs_processes(faults, workload.scenario.strategy) else "inline"
    options = ExploreOptions(executor=executor, faults=faults, executions=_MOST_EXECUTIONS, exhaust=True)
    tally = SearchTally()
    try:
        with executor_for(workload, options) as running:
            search_all(running, workload, options, tally=tally)
            gave_way = sentences_of_gave_way(running.gave_way, lambda who: participant_name(who, MATRIX_BUYERS))
    except TicketlabError as error:
        return tally, [str(error)]
    left_out = [*gave_way, *tally.left_out, *workload.left_out]
    if not tally.exhausted:
        left_out.append(f"{tally.executions:,} executions are not all")
    if not tally.points.results():
        left_out.append("no step was reached before which a fault could be injected")
    return tally, left_out


class CrashMatrixRun:
    """A crash matrix that is being explored; `result` can be asked for at any time."""

    def __init__(self, pairs: Sequence[Pair], faults: Sequence[Fault] = CRASHES) -> None:
        self._pairs = pairs
        self._faults = faults
        self._environment = environment(Path())
        self._done: dict[Pair, CrashResult | UnsupportedPair] = {}

    def run(self, progress: MatrixProgress, workers: Workers | None = None) -> None:
        """Explore all pairs, by default on every core of this machine.

        `progress` is called with how many pairs are done, of how many, and the last one.
        """
        workers = workers or ProcessWorkers(len(os.sched_getaffinity(0)))
        with workers.running():
            waiting = {workers.submit(crash, pair, self._faults): pair for pair in self._longest_first()}
            while waiting:
                for task in workers.wait(list(waiting)):
                    store, strategy = pair = waiting.pop(task)
                    self._done[pair] = task.result()
                    progress(len(self._done), len(self._pairs), f"{strategy} on {store}")

    def _longest_first(self) -> list[Pair]:
        """Order the pairs so that no core is left with a long exploration at the end: those with services come first.

        A store whose library slows forks comes last: a worker that has loaded it forks more slowly.
        """
        return sorted(
            self._pairs, key=lambda pair: (store_kind(pair[0]).slows_forks, not strategy_kind(pair[1]).has_services)
        )

    def result(self) -> CrashMatrixResult:
        """Return what is done, in the order of the pairs.

        Raises:
            UsageError: none of the faults can be injected anywhere.
        """
        done = [self._done[pair] for pair in self._pairs if pair in self._done]
        unsupported = [each for each in done if isinstance(each, UnsupportedPair)]
        if unsupported and len(unsupported) == len(done):
            faults = join_words([str(fault) for fault in self._faults])
            raise UsageError(f"{faults} can be injected nowhere here: {unsupported[0].reason}")
        rows = [each for each in done if isinstance(each, CrashResult)]
        return CrashMatrixResult(rows, unsupported, self._faults, self._environment)
