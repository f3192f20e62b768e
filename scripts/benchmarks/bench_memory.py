"""How much memory a search by `dpor` takes if its executions have 10,000 steps.

    uv run python scripts/benchmarks/bench_memory.py [--executions 5] [--steps 10000]

Each program is searched in a process of its own, survey included, as `ticketlab explore` does it; its peak is the
process's greatest resident size. The bar is 500 MiB.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from scripts.benchmarks.runner import report
from scripts.benchmarks.small_programs import SmallProgram
from scripts.benchmarks.subject import Inline, SourceSets, search
from ticketlab.explorer.survey import Survey

BAR: Final = 500.0  # MiB
NAMES: Final = 100


class Peak(NamedTuple):
    """The greatest resident size, in MiB, how many executions there were, of how many steps, and the seconds."""

    mebibytes: float
    executions: int
    steps: int
    seconds: float


def apart(steps: int) -> SmallProgram:
    """Return two participants that touch numbers of their own, and one number of both at the end."""

    def counts(mine: str) -> Callable[[SmallProgram], None]:
        def count(shared: SmallProgram) -> None:
            for number in range(steps // 2 - 1):
                shared.write(f"{mine}{number % NAMES}", number)
            shared.write("last", 1)

        return count

    return SmallProgram(counts("a"), counts("b"))


def one_number(steps: int) -> SmallProgram:
    """Return two participants all of whose steps race."""

    def writes(shared: SmallProgram) -> None:
        for number in range(steps // 2):
            shared.write("number", number)

    return SmallProgram(writes, writes)


def many_numbers(steps: int) -> SmallProgram:
    """Return ten participants that read and write numbers of all."""

    def goes_round(first: int) -> Callable[[SmallProgram], None]:
        def go(shared: SmallProgram) -> None:
            for number in range(first, first + steps // 20):
                shared.write(f"n{number % NAMES}", shared.read(f"n{number % NAMES}"))

        return go

    return SmallProgram(*(goes_round(first) for first in range(10)))


def locked(steps: int) -> SmallProgram:
    """Return four participants that take a lock for each change of a number."""

    def changes(shared: SmallProgram) -> None:
        for _ in range(steps // 16):
            with shared.lock("lock"):
                shared.write("number", shared.read("number") + 1)

    return SmallProgram(*[changes] * 4)


PROGRAMS: Final = {each.__name__.replace("_", " "): each for each in (apart, one_number, many_numbers, locked)}


def peak(name: str, executions: int, steps: int) -> Peak:
    """Search a program, and return what it took."""
    policy, survey, done, longest, began = SourceSets(), Survey("dpor"), 0, 0, time.monotonic()
    with Inline(PROGRAMS[name](steps), steps=steps + 1) as executor:
        for execution in search(executor, policy, executions):
            survey.see(execution, policy)
            done, longest = done + 1, max(longest, len(execution.trace))
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Peak(used, done, longest, time.monotonic() - began)


def main() -> int:
    """Print the peak of every program; the exit code is 1 if one is above the bar."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executions", type=int, default=5)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--only", choices=PROGRAMS, help="print the figures of this program, as JSON")
    given = parser.parse_args()
    if given.only:
        print(json.dumps(peak(given.only, given.executions, given.steps)))
        return 0
    worst = 0.0
    for name in PROGRAMS:
        words = [sys.executable, __file__, "--executions", given.executions, "--steps", given.steps, "--only", name]
        done = subprocess.run(list(map(str, words)), check=True, capture_output=True, text=True)
        found = Peak(*json.loads(done.stdout))
        worst = max(worst, found.mebibytes)
        print(
            f"     {name}: {found.mebibytes:.0f} MiB, {found.executions} executions of up to {found.steps:,} steps, "
            f"{found.seconds:.1f} s",
            flush=True,
        )
    return not report(worst <= BAR, f"the greatest peak is {worst:.0f} MiB (bar: {BAR:.0f} MiB)")


if __name__ == "__main__":
    sys.exit(main())
