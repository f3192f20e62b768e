"""What programs of SQL come to under all schedules that the gate tries, as far as these can make a difference."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.probes.sql_threads import TooManyError
from ticketlab.explorer.policies.dpor import SourceSets
from ticketlab.explorer.search import search
from ticketlab.lab.programs.executor import ProgramExecutor
from ticketlab.lab.programs.program import Program

from .sql_interleavings import Outcome, Side, lay_out, rows_of, script_of


class Searched(NamedTuple):
    """The outcomes, each with the steps that first led there, the last search's executions, and its points."""

    outcomes: dict[Outcome, list[str]]
    executions: int
    points: frozenset[str]
    outside: tuple[str, ...]


def program_of(folder: Path, journal: str, sides: Sequence[Side]) -> Program:
    """Lay out the database and a program for each side."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    lay_out(folder, journal)
    for number, side in enumerate(sides):
        (folder / f"side{number}.py").write_text(script_of(side))
    return Program(commands=tuple(("python", f"side{number}.py") for number in range(len(sides))), folder=folder)


def told_outcomes(folder: Path, journal: str, sides: Sequence[Side], most: int = 3_000) -> Searched:
    """Return what the sides come to under the gate."""
    return searched(program_of(folder, journal, sides), rows_of, most)


def searched(program: Program, left: Callable[[Path], tuple[Any, ...]], most: int = 3_000) -> Searched:
    """Return what a program comes to under the gate; `left` says what it leaves in its folder.

    Raises TooManyError if a search does not come to its end.
    """
    with ProgramExecutor(program) as executor:
        while True:
            found = _search(executor, left, most)
            if found is not None:
                return found


def _search(executor: ProgramExecutor, left: Callable[[Path], tuple[Any, ...]], most: int) -> Searched | None:
    """Search once; return None if that has taught further points."""
    outcomes: dict[Outcome, list[str]] = {}
    executions = 0
    for execution in search(executor, SourceSets(), most):
        executions += 1
        if executions >= most:
            raise TooManyError
        ends = sorted(executor.run_of.ends, key=lambda end: end.name)
        outcome = tuple(end.output.strip() for end in ends), left(executor.folder)
        names = executor.run_of.names
        moves = zip(execution.trace.who, execution.steps, strict=True)
        outcomes.setdefault(outcome, [f"{names[who]} {step}" for who, step in moves])
        if executor.grew:
            return None
    if executor.grew:
        return None
    return Searched(outcomes, executions, frozenset(executor.points), tuple(executor.outside))
