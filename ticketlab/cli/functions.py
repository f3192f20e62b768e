"""Functions of one's own on the command line, by their import paths: what `explore`, `race` and `replay` share."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from ticketlab.cli.kept_searches import KeptSearches
from ticketlab.cli.options import command_line, is_typed, option, refuse_both
from ticketlab.core.errors import UsageError
from ticketlab.core.result import as_document

if TYPE_CHECKING:
    from collections.abc import Callable

    from ticketlab.core.timeline import Diagram
    from ticketlab.explorer.engine.scheduler import StepWatch
    from ticketlab.explorer.results import ExploreOptions
    from ticketlab.lab.exploring.kept_search import SearchPause
    from ticketlab.lab.fixing.search import FoundFix
    from ticketlab.lab.plain.case import PlainCase
    from ticketlab.lab.plain.function import PlainFunction
    from ticketlab.lab.plain.results import PlainExploration, PlainRaceResult, PlainReplay

    F = TypeVar("F", bound=Callable[..., Any])

_PATH: Final = "MODULE:FUNCTION"
SECTIONS: Final = {
    "For functions and programs": ("reset", "invariant", "serial", "unseen", "times"),
    "For functions": ("processes", "threads", "tasks", "gate", "returned", "server", "fix"),
    "For programs": ("run", "copies", "in_", "allow_exit", "patience", "sql"),
    "For power cuts": ("disk", "recover"),
    "For purchases": (
        *("store", "strategy", "buyers", "tickets", "stock", "orders", "quantity", "hold", "pay", "abandon"),
        *("launcher", "cluster", "workers", "latency", "memory_mb", "ledger", "history", "case", "evidence", "folder"),
    ),
}
"""The options that not all have who can be raced or explored: told together by the help, and refused to the others."""


def function_options(command: F) -> F:
    """Declare the argument and the options of a command that takes a function."""
    for declare in (
        click.option("--serial", is_flag=True, help="The end must be that of some order one after another."),
        click.option(
            "--server", metavar="postgres|valkey", help="Is started for FUNCTION, and empty before each execution."
        ),
        click.option("--returned", metavar=_PATH, help="Is given the list of what the processes returned."),
        click.option(
            "--invariant",
            metavar=f"{_PATH} | COMMAND",
            help="Is asked afterwards: false, an error or, of a command, another exit code than 0 is a failure.",
        ),
        click.option(
            "--reset",
            metavar=f"{_PATH} | COMMAND",
            help="Is called in the fresh folder before each execution, and puts back what is outside it.",
        ),
        option("--processes", type=click.IntRange(min=1), default=2, help="How many processes call FUNCTION at once."),
        click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[FUNCTION | PROGRAM]"),
    ):
        command = declare(command)
    return command


def kind_options(command: F) -> F:
    """Declare the options of a command that can have a function called by others than processes."""
    gate = click.Choice(["probes", "kernel"])
    told = "probes: Python's calls are steps; kernel: system calls are, and what no probe told is named."
    command = option("--gate", type=gate, default="probes", help=told)(command)
    for kind, told in (
        ("tasks", "How many tasks of one event loop run FUNCTION, in place of processes."),
        ("threads", "How many threads of one process call FUNCTION, in place of processes."),
    ):
        command = click.option(f"--{kind}", type=click.IntRange(min=1), metavar="N", help=told)(command)
    return command


def kind_of_participants(given: Mapping[str, Any]) -> str:
    """Return "threads" or "tasks" if these take part, else an empty string; raises UsageError for a mixture."""
    kind = next((each for each in ("threads", "tasks") if given.get(each)), "")
    if kind:
        for other in {"processes", "threads", "tasks", "executor"} - {kind}:
            refuse_both(kind, other)
        if kind == "tasks" and given["faults"]:
            raise UsageError("no fault can be injected into a task of an event loop: leave out --faults")
    if given.get("gate") == "kernel":
        from ticketlab.lab.plain.gates import check_gate

        check_gate("kernel", [name for name, value in given.items() if value])
    return kind


def refuse_mixture(function: str | None, *of_purchases: str) -> None:
    """Raise UsageError if the command line mixes a function with purchases, or has its settings without it.

    `of_purchases` names further options of the command that are of purchases.
    """
    of_functions = *SECTIONS["For functions and programs"], *SECTIONS["For functions"]
    for key in (*SECTIONS["For purchases"], *of_purchases) if function else of_functions:
        if key in click.get_current_context().params and is_typed(key):
            name = key.replace("_", "-")
            if key == "faults":
                raise UsageError(
                    f"--faults is injected into functions in an exploration, and not in a race: explore {function}"
                )
            if function:
                raise UsageError(f"--{name} is of purchases, and {function} is a function: leave one of them out")
            raise UsageError(f"--{name} is of a function: name one, as in shop.checkout:claim")


def named_function(function: str, given: Mapping[str, Any]) -> PlainFunction:
    """Import a function with what judges it; raises UsageError if one of them is not there."""
    from ticketlab.lab.plain.loading import SETTINGS, imported

    kind = kind_of_participants(given)
    settings = {name: given[name] for name in SETTINGS if name in given} | {"participants": kind}
    with silenced():
        return imported(function, given[kind or "processes"], settings)


@contextmanager
def silenced() -> Iterator[None]:
    """Discard what a function prints, which it would print in each of thousands of executions.

    What it writes to file 1 itself, or what its children print, is discarded too: the lab prints its result there.
    """
    before = os.dup(1)
    try:
        with open(os.devnull, "w") as null, redirect_stdout(null), redirect_stderr(null):
            os.dup2(null.fileno(), 1)
            yield
    finally:
        os.dup2(before, 1)
        os.close(before)


def explore_function(function: str, options: ExploreOptions, as_json: bool, given: Mapping[str, Any]) -> int:
    """Explore a function, tell what came of it, and return the exit code."""
    from ticketlab.cli.terminal import ProgressLine

    plain, fix = named_function(function, given), None
    if given["fix"]:
        from ticketlab.lab.fixing.search import find_fix, refuse_unfixable

        refuse_unfixable(options)
    command = command_line("json", "cases", "keep", "html", "force", "save", arguments=(function,))
    kept = KeptSearches(command)
    explore = _explorer(given["gate"], kept.pause)
    with ProgressLine() as progress, silenced():
        found = explore(
            plain,
            options,
            command=command,
            allows_unseen=given["unseen"] == "allow",
            progress=progress.search,
        )
        if given["fix"] and found.finding is not None:
            fix = find_fix(plain, found, options, lambda done, most: progress.say(f"a fix: {done} of {most} tried ..."))
    return _tell(found, fix, as_json, given, kept)


def _explorer(gate: str, pause: SearchPause) -> Callable[..., PlainExploration]:
    """Return what explores functions at a gate; programs and the kernel's are loaded only if they are asked for.

    A search at the kernel's gate cannot be gone on with.
    """
    if gate == "kernel":
        from ticketlab.lab.gated.explore import explore_gated

        return explore_gated
    from ticketlab.lab.plain.explore import explore_plain

    return partial(explore_plain, pause=pause)


def _tell(
    found: PlainExploration, fix: FoundFix | None, as_json: bool, given: Mapping[str, Any], kept: KeptSearches
) -> int:
    """Save, keep, draw and print what came of an exploration and of a search for a fix, and return the exit code."""
    from ticketlab.cli.command_lines import replay_line
    from ticketlab.cli.saving import keep_result
    from ticketlab.cli.terminal import console, print_json
    from ticketlab.lab.plain.cases import save_plain_case
    from ticketlab.report.plain_function import print_function_search, search_diagrams

    path = save_plain_case(found.finding.case, given["cases"]) if found.finding else None
    saved = as_document("exploration", found.to_json() | {"file": str(path) if path else None})
    if fix is not None:
        saved["fix"] = fix.to_json()
    if not as_json:
        print_function_search(found, replay_line(path) if path else "", console(), fix.lines if fix else ())
    beside = kept.files(given["executions"])
    folder = keep_result(saved, f"explore-{found.function}", search_diagrams(found), given, beside)
    if as_json:
        print_json({**saved, "resume": kept.line(folder)})
    kept.end(folder, as_json=as_json)
    return found.verdict.exit_code


def race_function_live(function: str, as_json: bool, given: Mapping[str, Any]) -> int:
    """Race a function live, tell how often it went wrong, and return the exit code."""
    from ticketlab.cli.terminal import ProgressLine
    from ticketlab.lab.plain.race import race_function

    plain = named_function(function, given)
    left_out = ("json", "keep", "html", "force", "save", "times", "timeout")
    with ProgressLine() as progress, silenced():
        found = race_function(
            plain,
            given["times"],
            timeout=given["timeout"],
            command=command_line(*left_out[:4], arguments=(function,)),
            progress=lambda done, wrong: progress.say(f"{done:,} races, {wrong:,} wrong ..."),
        )
    explore = command_line(*left_out, arguments=(function,)).replace(" race ", " explore ", 1)
    return tell_races(found, explore, as_json, given)


def tell_races(found: PlainRaceResult, explore: str, as_json: bool, given: Mapping[str, Any]) -> int:
    """Keep and print what came of live races, and return the exit code; `explore` is the command line to go on with."""
    from ticketlab.cli.saving import keep_result
    from ticketlab.cli.terminal import console, print_json
    from ticketlab.report.function_races import print_function_races

    saved = as_document("function-race", found.to_json())
    if as_json:
        print_json(saved)
    else:
        print_function_races(found, explore, console())
    keep_result(saved, f"race-{found.function}", [], given)
    return found.verdict.exit_code


def replay_function_case(
    case: PlainCase, path: Path, executor: str | None, as_json: bool, watch: StepWatch | None = None
) -> int:
    """Replay a case of a function, tell what came of it, and return the exit code."""
    from ticketlab.cli.terminal import console, print_json
    from ticketlab.report.plain_function import print_function_replay

    played = played_again(case, path, executor, watch)
    if as_json:
        print_json(played.to_json())
    else:
        replayed = played.executor, played.execution, played.anomalies
        names, processes = played.participants, case.processes if played.participants else None
        print_function_replay(case.function, *replayed, console(), played.participant, names, processes)
    return played.verdict.exit_code


def played_again(
    case: PlainCase, path: Path, executor: str | None = None, watch: StepWatch | None = None
) -> PlainReplay:
    """Run a case of a function again; `path` is its file."""
    from ticketlab.cli.command_lines import replay_line
    from ticketlab.lab.plain.explore import imported_of, replay_imported

    with silenced():
        if case.gate == "kernel":
            from ticketlab.lab.gated.explore import replay_gated

            if executor is not None:
                raise UsageError(f"this case is of the gate kernel: leave out --executor {executor}")
            if watch is not None:
                raise UsageError("--pdb stops at the steps of probes, and this case is of the gate kernel")
            return replay_gated(imported_of(case, path), case, command=replay_line(path))
        return replay_imported(case, executor, command=replay_line(path, executor), file=path, watch=watch)


def replay_diagrams(played: PlainReplay) -> Sequence[Diagram]:
    """Return the diagram of a replay."""
    from ticketlab.report.plain_function import steps_diagram

    names = played.participants
    return [steps_diagram(played.case.function, played.execution, played.anomalies, played.participant, names)]
