"""What each policy finds: known bugs in small settings, each searched from several seeds with the same budget.

    uv run python scripts/benchmarks/bench_policies.py [--seeds 10] [--executions 1000] [--markdown]

A cell says from how many seeds the bug was found, and the median number of the execution that found it. `dpor` draws
nothing, so it is searched once.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from scripts.benchmarks.small_programs import SmallProgram, errands, reorder, twostage
from scripts.benchmarks.subject import Inline, Spec, search, workload
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.lab.plugins.registry import policy_kind

POLICIES = ("random", "pct:3", "pos", "urw", "surw", "delay:2", "feedback", "dpor", "portfolio")


class Setting(NamedTuple):
    """A program with a bug, and what says whether an execution shows it."""

    name: str
    opened: Callable[[], tuple[Any, Callable[[Execution], bool]]]


def small(program: SmallProgram) -> tuple[Any, Callable[[Execution], bool]]:
    """Return a small program and its judge."""
    return program, program.is_wrong


def shop(store: str, strategy: str, buyers: int, tickets: int) -> tuple[Any, Callable[[Execution], bool]]:
    """Return a scenario and its judge."""
    scenario = workload(store, strategy, buyers, tickets)
    return scenario, lambda execution: bool(scenario.judge(execution))


SETTINGS = (
    Setting("reorder, 3 setters", lambda: small(reorder(3))),
    Setting("reorder, 9 setters", lambda: small(reorder(9))),
    Setting("reorder, 49 setters", lambda: small(reorder(49))),
    Setting("twostage, 1 and 1", lambda: small(twostage(1))),
    Setting("twostage, 10 and 10", lambda: small(twostage(10))),
    Setting("twostage, 30 and 30", lambda: small(twostage(30))),
    Setting("errands, 15 steps, 4 others", lambda: small(errands(15, 4))),
    Setting("unlinked lock file, 5 buyers", partial(shop, "json:in-place", "flock:unlink", 5, 4)),
)


def found_at(setting: Setting, policy: str, seed: int, executions: int) -> int | None:
    """Return the number of the first execution that goes wrong; None if none does."""
    program, is_wrong = setting.opened()
    spec = Spec.parse(policy)
    with Inline(program) as executor:
        tried = search(executor, policy_kind(spec).make(spec, seed), executions)
        return next((number for number, one in enumerate(tried, 1) if is_wrong(one)), None)


def cell(setting: Setting, policy: str, seeds: int, executions: int) -> tuple[int, str]:
    """Return from how many seeds the bug is found, and the cell's text."""
    own = 1 if policy == "dpor" else seeds
    numbers = [found_at(setting, policy, seed, executions) for seed in range(1, own + 1)]
    found = [number for number in numbers if number is not None]
    count = len(found) * seeds // own
    return count, f"{count} ({statistics.median(found):.0f})" if found else "0"


def main() -> int:
    """Print the table, a line for each setting as soon as it is known, and the sums."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--executions", type=int, default=1_000)
    parser.add_argument("--policies", default=",".join(POLICIES), help="separated by commas")
    parser.add_argument("--markdown", action="store_true", help="print it as docs/exploring.md has it")
    given = parser.parse_args()
    policies, sums = given.policies.split(","), dict.fromkeys(given.policies.split(","), 0)

    def say(*cells: str) -> None:
        if given.markdown:
            print(f"| {' | '.join(cells)} |", flush=True)
        else:
            print(f"{cells[0]:<30}" + "".join(f"{each:>12}" for each in cells[1:]), flush=True)

    say("setting", *(f"`{policy}`" if given.markdown else policy for policy in policies))
    if given.markdown:
        say("---", *["--:"] * len(policies))
    for setting in SETTINGS:
        cells = {policy: cell(setting, policy, given.seeds, given.executions) for policy in policies}
        sums |= {policy: sums[policy] + count for policy, (count, _) in cells.items()}
        say(setting.name, *(text for _, text in cells.values()))
    say(f"of {given.seeds * len(SETTINGS)}", *map(str, sums.values()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
