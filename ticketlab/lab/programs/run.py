"""What an execution of a program came to, beside its steps."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import combinations
from typing import NamedTuple

from ticketlab.core.file_names import ORDER
from ticketlab.core.steps import MAKES, NAME, Action, Step
from ticketlab.gate.processes import Process

Touches = dict[int, Counter[Action]]
"""What was done to a resource, by the participants' numbers, and how often."""


class ProcessEnd(NamedTuple):
    """How a process ended: its exit code or, negative, a signal (None: it never ended), and what it wrote.

    `runs_command` says that it is one of the program's commands, `in_python` that it is a Python process that runs the
    program of its parent, and `signalled_by` who sent it the signal that ended it, if another process did. `told` is
    what of it is compared with other executions, beside its code.
    """

    name: str
    code: int | None
    output: str
    runs_command: bool
    in_python: bool
    signalled_by: str
    told: str = ""

    @property
    def raised(self) -> bool:
        """Whether a Python exception ended it."""
        return "Traceback (most recent call last)" in self.output

    @property
    def has_failed(self) -> bool:
        """Whether its end says that something is wrong: commands fail as a matter of course, if somebody asks them."""
        if not self.code or (self.code < 0 and self.signalled_by):
            return False
        piped = self.code == -signal.SIGPIPE  # as the writers of a shell's pipelines end whose readers have enough
        return self.runs_command or self.in_python or self.raised or (self.code < 0 and not piped)


@dataclass(slots=True)
class ProgramRun:
    """What an execution came to, beside its steps: the ends of the processes, and who wrote what, in order."""

    ends: list[ProcessEnd] = field(default_factory=list)
    output: list[tuple[str, str]] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)  # of the participants, by their numbers from 0
    pids: dict[str, str] = field(default_factory=dict)  # the processes by the digits of their numbers
    made: frozenset[str] = frozenset()  # the names that came to be
    files: frozenset[str] = frozenset()  # what the files are called that somebody met
    calls: int = 0
    wakes_unseen: bool = False  # whether somebody may be woken by what is not controlled

    def output_of_commands(self, commands: int) -> list[str]:
        """Return what each command and all that it started wrote, in the order of the schedule."""
        texts = dict.fromkeys(map(str, range(1, 1 + commands)), "")
        for name, text in self.output:
            if (command := name.partition(".")[0]) in texts:
                texts[command] += text
        return list(texts.values())


def is_contested(by: Touches, cut_off: Set[int] = frozenset()) -> bool:
    """Whether two participants did something to a resource whose order can make a difference.

    What one of those changes who are `cut_off`, that is, ended by others wherever they stand, shows how far it came.
    """
    if any(who in by and not all(action.looks for action in by[who]) for who in cut_off):
        return True
    alike = Counter(map(frozenset, by.values()))  # a hundred participants do a handful of different things
    twice = ((did, did) for did, who in alike.items() if who > 1)
    return any(
        not Step(one, "").commutes_with(Step(other, ""))
        for did, done in (*combinations(alike, 2), *twice)
        for one in did
        for other in done
    )


def end_of(process: Process, output: str) -> ProcessEnd:
    """Return how a process ended, and what it wrote."""
    in_python = process.forked and process.program.startswith("python")
    is_command = "." not in process.name
    signalled_by = process.killed_by if process.ends is not None and -process.ends in process.signals else ""
    return ProcessEnd(process.name, process.ends, output, is_command, in_python, signalled_by, output)


def orders_that_matter(touched: Mapping[str, Touches], listed: Mapping[str, Set[str]]) -> set[str]:
    """Return the folders, as resources, that somebody has listed who saw what several participants had made.

    `listed` has the names that were seen, by folder. The names themselves are returned as well: who makes one of those
    notices the others.
    """
    found: set[str] = set()
    for folder, names in listed.items():
        paths = [NAME + (name if folder == "." else f"{folder}/{name}") for name in names]
        makers = {path: {who for who, done in touched.get(path, {}).items() if MAKES & done.keys()} for path in paths}
        if len(set().union(*makers.values())) > 1:
            found |= {ORDER + folder, *(ORDER + path for path, made_by in makers.items() if made_by)}
    return found


def made_names(touched: Mapping[str, Touches]) -> frozenset[str]:
    """Return the names that came to be in an execution."""
    named = ((resource, by) for resource, by in touched.items() if resource.startswith(NAME))
    return frozenset(
        resource.removeprefix(NAME) for resource, by in named if any(MAKES & done.keys() for done in by.values())
    )


def branches(names: Sequence[str], commands: int) -> list[str]:
    """Return the branches of a program whose participants have these names: the commands, or one's children."""
    found = dict.fromkeys(name.partition("t")[0] for name in names)
    if commands > 1:
        return [name for name in found if "." not in name]
    return [name for name in found if name.count(".") == 1]
