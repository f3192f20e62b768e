"""`ticketlab replay`."""

from __future__ import annotations

from pathlib import Path

import click

from ticketlab.cli.functions import replay_function_case
from ticketlab.cli.options import Command, option
from ticketlab.cli.power_cuts import replay_power_cut_case
from ticketlab.cli.programs import replay_program_case


@click.command("replay", cls=Command)
@click.argument("case", type=click.Path(path_type=Path))
@option("--executor", help="inline: all buyers in this process; processes: a process for each (needed for a kill).")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(case: Path, executor: str | None, as_json: bool) -> int:
    """Run a saved case again: the same schedule, the same steps, the same history.

    If the steps differ from the case's, that is an error (exit code 4) and no verdict.
    """
    from ticketlab.cli.command_lines import replay_line
    from ticketlab.cli.terminal import console, print_json
    from ticketlab.lab.artifacts.case_files import load_case
    from ticketlab.lab.exploring.replay import replay_case
    from ticketlab.lab.plain.cases import is_plain_case, load_plain_case
    from ticketlab.lab.powercuts.case import is_power_cut_case, load_power_cut_case
    from ticketlab.lab.programs.cases import is_program_case, load_program_case
    from ticketlab.report.exploration import print_replay

    if is_power_cut_case(case):
        return replay_power_cut_case(load_power_cut_case(case), case, as_json)
    if is_program_case(case):
        return replay_program_case(load_program_case(case), case, as_json)
    if is_plain_case(case):
        return replay_function_case(load_plain_case(case), case, executor, as_json)
    replayed = replay_case(load_case(case), executor, command=replay_line(case, executor))
    if as_json:
        print_json(replayed.to_json())
    else:
        print_replay(replayed, console())
    return replayed.verdict.exit_code
