"""Random small functions that use SQLite: what a search finds against all interleavings of their statements.

python -m tests.fuzz.function_sql --first 0 --count 100
"""

from __future__ import annotations

import sys
from contextlib import chdir
from pathlib import Path

from tests.fuzz.told_sql import random_pair, report, run
from tests.gate.inside.sql_interleavings import all_outcomes
from tests.probes.function_sql import explored_outcomes


def differs(seed: int, folder: Path) -> bool:
    """Compare the outcomes of one random pair of functions, and print what is missing or too much."""
    journal, sides = random_pair(seed)
    found = explored_outcomes(journal, sides)
    with chdir(folder):
        wanted = all_outcomes(folder, journal, sides)
    told = f"{journal} {sides} {found.executions} executions"
    return report(seed, told, found.outcomes, wanted, claims=not found.untried)


if __name__ == "__main__":
    sys.exit(run(differs, __doc__))
