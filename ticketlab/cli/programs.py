"""Programs on the command line: what `explore`, `race` and `replay` share of them."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from ticketlab.cli.functions import SECTIONS
from ticketlab.cli.options import command_line, is_typed
from ticketlab.core.errors import UsageError
from ticketlab.core.result import as_document

if TYPE_CHECKING:
    from collections.abc import Callable

    from ticketlab.core.timeline import Diagram
    from ticketlab.explorer.results import ExploreOptions
    from ticketlab.lab.programs.case import ProgramCase
    from ticketlab.lab.programs.program import Program
    from ticketlab.lab.programs.results import ProgramExploration, ProgramReplay

    F = TypeVar("F", bound=Callable[..., Any])

_NOT_OF_PROGRAMS: Final = *SECTIONS["For functions"], *SECTIONS["For purchases"], "executor", "atomic_accesses"


def program_options(command: F) -> F:
    """Declare the options of a command that takes a program."""
    for declare in (
        click.option("--allow-exit", metavar="CODES", help="Exit codes that are right, beside 0: 1,2."),
        click.option(
            "--in",
            "in_",
            type=click.Path(path_type=Path),
            metavar="FOLDER",
            help="The folder that it stands in, copied each time (default: that of the first file that is named).",
        ),
        click.option("--copies", type=click.IntRange(min=1), help="How many copies of the command run at once."),
        click.option("--run", multiple=True, metavar="COMMAND", help="A command; give one for each that runs at once."),
    ):
        command = declare(command)
    return command


def is_program(words: Sequence[str], given: Mapping[str, Any]) -> bool:
    """Whether the command line names a program, and not a function or purchases."""
    if given["run"] or given["copies"]:
        return True
    if not words or (":" in words[0] and not Path(words[0]).is_file()):
        return False
    return words[0].endswith(".py") or Path(words[0]).is_file() or shutil.which(words[0]) is not None


def the_function(words: Sequence[str]) -> str | None:
    """Return the function that a command line names; raises UsageError if it has more, or options of a program."""
    for key in SECTIONS["For programs"]:
        if is_typed(key):
            name = key.rstrip("_").replace("_", "-")
            raise UsageError(f"--{name} is of a program: name one, as in shop.py 2")
    if len(words) > 1:
        raise UsageError(f"{' '.join(words)}: a function takes no arguments here, and a program begins with its file")
    return words[0] if words else None


def program_of(words: Sequence[str], given: Mapping[str, Any], *not_of_programs: str) -> Program:
    """Return the program that a command line names; raises UsageError if it is not there, or other options are.

    `not_of_programs` names further options of the command that no program has.
    """
    from ticketlab.lab.programs.program import Program, command_words, located

    for key in (*_NOT_OF_PROGRAMS, *not_of_programs):
        if key in click.get_current_context().params and is_typed(key):
            whose = "functions" if key == "fix" else "purchases or functions"
            raise UsageError(f"--{key.replace('_', '-')} is of {whose}, and this is a program")
    commands = [command_words(line) for line in given["run"]]
    if words:
        commands += [tuple(words)] * (given["copies"] or 1)
    elif given["copies"]:
        raise UsageError("--copies needs a command: ticketlab explore --copies 3 -- perl buy.pl")
    found, folder = located(commands, given["in_"])
    return Program(
        commands=found,
        folder=folder,
        invariant=command_words(given["invariant"] or ""),
        allowed=_codes(given["allow_exit"]),
        serial=given["serial"],
        reset=command_words(given["reset"] or ""),
    )


def _codes(text: str | None) -> frozenset[int]:
    try:
        return frozenset(int(code) for code in (text or "").split(",") if code)
    except ValueError:
        raise UsageError(f"--allow-exit {text}: exit codes are numbers with commas between them, as in 0,2") from None


def explore_a_program(words: Sequence[str], options: ExploreOptions, as_json: bool, given: Mapping[str, Any]) -> int:
    """Explore a program, tell what came of it, and return the exit code."""
    from ticketlab.cli.terminal import ProgressLine
    from ticketlab.lab.programs.explore import explore_program

    program = program_of(words, given)
    with ProgressLine() as progress:
        found = explore_program(
            program,
            options,
            command=line_of_program(words),
            allows_unseen=given["unseen"] == "allow",
            every_call=given["sql"] == "calls",
            progress=progress.search,
        )
    return _tell(found, as_json, given)


def race_a_program(words: Sequence[str], as_json: bool, given: Mapping[str, Any]) -> int:
    """Race a program live, tell how often it went wrong, and return the exit code."""
    from ticketlab.cli.functions import tell_races
    from ticketlab.cli.terminal import ProgressLine
    from ticketlab.lab.programs.race import race_program

    program = program_of(words, given, "faults", "stall_timeout", "seed")
    with ProgressLine() as progress:
        found = race_program(
            program,
            given["times"],
            timeout=given["timeout"],
            command=line_of_program(words),
            progress=lambda done, wrong: progress.say(f"{done:,} races, {wrong:,} wrong ..."),
        )
    return tell_races(found, line_of_program(words, "times", "timeout").replace(" race", " explore", 1), as_json, given)


def line_of_program(words: Sequence[str], *more: str) -> str:
    """Return the command line that runs the running command of a program again, without the options of `more`."""
    left_out = ("json", "cases", "keep", "html", "force", "save", *more)
    if any(word.startswith("-") for word in words):
        return f"{command_line(*left_out)} -- {shlex.join(words)}"
    return command_line(*left_out, arguments=tuple(words))


def _tell(found: ProgramExploration, as_json: bool, given: Mapping[str, Any]) -> int:
    """Save, keep, draw and print what came of an exploration, and return the exit code."""
    from ticketlab.cli.command_lines import replay_line
    from ticketlab.cli.saving import keep_result
    from ticketlab.cli.terminal import console, print_json
    from ticketlab.lab.programs.cases import save_program_case
    from ticketlab.report.plain_function import print_function_search, search_diagrams

    finding = found.finding
    path = save_program_case(finding.case, given["cases"]) if finding else None
    saved = as_document("exploration", found.to_json() | {"file": str(path) if path else None})
    if as_json:
        print_json(saved)
    else:
        print_function_search(found, replay_line(path) if path else "", console())
    keep_result(saved, f"explore-{found.function}", search_diagrams(found), given)
    return found.verdict.exit_code


def replay_program_case(case: ProgramCase, path: Path, as_json: bool) -> int:
    """Replay a case of a program, tell what came of it, and return the exit code."""
    from ticketlab.cli.terminal import console, print_json
    from ticketlab.report.plain_function import print_function_replay

    played = program_played_again(case, path)
    if as_json:
        print_json(played.to_json())
    else:
        print_function_replay(
            case.function,
            "program",
            played.execution,
            played.anomalies,
            console(),
            names=played.participants,
            processes=case.processes,
        )
    return played.verdict.exit_code


def program_played_again(case: ProgramCase, path: Path) -> ProgramReplay:
    """Run a case of a program again; `path` is its file."""
    from ticketlab.cli.command_lines import replay_line
    from ticketlab.lab.programs.explore import replay_program

    return replay_program(case, command=replay_line(path))


def program_diagrams(played: ProgramReplay) -> Sequence[Diagram]:
    """Return the diagram of a replay."""
    from ticketlab.report.plain_function import steps_diagram

    return [steps_diagram(played.case.function, played.execution, played.anomalies, names=played.participants)]
