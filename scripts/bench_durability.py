"""What it costs to survive: sales per second by one buyer, for each way to write the books.

One process buys one ticket at a time from a large stock, without a ledger and without a lock, since nobody else is
there. Every way takes its turn within each round, so a machine whose speed drifts harms none of them; printed are the
median rate, the median time of a sale, and the median ratio to writing in place with its spread. What is forced to disk
takes as long as the disk does: name a folder on the file system that matters.

    uv run python scripts/bench_durability.py [--rounds 7] [--seconds 0.3] [--folder .]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path
from time import perf_counter

from ticketlab.core.inventory import Buy, Inventory
from ticketlab.core.spec import Spec
from ticketlab.lab.plugins.registry import store_kind
from ticketlab.strategies.purchase import fulfil

WAYS = (
    "json:in-place",
    "json:truncate",
    "json:rename",
    "json:durable",
    "json:journal",
    "sqlite",
    "sqlite:synchronous=full",
)


def rate(way: str, seconds: float, within: Path) -> float:
    """Buy for so long, and return the sales per second."""
    spec = Spec.parse(way)
    with tempfile.TemporaryDirectory(dir=within) as folder:
        store = store_kind(spec).make(spec, Path(folder))
        store.create(Inventory.of(10_000_000), ledger=False)
        with store.session() as session:
            fulfil(session, Buy(1, "main"))
            sold, began = 0, perf_counter()
            while (passed := perf_counter() - began) < seconds:
                fulfil(session, Buy(1, "main"))
                sold += 1
        store.close()
    return sold / passed


def main() -> None:
    """Print one line for each way."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.3)
    parser.add_argument("--folder", type=Path, default=Path())
    given = parser.parse_args()
    rounds = [{way: rate(way, given.seconds, given.folder) for way in WAYS} for _ in range(given.rounds)]
    print(f"{'store':<26}{'sales /s':>10}{'us a sale':>11}{'ratio':>8}{'spread':>16}")
    for way in WAYS:
        median = statistics.median(each[way] for each in rounds)
        ratios = sorted(each[way] / each[WAYS[0]] for each in rounds)
        spread = f"{ratios[0]:.3f} to {ratios[-1]:.3f}"
        print(f"{way:<26}{median:>10,.0f}{1e6 / median:>11,.0f}{statistics.median(ratios):>8.3f}{spread:>16}")


if __name__ == "__main__":
    main()
