"""How fast schedules are explored, beside named peers in the same run, and whether the verdicts are right.

    uv run python scripts/benchmarks/bench_explore.py                     # all of it, about twenty minutes
    uv run python scripts/benchmarks/bench_explore.py --only inline       # one part, or what is named so
    uv run python scripts/benchmarks/bench_explore.py --against ../other  # the speeds of two checkouts

Parts that measure: inline, stores, processes, exhaust. Parts that check: counts, frontrun, exhaust, races, correct,
seeds, alarms; the last five are in `explore_verdicts`. Speeds are executions a second of a correct version, recording
on, judging off. Peers run in an environment that is made for them, see `explore_peers`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from math import factorial
from pathlib import Path
from typing import Any

from scripts.benchmarks import runner
from scripts.benchmarks.bare_turns import BareTurns
from scripts.benchmarks.explore_peers import DETANGLE, FRONTRUN, Peers
from scripts.benchmarks.runner import Check, Measurement, Sample, UnavailableError
from scripts.benchmarks.subject import (
    DepthFirst,
    Inline,
    RandomWalk,
    SourceSets,
    in_sequence,
    on_processes,
    search,
    workload,
)

SCALE = {2: 8_283, 10: 3_292, 100: 298}
"""Executions a second of detangle on a quiet machine of two cores, for machines where it cannot be installed."""
COUNTS = [(2, 1), (3, 1), (3, 2), (4, 1), (4, 2), (5, 1)]
SEQUENCE = "the same purchases in sequence"


def _executor(executor: str, *scenario: Any) -> Any:
    return Inline(workload(*scenario)) if executor == "inline" else on_processes(*scenario)


@contextmanager
def exploring(executor: str, executions: int, *scenario: Any) -> Iterator[Sample]:
    """Open an executor and warm it up; a sample is its executions a second."""
    with _executor(executor, *scenario) as opened:

        def sample(count: int = executions) -> float:
            began = time.perf_counter()
            done = sum(1 for _ in search(opened, RandomWalk(1), count))
            return done / (time.perf_counter() - began)

        sample(max(10, executions // 4))
        yield sample


@contextmanager
def sequence(executions: int, *scenario: Any) -> Iterator[Sample]:
    """Open the same store and strategy; a sample has every buyer buy in turn, with nothing scheduled or recorded."""
    with in_sequence(*scenario) as runs:
        requests = [request for script in runs.scripts for request in script]

        def sample() -> float:
            began = time.perf_counter()
            for _ in range(executions):
                runs.reset()
                for request in requests:
                    runs.perform(request)
            return executions / (time.perf_counter() - began)

        sample()
        yield sample


@contextmanager
def bare_turns(executions: int, buyers: int) -> Iterator[Sample]:
    """Start processes that hand each other the turn; a sample is their executions a second."""
    with tempfile.TemporaryDirectory(dir=".") as folder, BareTurns(Path(folder), buyers) as bare:
        yield lambda: bare.rate(executions)


@cache
def peers() -> Peers:
    """Make the peers' environment, once, in the benchmark's folder."""
    return Peers(Path.cwd())


@contextmanager
def detangle(executions: int, buyers: int) -> Iterator[Sample]:
    """Start detangle; a sample is its executions a second of asyncio tasks under a lock."""
    asking = peers().start(DETANGLE)
    if asking is None:
        raise UnavailableError(f"measured elsewhere: {SCALE[buyers]:,} /s on a quiet machine of two cores")

    def sample() -> float:
        asking[0].write(f"{buyers} {executions}\n")
        asking[0].flush()
        return float(asking[1].readline())

    yield sample


def inline(given: argparse.Namespace) -> Iterable[Measurement]:
    """In memory, under a lock, beside detangle's random walk over asyncio tasks under a lock."""
    for buyers, runs in ((2, 3_000), (10, 800), (100, 60)):
        yield Measurement(
            f"inline, memory, lock, {buyers} buyers",
            partial(exploring, "inline", runs, "memory", "lock", buyers, 1),
            beside="detangle",
            other=partial(detangle, runs // 3, buyers),
            bar=2 * SCALE[buyers],
            ratio_bar=2.0,
        )


def stores(given: argparse.Namespace) -> Iterable[Measurement]:
    """Real files and databases in one process."""
    for store, strategy, bar in (
        ("json:in-place", "lock", 1_500),
        ("json:truncate", "lock", 1_500),
        ("sqlite:synchronous=off", "transaction:immediate", 5_000),
        ("sqlite:synchronous=off", "atomic", 5_000),
    ):
        yield Measurement(
            f"inline, {store}, {strategy}, 2 buyers",
            partial(exploring, "inline", 500, store, strategy, 2, 1),
            beside=SEQUENCE,
            other=partial(sequence, 500, store, strategy, 2, 1),
            bar=bar,
        )


def processes(given: argparse.Namespace) -> Iterable[Measurement]:
    """Real processes; on JSON beside processes that hand each other bare turns."""
    for buyers, bar in ((2, 5_000), (5, 2_000), (100, 100)):
        runs = 30 if buyers == 100 else 500
        yield Measurement(
            f"processes, json:in-place, lock, {buyers} buyers",
            partial(exploring, "processes", runs, "json:in-place", "lock", buyers, 1),
            beside="bare turns",
            other=partial(bare_turns, runs, buyers),
            bar=bar,
        )
    for store, strategy, buyers, bar in (
        ("sqlite:synchronous=off", "transaction:immediate", 2, 4_000),
        ("sqlite:synchronous=off", "transaction:immediate", 5, 1_500),
        ("manager", "lock", 2, 2_000),
        ("manager", "lock", 5, 800),
    ):
        yield Measurement(
            f"processes, {store}, {strategy}, {buyers} buyers",
            partial(exploring, "processes", 500, store, strategy, buyers, 1),
            beside=SEQUENCE,
            other=partial(sequence, 500, store, strategy, buyers, 1),
            bar=bar,
        )


@contextmanager
def exhausting(expected: int, *scenario: Any) -> Iterator[Sample]:
    """Open an executor; a sample is the seconds that it takes to exhaust a search of so many executions."""
    with Inline(workload(*scenario)) as opened:

        def sample() -> float:
            began = time.perf_counter()
            found = sum(1 for _ in search(opened, SourceSets()))
            if expected and found != expected:
                raise SystemExit(f"{scenario}: {found} executions, not {expected}")
            return time.perf_counter() - began

        sample()
        yield sample


def exhaust_speeds(given: argparse.Namespace) -> Iterable[Measurement]:
    """Searches that end: five buyers under a lock, in 5! executions, and three in a deferred transaction."""
    for expected, bar, scenario in (
        (factorial(5), 0.25, ("memory", "lock", 5, 1)),
        (0, None, ("sqlite:synchronous=off", "transaction:deferred", 3, 2)),
    ):
        name = f"exhausted: {scenario[0]}, {scenario[1]}, {scenario[2]} buyers"
        yield Measurement(name, partial(exhausting, expected, *scenario), unit="s", bar=bar)


def counts(given: argparse.Namespace) -> bool:
    """Print the exact numbers of schedules, of those that oversell, and of traces."""
    print("buyers, tickets: schedules, oversold, traces (memory, inline)")
    for buyers, tickets in COUNTS:
        with Inline(workload("memory", "none", buyers, tickets)) as executor:
            sold = [
                sum(len(record.outcome.tickets) for record in one.records if record.outcome)
                for one in search(executor, DepthFirst())
            ]
            traces = sum(1 for _ in search(executor, SourceSets()))
        print(f"{buyers}, {tickets}: {len(sold):,} {sum(each > tickets for each in sold):,} {traces:,}", flush=True)
    kept = True
    for buyers in range(2, 7):
        with Inline(workload("memory", "atomic", buyers, 1)) as executor:
            traces = sum(1 for _ in search(executor, SourceSets()))
        kept &= runner.report(
            traces == factorial(buyers), f"{buyers} atomic updates: {traces:,} traces, {buyers}! orders"
        )
    return kept


def frontrun(given: argparse.Namespace) -> bool:
    """Print what frontrun makes of the same questions: its speed, and the races that it certifies as correct."""
    asked, threads = peers().start(FRONTRUN), peers().start(FRONTRUN, "frontrun")
    for what in ("sqlite 2", "sqlite 5", "json:in-place", "json:rename", "manager", "sqlite 100", "threads"):
        asking = threads if what == "threads" else asked
        if asking is None:
            return True
        asking[0].write(f"{what}\n")
        asking[0].flush()
        told = json.loads(asking[1].readline() or '{"error": "it ended"}')
        print(f"     frontrun, {what}: {_answer(told)}", flush=True)
    return True


def _answer(told: dict[str, Any]) -> str:
    if "error" in told:
        return str(told["error"])
    says = {True: "holds", False: "does not hold", None: "undecided"}[told["holds"]]
    speed = told["executions"] / told["seconds"]
    return f"{says}, {told['executions']} executions in {told['seconds']:.2f} s, {speed:,.1f} /s"


def _verdict(name: str) -> Check:
    """Return one of the checks of verdicts; they are imported only if they are wanted."""

    def check(given: argparse.Namespace) -> bool:
        from scripts.benchmarks import explore_verdicts

        found: Callable[..., bool] = getattr(explore_verdicts, name)
        return found(*{"seeds": [given.seeds], "alarms": [given.executions]}.get(name, []))

    return check


def main() -> int:
    """Measure and check the parts that are asked for."""
    options = runner.parser(__doc__, rounds=5)
    options.add_argument("--seeds", type=int, default=1_000)
    options.add_argument("--executions", type=int, default=100_000, help="of correct strategies, for false alarms")
    speeds = {"inline": inline, "stores": stores, "processes": processes, "exhaust": exhaust_speeds}
    checks: dict[str, Check] = {"counts": counts, "frontrun": frontrun}
    checks |= {name: _verdict(name) for name in ("exhaust", "races", "correct", "seeds", "alarms")}
    try:
        return runner.main(options, speeds, checks)
    finally:
        if peers.cache_info().currsize:
            peers().close()


if __name__ == "__main__":
    sys.exit(main())
