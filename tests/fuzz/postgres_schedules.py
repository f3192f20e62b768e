"""Hold explorations of PostgreSQL transactions to a judge of their own: every order of small programs' statements.

    uv run python -m tests.fuzz.postgres_schedules --first 0 --count 100
    uv run python -m tests.fuzz.postgres_schedules --thought-of
    uv run python -m tests.fuzz.postgres_schedules --first 17 --count 1 --show

An ending is what each statement of each session came to, and the final rows. If the lab says that nothing is left, it
has found exactly the endings that the judge finds.

Where the server lets several statements go on at once, it is luck which has the row first: those who wait for a row
that was updated, or for a key whose holder rolls back. The judge tries such an interleaving several times.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from ticketlab.explorer.analysis.trace import Nondeterminism
from ticketlab.explorer.policies.dfs import DepthFirst
from ticketlab.explorer.policies.dpor import SourceSets
from ticketlab.stores.servers.postgresql import postgresql_server

from .postgres_judge import Ending, judge
from .postgres_lab import explore
from .postgres_programs import THOUGHT_OF, Transactions, draw

POLICIES: Final = {"dfs": DepthFirst, "dpor": SourceSets}
AGAIN: Final = 3
"""How often the judge runs a program again on which it and the lab differ: the server itself may have a choice."""


class Compared(NamedTuple):
    """What the judge and the lab say of a program; `schedules` counts the interleavings, or executions, of each.

    `refusals` says why the lab proves nothing: the server did not repeat itself, and that is no difference.
    """

    differences: tuple[str, ...]
    refusals: tuple[str, ...]
    schedules: dict[str, int]
    endings: int
    repeatable: bool  # whether the judge always found the same


def compare_schedules(program: Transactions, folder: Path, policies: tuple[str, ...] = tuple(POLICIES)) -> Compared:
    """Explore a program, and have it judged."""
    judged = judge(program, folder)
    schedules, differences, refusals = {"judge": judged.schedules}, list[str](), list[str]()
    expected, repeatable = judged.endings, not judged.unsteady
    for policy in policies:
        try:
            told = explore(program, folder, POLICIES[policy]())
        except Nondeterminism as error:
            refusals.append(f"{policy}: {error}")
            continue
        except Exception as error:
            differences.append(f"{policy}: {type(error).__name__}: {error}")
            continue
        schedules[policy] = told.executions
        if told.endings != expected:
            again = [judge(program, folder).endings for _ in range(AGAIN)]
            repeatable = repeatable and all(each == expected for each in again)
            expected = expected.union(*again)
        differences += _differences(policy, told.endings, expected)
    return Compared(tuple(differences), tuple(refusals), schedules, len(expected), repeatable)


def _differences(policy: str, told: frozenset[Ending], expected: frozenset[Ending]) -> Iterator[str]:
    yield from (f"{policy} misses {_shown(each)}" for each in sorted(expected - told))
    yield from (f"{policy} alone finds {_shown(each)}" for each in sorted(told - expected))


def _shown(ending: Ending) -> str:
    answers = " | ".join(
        ", ".join(" ".join((answer.tag, *map(":".join, answer.rows))) for answer in answers)
        for answers in ending.answers
    )
    return f"{answers} => {' '.join(map(':'.join, ending.rows))}"


def main() -> int:
    """Compare what is asked for, and print what differs and the sums."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--most", type=int, default=200, help="the most interleavings that a drawn program may have")
    parser.add_argument("--thought-of", action="store_true", help="the programs that were thought of, and none drawn")
    parser.add_argument("--show", action="store_true", help="print every program")
    options = parser.parse_args()
    drawn = (
        (str(number), draw(number, options.most)) for number in range(options.first, options.first + options.count)
    )
    sums: Counter[str] = Counter()
    folder, begun = postgresql_server().folder, time.monotonic()
    for name, program in THOUGHT_OF.items() if options.thought_of else drawn:
        compared = compare_schedules(program, folder)
        sums.update(compared.schedules)
        sums.update(
            {
                "programs": 1,
                "endings": compared.endings,
                "programs on which the lab and the judge differ": bool(compared.differences),
                "programs on which the judge sees that the server does not repeat itself": not compared.repeatable,
                "explorations that the lab gives up for that reason": len(compared.refusals),
            }
        )
        if options.show or compared.differences or compared.refusals or not compared.repeatable:
            print(f"{name}: {program}\n  {compared.schedules}, {compared.endings} endings, {compared.repeatable=}")
        print("".join(f"  {each}\n" for each in compared.differences + compared.refusals), end="", flush=True)
    print(f"{time.monotonic() - begun:.0f} s: " + ", ".join(f"{what} {count}" for what, count in sums.items()))
    return 1 if sums["programs on which the lab and the judge differ"] else 0


if __name__ == "__main__":
    sys.exit(main())
