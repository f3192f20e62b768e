"""How good the estimate of the number of classes is: random programs whose size is known, after 1 % of the executions.

    uv run python scripts/benchmarks/bench_estimate.py [--programs 100] [--seed 1]

The size of a program is the number of executions by which `dpor` exhausts it. The estimate learns from the first
hundredth of these, and has to be within a factor of 2 for at least 80 of 100 programs.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterator
from itertools import count, islice

from scripts.benchmarks.runner import report
from scripts.benchmarks.small_programs import drawn
from scripts.benchmarks.subject import Inline, SourceSets, search
from ticketlab.explorer.analysis.class_estimate import ClassEstimate

LEAST, MOST = 500, 4_000
FACTOR, SHARE = 2.0, 0.8


def sized(seed: int) -> Iterator[tuple[int, int, int]]:
    """Yield random programs by their seeds, their sizes, and how many executions of `dpor` were redundant."""
    for number in count(10_000 * seed):
        policy = SourceSets()
        with Inline(drawn(number)) as executor:
            size = sum(1 for _ in search(executor, policy, MOST + 1))
        if LEAST <= size <= MOST:
            yield number, size, policy.redundant


def ratio(number: int, size: int) -> float:
    """Return the estimate of a program after a hundredth of its executions, as a share of its size."""
    estimate = ClassEstimate()
    with Inline(drawn(number)) as executor:
        for execution in search(executor, SourceSets(), -(-size // 100)):
            estimate.see(execution.trace)
    return (estimate.classes() or 0.0) / size


def main() -> int:
    """Print the ratio of every program, and how many are within the factor; the exit code is 1 if too few are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    ratios, classes, repeated, with_any = [], 0, 0, 0
    for number, size, redundant in islice(sized(given.seed), given.programs):
        classes, repeated, with_any = classes + size, repeated + redundant, with_any + (redundant > 0)
        ratios.append(ratio(number, size))
        print(f"     program {number}: {size:,} executions, estimated {ratios[-1]:.2f} times as many", flush=True)
    print(f"     {classes:,} executions, and {repeated:,} redundant ones in {with_any} of the programs")
    near = sum(1 / FACTOR <= each <= FACTOR for each in ratios)
    middle, worst = statistics.median(ratios), (min(ratios), max(ratios))
    return not report(
        near >= SHARE * len(ratios),
        f"{near} of {len(ratios)} estimates within a factor of {FACTOR:g} after 1 % (bar {SHARE:.0%}); "
        f"median {middle:.2f}, from {worst[0]:.2f} to {worst[1]:.2f}",
    )


if __name__ == "__main__":
    sys.exit(main())
