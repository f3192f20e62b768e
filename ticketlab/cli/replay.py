"""`ticketlab replay`."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from ticketlab.cli.options import Command, option


@click.command("replay", cls=Command)
@click.argument("case", type=click.Path(path_type=Path))
@option("--executor", help="inline: all buyers in this process; processes: one each, for real (needed for a kill).")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(case: Path, executor: str | None, as_json: bool) -> int:
    """Run a saved case again: the same schedule, the same steps, the same history.

    Steps that differ from the case's are an error of their own kind (exit code 4), never a verdict.
    """
    from ticketlab.cli.terminal import console, print_json
    from ticketlab.lab.artifacts.cases import load_case
    from ticketlab.lab.exploring.replay import replay
    from ticketlab.report.exploration import print_replay

    words = ["ticketlab", "replay", str(case), *(["--executor", executor] if executor else [])]
    played = replay(load_case(case), executor, command=shlex.join(words))
    if as_json:
        print_json(played.to_json())
    else:
        print_replay(played, console())
    return played.verdict.exit_code
