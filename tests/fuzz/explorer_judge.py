"""What the lab says of a program, held against what the independent explorer finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from .independent_explorer import Endless, Outcomes, explore
from .independent_programs import Program, Strike, asks_the_clock, instructions, repeats_for_ever
from .participants import Told, lab
from .random_programs import Drawn

POLICIES = ("dpor", "dfs")
LIMIT = 600
SAMPLE = 60  # executions of `dfs` where it cannot end within the limit, since `dpor` did not
STEPS = 150  # an execution of more is endless; none of a program without circles has so many
ENDLESS_LIMIT, ENDLESS_STEPS = 80, 60  # the same for programs that repeat something without a bound
STATES = 6_000
POINTS = 12  # fault points that are looked at in a loop without a bound, where there is no last one
FAR = 40  # what the lab says of points beyond is not judged there: its bound of steps may have come before the fault


DOCUMENTED = "documented: a promised retry gives up while others could move"


class Disagreement(NamedTuple):
    """One thing that the lab says and that is not so; `kind` is what shrinking keeps."""

    kind: str
    policy: str
    strike: Strike | None
    outcome: str
    schedule: str


def disagreements(
    drawn: Drawn,
    hears: Callable[[str, Told], None] = lambda _policy, _told: None,
    policies: tuple[str, ...] = POLICIES,
) -> list[Disagreement]:
    """Return everything on which the lab and the independent explorer differ; raises TooLarge.

    `hears` is told what the lab says under each policy. If `dpor` does not end within its limit, `dfs` would not end
    either, since it runs each of those executions too; so it runs a sample.
    """
    judge = _Judge(drawn.program)
    judge.bounds(None)
    gives_up = breaks_a_promise(drawn.program)
    found: list[Disagreement] = []
    told: dict[str, dict[Strike | None, Told]] = {}
    limit, steps = (ENDLESS_LIMIT, ENDLESS_STEPS) if repeats_for_ever(drawn.program) else (LIMIT, STEPS)
    for policy in policies:
        try:
            raw = lab(drawn.program, policy, executor=drawn.executor, limit=limit, steps=steps, fault=drawn.fault)
        except Exception as error:
            found.append(Disagreement(f"lab error {type(error).__name__}", policy, None, str(error), ""))
            continue
        told[policy] = judge.joined(raw)
        for strike, one in told[policy].items():
            found += _compare(policy, strike, one, *judge.bounds(strike), breaks_a_promise=gives_up)
            hears(policy, one)
        if sum(one.executions for one in raw.values()) >= limit:
            limit = min(limit, SAMPLE)
        if not judge.joins:
            found += _never_struck(drawn, policy, told[policy])
    if len(told) == len(policies) == 2 and not gives_up:
        found += _between(*(told[policy] for policy in policies))
    return found


def unexplained(drawn: Drawn) -> list[Disagreement]:
    """Return the disagreements that docs do not name."""
    return [one for one in disagreements(drawn) if one.kind != DOCUMENTED]


def breaks_a_promise(program: Program) -> bool:
    """Whether a loop notes RETRY, which promises to go on until it is not refused, and gives up at last.

    Docs say that what happens when such a loop gives up while others could move is not looked at.
    """
    every = [one for each in program for one in instructions(each)]
    gives_up = any(one[-1] == "retry" and (one[0] == "within" or (one[0] == "retry" and one[1])) for one in every)
    return gives_up and len(program) > 1


def promises_retry(program: Program) -> bool:
    """Whether a loop notes RETRY."""
    return any(one[0] in ("retry", "within") and one[-1] == "retry" for each in program for one in instructions(each))


class _Judge:
    """What is right of one program, strike by strike.

    In a loop without a bound there is no last point, and a point in one round is as good as that in another; and of a
    promised retry not every further try in vain is made. There the outcomes of all points of a victim are judged
    together.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.joins = repeats_for_ever(program) or promises_retry(program)
        self._last_point = POINTS - 1 if repeats_for_ever(program) else FAR
        self._known: dict[Strike | None, tuple[Outcomes, Outcomes]] = {}

    def joined(self, raw: dict[Strike | None, Told]) -> dict[Strike | None, Told]:
        """Return what the lab said, by strike or by victim."""
        if not self.joins:
            return raw
        found: dict[Strike | None, Told] = {}
        for strike, one in raw.items():
            if strike and strike.point > self._last_point:
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
        for point in range(self._last_point + 1):
            here = explore(self.program, prompt=prompt, strike=strike._replace(point=point), most=STATES)
            if not here.struck:
                break
            found.take_in(here)
        return found


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
    if told.exhausted:
        for outcome in must.completed - set(told.completed):
            yield differ(DOCUMENTED if breaks_a_promise else "false proof: outcome missed", outcome)
        for answers in must.endless:
            if not any(_leads_to(one, answers) for one in told.endless):
                yield differ(DOCUMENTED if breaks_a_promise else "false proof: deadlock or livelock missed", answers)


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
            possible = explore(drawn.program, prompt=True, strike=strike, most=STATES).struck
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
