"""How reliably the tour goes as it should: every race of it, many times over, and how often each went wrong.

    uv run python scripts/count_oversells.py [--runs 100] [--stores json sqlite manager]

Unsynchronized races must oversell in at least 99 of 100 runs, and fixes in none.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter

from ticketlab import race
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.lab.racing.options import RaceOptions
from ticketlab.lab.racing.tour import tour_pairs
from ticketlab.timings.latency import Latency


def main() -> None:
    """Print one line for each race of the tour, and fail if one is not as it should be."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument(
        "--stores", nargs="*", default=list(dict.fromkeys(str(store) for store, _ in tour_pairs(None, None)))
    )
    given = parser.parse_args()
    runs = given.runs
    live = RaceOptions(latency=Latency.parse("write=20ms"))
    good = True
    print(f"{'store':<9}{'strategy':<23}{'oversold':>9}{'any anomaly':>13}{'of':>6}  anomalies")
    for store in given.stores:
        for _, strategy in tour_pairs(store, None):
            oversold, wrong, names = 0, 0, Counter[str]()
            for seed in range(runs):
                result = race(Scenario(Spec(store), strategy, seed=seed), live)
                oversold += result.sold > result.tickets
                wrong += result.valid is not True
                names.update({anomaly.name for anomaly in result.verdict.anomalies})
            found = ", ".join(f"{name} {count}" for name, count in names.most_common())
            print(f"{store:<9}{strategy:<23}{oversold:>9}{wrong:>13}{runs:>6}  {found}", flush=True)
            good &= oversold >= 0.99 * runs if strategy.name == "none" else wrong == 0
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
