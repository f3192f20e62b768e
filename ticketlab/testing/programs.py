"""Explore a program as it is from a test, whose function is asked after each execution whether the end is right."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypedDict

from ticketlab.core.errors import UsageError, unknown_name
from ticketlab.core.spec import Spec
from ticketlab.explorer.executors.executor import PATIENCE, STALL_TIMEOUT, STEPS
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.artifacts.case_files import CASES
from ticketlab.lab.programs.case import program_to_json
from ticketlab.lab.programs.cases import load_program_case, save_program_case
from ticketlab.lab.programs.explore import explore_program, replay_program
from ticketlab.lab.programs.program import Program, command_words, located
from ticketlab.lab.programs.results import ProgramExploration
from ticketlab.report.plain_function import drawn_steps
from ticketlab.testing.plain_functions import MOST_EXECUTIONS, UNSEEN


class ProgramSettings(TypedDict, total=False):
    """The settings of a test of a program: those of `ProgramRace`, but for the fixtures, which pytest has."""

    copies: int
    folder: str | Path | None
    serial: bool
    allow_exit: Iterable[int]
    policy: str
    executions: int
    seed: int
    steps: int
    stall_timeout: float
    patience: float
    reset: str
    unseen: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ProgramRace:
    """How a program is explored: see `Program` and `ExploreOptions`.

    `commands` are command lines such as "shop.py 2" or "./buy.sh alice", each run in so many `copies`. They and
    `folder` are named from the folder of the test's own file. `unseen` is "allow" if the test may pass though the lab
    saw no race, or did not see all.
    """

    commands: Sequence[str]
    copies: int = 1
    folder: str | Path | None = None
    serial: bool = False
    allow_exit: Iterable[int] = ()
    policy: str = "portfolio"
    executions: int = MOST_EXECUTIONS
    seed: int = 0
    steps: int = STEPS
    stall_timeout: float = STALL_TIMEOUT
    patience: float = PATIENCE
    reset: str = ""
    unseen: str = "fail"
    fixtures: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls, commands: Sequence[str], settings: Mapping[str, Any], fixtures: Mapping[str, Any] | None = None
    ) -> ProgramRace:
        """Read the settings of a test; raises UsageError if one is unknown."""
        known = list(ProgramSettings.__annotations__)
        for name in settings:
            if name not in known:
                raise unknown_name("setting of a program test", name, known)
        race = cls(commands=commands, **settings, fixtures=fixtures or {})
        if race.unseen not in UNSEEN:
            raise unknown_name("value of unseen", race.unseen, UNSEEN)
        if race.copies < 1:
            raise UsageError(f"{race.copies} copies run nothing: at least 1 is needed")
        return race

    @property
    def allows_unseen(self) -> bool:
        """Whether the test may pass though the lab saw no race, or did not see all."""
        return self.unseen == "allow"

    def program(self, function: Callable[..., Any], test: str) -> Program:
        """Return the program, with the test's function as its invariant."""
        above = Path(inspect.getfile(inspect.unwrap(function))).parent
        base = Path(os.path.relpath(above)) if above.is_relative_to(Path.cwd()) else above
        folder = Path(self.folder) if self.folder is not None else None
        commands, found = located([command_words(line) for line in self.commands] * self.copies, folder, base)
        return Program(
            commands=commands,
            folder=found,
            invariant=function,
            allowed=frozenset(self.allow_exit),
            serial=self.serial,
            reset=command_words(self.reset),
            fixtures=self.fixtures,
            test=test,
        )

    def how(self) -> ExploreOptions:
        """Return how it is explored."""
        return ExploreOptions(
            policy=Spec.parse(self.policy),
            executor="program",
            executions=self.executions,
            seed=self.seed,
            steps=self.steps,
            stall_timeout=self.stall_timeout,
            patience=self.patience,
        )


def check_program(
    function: Callable[..., Any],
    race: ProgramRace,
    *,
    test: str,
    replay_line: Callable[[Path], str],
    cases: Path = CASES,
) -> ProgramExploration:
    """Explore a program, and return what the search came to if nothing went wrong.

    The search may be undecided: its verdict says why.

    Raises:
        AssertionError: an execution went wrong; the message has its table, and the line that replays it.
        UsageError: a command or a name is unknown, or things do not go together.
        Nondeterminism: the same schedule did not lead to the same steps.
    """
    found = explore_program(race.program(function, test), race.how(), allows_unseen=race.allows_unseen)
    finding = found.finding
    if finding is None:
        return found
    path = save_program_case(finding.case, cases)
    noun = "execution" if found.executions == 1 else "executions"
    table = drawn_steps(finding.execution, finding.anomalies, names=finding.participants)
    raise AssertionError(
        f"{test}: {found.function} went wrong in {found.anomalous} of {found.executions} {noun} "
        f"({found.how_far.drawn_by}). The smallest:\n\n{table}\n\nThe same schedule again: {replay_line(path)}"
    )


def replay_program_test(function: Callable[..., Any], path: Path, race: ProgramRace, *, test: str) -> bool:
    """Run a program under the schedule in a case's file; return whether the case is of this test.

    Raises:
        AssertionError: it goes wrong again; the message has the table.
        Nondeterminism: the program makes other steps now.
        UsageError: the test runs another program now.
    """
    case = load_program_case(path)
    if case.program.test != test:
        return False
    program = race.program(function, test)
    if program_to_json(program)["commands"] != program_to_json(case.program)["commands"]:
        raise UsageError(f"the case is of {case.program.title}, and {test} runs {program.title} now")
    again = replay_program(replace(case, program=program))
    if again.anomalies:
        table = drawn_steps(again.execution, again.anomalies, names=again.participants)
        raise AssertionError(f"{program.title} goes wrong again under the saved schedule:\n\n{table}")
    return True
