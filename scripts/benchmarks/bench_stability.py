"""Whether the measured order can be trusted: runs one comparison twice and looks for strategies that swapped places.

Pairs on the same store, with as many buyers, that differ by more than 25 % in both runs have to stand in the same order
in both: the exit code is 1 if any of them swapped. Pairs that differ so much in one run only, and as good as equal in
the other, are counted apart; the comparison itself marks most of them as too close to call.

    uv run python scripts/benchmarks/bench_stability.py [--apart 1.25] [-- any options of ticketlab compare]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

Place = tuple[str, str, str, int]


class Pair(NamedTuple):
    """Two strategies on one store, and how many times faster the first is in each run."""

    first: Place
    second: Place
    ratios: tuple[float, float]

    def apart(self, factor: float) -> list[bool]:
        """Return for each run whether the two differ by more than a factor."""
        return [max(ratio, 1 / ratio) > factor for ratio in self.ratios]

    @property
    def swapped(self) -> bool:
        """Whether the runs disagree on which is the faster."""
        return (self.ratios[0] > 1) != (self.ratios[1] > 1)


def rates(result: Mapping[str, Any]) -> dict[Place, float]:
    """Return the median rates of the ranked strategies."""
    return {
        (row["store"], row["strategy"], row["launcher"], row["buyers"]): row["metrics"]["sales_per_s"]
        for row in result["rows"]
        if row["rank"] is not None
    }


def pairs(one: Mapping[Place, float], other: Mapping[Place, float]) -> Iterator[Pair]:
    """Yield the pairs that can be compared: ranked in both runs, on the same store, with as many buyers."""
    for first, second in combinations(sorted(one.keys() & other.keys()), 2):
        if (first[0], first[3]) == (second[0], second[3]):
            yield Pair(first, second, (one[first] / one[second], other[first] / other[second]))


def compare(folder: Path, name: str, options: list[str]) -> dict[str, Any]:
    """Run one comparison and return its result."""
    path = folder / name
    command = [sys.executable, "-m", "ticketlab", "compare", *options, "--export-json", str(path), "--format", "csv"]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=False)
    if not path.exists():
        raise SystemExit(done.returncode)
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def main() -> int:
    """Print how many pairs differ, and every pair that swapped."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--apart", type=float, default=1.25, help="how much faster one has to be to count")
    parser.add_argument("options", nargs="*", help="options of ticketlab compare, after --")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as folder:
        runs = [compare(Path(folder).absolute(), f"{number}.json", given.options) for number in (1, 2)]
    loads = " and ".join(f"{run['environment']['load_1min']:g}" for run in runs)
    found = list(pairs(*map(rates, runs)))
    in_both = [pair for pair in found if all(pair.apart(given.apart))]
    in_one = [pair for pair in found if sum(pair.apart(given.apart)) == 1]
    print(f"{len(found)} pairs, 1-minute loads before the runs {loads} on {runs[0]['environment']['cores']} cores")
    for what, some in (("both runs", in_both), ("one run only", in_one)):
        swapped = sum(pair.swapped for pair in some)
        print(f"{len(some):>4} differ by more than {given.apart - 1:.0%} in {what}: {swapped} swapped")
    for pair in (each for each in (*in_both, *in_one) if each.swapped):
        print(
            f"     {pair.first[:3]} / {pair.second[1:3]}: {pair.ratios[0]:.2f} times as fast, then {pair.ratios[1]:.2f}"
        )
    return 1 if any(pair.swapped for pair in in_both) else 0


if __name__ == "__main__":
    sys.exit(main())
