"""How fast histories of transactions are read and judged, and whether the verdicts are right.

    uv run python scripts/benchmarks/bench_transactions.py
    uv run python scripts/benchmarks/bench_transactions.py --transactions 10000 --only speed
    uv run python scripts/benchmarks/bench_transactions.py --only brute --histories 20000

Part that measures: speed. Parts that check: growth, brute. Times are processor time. Histories are strictly
serializable executions by ten processes, from a seed; judging proves it. The brute force is the tests' second judge.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from random import Random

from scripts.benchmarks import runner
from scripts.benchmarks.bench_check import fit, spent
from scripts.benchmarks.runner import Measurement, Sample, report
from tests.checker.transactions import second_judge
from tests.checker.transactions.long_histories import serial_events
from tests.checker.transactions.random_transactions import random_history
from ticketlab.checker.transactions.events import parse_transactions
from ticketlab.checker.transactions.history import TransactionHistory
from ticketlab.checker.transactions.isolation import check_transactions

KINDS = {"lists": True, "registers": False}


def lines_of(transactions: int, seed: int, lists: bool) -> list[str]:
    """Return the lines of a history."""
    return [json.dumps(event) + "\n" for event in serial_events(Random(seed), transactions, lists, keys=100)]


def _proved(history: TransactionHistory) -> None:
    if list(check_transactions(history).strongest) != ["strict-serializable"]:
        raise SystemExit("a strictly serializable history was not found to be one")


@contextmanager
def sampling(work: Callable[[], object]) -> Iterator[Sample]:
    """A sample does some work, as the command line does: without the garbage collector."""
    gc.disable()
    yield lambda: spent(work)
    gc.enable()


@contextmanager
def reading(given: argparse.Namespace, lists: bool, read: Callable[[list[str]], object]) -> Iterator[Sample]:
    """Write a history; a sample reads it."""
    lines = lines_of(given.transactions, given.seed, lists)
    with sampling(lambda: read(lines)) as sample:
        yield sample


@contextmanager
def judging(given: argparse.Namespace, lists: bool) -> Iterator[Sample]:
    """Read a history; a sample judges it."""
    history = parse_transactions(lines_of(given.transactions, given.seed, lists))
    with sampling(lambda: _proved(history)) as sample:
        yield sample


def speed(given: argparse.Namespace) -> Iterable[Measurement]:
    """Reading and judging."""
    for name, lists in KINDS.items():
        yield Measurement(
            f"reading {given.transactions:,} transactions on {name}",
            partial(reading, given, lists, parse_transactions),
            "s",
            beside="json.loads of each line",
            other=partial(reading, given, lists, lambda lines: list(map(json.loads, lines))),
        )
        yield Measurement(
            f"judging {given.transactions:,} transactions on {name}", partial(judging, given, lists), "s", bar=10
        )


def growth(given: argparse.Namespace) -> bool:
    """Check that the time grows hardly faster than n log n."""
    kept = True
    sizes = [3_000, 10_000, 30_000, 100_000]
    for name, lists in KINDS.items():
        times = []
        for size in sizes:
            history = parse_transactions(lines_of(size, given.seed, lists))
            with sampling(partial(_proved, history)) as sample:
                times.append(statistics.median(sample() for _ in range(3)))
        slope = fit([n * math.log(n) for n in sizes], times)
        shown = ", ".join(f"{n:,}: {t:.2f} s" for n, t in zip(sizes, times, strict=True))
        kept &= report(slope <= 1.15, f"{name}: time grows as (n log n) ** {slope:.2f} ({shown})")
    return kept


def brute(given: argparse.Namespace) -> bool:
    """Check the verdicts for serializability and snapshot isolation against the second judge."""
    judges = {"serializable": second_judge.serializable, "snapshot-isolation": second_judge.snapshot_isolated}
    kept = True
    for name, lists in KINDS.items():
        seen: Counter[tuple[str, bool | None, bool]] = Counter()
        for seed in range(given.seed, given.seed + given.histories):
            history = random_history(Random(seed), lists)
            for level, judge in judges.items():
                seen[level, check_transactions(history, level).verdict.valid, judge(history)] += 1
        wrong = sum(count for (_, ours, theirs), count in seen.items() if ours is not None and ours is not theirs)
        open_ones = {
            level: sum(n for (of, ours, _), n in seen.items() if of == level and ours is None) for level in judges
        }
        invalid = sum(count for (level, _, theirs), count in seen.items() if level == "serializable" and not theirs)
        told = f"{given.histories:,} small histories, {invalid:,} not serializable; {wrong} wrong verdicts"
        kept &= report(
            not wrong and not open_ones["serializable"],
            f"{name}: {told}; undecided " + ", ".join(f"{level} {count}" for level, count in open_ones.items()),
        )
    return kept


def main() -> int:
    """Measure and check the parts that are asked for."""
    options = runner.parser(__doc__, rounds=3)
    options.add_argument("--transactions", type=int, default=100_000, help="of a history that is measured")
    options.add_argument("--histories", type=int, default=10_000, help="small ones of each kind for the brute force")
    options.add_argument("--seed", type=int, default=1)
    return runner.main(options, {"speed": speed}, {"growth": growth, "brute": brute})


if __name__ == "__main__":
    sys.exit(main())
