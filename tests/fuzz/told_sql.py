"""Random small programs of SQL: what the gate finds by statement against all interleavings in one process.

python -m tests.fuzz.told_sql --first 0 --count 100
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from random import Random

from tests.gate.inside.sql_interleavings import Side, all_outcomes
from tests.gate.inside.told_sql import told_outcomes

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


def differs(seed: int, folder: Path) -> bool:
    """Compare the outcomes of one random pair of programs, and print what is missing or too much."""
    r = Random(seed)
    journal = r.choice(("delete", "wal"))
    sides = random_side(r, 5.0), random_side(r, 7.0)  # time-outs that end in a known order
    found = told_outcomes(folder / "told", journal, sides)
    wanted = all_outcomes(folder, journal, sides)
    same = set(found.outcomes) == wanted and not found.outside
    print(seed, journal, *sides, f"{len(wanted)} outcomes, {found.executions} executions", "" if same else "DIFFER")
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
    with tempfile.TemporaryDirectory() as folder:
        bad = sum(differs(seed, Path(folder)) for seed in range(asked.first, asked.first + asked.count))
    print(f"{bad} of {asked.count} differ")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
