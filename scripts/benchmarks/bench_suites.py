"""Which policy finds the bugs of two suites, SCTBench and GoKer, and in which execution, beside published figures.

    uv run python scripts/benchmarks/bench_suites.py    # 10,000 executions from each of 5 seeds: hours
    uv run python scripts/benchmarks/bench_suites.py --executions 1000 --seeds 3 --suite SCTBench --markdown
    uv run python scripts/benchmarks/bench_suites.py --only reorder,twostage --policies surw,random

A cell has the median number of the execution that shows the bug, over the seeds that found it; `2/3` after it says from
how many seeds, if not from all, and `-` that none did. `dpor` draws nothing, so it is searched once. The programs are
in `tests/suites`.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.suites.index import LEFT_OUT, PROGRAMS
from tests.suites.program import SuiteProgram
from tests.suites.published import PUBLISHED, TOOLS

POLICIES = ("random", "pct:3", "pos", "urw", "surw", "delay:2", "feedback", "dpor", "portfolio")
DRAW_NOTHING = ("dpor", "dfs")


@dataclass
class FoundTally:
    """How many bugs each policy found from all seeds and from some, and in how many executions at the median."""

    always: Counter[str] = field(default_factory=Counter)
    ever: Counter[str] = field(default_factory=Counter)

    def cell(self, policy: str, numbers: Sequence[int | None]) -> str:
        """Count what a policy found from each seed, and return the cell's text."""
        found = [number for number in numbers if number is not None]
        if not found:
            return "-"
        self.ever[policy] += 1
        if len(found) == len(numbers):
            self.always[policy] += 1
            return f"{statistics.median_low(found)}"
        return f"{statistics.median_low(found)} ({len(found)}/{len(numbers)})"


def row(one: SuiteProgram, policies: Sequence[str], seeds: int, executions: int, tally: FoundTally) -> list[str]:
    """Search one program by each policy from each seed, and return its cells."""
    with one.searched(executions) as found_at:
        return [
            tally.cell(
                policy, [found_at(policy, seed) for seed in range(1, 2 if policy in DRAW_NOTHING else seeds + 1)]
            )
            for policy in policies
        ]


def published(one: SuiteProgram) -> list[str]:
    """Return the published figures of a program, empty where there are none."""
    figures = PUBLISHED.get(one.name, {})
    return ["" if figures.get(tool) is None else str(figures[tool]) for tool in TOOLS]


def published_sums(programs: Sequence[SuiteProgram]) -> tuple[list[str], list[str]]:
    """Return in how many programs each tool found the bug in all its runs, and in some, of those with figures."""
    always, ever = [], []
    for tool in TOOLS:
        figures = [PUBLISHED[one.name][tool] for one in programs if one.name in PUBLISHED]
        known = [figure for figure in figures if figure is not None]
        always.append(f"{sum(figure.found == 20 for figure in known)} of {len(known)}")
        ever.append(f"{sum(figure.found > 0 for figure in known)} of {len(known)}")
    return always, ever


def printer(widths: Sequence[int], *, markdown: bool) -> Callable[[Sequence[str]], None]:
    """Return what prints a line of a table."""

    def say(cells: Sequence[str]) -> None:
        if markdown:
            print(f"| {' | '.join(cells)} |", flush=True)
        else:
            print("".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip(), flush=True)

    return say


def table(
    programs: Sequence[SuiteProgram], policies: Sequence[str], given: argparse.Namespace, *, with_published: bool
) -> None:
    """Print a suite's table, a line for each program as soon as it is known, and how many bugs each policy found."""
    shown, tally = TOOLS if with_published else (), FoundTally()
    say = printer((38, 5, *[13] * (len(policies) + len(shown))), markdown=given.markdown)
    say(["program", "threads" if given.markdown else "n", *policies, *(f"{tool}*" for tool in shown)])
    if given.markdown:
        say(["---", *["--:"] * (1 + len(policies) + len(shown))])
    for one in programs:
        cells = row(one, policies, given.seeds, given.executions, tally)
        say([one.name, str(one.threads), *cells, *(published(one) if with_published else ())])
    always, ever = published_sums(programs) if with_published else ([], [])
    say([f"found, of {len(programs)}", "", *(str(tally.ever[policy]) for policy in policies), *ever])
    say(["found from every seed", "", *(str(tally.always[policy]) for policy in policies), *always])


def main() -> int:
    """Print a table for each suite."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executions", type=int, default=10_000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--policies", default=",".join(POLICIES), help="separated by commas")
    parser.add_argument("--suite", choices=("SCTBench", "GoKer"))
    parser.add_argument("--only", default="", help="parts of programs' names, separated by commas")
    parser.add_argument("--without", default="", help="the same of programs that are left out")
    parser.add_argument("--markdown", action="store_true", help="print it as docs/suites.md has it")
    given = parser.parse_args()
    began, policies = time.monotonic(), given.policies.split(",")
    for suite in ("SCTBench", "GoKer"):
        only, without = given.only.split(","), [part for part in given.without.split(",") if part]
        chosen = [one for one in PROGRAMS if one.suite == suite and any(part in one.name for part in only)]
        chosen = [one for one in chosen if not any(part in one.name for part in without)]
        if chosen and given.suite in (None, suite):
            print(f"{suite}: {given.executions} executions, {given.seeds} seeds\n")
            table(chosen, policies, given, with_published=suite == "SCTBench")
            print()
    print("* published, of the original program: see tests/suites/published.py\n")
    print("Not re-made:\n")
    for name, why in LEFT_OUT.items():
        print(f"- {name}: {why}")
    print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
