"""Random small programs that use SQLite: what the gate finds by statement against all interleavings of their calls.

The scripts are those of `function_sql`, each run as a program of its own.

python -m tests.fuzz.program_sql --first 0 --count 100
"""

from __future__ import annotations

import shutil
import sys
from contextlib import chdir
from pathlib import Path
from random import Random

from tests.fuzz.function_sql import random_pair
from tests.fuzz.told_sql import report, run
from tests.gate.inside.told_sql import searched
from tests.probes.sql_scripts import Part, contents_of, lay_out, script_of
from tests.probes.sql_threads import TooManyError, all_outcomes
from ticketlab.lab.programs.program import Program


def _shutting(line: str) -> str:
    return "shut all" if line == "close" else line


def differs(seed: int, folder: Path) -> bool:
    """Compare the outcomes of one random pair of programs, and print what is missing or too much."""
    journal, drawn = random_pair(seed)
    # A cursor that is left open closes the database untold, as it ends: by calls there are too many schedules.
    parts = [Part(tuple(map(_shutting, part.lines)), part.level, part.timeout) for part in drawn]
    if Random(seed).randrange(6) == 0:  # of functions that is refused
        parts[0] = parts[0]._replace(lines=("keep", *parts[0].lines))
    scripts = [script_of(part) for part in parts]
    told = f"{journal} {[tuple(part)[:3] for part in parts]}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with chdir(folder):
        try:
            wanted = all_outcomes(journal, scripts, 400)
        except TooManyError:
            print(seed, told, "left out: too many interleavings", flush=True)
            return False
    lay_out(folder, journal)
    for number, script in enumerate(scripts):
        (folder / f"side{number}.py").write_text(f"{script}print(play())\n")
    commands = tuple(("python", f"side{number}.py") for number in range(len(scripts)))
    try:
        found = searched(Program(commands=commands, folder=folder), contents_of, 1_000)
    except TooManyError:
        print(seed, told, "left out: too many schedules", flush=True)
        return False
    return report(seed, f"{told} {found.executions} executions", found.outcomes, wanted, claims=not found.outside)


if __name__ == "__main__":
    sys.exit(run(differs, __doc__))
