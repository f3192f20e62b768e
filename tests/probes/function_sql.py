"""What functions that use SQLite come to under all schedules that a search tries, as far as these make a difference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tests.probes.sql_scripts import Outcome, contents, function_of, lay_out
from ticketlab.core.pacing import OUT_OF_SIGHT, UNTRIED
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.policies.dfs import DepthFirst
from ticketlab.explorer.policies.dpor import SourceSets
from ticketlab.explorer.search import search
from ticketlab.lab.plain.function import PlainFunction, Returned
from ticketlab.lab.plain.workload import PlainWorkload
from ticketlab.lab.plugins.registry import probes
from ticketlab.probes.kind import installed


class Explored(NamedTuple):
    """The outcomes, each with the steps that first led there, how many executions there were, what was not tried."""

    outcomes: dict[Outcome, list[str]]
    executions: int
    untried: frozenset[str]


def explored_outcomes(journal: str, scripts: Sequence[str], most: int = 3_000, *, reduced: bool = True) -> Explored:
    """Return what the scripts come to as functions; not `reduced`, under each and every schedule."""
    plays = [function_of(script, f"side{number}") for number, script in enumerate(scripts)]
    plain = PlainFunction(
        function=lambda who: plays[who - 1](),
        processes=len(plays),
        reset=lambda folder: lay_out(folder, journal),
    )
    outcomes: dict[Outcome, list[str]] = {}
    untried: set[str] = set()
    executions = 0
    with installed(probes()), Inline(PlainWorkload(plain)) as executor:
        list(search(executor, SourceSets(), 1))  # which learns what each statement touches
        for execution in search(executor, SourceSets() if reduced else DepthFirst(), most):
            executions += 1
            untried |= {str(note.value) for note in execution.notes if note.what in (UNTRIED, OUT_OF_SIGHT)}
            records = sorted(execution.records, key=lambda one: one.buyer)
            ends = [record.outcome for record in records]
            told = tuple(str(end.value if isinstance(end, Returned) else end) for end in ends)
            moves = [f"{who + 1} {step}" for who, step in zip(execution.trace.who, execution.steps, strict=True)]
            outcomes.setdefault((told, contents()), moves)
    assert executions < most, "the search has not come to an end"
    return Explored(outcomes, executions, frozenset(untried))
