"""Hold `dfs` and `dpor` to the independent explorer, on random programs.

    uv run python -m tests.fuzz.explorers --programs 20000 --seed 1
    uv run python -m tests.fuzz.explorers --only 1234 --seed 1
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
from typing import Any, NamedTuple

from .independent_explorer import (
    Endless,
    Outcomes,
    Program,
    Strike,
    TooLarge,
    asks_the_clock,
    explore,
    instructions,
    repeats_for_ever,
    well_formed,
)
from .participants import Told, lab
from .random_programs import Drawn, draw

POLICIES = ("dpor", "dfs")
LIMIT = 600
SAMPLE = 60  # executions of `dfs` where it cannot end within the limit, since `dpor` did not
STEPS = 150  # an execution of more is endless; none of a program without circles has so many
STATES = 6_000
POINTS = 12  # fault points that are looked at in a loop without a bound, where there is no last one
FAR = 40  # what the lab says of points beyond is not judged there: its bound of steps may have come before the fault
SHRUNK = 4  # disagreements of one kind, policy and family that are shrunk; the others are counted


class Disagreement(NamedTuple):
    """One thing that the lab says and that is not so; `kind` is what shrinking keeps."""

    kind: str
    policy: str
    strike: Strike | None
    outcome: str
    schedule: str


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
    kinds: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    classes: dict[tuple[str, ...], list[tuple[int, Drawn, Disagreement]]] = field(
        default_factory=lambda: defaultdict(list)
    )


def disagreements(drawn: Drawn, tally: Tally | None = None, policies: tuple[str, ...] = POLICIES) -> list[Disagreement]:
    """Return everything on which the lab and the independent explorer differ; raises TooLarge."""
    judge = _Judge(drawn.program)
    gives_up = breaks_a_promise(drawn.program)
    found: list[Disagreement] = []
    told: dict[str, dict[Strike | None, Told]] = {}
    limit = LIMIT
    for policy in policies:
        try:
            raw = lab(drawn.program, policy, executor=drawn.executor, limit=limit, steps=STEPS, fault=drawn.fault)
        except Exception as error:
            found.append(Disagreement(f"lab error {type(error).__name__}", policy, None, str(error), ""))
            continue
        told[policy] = judge.joined(raw)
        for strike, one in told[policy].items():
            found += _compare(policy, strike, one, *judge.bounds(strike), breaks_a_promise=gives_up)
            _count(tally, policy, one)
        if sum(one.executions for one in raw.values()) >= LIMIT:
            limit = SAMPLE
        if not judge.joins:
            found += _never_struck(drawn, policy, told[policy])
    if len(told) == len(policies) == 2:
        found += _between(*(told[policy] for policy in policies))
    return found


def breaks_a_promise(program: Program) -> bool:
    """Whether a loop notes RETRY, which promises to go on until it is not refused, and counts its tries.

    Docs say that what happens when such a loop gives up while others could move is not looked at.
    """
    every = [one for each in program for one in instructions(each)]
    return any(one[0] == "retry" and one[1] and one[-1] == "retry" for one in every) and len(program) > 1


class _Judge:
    """What is right of one program, strike by strike.

    In a loop without a bound there is no last point, and a point in one round is as good as that in another: there the
    outcomes of all points of a victim are judged together.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.joins = repeats_for_ever(program)
        self._known: dict[Strike | None, tuple[Outcomes, Outcomes]] = {}

    def joined(self, raw: dict[Strike | None, Told]) -> dict[Strike | None, Told]:
        """Return what the lab said, by strike or by victim."""
        if not self.joins:
            return raw
        found: dict[Strike | None, Told] = {}
        for strike, one in raw.items():
            if strike and strike.point > FAR:
                continue
            key = strike._replace(point=-1) if strike else None
            found.setdefault(key, Told()).take_in(one)
        return found

    def bounds(self, strike: Strike | None) -> tuple[Outcomes, Outcomes]:
        """Return what must be found, and what may be: the same thing, where nobody asks the clock."""
        if strike not in self._known:
            may = self._all(strike, prompt=False)
            self._known[strike] = (self._all(strike, prompt=True) if asks_the_clock(self.program) else may), may
        return self._known[strike]

    def _all(self, strike: Strike | None, *, prompt: bool) -> Outcomes:
        if strike is None or strike.point >= 0:
            return explore(self.program, prompt=prompt, strike=strike, most=STATES)
        found = Outcomes()
        for point in range(POINTS):
            here = explore(self.program, prompt=prompt, strike=strike._replace(point=point), most=STATES)
            if not here.struck:
                break
            found.take_in(here)
        return found


def _count(tally: Tally | None, policy: str, told: Told) -> None:
    if tally is not None:
        (tally.exhausted if told.exhausted else tally.undecided)[policy] += 1
        tally.executions[policy] += told.executions


def _compare(
    policy: str, strike: Strike | None, told: Told, must: Outcomes, may: Outcomes, *, breaks_a_promise: bool
) -> Iterator[Disagreement]:
    def differ(kind: str, outcome: object, schedule: str = "") -> Disagreement:
        return Disagreement(kind, policy, strike, str(outcome), schedule)

    for what, schedule in told.odd.items():
        yield differ("odd", what, schedule)
    for outcome, schedule in told.completed.items():
        if outcome not in may.completed:
            yield differ("impossible outcome", outcome, schedule)
    for answers, by_cells in told.endless.items():
        for cells, schedule in by_cells.items():
            cut_off = "ENDLESS" in schedule
            if cut_off and strike is not None and strike.point < 0:
                continue  # the bound of steps was near when the fault came
            if not _may_end_so(answers, cells, may, cut_off=cut_off):
                yield differ("false blame", (answers, cells), schedule)
    if told.exhausted and not breaks_a_promise:
        for outcome in must.completed - set(told.completed):
            yield differ("false proof: outcome missed", outcome)
        for answers in must.endless:
            if not any(_leads_to(one, answers) for one in told.endless):
                yield differ("false proof: deadlock or livelock missed", answers)


def _leads_to(now: Endless, later: Endless) -> bool:
    """Whether those who are at the end now, with their registers, are among those who will be."""
    return all(one is None or one == other for one, other in zip(now, later, strict=True))


def _may_end_so(answers: Endless, cells: tuple[Any, ...], may: Outcomes, *, cut_off: bool) -> bool:
    """Whether there is such a deadlock or livelock.

    Where the lab cut off an execution because it was long, others may have been about to come to their end.
    """
    if cut_off:
        return any(_leads_to(answers, one) for one in may.endless)
    return cells in may.endless.get(answers, ())


def _never_struck(drawn: Drawn, policy: str, told: dict[Strike | None, Told]) -> Iterator[Disagreement]:
    """Yield the points at which a fault can strike and the lab, which says it is exhausted, let none strike."""
    if not drawn.fault or not all(one.exhausted for one in told.values()):
        return
    sample = next((strike for strike in told if strike is not None), None)
    kind, quarters = (sample.kind, sample.quarters) if sample else (drawn.fault.split(":")[0], 4)
    for who in range(len(drawn.program)):
        for point in range(POINTS):
            strike = Strike(kind, who, point, quarters if kind == "pause" else 0)
            possible = explore(drawn.program, strike=strike, most=STATES).struck
            if possible and strike not in told:
                yield Disagreement("false proof: fault point missed", policy, strike, "", "")
            if not possible:
                break


def _between(first: dict[Strike | None, Told], second: dict[Strike | None, Told]) -> Iterator[Disagreement]:
    for strike in first.keys() & second.keys():
        one, other = first[strike], second[strike]
        if one.exhausted and other.exhausted:
            outcomes = set(one.completed) ^ set(other.completed)
            if outcomes:
                yield Disagreement("dfs and dpor differ", "both", strike, str(min(outcomes, key=str)), "")


# Shrinking: the first smaller program that still shows the kind, until there is none.


def shrink(drawn: Drawn, wanted: Disagreement, deadline: float = 20.0) -> tuple[Drawn, Disagreement]:
    """Return the smallest program found that shows a disagreement of the same kind, and that disagreement."""
    until = time.monotonic() + deadline
    policies = POLICIES if wanted.policy == "both" else (wanted.policy,)

    def shows(candidate: Drawn) -> Disagreement | None:
        try:
            found = disagreements(candidate, policies=policies)
        except (TooLarge, KeyError, IndexError):
            return None
        return next((one for one in found if one.kind == wanted.kind), None)

    best, shown = drawn, wanted
    again = True
    while again and time.monotonic() < until:
        again = False
        for candidate in _smaller(best):
            if time.monotonic() > until:
                break
            now = shows(candidate) if well_formed(candidate.program) else None
            if now is not None:
                best, shown, again = candidate, now, True
                break
    return best, shown


def _smaller(drawn: Drawn) -> Iterator[Drawn]:
    def with_(program: Program, **changes: str) -> Drawn:
        values = {"fault": drawn.fault, "executor": drawn.executor} | changes
        return Drawn(drawn.family, program, **values)

    program = drawn.program
    if drawn.fault:
        yield with_(program, fault="")
    if drawn.executor != "inline" and drawn.fault != "kill":
        yield with_(program, executor="inline")
    for who in range(len(program)):
        if len(program) > 1:
            yield with_(program[:who] + program[who + 1 :])
    for who, body in enumerate(program):
        for shorter in _shorter(body):
            yield with_((*program[:who], shorter, *program[who + 1 :]))


def _shorter(body: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    for place, one in enumerate(body):
        before, after = body[:place], body[place + 1 :]
        yield before + after
        for number, part in enumerate(one):
            if isinstance(part, tuple):
                yield before + part + after
                for inner in _shorter(part):
                    yield (*before, (*one[:number], inner, *one[number + 1 :]), *after)
        for simpler in _simpler(one):
            yield (*before, simpler, *after)


def _simpler(one: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    name = one[0]
    if name in ("retry", "within"):
        if one[-1] == "retry":
            yield (*one[:-1], "")
        if one[1] > (2 if name == "retry" else 1):
            yield (name, one[1] - 1, *one[2:])
        if one[4] > 1:
            yield (*one[:4], 1, *one[5:])
    if name == "sleep" and one[1] > 1:
        yield ("sleep", 1)
    for number, part in enumerate(one[1:], 1):
        if part in ("b", "c") and isinstance(part, str):
            yield (*one[:number], "a", *one[number + 1 :])
        if part in ("y", "z"):
            yield (*one[:number], "x", *one[number + 1 :])
        if part in ("m1", "r1", "s2", "s1", "r0") and name in ("with", "try"):
            yield (*one[:number], "m0", *one[number + 1 :])
        if part == 2 and name in ("write", "cas", "until", "send"):
            yield (*one[:number], 1, *one[number + 1 :])


def features(drawn: Drawn) -> tuple[str, ...]:
    """Return what a shrunk program is made of, as far as it tells classes of disagreement apart."""
    found = set()
    for each in drawn.program:
        for one in instructions(each):
            name = str(one[0])
            if name == "retry":
                name = ("bounded" if one[1] else "unbounded") + " retry" + (", noted" if one[-1] == "retry" else "")
            if name == "within" and one[-1] == "retry":
                name = "within, noted"
            if name in ("with", "try"):
                name += " " + {"m": "mutex", "r": "re-entrant", "s": "semaphore"}[one[1 if name == "with" else 2][0]]
            found.add(name)
    return (*sorted(found), *([drawn.fault] if drawn.fault else []))


# The command


def run(programs: Iterator[tuple[int, Drawn]], report: Callable[[str], None], *, deadline: float = 20.0) -> Tally:
    """Compare each program, and shrink every kind of disagreement in it."""
    tally = Tally()
    began = time.monotonic()
    for number, drawn in programs:
        try:
            found = disagreements(drawn, tally)
        except TooLarge:
            tally.too_large += 1
            continue
        tally.programs += 1
        tally.families[drawn.family] += 1
        tally.wrong += bool(found)
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
    lines = [f"{tally.programs} programs ({tally.too_large} more were too large to be visited), {tally.wrong} wrong."]
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
            yield number, drawn


def main() -> int:
    """Run the fuzzer; the exit code is 1 where there was a disagreement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="the number of the first program")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="the number of one program")
    parser.add_argument("--families", help="only these, with commas between")
    parser.add_argument("--program", help="a program as it is printed")
    parser.add_argument("--fault", default="", help="with --program: terminate, pause:1s or kill")
    parser.add_argument("--executor", default="inline", help="with --program")
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
