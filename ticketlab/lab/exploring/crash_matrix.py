"""The crash matrix: what every crash point of two buyers leaves behind, for every store and strategy.

Each pair of store and strategy is explored to exhaustion: first without a fault, then with each fault at each point of
each participant, over all schedules. An anomaly counts against crash safety if it occurs only in executions with a
fault; the others are listed apart, as going wrong `anyway`. Speed plays no part, so every run gives the same matrix.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.faults import Fault, FaultKind
from ticketlab.core.inventory import Inventory
from ticketlab.core.result import as_document
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.core.system.lifeline import die_with_parent, signals_blocked
from ticketlab.core.verdict import all_valid
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.artifacts.race_folder import remove_folders_of
from ticketlab.lab.environment import environment
from ticketlab.lab.exploring.explore import SearchTally, executor_for, refuse_unsupported, search_all
from ticketlab.lab.exploring.fault_options import every_fault, possible_faults
from ticketlab.lab.exploring.scenario_workload import ScenarioWorkload
from ticketlab.lab.faults import needs_processes, parse_faults
from ticketlab.lab.plugins.registry import store_kind, stores, strategies, strategy_kind

Pair = tuple[Spec, Spec]  # a store and a strategy
MatrixProgress = Callable[[int, int, str], None]

CRASHES: Final = (Fault(FaultKind.KILL), Fault(FaultKind.KILL_SERVICE))
"""The faults of a matrix if none are named: each participant is killed."""
CRASHES_DOCUMENT: Final = "crashes"
"""The kind of a crash matrix among results, and the name of its run folder."""
MATRIX_BUYERS: Final = 2
_MOST_EXECUTIONS: Final = 100_000


def matrix_faults(text: str) -> tuple[Fault, ...]:
    """Read faults as a command line names them; `crash` stands for the death of any participant, `all` for all."""
    if text == "all":
        return every_fault()
    return CRASHES if text == "crash" else parse_faults(text)


@dataclass(frozen=True, slots=True)
class CrashResult:
    """The crash points of one store and strategy.

    `points` is how many points were struck. `names` counts the anomalies that occur only with a fault; `anyway` names
    those that occur without one. `waited` is the longest time, in seconds, that a survivor had to wait for something to
    expire; `left_behind` names the files that remained. `reason` says why not every execution was tried, if so.
    """

    store: str
    strategy: str
    claims_safety: bool
    faults: Sequence[str]
    points: int
    executions: int
    exhausted: bool
    names: Mapping[str, int]
    anyway: Sequence[str]
    waited: float
    left_behind: Sequence[str]
    sentence: str
    reason: str = ""

    @property
    def valid(self) -> bool | None:
        """Whether the strategy survives every crash; None if not every execution was tried."""
        if self.names:
            return False
        return True if self.exhausted else None

    def to_json(self) -> dict[str, Any]:
        """Return a row of the matrix as it is saved."""
        return {**asdict(self), "valid": self.valid, "summary": self.summary}

    @property
    def summary(self) -> str:
        """Say in a few words whether the strategy survives."""
        if self.names:
            return ", ".join(sorted(self.names, key=lambda name: -self.names[name]))
        if not self.exhausted:
            return f"undecided: {self.reason}"
        return f"survives, after {self.waited:g} s" if self.waited else "survives"


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


def crash(pair: Pair, faults: Sequence[Fault]) -> CrashResult:
    """Explore every crash point of one store and strategy."""
    store, strategy = pair
    workload = ScenarioWorkload(_scenario(store, strategy))
    possible = possible_faults(tuple(faults), workload)
    executor = "processes" if needs_processes(possible, strategy) else "inline"
    options = ExploreOptions(executor=executor, faults=possible, executions=_MOST_EXECUTIONS, exhaust=True)
    reason = f"{_MOST_EXECUTIONS:,} executions are not all"
    tally = SearchTally()
    try:
        with executor_for(workload, options) as running:
            search_all(running, workload, options, tally=tally)
    except TicketlabError as error:
        reason = str(error)
    points = tally.points.results()
    names = sum((Counter(point.names) for point in points), Counter[str]())
    anyway = tally.names - names
    return CrashResult(
        store=str(store),
        strategy=str(strategy),
        claims_safety=strategy_kind(strategy).claims_safety(strategy),
        faults=[str(fault) for fault in possible],
        points=len(points),
        executions=tally.executions,
        exhausted=tally.exhausted,
        names={name: times for name, times in sorted(names.items()) if name not in anyway},
        anyway=sorted(anyway),
        waited=max((point.waited for point in points), default=0.0),
        left_behind=sorted(workload.left_behind),
        sentence=next((anomaly.sentence for anomaly in tally.examples if anomaly.name not in anyway), ""),
        reason="" if tally.exhausted else reason,
    )


class CrashMatrixRun:
    """A crash matrix that is being explored; `result` can be asked for at any time."""

    def __init__(self, pairs: Sequence[Pair], faults: Sequence[Fault] = CRASHES) -> None:
        self._pairs = pairs
        self._faults = faults
        self._environment = environment(Path())
        self._done: dict[Pair, CrashResult] = {}

    def run(self, progress: MatrixProgress) -> None:
        """Explore all pairs, on every core; `progress` is called with how many are done, of how many, and the last."""
        cores = sorted(os.sched_getaffinity(0))
        context = get_context("spawn")  # a forked worker would have all that the lab has loaded, and fork slowly itself
        turns = context.Value("i", 0)
        pool = ProcessPoolExecutor(len(cores), context, _take_core, (turns, cores, os.getpid()))
        try:
            with signals_blocked():  # which starts workers: an interrupt must not reach them before they are ready
                waiting = {pool.submit(crash, pair, self._faults): pair for pair in self._longest_first()}
            for number, done in enumerate(as_completed(waiting), 1):
                store, strategy = waiting[done]
                self._done[waiting[done]] = done.result()
                progress(number, len(self._pairs), f"{strategy} on {store}")
        except BaseException:
            workers = dict(pool._processes)
            for worker in workers.values():  # nobody will ask for their results any more
                worker.kill()
            pool.shutdown(cancel_futures=True)
            remove_folders_of(workers)
            raise
        finally:
            pool.shutdown(cancel_futures=True)

    def _longest_first(self) -> list[Pair]:
        """Order the pairs so that no core is left with a long exploration at the end: those with services come first.

        A store whose library slows forks comes last: a worker that has loaded it forks more slowly.
        """
        return sorted(
            self._pairs, key=lambda pair: (store_kind(pair[0]).slows_forks, not strategy_kind(pair[1]).has_services)
        )

    def result(self) -> CrashMatrixResult:
        """Return what is done, in the order of the pairs."""
        rows = [self._done[pair] for pair in self._pairs if pair in self._done]
        return CrashMatrixResult(rows, self._faults, self._environment)


@dataclass(frozen=True, slots=True)
class CrashMatrixResult:
    """A crash matrix, as far as it was explored."""

    rows: Sequence[CrashResult]
    faults: Sequence[Fault]
    environment: Mapping[str, Any]

    @property
    def valid(self) -> bool | None:
        """Whether every strategy that claims safety survives; None if one is undecided, or nothing was explored."""
        return all_valid(row.valid for row in self._claiming) if self.rows else None

    @property
    def _claiming(self) -> list[CrashResult]:
        return [row for row in self.rows if row.claims_safety]

    def to_json(self, command: str, command_of: Callable[[CrashResult], str] = lambda _row: "") -> dict[str, Any]:
        """Return the matrix as it is printed and saved; `command_of` returns the command line that explores a row."""
        return as_document(
            CRASHES_DOCUMENT,
            {
                "command": command,
                "valid": self.valid,
                "anomalies": [
                    {
                        "name": name,
                        "sentence": row.sentence,
                        "evidence": {},
                        "store": row.store,
                        "strategy": row.strategy,
                    }
                    for row in self._claiming
                    for name in row.names
                ],
                "buyers": MATRIX_BUYERS,
                "faults": [str(fault) for fault in self.faults],
                "rows": [row.to_json() | {"command": command_of(row)} for row in self.rows],
                "environment": self.environment,
            },
        )


def _take_core(turns: Any, cores: Sequence[int], parent: int) -> None:
    """Give each worker a core of its own, which all processes of its explorations share."""
    die_with_parent(parent)
    with turns.get_lock():
        turn = turns.value
        turns.value += 1
    os.sched_setaffinity(0, {cores[turn % len(cores)]})
