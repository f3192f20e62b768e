"""Measures explorations against their bars, beside the named peer in the same run.

    uv run python scripts/bench_explore.py                     # all of it, about two minutes
    uv run python scripts/bench_explore.py --only inline       # one part: counts, inline, stores, processes, exhaust

Speeds are executions a second of a correct version, recording on, judging off: medians over rounds in which ours and
the peer take turns. The peer runs in an environment of its own, which uv makes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from math import factorial
from typing import Any

from ticketlab.core.inventory import Inventory
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.explore.inline import Inline
from ticketlab.explore.policies.dfs import DepthFirst
from ticketlab.explore.policies.dpor import SourceSets
from ticketlab.explore.policies.random import RandomWalk
from ticketlab.explore.processes import Processes
from ticketlab.explore.search import search
from ticketlab.lab.registry import store_kind, strategies
from ticketlab.lab.rehearsal import Rehearsal

DETANGLE = """
import asyncio, sys, time, detangle

def program(buyers):
    async def main():
        left, lock, sold = [1], asyncio.Lock(), []
        async def buy():
            async with lock:
                seen = left[0]
                await asyncio.sleep(0)
                if seen:
                    left[0] = seen - 1
                    sold.append(1)
        await asyncio.gather(*[buy() for _ in range(buyers)])
        assert len(sold) == 1
    return main

for line in sys.stdin:
    buyers, runs = map(int, line.split())
    main = program(buyers)
    began = time.perf_counter()
    detangle.explore(main, strategy="random", runs=runs, seed=1)
    print(runs / (time.perf_counter() - began), flush=True)
"""

COUNTS = [(2, 1), (3, 1), (3, 2), (4, 1), (4, 2), (5, 1)]


def cast(store: str, strategy: str, buyers: int, tickets: int) -> Rehearsal:
    """Return a scenario's cast."""
    return Rehearsal(Scenario(Spec.parse(store), Spec.parse(strategy), buyers, Inventory({"main": tickets})))


def rate(executor: Any, executions: int) -> float:
    """Return executions a second of an executor that is open and warm."""
    began = time.perf_counter()
    count = sum(1 for _ in search(executor, RandomWalk(1), executions))
    return count / (time.perf_counter() - began)


def report(what: str, measured: float, bar: float, peer: str = "") -> None:
    """Print one line: what, how fast, the bar, and the peer."""
    verdict = "ok" if measured >= bar else "MISSED"
    print(f"{what:<52}{measured:>10,.0f} /s   bar {bar:>8,.0f}   {verdict:<7}{peer}", flush=True)


def counts() -> None:
    """The exact numbers of schedules, oversold ones, and traces."""
    print("buyers, tickets: schedules, oversold, traces (memory, inline)")
    for buyers, tickets in COUNTS:
        with Inline(cast("memory", "none", buyers, tickets)) as executor:
            sold = [
                sum(len(record.outcome.tickets) for record in one.records if record.outcome)
                for one in search(executor, DepthFirst())
            ]
            traces = sum(1 for _ in search(executor, SourceSets()))
        print(f"{buyers}, {tickets}: {len(sold):,} {sum(each > tickets for each in sold):,} {traces:,}", flush=True)
    for buyers in range(2, 7):
        with Inline(cast("memory", "atomic", buyers, 1)) as executor:
            traces = sum(1 for _ in search(executor, SourceSets()))
        print(f"{buyers} atomic updates: {traces:,} traces, {factorial(buyers):,} orders", flush=True)


def inline(rounds: int) -> None:
    """In memory, under a lock, beside detangle's random walk over asyncio tasks under a lock."""
    command = ["uv", "run", "--no-project", "--with", "detangle==0.1.0", "python", "-c", DETANGLE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as peer:
        assert peer.stdin is not None
        assert peer.stdout is not None
        for buyers, runs in ((2, 3_000), (10, 800), (100, 60)):
            ours, theirs = [], []
            with Inline(cast("memory", "lock", buyers, 1)) as executor:
                rate(executor, runs)
                for _ in range(rounds):
                    ours.append(rate(executor, runs))
                    peer.stdin.write(f"{buyers} {runs // 3}\n")
                    peer.stdin.flush()
                    theirs.append(float(peer.stdout.readline()))
            other = statistics.median(theirs)
            report(f"inline, memory, lock, {buyers} buyers", statistics.median(ours), 2 * other, f"2 x {other:,.0f}")
        peer.stdin.close()


def median_rate(make: Callable[[], Any], executions: int, rounds: int) -> float:
    """Return the median over rounds of one open executor."""
    with make() as executor:
        rate(executor, max(10, executions // 4))
        return statistics.median(rate(executor, executions) for _ in range(rounds))


def stores(rounds: int) -> None:
    """Real files and databases in one process."""
    for store, strategy, bar in (
        ("json:in-place", "lock", 1_500),
        ("json:truncate", "lock", 1_500),
        ("sqlite:synchronous=off", "transaction:immediate", 5_000),
        ("sqlite:synchronous=off", "atomic", 5_000),
    ):
        measured = median_rate(lambda: Inline(cast(store, strategy, 2, 1)), 500, rounds)  # noqa: B023 - used at once
        report(f"inline, {store}, {strategy}, 2 buyers", measured, bar)


def processes(rounds: int) -> None:
    """Real processes."""
    for store, strategy, buyers, bar in (
        ("json:in-place", "lock", 2, 5_000),
        ("json:in-place", "lock", 5, 2_000),
        ("sqlite:synchronous=off", "transaction:immediate", 2, 4_000),
        ("sqlite:synchronous=off", "transaction:immediate", 5, 1_500),
        ("manager", "lock", 2, 2_000),
        ("manager", "lock", 5, 800),
        ("json:in-place", "lock", 100, 100),
    ):
        executions = 30 if buyers == 100 else 500
        make = lambda: Processes(cast(store, strategy, buyers, 1), whole=True)  # noqa: B023, E731 - used at once
        report(f"processes, {store}, {strategy}, {buyers} buyers", median_rate(make, executions, rounds), bar)


def exhaust() -> None:
    """Five buyers under a lock, and every correct strategy on every store with three."""
    with Inline(cast("memory", "lock", 5, 1)) as executor:
        began = time.perf_counter()
        found = sum(1 for _ in search(executor, SourceSets()))
        print(f"5 buyers under a lock: {found} executions (bar 120) in {time.perf_counter() - began:.3f} s (bar 0.25)")
    for name in ("memory", "json", "sqlite", "manager"):
        store = store_kind(Spec(name))
        for way in strategies():
            for variant in way.variants or [""]:
                spec = Spec(way.name, variant)
                if not way.unsupported_on(store) and way.claims_safety(spec):
                    _exhaust(str(Spec(name)), str(spec))


def _exhaust(store: str, strategy: str) -> None:
    began = time.perf_counter()
    with Inline(cast(store, strategy, 3, 2)) as executor:
        executions = search(executor, SourceSets())
        count = sum(1 for _ in islice(iter(lambda: _within(executions, began), None), 10**9))
        left = time.perf_counter() - began > 60
    print(
        f"exhaust 3 buyers: {store} {strategy}: {count:,} executions in {time.perf_counter() - began:.2f} s"
        f"{'  NOT EXHAUSTED' if left else ''}",
        flush=True,
    )


def _within(executions: Any, began: float) -> Any:
    return next(executions, None) if time.perf_counter() - began < 60 else None


def main() -> None:
    """Run the parts that are asked for."""
    parts: dict[str, Callable[[], None]] = {}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["counts", "inline", "stores", "processes", "exhaust"])
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    parts = {
        "counts": counts,
        "inline": lambda: inline(given.rounds),
        "stores": lambda: stores(given.rounds),
        "processes": lambda: processes(given.rounds),
        "exhaust": exhaust,
    }
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for name, part in parts.items():
            if given.only in (None, name):
                part()


if __name__ == "__main__":
    main()
