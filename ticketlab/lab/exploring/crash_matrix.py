"""Crash safety: what every crash point of two buyers leaves behind, for every store and strategy.

Each cell of the matrix is explored to exhaustion: first without a fault, then with each fault at each point of each
participant, over all schedules. What only happens where somebody was struck is held against the strategy's crash
safety; what goes wrong anyway is told apart. Nothing here depends on speed, so the same matrix comes out every time.
"""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import ticketlab
from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.faults import Fault, FaultKind
from ticketlab.core.inventory import Inventory
from ticketlab.core.lifeline import die_with_parent
from ticketlab.core.result import document
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.artifacts.results import read_document
from ticketlab.lab.artifacts.runs import RUNS, runs
from ticketlab.lab.comparing.cells import full_name
from ticketlab.lab.environment import environment
from ticketlab.lab.exploring.explore import SearchTally, executor_for, refuse_unsupported, search_all
from ticketlab.lab.exploring.scenario_workload import ScenarioWorkload
from ticketlab.lab.faults import chosen, needs_processes, why_not
from ticketlab.lab.plugins.registry import store_kind, stores, strategies, strategy_kind

Pair = tuple[Spec, Spec]  # a store and a strategy
Progress = Callable[[int, int, str], None]

CRASHES: Final = (Fault(FaultKind.KILL), Fault(FaultKind.KILL_SERVICE))
"""What strikes where nothing else is named: whoever takes part is killed."""
NAME: Final = "crashes"
"""What the run of a crash matrix is kept as."""
BUYERS: Final = 2
EXECUTIONS: Final = 100_000


def faults_of(text: str) -> tuple[Fault, ...]:
    """Read faults as a command line names them; `crash` stands for the death of whoever takes part, `all` for all."""
    if text == "all":
        return tuple(Fault.parse(kind.value) for kind in FaultKind)
    return CRASHES if text == "crash" else chosen(text)


@dataclass(frozen=True, slots=True)
class CrashResult:
    """What a cell came to.

    `points` is how many points were struck, `names` what went wrong only there and how often, `anyway` what went wrong
    without a fault. `waited` is the longest time, in seconds, after which a survivor could go on, where it had to wait
    for something to expire; `left_behind` names the files that remained; `reason` says why not all was tried, if so.
    """

    store: str
    strategy: str
    claims_safety: bool
    command: str
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
        """Whether the strategy survives every crash; None where not all were tried."""
        if self.names:
            return False
        return True if self.exhausted else None

    def to_json(self) -> dict[str, Any]:
        """Return the cell as a row of a result."""
        return {**asdict(self), "valid": self.valid, "summary": self.summary}

    @property
    def summary(self) -> str:
        """Say in a few words whether the strategy survives."""
        if self.names:
            return ", ".join(sorted(self.names, key=lambda name: -self.names[name]))
        if not self.exhausted:
            return f"undecided: {self.reason}"
        return f"survives, after {self.waited:g} s" if self.waited else "survives"


def pairs(named_stores: Iterable[Spec] = (), named_strategies: Iterable[Spec] = ()) -> list[Pair]:
    """Return the stores and strategies that were named, or else all that there are, where they go together.

    A store that nobody names comes in its default variant, a strategy in each of its own.

    Raises:
        UsageError: nothing that was named goes together.
    """
    shelves = list(named_stores) or [Spec(kind.name) for kind in stores() if not kind.in_process]
    ways = list(named_strategies) or [
        Spec(kind.name, variant) for kind in strategies() for variant in kind.variants or ("",)
    ]
    found = [(store, way) for store in shelves for way in ways if _goes(store, way)]
    if not found:
        raise UsageError("nothing that was named goes together (see ticketlab strategies)")
    return found


def _goes(store: Spec, strategy: Spec) -> bool:
    store_kind(store).settings(store), strategy_kind(strategy).settings(strategy)
    try:
        refuse_unsupported(_scenario(store, strategy), "processes")
    except UsageError:
        return False
    return True


def _scenario(store: Spec, strategy: Spec) -> Scenario:
    return Scenario(store, strategy, BUYERS, Inventory({"main": BUYERS}))


def crash(pair: Pair, faults: Sequence[Fault]) -> CrashResult:
    """Explore every crash point of one store and strategy."""
    store, strategy = pair
    scenario = _scenario(store, strategy)
    cast = ScenarioWorkload(scenario)
    with cast.opened() as (opened, services):
        able = tuple(fault for fault in faults if not why_not(fault, scenario, opened, services))
    executor = "processes" if needs_processes(able, strategy) else "inline"
    how = ExploreOptions(executor=executor, faults=able, executions=EXECUTIONS, exhaust=True)
    reason = f"{EXECUTIONS:,} executions are not all"
    seen = SearchTally()
    try:
        with executor_for(cast, how) as running:
            search_all(running, cast, how, seen=seen)
    except TicketlabError as error:
        reason = str(error)
    struck = seen.points.told()
    names = sum((Counter(point.names) for point in struck), Counter[str]())
    anyway = seen.names - names
    words = ["ticketlab", "explore", "--store", str(store), "--strategy", str(strategy), "--buyers", str(BUYERS)]
    words += ["--faults", ",".join(map(str, able))] if able else []
    return CrashResult(
        store=str(store),
        strategy=str(strategy),
        claims_safety=strategy_kind(strategy).claims_safety(strategy),
        command=shlex.join([*words, "--exhaust"]),
        faults=[str(fault) for fault in able],
        points=len(struck),
        executions=seen.executions,
        exhausted=seen.exhausted,
        names={name: times for name, times in sorted(names.items()) if name not in anyway},
        anyway=sorted(anyway),
        waited=max((point.waited for point in struck), default=0.0),
        left_behind=sorted(cast.left_behind),
        sentence=next((anomaly.sentence for anomaly in seen.worst if anomaly.name not in anyway), ""),
        reason="" if seen.exhausted else reason,
    )


class Crashes:
    """The crash matrix; what is there of it can be had at any time."""

    def __init__(self, cells: Sequence[Pair], faults: Sequence[Fault] = CRASHES) -> None:
        self.cells = cells
        self.faults = faults
        self.environment = environment(Path())
        self._done: dict[Pair, CrashResult] = {}

    def run(self, progress: Progress) -> None:
        """Explore the cells, on every core; `progress` is told how many are done, of how many, and which was last."""
        cores = sorted(os.sched_getaffinity(0))
        context = get_context("spawn")  # small ones: what they fork costs by what they have in memory
        turns = context.Value("i", 0)
        pool = ProcessPoolExecutor(len(cores), context, _take_core, (turns, cores, os.getpid()))
        try:
            waiting = {pool.submit(crash, cell, self.faults): cell for cell in self._longest_first()}
            for number, done in enumerate(as_completed(waiting), 1):
                store, strategy = waiting[done]
                self._done[waiting[done]] = done.result()
                progress(number, len(self.cells), f"{strategy} on {store}")
        except BaseException:
            for worker in list(pool._processes.values()):  # nobody waits for what nobody wants to know any more
                worker.kill()
            raise
        finally:
            pool.shutdown(cancel_futures=True)

    def _longest_first(self) -> list[Pair]:
        """Put first what takes long, so that no core is left with a long cell at the end: whatever has staff.

        SQLite comes last: a worker that has loaded SQLAlchemy forks more slowly.
        """
        return sorted(self.cells, key=lambda cell: (cell[0].name == "sqlite", cell[1].name != "clerk"))

    def rows(self) -> list[CrashResult]:
        """Return what is done, in the order of the cells."""
        return [self._done[cell] for cell in self.cells if cell in self._done]

    def document(self, command: str) -> dict[str, Any]:
        """Return the result as it is printed and saved."""
        rows = self.rows()
        claiming = [row for row in rows if row.claims_safety]
        verdicts = [row.valid for row in claiming]
        return document(
            "crashes",
            {
                "command": command,
                "valid": False if False in verdicts else None if None in verdicts or not rows else True,
                "anomalies": [
                    {
                        "name": name,
                        "sentence": row.sentence,
                        "evidence": {},
                        "store": row.store,
                        "strategy": row.strategy,
                    }
                    for row in claiming
                    for name in row.names
                ],
                "buyers": BUYERS,
                "faults": [str(fault) for fault in self.faults],
                "rows": [row.to_json() for row in rows],
                "environment": self.environment,
            },
        )


def known(root: Path = RUNS) -> dict[tuple[str, str], str]:
    """Return by store and strategy what the newest crash matrix that was kept says; nothing of another ticketlab's."""
    for folder in reversed(runs(root)):
        if folder.name.endswith(f"-{NAME}"):
            try:
                found = read_document(folder)
            except UsageError:
                continue  # damaged: it is as if there were none
            if found["kind"] == "crashes" and found["environment"].get("ticketlab") == ticketlab.__version__:
                return {_pair(row): row["summary"] for row in found["rows"]}
    return {}


def _pair(row: Mapping[str, Any]) -> tuple[str, str]:
    store, strategy = Spec.parse(row["store"]), Spec.parse(row["strategy"])
    return full_name(store, store_kind), full_name(strategy, strategy_kind)


def _take_core(turns: Any, cores: Sequence[int], parent: int) -> None:
    """Give each worker a core of its own: all processes of an exploration share one."""
    die_with_parent(parent)
    with turns.get_lock():
        turn = turns.value
        turns.value += 1
    os.sched_setaffinity(0, {cores[turn % len(cores)]})
