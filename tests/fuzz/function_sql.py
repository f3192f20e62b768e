"""Random small functions that use SQLite: what a search finds against all interleavings of their statements.

python -m tests.fuzz.function_sql --first 0 --count 100
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import chdir
from pathlib import Path
from random import Random

from tests.fuzz.told_sql import random_side
from tests.gate.inside.sql_interleavings import all_outcomes
from tests.probes.function_sql import explored_outcomes
from ticketlab.lab.artifacts.race_folder import fastest


def differs(seed: int, folder: Path) -> bool:
    """Compare the outcomes of one random pair of functions, and print what is missing or too much."""
    r = Random(seed)
    journal = r.choice(("delete", "wal"))
    sides = random_side(r, 5.0), random_side(r, 7.0)  # time-outs that end in a known order
    found = explored_outcomes(journal, sides)
    with chdir(folder):
        wanted = all_outcomes(folder, journal, sides)
    same = set(found.outcomes) == wanted
    print(
        seed,
        journal,
        *sides,
        f"{len(wanted)} outcomes, {found.executions} executions",
        "" if same else "DIFFER",
        flush=True,
    )
    for outcome in () if same else wanted - set(found.outcomes):
        print("  missing:", outcome)
    for outcome in () if same else set(found.outcomes) - wanted:
        print("  too much:", outcome, *found.outcomes[outcome], sep="\n    ")
    return not same


def main() -> int:
    """Compare as many pairs as are asked for; return 1 if one differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=100)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=fastest()) as folder:
        bad = sum(differs(seed, Path(folder)) for seed in range(asked.first, asked.first + asked.count))
    print(f"{bad} of {asked.count} differ")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
