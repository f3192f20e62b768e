"""Soak: live races with faults injected at random; every verdict is held against a second opinion.

    uv run python -m tests.soak.races                      # 10,000 races
    uv run python -m tests.soak.races --races 500 --seed 7
    uv run python -m tests.soak.races --first 4000         # go on where another run was stopped

What each race is follows from the seed and its number. Three things must hold of each: the books judge and the
linearizability judge agree; a strategy that is known to outlive its buyers kept the books right, and any other went
wrong only in a way that it is known for; and nothing is left: no open file, process, thread, shared memory or folder.
"""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

from ticketlab import race
from ticketlab.checker import Columns, check
from ticketlab.checker.books import judge_books
from ticketlab.checker.final_state import judge_closing
from ticketlab.core.faults import FaultRate
from ticketlab.core.inventory import Books, Entry, Stock
from ticketlab.core.result import Result
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.lab.racing.options import RaceOptions
from ticketlab.timings.latency import Latency

NOTHING: Final = frozenset[str]()
STUCK: Final = frozenset({"lock never released", "survivors blocked for ever"})
TORN: Final = frozenset({"torn read", "corrupted file"})
OVERSELLS: Final = frozenset(
    {"oversold", "ticket sold twice", "lost update", "ghost sale", "vanished sale", "undersold", "stale read"}
)

GOES_WRONG_BY: Final[Mapping[tuple[str, str], frozenset[str]]] = {
    ("json:rename", "flock"): NOTHING,
    ("json:rename", "filelock"): NOTHING,
    ("sqlite", "atomic"): NOTHING,
    ("sqlite", "optimistic"): NOTHING,
    ("sqlite", "flock"): NOTHING,
    ("sqlite", "transaction:immediate"): NOTHING,
    ("sqlite", "transaction:deferred"): NOTHING,
    ("sqlite:journal=delete", "transaction:immediate"): NOTHING,
    ("sqlite:journal=delete", "transaction:exclusive"): NOTHING,
    ("json:in-place", "flock"): TORN,
    ("json", "flock"): TORN,
    ("json:rename", "lock"): STUCK,
    ("sqlite", "lock"): STUCK,
    ("json", "lock"): STUCK | TORN,
    ("manager", "manager-lock"): STUCK,
    ("json:rename", "none"): OVERSELLS,
    ("sqlite", "none"): OVERSELLS,
}
"""For each store and strategy, the anomalies that a fault may lead to; of a strategy that outlives its buyers, none."""

BY_SUMS: Final = frozenset({"oversold", "lost update", "ghost sale", "negative stock"})
"""Anomalies that both judges must see, or neither."""
SLOW: Final = frozenset({"manager", "lock", "manager-lock", "filelock"})
FAULTS: Final = ("terminate:0.1", "disk-full:0.1", "io-error:0.1", "short-write:0.1")
LAUNCHERS: Final = ("process",) * 60 + ("pool:2",) * 4 + ("pool:3",)


@dataclass(frozen=True)
class Drawn:
    """One race of the soak."""

    scenario: Scenario
    live: RaceOptions

    @classmethod
    def of(cls, seed: int, number: int) -> Drawn:
        """Draw the race with this number."""
        draw = Random(f"soak/{seed}/{number}")
        pairs = list(GOES_WRONG_BY)
        weights = [1 if {Spec.parse(word).name for word in pair} & SLOW else 3 for pair in pairs]
        ((store, strategy),) = draw.choices(pairs, weights)
        faults = [
            f"kill:{draw.choice((0.1, 0.25, 0.5))}",
            f"pause:{draw.choice((0, 0.1, 0.2))}:{draw.randint(1, 40)}ms",
        ]
        if store != "manager" and draw.random() < 0.25:
            faults.insert(0, draw.choice(FAULTS))
        scenario = Scenario.of(
            store,
            strategy,
            buyers=draw.choice((2, 2, 3, 3, 4, 5, 8)),
            tickets=draw.randint(1, 6),
            orders=draw.choice((1, 1, 2, 4)),
            seed=draw.randrange(1 << 30),
            ledger=draw.random() < 0.7,
        )
        live = RaceOptions(
            Spec.parse(draw.choice(LAUNCHERS)),
            Latency.parse(draw.choice(("", "", "write=1ms", "read=0-2ms"))),
            timeout=60.0,
            faults=tuple(map(FaultRate.parse, faults)),
            stall_timeout=1.0,
        )
        return cls(scenario, live)

    def __str__(self) -> str:
        one, live = self.scenario, self.live
        faults = ",".join(map(str, live.faults))
        return (
            f"ticketlab race --store {one.store} --strategy {one.strategy} --buyers {one.buyers} "
            f"--tickets {one.inventory.tickets} --orders {one.orders} --seed {one.seed} --launcher {live.launcher} "
            f"--latency {str(live.latency) or 'none'} --faults {faults} --stall-timeout {live.stall_timeout:g}"
            + ("" if one.ledger else " --no-ledger")
        )


def quarrel(result: Result, scenario: Scenario) -> str:
    """Return how the two judges contradict each other, or an empty string."""
    told = {each.name for each in judge_books(scenario.inventory, result.history.operations, _books(result.books))}
    ordered = check(result.history)
    if ordered.valid is None:
        return f"the order is undecided: {ordered.reason}"
    proved = {each.name for each in (*ordered.anomalies, *judge_closing(Columns.of(result.history)))}
    if told & BY_SUMS and not proved:
        return f"the receipts say {', '.join(sorted(told))}, the history says valid"
    if proved & BY_SUMS and not told - TORN:
        return f"the history says {', '.join(sorted(proved))}, the receipts say valid"
    return ""


def _books(value: Mapping[str, Any]) -> Books | None:
    if not value:
        return None
    ledger = value["ledger"]
    entries = None if ledger is None else tuple(Entry(**{**each, "tickets": tuple(each["tickets"])}) for each in ledger)
    return Books({name: Stock(**stock) for name, stock in value["stocks"].items()}, entries)


def surroundings() -> dict[str, Any]:
    """Return what must be after a race as it was before."""
    live = Path(".ticketlab/live")
    return {
        "open files": len(list(Path("/proc/self/fd").iterdir())),
        "processes": len(multiprocessing.active_children()) + len(_children()),
        "threads": threading.active_count(),
        "folders": len(list(live.glob("race-*"))) if live.is_dir() else 0,
    }


def _children() -> list[str]:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()


def soak(races: int, seed: int, first: int, say: bool) -> dict[str, Any]:
    """Run the races, and return the counts."""
    began, cpu = time.monotonic(), time.process_time()
    verdicts: Counter[str] = Counter()
    injected: Counter[str] = Counter()
    troubles: list[str] = []
    race(Scenario.of("sqlite", "atomic", buyers=2), RaceOptions(latency=Latency({})))  # imports what stays open
    before, buyers = surroundings(), 0
    for number in range(first, first + races):
        drawn = Drawn.of(seed, number)
        try:
            result = race(drawn.scenario, drawn.live)
            trouble = quarrel(result, drawn.scenario)
        except Exception as error:
            troubles.append(f"race {number}: {type(error).__name__}: {error}\n  {drawn}")
            continue
        names = {anomaly.name for anomaly in result.verdict.anomalies}
        known = GOES_WRONG_BY[str(drawn.scenario.store), str(drawn.scenario.strategy)]
        if trouble:
            troubles.append(f"race {number}: the judges disagree: {trouble}\n  {drawn}")
        if names - known or result.valid is None:
            unknown = ", ".join(sorted(names - known)) or result.verdict.reason
            troubles.append(f"race {number}: {unknown}, which should not be\n  {drawn}")
        if surroundings() != before:
            gc.collect()  # a pool's pipes are in a cycle
        if (after := surroundings()) != before or [name for name in result.left_behind if not _is_of_a_victim(name)]:
            troubles.append(
                f"race {number}: a leak: {before} became {after}; left: {list(result.left_behind)}\n  {drawn}"
            )
            before = after
        buyers += drawn.scenario.buyers
        verdicts.update(names or {"valid"})
        injected.update(each["fault"].partition(":")[0] for each in result.injected)
        if say and (number - first) % 500 == 499:
            done = number - first + 1
            print(f"{done:,} races, {time.monotonic() - began:.0f} s, {len(troubles)} troubles", file=sys.stderr)
    return {
        "races": races,
        "seed": seed,
        "first": first,
        "buyers": buyers,
        "injected": dict(injected),
        "verdicts": dict(verdicts),
        "seconds": round(time.monotonic() - began, 1),
        "lab_processor_seconds": round(time.process_time() - cpu, 1),
        "troubles": troubles,
    }


def _is_of_a_victim(name: str) -> bool:
    """Whether a file is one that a buyer killed in the middle of its work may leave."""
    return name.endswith(".new") or name.rpartition("-")[2] in ("wal", "shm", "journal")


def main() -> int:
    """Soak, and print the counts; 1 where anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--races", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="the number of the first race")
    parser.add_argument("--json", action="store_true", help="print the counts as JSON")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path.cwd()
        os.chdir(folder)
        try:
            counts = soak(given.races, given.seed, given.first, not given.json)
        finally:
            os.chdir(home)
    if given.json:
        print(json.dumps(counts))
    else:
        for key, value in counts.items():
            print(f"{key}: {value}" if key != "troubles" else f"troubles: {len(value)}")
        print("\n".join(counts["troubles"]))
    return 1 if counts["troubles"] else 0


if __name__ == "__main__":
    sys.exit(main())
