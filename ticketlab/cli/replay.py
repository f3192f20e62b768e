"""`ticketlab replay`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ticketlab.cli.functions import replay_function_case
from ticketlab.cli.options import Command, option
from ticketlab.cli.power_cuts import replay_power_cut_case
from ticketlab.cli.programs import replay_program_case
from ticketlab.core.errors import UsageError

if TYPE_CHECKING:
    from ticketlab.lab.exploring.debugging import ReplayDebugger


@click.command("replay", cls=Command)
@click.argument("case", type=click.Path(path_type=Path))
@option("--executor", help="inline: all buyers in this process; processes: a process for each (needed for a kill).")
@click.option(
    "--pdb", metavar="STEP", help="Stop in Python's debugger, as buyer=2,step=3: before the third step of buyer 2."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(case: Path, executor: str | None, pdb: str | None, as_json: bool) -> int:
    """Run a saved case again: the same schedule, the same steps, the same history.

    If the steps differ from the case's, that is an error (exit code 4) and no verdict.

    With --pdb, the participant stops there and the others stay where they are. `point` goes to its next scheduling
    point, `shared` shows the files and where everybody stands, and `continue` goes on to the end.
    """
    if pdb is not None and as_json:
        raise UsageError("--pdb talks where --json prints: leave one of them out")
    with _debugger(pdb) as watch:
        return _replay(case, executor, watch, as_json)


@contextmanager
def _debugger(pdb: str | None) -> Iterator[ReplayDebugger | None]:
    if pdb is None:
        yield None
        return
    from ticketlab.lab.exploring.debugging import StopAt, debugger

    with debugger(StopAt.parse(pdb)) as watch:
        yield watch


def _replay(case: Path, executor: str | None, watch: ReplayDebugger | None, as_json: bool) -> int:
    from ticketlab.cli.command_lines import replay_line
    from ticketlab.cli.terminal import console, print_json
    from ticketlab.lab.artifacts.case_files import load_case
    from ticketlab.lab.exploring.replay import replay_case
    from ticketlab.lab.plain.cases import is_plain_case, load_plain_case
    from ticketlab.lab.powercuts.case import is_power_cut_case, load_power_cut_case
    from ticketlab.lab.programs.cases import is_program_case, load_program_case
    from ticketlab.report.exploration import print_replay

    if watch is not None and (is_power_cut_case(case) or is_program_case(case)):
        raise UsageError("--pdb debugs functions and purchases, and this case is of neither")
    if is_power_cut_case(case):
        return replay_power_cut_case(load_power_cut_case(case), case, as_json)
    if is_program_case(case):
        return replay_program_case(load_program_case(case), case, as_json)
    if is_plain_case(case):
        of_function = load_plain_case(case)
        if watch is not None:
            watch.refuse_unreachable(of_function.schedule)
        return replay_function_case(of_function, case, executor, as_json, watch)
    of_purchases = load_case(case)
    if watch is not None:
        watch.refuse_unreachable(of_purchases.schedule)
    replayed = replay_case(of_purchases, executor, command=replay_line(case, executor), watch=watch)
    if as_json:
        print_json(replayed.to_json())
    else:
        print_replay(replayed, console())
    return replayed.verdict.exit_code
