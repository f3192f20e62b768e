"""Hold `dfs` and `dpor` to the independent explorer, on random programs.

    uv run python -m tests.fuzz.explorers --programs 20000 --seed 1
    uv run python -m tests.fuzz.explorers --only 1234 --seed 1
    uv run python -m tests.fuzz.explorers --families clock --fault pause:1s --programs 3000
    uv run python -m tests.fuzz.explorers --program "((('write', 'x', 1),), (('read', 'a', 'x'),))" --fault terminate

If the lab says that it has exhausted a program, its outcomes must be those of the independent explorer; an outcome that
the independent explorer excludes is wrong whether exhausted or not; `dfs` and `dpor` must agree. Each disagreement is
shrunk to the smallest program that still shows one of the same kind.
"""

from __future__ import annotations

import argparse
import ast
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import takewhile

from .explorer_judge import DOCUMENTED, POLICIES, Disagreement, disagreements
from .independent_explorer import TooLarge
from .participants import Told
from .program_shrink import features, shrink
from .random_programs import Drawn, draw

SHRUNK = 4  # disagreements of one kind, policy and family that are shrunk; the others are counted


@dataclass(slots=True)
class Tally:
    """What a run has come to."""

    programs: int = 0
    too_large: int = 0
    exhausted: Counter[str] = field(default_factory=Counter)
    undecided: Counter[str] = field(default_factory=Counter)
    executions: Counter[str] = field(default_factory=Counter)
    families: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    documented: int = 0
    kinds: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    classes: dict[tuple[str, ...], list[tuple[int, Drawn, Disagreement]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def hear(self, policy: str, told: Told) -> None:
        """Count what the lab says under a policy."""
        (self.exhausted if told.exhausted else self.undecided)[policy] += 1
        self.executions[policy] += told.executions


def run(programs: Iterator[tuple[int, Drawn]], report: Callable[[str], None], *, deadline: float = 20.0) -> Tally:
    """Compare each program, and shrink every kind of disagreement in it."""
    tally = Tally()
    began = time.monotonic()
    for number, drawn in programs:
        try:
            every = disagreements(drawn, tally.hear)
        except TooLarge:
            tally.too_large += 1
            continue
        tally.programs += 1
        tally.families[drawn.family] += 1
        found = [one for one in every if one.kind != DOCUMENTED]
        tally.wrong += bool(found)
        tally.documented += len(found) < len(every)
        for kind, policy in sorted({(one.kind, one.policy) for one in found}):
            tally.kinds[kind, policy, drawn.family] += 1
            if tally.kinds[kind, policy, drawn.family] > SHRUNK:
                continue
            first = next(one for one in found if (one.kind, one.policy) == (kind, policy))
            small, shown = shrink(drawn, first, deadline)
            key = (kind, policy, *features(small))
            if key not in tally.classes:
                report(f"#{number} {kind} ({policy}): {small.program} {small.fault}\n")
            tally.classes[key].append((number, small, shown))
        if tally.programs % 100 == 0:
            speed = tally.programs / (time.monotonic() - began)
            report(f"{tally.programs} programs, {tally.wrong} with disagreements, {speed:.1f}/s\n")
    return tally


def summary(tally: Tally) -> str:
    """Return what is printed at the end."""
    lines = [
        f"{tally.programs} programs ({tally.too_large} more were too large to be visited), {tally.wrong} wrong.",
        f"{tally.documented} show the documented limit: a promised retry that gives up while others could move.",
    ]
    lines += [
        f"{policy}: {tally.executions[policy]} executions, exhausted {tally.exhausted[policy]} times, "
        f"undecided {tally.undecided[policy]} times"
        for policy in POLICIES
    ]
    lines.append("by family: " + ", ".join(f"{name} {count}" for name, count in sorted(tally.families.items())))
    lines += [f"  {count} x {' | '.join(key)}" for key, count in sorted(tally.kinds.items())]
    for key, shown in sorted(tally.classes.items(), key=lambda item: (item[0][0], -len(item[1]))):
        number, small, one = min(shown, key=lambda entry: len(str(entry[1].program)))
        lines += ["", f"{len(shown)} x {' | '.join(key)}", f"  smallest (from #{number}): {small.program}"]
        if small.executor != "inline" or small.fault:
            lines.append(f"  executor {small.executor}, fault {small.fault or 'none'}, struck {one.strike}")
        lines.append(f"  {one.kind}: {one.outcome}")
        if one.schedule:
            lines.append(f"  schedule: {one.schedule[:300]}")
    return "\n".join(lines)


def _programs(how: argparse.Namespace) -> Iterator[tuple[int, Drawn]]:
    if how.program:
        yield 0, Drawn("given", ast.literal_eval(how.program), how.fault, how.executor)
        return
    numbers = range(how.first, how.first + how.programs) if how.only is None else [how.only]
    for number in numbers:
        drawn = draw(how.seed, number, kills=how.kills, processes=how.processes)
        if not how.families or drawn.family in how.families.split(","):
            yield number, Drawn(drawn.family, drawn.program[:2], how.fault, how.executor) if how.fault else drawn


def main() -> int:
    """Run the fuzzer; the exit code is 1 where there was a disagreement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="the number of the first program")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="the number of one program")
    parser.add_argument("--families", help="only these, with commas between")
    parser.add_argument("--program", help="a program as it is printed")
    parser.add_argument("--fault", default="", help="terminate, pause:1s or kill, in each program")
    parser.add_argument("--executor", default="inline", help="with --program or --fault")
    parser.add_argument("--kills", type=float, default=0.01, help="the share of programs struck by kills, on processes")
    parser.add_argument("--processes", type=float, default=0.01, help="the share of other programs run on processes")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    parser.add_argument("--shrink-seconds", type=float, default=20.0)
    how = parser.parse_args()
    programs = _programs(how)
    until = time.monotonic() + how.seconds
    tally = run(
        takewhile(lambda _: time.monotonic() < until, programs),
        lambda text: print(text, end="", file=sys.stderr, flush=True),
        deadline=how.shrink_seconds,
    )
    print(summary(tally))
    return int(tally.wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
