"""`ticketlab strategies`."""

from __future__ import annotations

import click

from ticketlab.cli.options import Command


@click.command("strategies", cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print the table as JSON.")
def command(as_json: bool) -> int:
    """List the stores, strategies and launchers, and which strategy runs on which store, or why it does not."""
    from ticketlab.cli.terminal import console, print_json
    from ticketlab.lab.plugins.combinations import catalogue

    found = catalogue()
    if as_json:
        print_json(found)
        return 0

    from ticketlab.report.strategy_table import print_catalogue

    print_catalogue(found, console())
    return 0
