"""Random small programs of SQL: what the gate finds by statement against all interleavings in one process.

python -m tests.fuzz.told_sql --first 0 --count 100
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence, Set
from pathlib import Path
from random import Random

from tests.gate.inside.sql_interleavings import Outcome, Side, all_outcomes
from tests.gate.inside.told_sql import told_outcomes
from ticketlab.lab.artifacts.race_folder import fastest

_READS = ("select", "open")
_WRITES = ("add", "double", "none", "insert", "returning", "wal")


def random_side(r: Random, timeout: float) -> Side:
    """Return the statements of one participant."""
    some = [r.choice((*_READS, *_WRITES)) for _ in range(r.choice((2, 3)))]
    style = r.choice(("driver", "alone", "transaction", "transaction"))
    waits = r.choice((timeout, timeout, 0.0))
    if style == "driver":
        some[-1] = r.choice((some[-1], "commit", "rollback", "immediate"))
        return Side((*some, r.choice(("commit", "rollback", "select"))), "", waits)
    if style == "alone":
        return Side(tuple(some), None, waits)
    return Side((r.choice(("begin", "immediate", "exclusive")), *some[1:], "commit"), None, waits)


def random_pair(seed: int) -> tuple[str, tuple[Side, Side]]:
    """Return a journal mode, and two participants whose time-outs end in a known order."""
    r = Random(seed)
    journal = r.choice(("delete", "wal"))
    return journal, (random_side(r, 5.0), random_side(r, 7.0))


def report(seed: int, told: str, found: Mapping[Outcome, Sequence[str]], wanted: Set[Outcome], *, claims: bool) -> bool:
    """Print what is missing or too much, and return whether anything is; of a search that `claims` all, both are."""
    missing = wanted - found.keys() if claims else set()
    differ = bool(missing or found.keys() - wanted)
    print(seed, told, f"{len(wanted)} outcomes", "" if claims else "undecided", "DIFFER" if differ else "", flush=True)
    for outcome in missing:
        print("  missing:", outcome)
    for outcome in found.keys() - wanted:
        print("  too much:", outcome, *found[outcome], sep="\n    ")
    return differ


def differs(seed: int, folder: Path) -> bool:
    """Compare the outcomes of one random pair of programs, and print what is missing or too much."""
    journal, sides = random_pair(seed)
    found = told_outcomes(folder / "told", journal, sides)
    told = f"{journal} {sides} {found.executions} executions"
    return report(seed, told, found.outcomes, all_outcomes(folder, journal, sides), claims=not found.outside)


def run(compare: Callable[[int, Path], bool], doc: str | None) -> int:
    """Compare as many pairs as are asked for; return 1 if one differs."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=100)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=fastest()) as folder:
        bad = sum(compare(seed, Path(folder)) for seed in range(asked.first, asked.first + asked.count))
    print(f"{bad} of {asked.count} differ")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(run(differs, __doc__))
