r"""Hold explorations of programs to a judge of their own: every order of the calls of small random programs.

    uv run python -m tests.fuzz.programs --programs 300 --seed 1
    uv run python -m tests.fuzz.programs --only 17 --seed 1 --show
    uv run python -m tests.fuzz.programs --program "('python', ((('read', 'a', 'x'),),), (('x', '3\\n'),))"

An outcome is the final files and, for each process, its exit code and what it printed, or that it waits for ever. What
the lab finds must be among the outcomes of the judge; if the lab says that nothing is left, it must be all of them.
"""

from __future__ import annotations

import argparse
import ast
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ticketlab.core.spec import Spec
from ticketlab.explorer.search import search
from ticketlab.lab.plugins.registry import policy_kind
from ticketlab.lab.programs.executor import ProgramExecutor
from ticketlab.lab.programs.program import Program

from .program_draws import draw
from .program_outcomes import Outcome, TooLarge, Written, outcome_of, outcomes, shown

LIMIT = 400


class Told(NamedTuple):
    """What the lab found."""

    found: frozenset[Outcome]
    exhausted: bool
    executions: int


class Disagreement(NamedTuple):
    """What the lab says, and the judge does not: an outcome that is missing or too much, or an error."""

    kind: str
    policy: str
    what: str


def lab(program: Written, policy: str, limit: int = LIMIT) -> Told:
    """Explore a program, and return what was found."""
    found: set[Outcome] = set()
    executions, spec = 0, Spec(policy)
    with tempfile.TemporaryDirectory() as folder:
        program.lay_out(Path(folder))
        whole = Program(commands=program.commands, folder=Path(folder))
        with ProgramExecutor(whole) as executor:
            while True:
                for _ in search(executor, policy_kind(spec).make(spec, 0)):
                    executions += 1
                    found.add(_outcome(program, executor))
                    if executor.grew or executions >= limit:
                        break
                if not executor.grew and executions < limit:
                    return Told(frozenset(found), not (executor.gave_way or executor.outside), executions)
                if executions >= limit:
                    return Told(frozenset(found), False, executions)


def _outcome(program: Written, executor: ProgramExecutor) -> Outcome:
    """Return what the last execution came to."""
    scripts, names = program.scripts(), set(program.names)
    there = (each for each in sorted(executor.folder.iterdir()) if each.name not in scripts)
    files = tuple((each.name, None if each.is_dir() else each.read_text()) for each in there)
    ends = ((end.name, end.code, end.output) for end in executor.run_of.ends if end.name in names)
    return outcome_of(files, ends)


def disagreements(program: Written, policies: tuple[str, ...] = ("dpor",), limit: int = LIMIT) -> list[Disagreement]:
    """Return everything on which the lab and the judge differ; raises TooLarge."""
    right = outcomes(program)
    return [each for policy in policies for each in _compare(program, policy, right, limit)]


def _compare(program: Written, policy: str, right: set[Outcome], limit: int) -> Iterator[Disagreement]:
    try:
        told = lab(program, policy, limit)
    except Exception as error:
        yield Disagreement(f"error {type(error).__name__}", policy, str(error))
        return
    for outcome in sorted(told.found - right, key=str):
        yield Disagreement("too much", policy, shown(outcome))
    if told.exhausted:
        for outcome in sorted(right - told.found, key=str):
            yield Disagreement("missing", policy, shown(outcome))


def smaller(program: Written) -> Iterator[Written]:
    """Yield the program without one operation, each in turn."""
    for which, body in enumerate(program.bodies):
        for place, one in enumerate(body):
            if one[0] == "fork":
                continue  # the lab counts children
            for instead in ((), one[3]) if one[0] == "if" else ((),):
                changed = (*body[:place], *instead, *body[place + 1 :])
                yield program._replace(bodies=(*program.bodies[:which], changed, *program.bodies[which + 1 :]))
    for file in program.files:
        yield program._replace(files=tuple(each for each in program.files if each != file))


def shrink(program: Written, kind: str, policy: str) -> tuple[Written, list[Disagreement]]:
    """Leave out what is not needed for a disagreement of a kind."""
    every: list[Disagreement] = []
    improved = True
    while improved:
        improved = False
        for less in smaller(program):
            with suppress(TooLarge, KeyError):
                said = disagreements(less, (policy,))
                if any(one.kind == kind for one in said):
                    program, every, improved = less, said, True
                    break
    return program, every


def _programs(how: argparse.Namespace) -> Iterator[tuple[int, str, Written]]:
    if how.program:
        yield 0, "given", Written(*ast.literal_eval(how.program))
        return
    for number in range(how.first, how.first + how.programs) if how.only is None else [how.only]:
        family, program = draw(how.seed, number)
        if not how.families or family in how.families.split(","):
            yield number, family, program


def _told(number: int, family: str, program: Written, how: argparse.Namespace, count: Counter[str]) -> bool:
    """Compare one program, and print what differs; return whether anything does."""
    if how.show:
        print("\n".join(program.scripts().values()))
        print("\n".join(sorted(map(shown, outcomes(program)))))
    policies = tuple(how.policies.split(","))
    found = disagreements(program, policies, how.limit)
    count[family] += 1
    if not found:
        return False
    first = found[0]
    if not how.whole:
        program, found = shrink(program, first.kind, first.policy)[0:2] if len(program.bodies) else (program, found)
    print(f"#{number} {family}: {first.kind} ({first.policy}): {first.what}\n  {tuple(program)!r}")
    for one in found[:6]:
        print(f"    {one.kind} ({one.policy}): {one.what}", flush=True)
    return True


def main() -> int:
    """Run the fuzzer; the exit code is 1 where there was a disagreement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="the number of the first program")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="the number of one program")
    parser.add_argument("--families", help="only these, with commas between")
    parser.add_argument("--policies", default="dpor", help="dpor, dfs, or both with a comma between")
    parser.add_argument("--program", help="a program as it is printed")
    parser.add_argument("--limit", type=int, default=LIMIT, help="executions of one program")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    parser.add_argument("--show", action="store_true", help="print the scripts, and the outcomes that are right")
    parser.add_argument("--whole", action="store_true", help="do not shrink what is found")
    how = parser.parse_args()
    wrong, large, count, began = 0, 0, Counter[str](), time.monotonic()
    for number, family, program in _programs(how):
        if time.monotonic() - began > how.seconds:
            break
        try:
            wrong += _told(number, family, program, how, count)
        except TooLarge:
            large += 1
    families = ", ".join(f"{name} {number}" for name, number in sorted(count.items()))
    print(f"{count.total()} programs ({families}), {wrong} with disagreements; {large} more were too large.")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
