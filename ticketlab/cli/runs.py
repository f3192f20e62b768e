"""`ticketlab runs`."""

from __future__ import annotations

import click

from ticketlab.cli.options import Command


@click.command("runs", cls=Command)
@click.option(
    "--keep", type=click.IntRange(min=0), help="Remove all runs but the newest N; baselines stay.", metavar="N"
)
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def command(keep: int | None, as_json: bool) -> int:
    """List the runs in .ticketlab/runs, the newest first, and the baselines."""
    from ticketlab.cli.terminal import console, print_json
    from ticketlab.lab.artifacts.listing import kept
    from ticketlab.lab.artifacts.runs import prune
    from ticketlab.report.listing import print_kept

    if keep is not None:
        prune(keep)
    found = kept()
    if as_json:
        print_json(found)
    else:
        print_kept(found, console())
    return 0
