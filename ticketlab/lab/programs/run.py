"""What an execution of a program came to, beside its steps."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import combinations
from typing import NamedTuple

from ticketlab.core.pacing import Action, Step
from ticketlab.gate.processes import Process

Touches = dict[int, Counter[Action]]
"""What was done to a resource, by the participants' numbers, and how often."""


class ProcessEnd(NamedTuple):
    """How a process ended: its name, its exit code or, negative, a signal (None: it never ended), and what it wrote."""

    name: str
    code: int | None
    output: str
    runs_command: bool  # whether it is one of the program's commands
    forked: bool  # whether it runs the program of its parent
    signalled_by: str  # who ended it by a signal


@dataclass(slots=True)
class ProgramRun:
    """What an execution came to, beside its steps: the ends of the processes, and who wrote what, in order."""

    ends: list[ProcessEnd] = field(default_factory=list)
    output: list[tuple[str, str]] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)  # of the participants, by their numbers from 0
    pids: dict[str, str] = field(default_factory=dict)  # the processes by the digits of their numbers
    calls: int = 0


def is_contested(by: Touches) -> bool:
    """Whether two participants did something to a resource whose order can make a difference."""
    return any(
        not Step(did, "").commutes_with(Step(done, ""))
        for (_, one), (_, other) in combinations(by.items(), 2)
        for did in one
        for done in other
    )


def end_of(process: Process, output: str) -> ProcessEnd:
    """Return how a process ended, and what it wrote."""
    is_command = "." not in process.name
    return ProcessEnd(process.name, process.ends, output, is_command, process.forked, process.killed_by)
