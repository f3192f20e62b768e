"""What it costs to survive: sales per second by one buyer, for each way to write the books.

One process buys one ticket at a time from a large stock, without a ledger and without a lock, since nobody else is
there; each way is measured beside writing in place. What is forced to disk takes as long as the disk does: run this in
a folder on the file system that matters.

    uv run python scripts/benchmarks/bench_durability.py [--rounds 7] [--seconds 0.3] [--folder .]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import perf_counter

from scripts.benchmarks import runner
from scripts.benchmarks.runner import Measurement, Sample
from scripts.benchmarks.subject import Buy, Inventory, Spec, fulfil, store_kind

IN_PLACE = "json:in-place"
WAYS = ("json:truncate", "json:rename", "json:durable", "json:journal", "sqlite", "sqlite:synchronous=full")


@contextmanager
def selling(way: str, seconds: float, within: Path) -> Iterator[Sample]:
    """Open a store; a sample buys for so long, and is the sales per second."""
    spec = Spec.parse(way)
    with tempfile.TemporaryDirectory(dir=within) as folder:
        store = store_kind(spec).make(spec, Path(folder))
        store.create(Inventory.of(100_000_000), ledger=False)
        with store.session() as session:

            def sample() -> float:
                sold, began = 0, perf_counter()
                while (passed := perf_counter() - began) < seconds:
                    fulfil(session, Buy(1, "main"))
                    sold += 1
                return sold / passed

            sample()
            yield sample
        store.close()


def ways(given: argparse.Namespace) -> Iterable[Measurement]:
    """Return every way beside writing in place."""
    in_place = partial(selling, IN_PLACE, given.seconds, given.folder)
    yield Measurement(IN_PLACE, in_place)
    for way in WAYS:
        yield Measurement(way, partial(selling, way, given.seconds, given.folder), beside="in place", other=in_place)


def main() -> int:
    """Print one line for each way."""
    options = runner.parser(__doc__, rounds=7)
    options.add_argument("--seconds", type=float, default=0.3, help="how long one sample buys")
    options.add_argument("--folder", type=lambda text: Path(text).resolve(), default=Path.cwd())
    return runner.main(options, {"ways": ways})


if __name__ == "__main__":
    sys.exit(main())
