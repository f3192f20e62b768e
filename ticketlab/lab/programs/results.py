"""What explorations and replays of programs came to, as values that can be printed and saved."""

from __future__ import annotations

from dataclasses import dataclass

from ticketlab.lab.plain.results import Explored, Replayed, WrongExecution
from ticketlab.lab.programs.case import ProgramCase


@dataclass(frozen=True, slots=True)
class ProgramFinding(WrongExecution):
    """An execution of a program that went wrong."""

    case: ProgramCase


@dataclass(frozen=True, slots=True)
class ProgramExploration(Explored):
    """What a search of a program came to."""

    finding: ProgramFinding | None = None


@dataclass(frozen=True, slots=True)
class ProgramReplay(Replayed):
    """What came of running a case of a program again."""

    case: ProgramCase
