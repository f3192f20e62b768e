"""`ticketlab isolation`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ticketlab.cli.options import Command, Name, command_line, option
from ticketlab.cli.saving import refuse_outputs


@click.command("isolation", cls=Command)
@option("--store", type=Name("store"), default="sqlite", help="postgres, postgres:url=... or sqlite.")
@click.option("--level", "levels", multiple=True, metavar="NAME", help="Only this isolation level; repeatable.")
@click.option("--anomaly", "anomalies", multiple=True, metavar="NAME", help="Only this anomaly, as P4; repeatable.")
@option("--executions", type=click.IntRange(min=1), default=100_000, help="The most schedules of each scenario.")
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write a page that opens offline.")
@click.option("--force", is_flag=True, help="Replace the --html file if it exists.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(store: str, executions: int, as_json: bool, **given: Any) -> int:
    """Find out which anomalies the isolation levels of a database let happen, by trying every schedule.

    Eleven anomalies, from dirty writes (G0) to write skew (G2), each by a small scenario of tickets on the real
    database. An anomaly that can occur comes with the smallest schedule that shows it; one is prevented if every order
    of the statements was run and none shows it. The table is held to the published one.

    Exit code 1: a cell differs from the published one; 3: a cell could not be decided.
    """
    from ticketlab.cli.report import write_page
    from ticketlab.cli.terminal import ProgressLine, console, print_json
    from ticketlab.core.spec import Spec
    from ticketlab.core.verdict import exit_code
    from ticketlab.lab.isolation.measure import measure_isolation
    from ticketlab.report.isolation import print_isolation

    refuse_outputs(given)
    with ProgressLine() as progress:
        found = measure_isolation(
            Spec.parse(store),
            levels=given["levels"],
            anomalies=given["anomalies"],
            executions=executions,
            command=command_line("json", "html", "force"),
            progress=progress.say,
        ).to_json()
    if as_json:
        print_json(found)
    else:
        print_isolation(found, console())
    if given["html"] is not None:
        write_page(given["html"], found, (), force=given["force"])
    return exit_code(found["valid"])
