"""How fast histories are judged, beside reading and sorting them, and whether the verdicts are right.

    uv run python scripts/benchmarks/bench_check.py                       # all of it, some minutes
    uv run python scripts/benchmarks/bench_check.py --only speed          # one part, or what is named so
    uv run python scripts/benchmarks/bench_check.py --against ../other    # the speeds of two checkouts

Part that measures: speed. Parts that check: growth, brute, faults, mixed, registers, budget. Histories are generated
from a seed. Reading is measured beside `json.loads` of every line; judging beside Python's sort of all invocations and
returns, which is what any judge must do first.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from random import Random
from typing import Any

from scripts.benchmarks import runner
from scripts.benchmarks.histories import columns, counter_rows, seat_rows
from scripts.benchmarks.runner import Check, Measurement, Sample, report
from scripts.benchmarks.subject import Columns, check, memory_in_use, parse_history

Rows = Iterator[tuple[Any, ...]]


def counter_of(operations: int, seed: int) -> tuple[dict[str, Any], Rows]:
    """Return meta and rows of a unit counter that 100 buyers empty."""
    stock = operations * 9 // 20
    return {"model": "counter", "stock": stock}, counter_rows(Random(seed), operations, 100, stock)


def seats_of(operations: int, seed: int) -> tuple[dict[str, Any], Rows]:
    """Return meta and rows of attempts by 100 buyers at numbered seats."""
    return {"model": "seats"}, seat_rows(Random(seed), operations, 100)


def text_of(meta: dict[str, Any], rows: Rows) -> str:
    """Return a history as JSON Lines."""
    keys = ("process", "op", "arg", "result", "invoke_ns", "return_ns")
    lines = [json.dumps({"meta": meta}), *(json.dumps(dict(zip(keys, row, strict=True))) for row in rows)]
    return "\n".join(lines) + "\n"


def spent(work: Callable[[], object]) -> float:
    """Return the seconds of processor time that some work takes."""
    began = time.process_time()
    work()
    return time.process_time() - began


@contextmanager
def reading(given: argparse.Namespace, read: Callable[[str], object]) -> Iterator[Sample]:
    """Write a counter's history; a sample reads it."""
    text = text_of(*counter_of(given.operations, given.seed))
    yield lambda: spent(lambda: read(text))


def _valid(history: Columns) -> None:
    if check(history).valid is not True:
        raise SystemExit("a valid history was not found to be valid")


@contextmanager
def judging(made: Callable[[int, int], Any], given: argparse.Namespace) -> Iterator[Sample]:
    """Make a valid history; a sample judges it."""
    history = columns(*made(given.operations, given.seed))
    yield lambda: spent(lambda: _valid(history))


@contextmanager
def sorting(made: Callable[[int, int], Any], given: argparse.Namespace) -> Iterator[Sample]:
    """Make a history's invocations and returns, unsorted; a sample sorts them."""
    _, rows = made(given.operations, given.seed)
    events = [(time_ns, row[0], kind) for row in rows for kind, time_ns in enumerate(row[4:6])]
    Random(given.seed).shuffle(events)
    yield lambda: spent(lambda: sorted(events))


def speed(given: argparse.Namespace) -> Iterable[Measurement]:
    """Reading, and judging both models for which there is a fast method."""
    many = f"{given.operations:,} operations"
    whole = given.operations == 1_000_000
    yield Measurement(
        f"reading {many} of a unit counter",
        partial(reading, given, lambda text: parse_history(io.StringIO(text))),
        "s",
        beside="json.loads of each line",
        other=partial(reading, given, lambda text: list(map(json.loads, text.splitlines()))),
        bar=7 if whole else None,
    )
    for name, made, bar in (("a unit counter", counter_of, 3), ("numbered seats", seats_of, 1.5)):
        yield Measurement(
            f"judging {many} of {name}",
            partial(judging, made, given),
            "s",
            beside="sorting them",
            other=partial(sorting, made, given),
            bar=bar if whole else None,
        )


def growth(given: argparse.Namespace) -> bool:
    """Check that the time grows hardly faster than n log n, and how much memory reading takes."""
    kept = _memory(given)
    sizes = [10_000, 30_000, 100_000, 300_000, 1_000_000]
    for name, made in (("unit counter", counter_of), ("numbered seats", seats_of)):
        times = []
        for size in sizes:
            history = columns(*made(size, size))
            times.append(statistics.median(spent(partial(_valid, history)) for _ in range(3)))
        slope = fit([n * math.log(n) for n in sizes], times)
        shown = ", ".join(f"{n:,}: {t:.3f} s" for n, t in zip(sizes, times, strict=True))
        kept &= report(slope <= 1.1, f"{name}: time grows as (n log n) ** {slope:.2f} ({shown})")
    return kept


def _memory(given: argparse.Namespace) -> bool:
    text = io.StringIO(text_of(*counter_of(1_000_000, given.seed)))
    before = memory_in_use()
    _valid(parse_history(text))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before) / 2**20
    return report(grown < 1024, f"reading and judging 1,000,000 operations: at most {grown:.0f} MiB beside the text")


def fit(xs: list[float], ys: list[float]) -> float:
    """Return the slope of log y against log x by least squares."""
    logs = [(math.log(x), math.log(y)) for x, y in zip(xs, ys, strict=True)]
    mean_x, mean_y = (sum(column) / len(logs) for column in zip(*logs, strict=True))
    slope: float = sum((x - mean_x) * (y - mean_y) for x, y in logs) / sum((x - mean_x) ** 2 for x, _ in logs)
    return slope


def _verdict(name: str) -> Check:
    """Return one of the checks of verdicts; they are imported only if they are wanted."""

    def checked(given: argparse.Namespace) -> bool:
        from scripts.benchmarks import check_verdicts

        found: Callable[..., bool] = getattr(check_verdicts, name)
        return found(*{"brute": [given.seed, given.histories], "budget": []}.get(name, [given.seed]))

    return checked


def main() -> int:
    """Measure and check the parts that are asked for."""
    options = runner.parser(__doc__, rounds=5)
    options.add_argument("--operations", type=int, default=1_000_000, help="of a history whose reading is measured")
    options.add_argument("--histories", type=int, default=100_000, help="small ones of each model for the brute force")
    options.add_argument("--seed", type=int, default=1)
    checks = {name: _verdict(name) for name in ("brute", "faults", "mixed", "registers", "budget")}
    return runner.main(options, {"speed": speed}, {"growth": growth, **checks})


if __name__ == "__main__":
    sys.exit(main())
