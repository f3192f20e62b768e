"""`ticketlab check-lock`: hold a lock to the laws."""

from __future__ import annotations

import click

from ticketlab.cli.options import Command


@click.command("check-lock", cls=Command)
@click.argument("make_lock")
@click.option("--law", "laws", multiple=True, metavar="NAME", help="Only this law, such as 'long pause'; repeatable.")
@click.option("--executions", type=click.IntRange(min=1), default=300, show_default=True, help="Limit of each search.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(make_lock: str, laws: tuple[str, ...], executions: int, as_json: bool) -> int:
    """Hold a lock to the laws, as it stands: one at a time, long pauses, dead holders, stray releases.

    MAKE_LOCK is the import path of a function or a class that makes the lock: shop.locks:make_lock, or
    shop/locks.py:make_lock. It may ask for a path of a lock file by the parameter name path.
    """
    from ticketlab.cli.terminal import console, print_json
    from ticketlab.core.result import as_document
    from ticketlab.core.verdict import exit_code
    from ticketlab.lab.plain.loading import load_function
    from ticketlab.report.lock_laws import laws_page
    from ticketlab.testing.lock_check.laws import check_lock

    report = check_lock(load_function(make_lock), laws=laws or None, executions=executions)
    if as_json:
        print_json(as_document("lock", report.to_json()))
    else:
        console().print(laws_page(report))
    return exit_code(report.valid)
