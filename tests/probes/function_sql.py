"""What functions that use SQLite come to under all schedules that a search tries, as far as these make a difference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.gate.inside.sql_interleavings import Outcome, Side, lay_out, rows_of, script_of
from ticketlab.core.pacing import UNTRIED
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


def explored_outcomes(journal: str, sides: Sequence[Side], most: int = 3_000, *, reduced: bool = True) -> Explored:
    """Return what the sides come to as functions; not `reduced`, under each and every schedule."""
    scripts = [compile(script_of(side), f"side{number}", "exec") for number, side in enumerate(sides)]

    def play(who: int) -> str:
        said: list[str] = []
        exec(scripts[who - 1], {"print": lambda answers: said.append(str(answers))})
        return said[0]

    plain = PlainFunction(function=play, processes=len(sides), reset=lambda folder: lay_out(folder, journal))
    outcomes: dict[Outcome, list[str]] = {}
    untried: set[str] = set()
    executions = 0
    with installed(probes()), Inline(PlainWorkload(plain)) as executor:
        list(search(executor, SourceSets(), 1))  # which learns what each statement touches
        for execution in search(executor, SourceSets() if reduced else DepthFirst(), most):
            executions += 1
            untried |= {str(note.value) for note in execution.notes if note.what == UNTRIED}
            records = sorted(execution.records, key=lambda one: one.buyer)
            assert all(isinstance(record.outcome, Returned) for record in records), records
            told = tuple(str(record.outcome.value) for record in records)
            moves = [f"{who + 1} {step}" for who, step in zip(execution.trace.who, execution.steps, strict=True)]
            outcomes.setdefault((told, rows_of(Path())), moves)
    assert executions < most, "the search has not come to an end"
    return Explored(outcomes, executions, frozenset(untried))
