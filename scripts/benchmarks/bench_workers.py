"""Explorations that two workers share, beside the same explorations in one process.

    uv run python -m scripts.benchmarks.bench_workers
    uv run python -m scripts.benchmarks.bench_workers --executions 100000 --cluster local:2

Two figures are printed for each: how many times as fast it is by the clock, and by processor time. The latter is the
one process's, divided by the leading process's and a worker's share: about what idle cores give by the clock, which a
machine that others use does not. Both searches must find the same.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from typing import NamedTuple

from ticketlab.core.inventory import Inventory
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.exploring.explore import explore_scenario
from ticketlab.lab.workers.choice import chosen_workers


class Taken(NamedTuple):
    """How long a search took by the clock, and the processor time of this process and of its children, in seconds."""

    wall: float
    here: float
    children: float


def measured(
    scenario: Scenario, options: ExploreOptions, workers: int | None, cluster: str | None
) -> tuple[Taken, str]:
    """Explore, and return how long it took, and what was found."""
    before, began = _processor(), time.monotonic()
    found = explore_scenario(scenario, options, workers=chosen_workers(workers, cluster))
    wall, after = time.monotonic() - began, _processor()
    told = f"{found.executions:,} executions, {found.anomalous:,} anomalous, exhausted: {found.exhausted}"
    return Taken(wall, after[0] - before[0], after[1] - before[1]), told


def _processor() -> tuple[float, float]:
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    here, children = (used.ru_utime + used.ru_stime for used in both)
    return here, children


def main() -> None:
    """Measure each policy in so many rounds, both sides in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--executions", type=int, default=20_000)
    parser.add_argument("--policies", default="pct:3,dpor,dfs")
    parser.add_argument("--buyers", type=int, default=4)
    parser.add_argument("--orders", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--cluster", help="such as local:2, in place of processes")
    how = parser.parse_args()
    workers = None if how.cluster else how.workers
    stock = Inventory({"main": 2})
    scenario = Scenario(Spec("memory"), Spec("none"), how.buyers, stock, orders=how.orders)
    for policy in how.policies.split(","):
        options = ExploreOptions(policy=Spec.parse(policy), executions=how.executions, exhaust=True)
        walls, processors = [], []
        for _ in range(how.rounds):
            alone, told = measured(scenario, options, None, None)
            shared, told_too = measured(scenario, options, workers, how.cluster)
            if told != told_too:
                raise SystemExit(f"{policy}: {told} alone, and {told_too} shared")
            walls.append(alone.wall / shared.wall)
            processors.append(alone.here / (shared.here + shared.children / how.workers))
            print(f"  {policy}: alone {alone}, shared {shared}", flush=True)
        print(
            f"{policy:<8} {told}: {statistics.median(walls):.2f} x by the clock "
            f"({min(walls):.2f} to {max(walls):.2f}), {statistics.median(processors):.2f} x by processor time",
            flush=True,
        )


if __name__ == "__main__":
    main()
