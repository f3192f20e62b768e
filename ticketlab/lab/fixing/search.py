"""The search for a fix: the smallest stretch of lines that, under one lock, makes every schedule right.

The lines come from steps: each two steps that are made in one function have a smallest stretch around them. A stretch
is left out if the schedule that went wrong would not change under its lock, since nobody is inside while another is.
The others are tried from the smallest upward, each by a search of its own: of those that hold the lock for the fewest
steps, the innermost first, then the one with the fewest lines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, combinations_with_replacement
from typing import Any, Final

from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.spec import Spec
from ticketlab.core.text import pluralize
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.explorer.results import DoneOf, ExploreOptions
from ticketlab.lab.fixing.held_lines import with_lock_held
from ticketlab.lab.fixing.line_marks import LineMarks, MarkedStep
from ticketlab.lab.fixing.stretches import Stretch, stretch_over
from ticketlab.lab.plain.explore import explore_plain, replay_plain
from ticketlab.lab.plain.function import PlainFunction
from ticketlab.lab.plain.gates import KERNEL
from ticketlab.lab.plain.results import PlainExploration

_PROVING: Final = Spec("dpor")


@dataclass(frozen=True, slots=True)
class FoundFix:
    """What the search for a fix came to: the smallest stretch that is proved, if there is one.

    `executions` says how many schedules its proof took. `wrong` counts the smaller stretches under whose lock something
    still goes wrong, and `undecided` has those of which nothing is known, with the reason.
    """

    processes: int
    participant: str
    stretch: Stretch | None = None
    executions: int = 0
    wrong: int = 0
    undecided: Sequence[tuple[Stretch, str]] = ()

    @property
    def sentence(self) -> str:
        """What was found, in a sentence."""
        everybody = pluralize(self.processes, self.participant)
        if self.stretch is not None:
            proof = f"exhausted in {pluralize(self.executions, 'execution')}"
            return (
                f"hold one lock {self.stretch.shown}; all interleavings of {everybody} are then right "
                f"({proof}){self._but}"
            )
        if not self.wrong and not self.undecided:
            return f"none found: no lines that {everybody} run could keep this schedule from happening under a lock"
        if not self.wrong:
            return f"none found{self._but}"
        tried = pluralize(self.wrong, "lock") if self.undecided else "each lock that was tried"
        return f"none found: something still goes wrong under {tried}{self._but}"

    @property
    def _but(self) -> str:
        if not self.undecided:
            return ""
        stretch, reason = self.undecided[0]
        more = f", and {len(self.undecided) - 1} more" if len(self.undecided) > 1 else ""
        return f"; undecided: a lock {stretch.shown}{more} ({reason})"

    @property
    def lines(self) -> Sequence[str]:
        """What was found, line by line, with the source that the lock spans."""
        return [f"A fix: {self.sentence}.", *(f"  {line}" for line in self._source)]

    @property
    def _source(self) -> Sequence[str]:
        if self.stretch is None:
            return []
        wide = len(str(self.stretch.last))
        return [f"{number:{wide}}  {line}" for number, line in enumerate(self.stretch.source(), self.stretch.first)]

    def to_json(self) -> dict[str, Any]:
        """Return it as it stands in results."""
        found = self.stretch
        return {
            "fixed": found is not None,
            "sentence": self.sentence,
            "file": found.place.file if found else None,
            "function": found.place.name if found else None,
            "first": found.first if found else None,
            "last": found.last if found else None,
            "lines": list(self._source),
            "executions": self.executions,
            "wrong": self.wrong,
            "undecided": [{"lock": stretch.shown, "reason": reason} for stretch, reason in self.undecided],
        }


def refuse_unfixable(how: ExploreOptions) -> None:
    """Raise UsageError if a search is of a kind for which no fix is searched."""
    executor = Spec.parse(how.executor).name
    if executor == KERNEL:
        raise UsageError("a fix is searched among the lines at which probes see steps: leave out --gate kernel")
    if executor == "tasks":
        raise UsageError("a fix holds a lock from line to line, which tasks of one event loop cannot: leave out --fix")
    if how.faults:
        raise UsageError("a lock is no fix for what a fault does: leave out --faults or --fix")


def find_fix(
    plain: PlainFunction, found: PlainExploration, how: ExploreOptions, tried: DoneOf = lambda _done, _all: None
) -> FoundFix:
    """Search for the smallest stretch of lines that, under one lock, makes every schedule of a function right.

    `found` is the search that went wrong, and `how` its options: they bound the search for each stretch. `tried` is
    told how many stretches were tried, and of how many.

    Raises:
        UsageError: no fix is searched for such a search.
        TicketlabError: the lab could not do its work.
    """
    refuse_unfixable(how)
    executor = "processes" if Spec.parse(how.executor).name == "inline" else how.executor
    how = replace(how, policy=_PROVING, executor=executor, exhaust=False, watch=None)
    fix = FoundFix(plain.processes, found.participant)
    undecided: list[tuple[Stretch, str]] = []
    candidates = _candidates(plain, found, executor)
    for number, stretch in enumerate(candidates):
        tried(number, len(candidates))
        outcome, executions = _under_lock(plain, stretch, how)
        if outcome is True:
            return replace(fix, stretch=stretch, executions=executions, undecided=undecided)
        if outcome is False:
            fix = replace(fix, wrong=fix.wrong + 1)
        else:
            undecided.append((stretch, outcome))
    return replace(fix, undecided=undecided)


def _under_lock(plain: PlainFunction, stretch: Stretch, how: ExploreOptions) -> tuple[bool | str, int]:
    """Return whether all is right under a lock, or why that is undecided, and how many executions that took."""
    try:
        held = explore_plain(with_lock_held(plain, stretch), how)
    except TicketlabError as error:
        return str(error), 0
    return held.verdict.reason if held.valid is None else held.valid, held.executions


def _candidates(plain: PlainFunction, found: PlainExploration, executor: str) -> list[Stretch]:
    """Return the stretches that could be a fix, the smallest first."""
    assert found.finding is not None, "only what went wrong is fixed"
    marks = LineMarks()
    try:
        execution, _ = replay_plain(plain, found.finding.case, executor, watch=marks)
        executions = marks.executions()
    finally:
        marks.close()
    depths: dict[Stretch, int] = {}
    for made in executions:
        for stretch, depth in _stretches(made):
            depths[stretch] = max(depth, depths.get(stretch, 0))
    if execution.ending is ExecutionEnd.COMPLETED:
        depths = {stretch: depth for stretch, depth in depths.items() if _meet(executions[-1], stretch)}
    return sorted(depths, key=lambda one: _size(one, executions, depths))


def _size(stretch: Stretch, executions: Sequence[Sequence[MarkedStep]], depths: Mapping[Stretch, int]) -> Any:
    """Return what stretches are sorted by: steps with the lock held, depth of the calls, lines, place."""
    steps = max(
        sum(step.who == who and step.within(stretch) for step in made)
        for made in executions
        for who in {step.who for step in made}
    )
    return steps, -depths[stretch], stretch.last - stretch.first, stretch


def _stretches(made: Sequence[MarkedStep]) -> Iterator[tuple[Stretch, int]]:
    """Yield the smallest stretches around two steps, with how deep in the calls they are.

    Two calls of one function may look like one call: so each function that both steps were made in is taken, and not
    only the innermost.
    """
    times = Counter((step.who, tuple(step.lines)) for step in made)
    often = {lines for (_, lines), count in times.items() if count > 1}
    for one, other in combinations_with_replacement(dict.fromkeys(lines for _, lines in times), 2):
        if one is other and one not in often:
            continue
        for depth, (first, last) in enumerate(zip(one, other, strict=False)):
            if first.place != last.place:
                break
            if (stretch := stretch_over(first.place, first.line, last.line)) is not None:
                yield stretch, depth
            if first.line != last.line:
                break


def _meet(made: Sequence[MarkedStep], stretch: Stretch) -> bool:
    """Whether one participant was in the middle of a stretch while another one made a step there."""
    inside = [(at, step.who) for at, step in enumerate(made) if step.within(stretch)]
    visits: list[tuple[int, int, int]] = []
    for who in {who for _, who in inside}:
        mine = [at for at, step in enumerate(made) if step.who == who]
        visit: list[int] = []
        for at in mine:
            if made[at].within(stretch):
                visit.append(at)
            elif visit:
                visits.append((who, visit[0], visit[-1]))
                visit = []
        if visit:
            visits.append((who, visit[0], visit[-1]))
    return any(one[0] != other[0] and one[1] < other[2] and other[1] < one[2] for one, other in combinations(visits, 2))
