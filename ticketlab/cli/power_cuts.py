"""Power cuts on the command line: `--faults power-cut` of `explore` and of `compare`, and the replay of their cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from ticketlab.cli.options import command_line, is_typed
from ticketlab.cli.programs import is_program, line_of_program, program_of
from ticketlab.core.errors import UsageError
from ticketlab.core.result import as_document
from ticketlab.core.verdict import exit_code

if TYPE_CHECKING:
    from collections.abc import Callable

    from ticketlab.lab.powercuts.case import PowerCutCase
    from ticketlab.lab.powercuts.explore import PowerCutReplay
    from ticketlab.lab.powercuts.subject import PowerCutSubject

    F = TypeVar("F", bound=Callable[..., Any])

POWER_CUT: Final = "power-cut"
_NOT_OF_POWER_CUTS: Final = (
    *("strategy", "buyers", "tickets", "orders", "hold", "pay", "abandon", "policy", "preemptions", "executor"),
    *("atomic_accesses", "serial", "sql", "unseen", "patience", "processes", "threads", "tasks", "gate", "returned"),
    *("quantity", "fix", "workers", "cluster", "html"),
)


def power_cut_options(command: F) -> F:
    """Declare the options of a command that searches power cuts."""
    for declare in (
        click.option(
            "--disk",
            metavar="MODELS",
            help="With power-cut: the models of the file system, ext4 or strict. [default: ext4,strict]",
        ),
        click.option("--recover", metavar="COMMAND", help="With power-cut: is run before the invariant."),
    ):
        command = declare(command)
    return command


def asks_for_power_cut(given: Mapping[str, Any]) -> bool:
    """Whether a command line asks for power cuts; raises UsageError if it asks for other faults as well, or for none.

    The options of power cuts make no sense without.
    """
    names = [name.strip() for name in (given["faults"] or "").split(",")]
    if POWER_CUT not in names:
        for key in ("disk", "recover"):
            if given.get(key) is not None:
                raise UsageError(f"--{key} is of power cuts: add --faults power-cut")
        return False
    if len(names) > 1:
        raise UsageError("a power cut is searched on its own: --faults power-cut, and other faults apart")
    return True


def models_of(text: str | None) -> tuple[str, ...]:
    """Return the models that a command line names; raises UsageError if one is not known."""
    from ticketlab.core.errors import unknown_name
    from ticketlab.lab.powercuts.explore import ALL_MODELS
    from ticketlab.lab.powercuts.search import MODELS

    names = tuple(name.strip() for name in text.split(",")) if text else ALL_MODELS
    for name in names:
        if name not in MODELS:
            raise unknown_name("model of a disk", name, list(MODELS))
    return names


def explore_power_cut(words: tuple[str, ...], as_json: bool, given: Mapping[str, Any]) -> int:
    """Search the power cuts of a program or a store, tell what came of it, and return the exit code."""
    from ticketlab.cli.command_lines import replay_line
    from ticketlab.cli.saving import keep_result, refuse_outputs
    from ticketlab.cli.terminal import ProgressLine, console, print_json
    from ticketlab.lab.powercuts.case import save_power_cut_case
    from ticketlab.lab.powercuts.explore import explore_power_cuts
    from ticketlab.report.power_cuts import print_power_cuts

    refuse_outputs(given)
    subject, line = _subject(words, given)
    models = models_of(given["disk"])
    with ProgressLine() as progress:
        found = explore_power_cuts(
            subject,
            models,
            most=given["executions"],
            exhaust=given["exhaust"],
            seed=given["seed"],
            command=line,
            progress=lambda done, wrong: progress.say(f"{done:,} disk states, {wrong:,} wrong ..."),
        )
    path = save_power_cut_case(found.finding.case, given["cases"]) if found.finding else None
    saved = as_document("exploration", found.to_json() | {"file": str(path) if path else None})
    if as_json:
        print_json(saved)
    else:
        print_power_cuts(saved, found.verdict, replay_line(path) if path else "", console())
    keep_result(saved, f"explore-{subject.title}", [], given)
    return found.verdict.exit_code


def _subject(words: tuple[str, ...], given: Mapping[str, Any]) -> tuple[PowerCutSubject, str]:
    """Return what a command line has lose power, and the command line that does it again."""
    from ticketlab.core.spec import Spec
    from ticketlab.lab.powercuts.explore import subject_of_store
    from ticketlab.lab.powercuts.subject import PowerCutSubject
    from ticketlab.lab.programs.program import command_words

    for key in _NOT_OF_POWER_CUTS:
        if is_typed(key):
            raise UsageError(f"--{key.replace('_', '-')} has no meaning for a power cut: leave it out")
    if is_program(words, given):
        program = program_of(words, given)
        recover = command_words(given["recover"] or "")
        return PowerCutSubject(program.title, program=program, recover=recover), line_of_program(words)
    if words:
        raise UsageError(f"{words[0]}: a power cut concerns programs and stores; have a script call the function")
    if given["recover"] or given["invariant"]:
        raise UsageError("a store recovers by itself, and is judged by its books: leave --recover and --invariant out")
    left_out = ("json", "cases", "keep", "html", "force", "save")
    return subject_of_store(Spec.parse(given["store"])), command_line(*left_out)


def replay_power_cut_case(case: PowerCutCase, path: Path, as_json: bool) -> int:
    """Replay a case of a power cut, tell what came of it, and return the exit code."""
    from ticketlab.cli.terminal import console, print_json
    from ticketlab.report.exploration import headline
    from ticketlab.report.power_cuts import print_smallest_cut

    played = power_cut_again(case, path)
    if as_json:
        print_json(played.to_json())
    else:
        out = console()
        out.print(headline(case.subject.title, played.verdict, "one disk state after a power cut"))
        print_smallest_cut(played.finding.to_json(), out)
    return played.verdict.exit_code


def power_cut_again(case: PowerCutCase, path: Path) -> PowerCutReplay:
    """Lay the disk state of a case out again, and judge it; `path` is its file."""
    from ticketlab.cli.command_lines import replay_line
    from ticketlab.lab.powercuts.explore import replay_power_cut

    return replay_power_cut(case, command=replay_line(path))


def compare_power_cuts(given: Mapping[str, Any], places: Sequence[str]) -> int:
    """Search the power cuts of stores, tell what each is worth, and return the exit code."""
    import json

    from ticketlab.cli.saving import keep_run
    from ticketlab.cli.terminal import ProgressLine, console
    from ticketlab.lab.comparing.cells import parse_specs
    from ticketlab.lab.powercuts.matrix import power_cut_matrix
    from ticketlab.report.power_cuts import print_power_cut_matrix

    if given["strategies"]:
        raise UsageError("--strategies has no meaning for a power cut: nobody else is there")
    for key in ("workers", "cluster"):
        if given[key] is not None:
            raise UsageError(f"--{key} has no meaning for a power cut: each core judges stores of its own")
    for key in ("export_csv", "export_markdown", "html"):
        if given[key] is not None:
            raise UsageError(f"a table of power cuts has no form for --{key.replace('_', '-')}: --export-json has")
    if given["format"] not in ("table", "json"):
        raise UsageError(f"a table of power cuts is printed as table or json, not as {given['format']}")
    with ProgressLine() as progress:
        matrix = power_cut_matrix(
            parse_specs(given["stores"]),
            models_of(None),
            command_line(*places),
            lambda done, of, store: progress.say(f"[{done}/{of}] {store} ..."),
        )
    keep_run(matrix, "power-cuts", given["keep"])
    if given["format"] == "json":
        click.echo(json.dumps(matrix, indent=2, ensure_ascii=False, allow_nan=False))
    else:
        print_power_cut_matrix(matrix, console())
    if given["export_json"] is not None:
        from ticketlab.lab.artifacts.files import write_text

        text = json.dumps(matrix, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        write_text(given["export_json"], text, force=given["force"])
    return exit_code(matrix["valid"])
