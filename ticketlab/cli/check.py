"""`ticketlab check`: judge a history."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ticketlab.cli.options import Command, Positive, Seconds, is_typed, option
from ticketlab.core.text import escape_controls

if TYPE_CHECKING:
    from ticketlab.lab.checking.check_file import CheckResult

_SHOWN = 20  # anomalies in the text; --json has all of them


@click.command("check", cls=Command)
@click.argument("file", type=click.Path(path_type=Path))
@option("--model", metavar="NAME", help="counter, seats or cas-register; the history's own by default.")
@click.option("--stock", type=click.IntRange(min=0), help="Tickets of a counter; the history's own by default.")
@option("--budget-seconds", type=Seconds(), default=60.0, help="Limit of the search, in seconds.")
@option("--budget-mb", type=Positive(1e6, "megabytes"), default=2000.0, help="Limit of memory, in megabytes.")
@click.option("--html", type=click.Path(path_type=Path), metavar="PAGE", help="Write a page that opens offline.")
@click.option("--force", is_flag=True, help="Replace the --html file if it exists.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(
    file: Path,
    model: str | None,
    stock: int | None,
    budget_seconds: float,
    budget_mb: float,
    html: Path | None,
    force: bool,
    as_json: bool,
) -> int:
    """Judge the history in FILE: JSON Lines, gzipped or not, or Jepsen's EDN.

    A history is valid if every operation can have taken effect at one instant between its invocation and its return.
    If it is not, the operations that contradict each other are listed. When a budget is spent, the verdict is
    "undecided".
    """
    from ticketlab.cli.command_lines import check_line
    from ticketlab.cli.terminal import ProgressLine, print_json
    from ticketlab.lab.artifacts.files import refuse_existing
    from ticketlab.lab.checking.check_file import check_file

    said = [
        value if is_typed(f"budget_{key}") else None for key, value in (("seconds", budget_seconds), ("mb", budget_mb))
    ]
    if html is not None:
        refuse_existing(html, force=force)
    with ProgressLine() as progress:
        checked = check_file(
            file,
            model,
            stock=stock,
            seconds=budget_seconds,
            megabytes=budget_mb,
            progress=lambda lines, share: progress.say(f"{lines:,} lines, {share:.0%}"),
            command=check_line(file, model, stock, *said),
        )
    if as_json:
        print_json(checked.result)
    else:
        click.echo(escape_controls(_text(checked), lines=True))
    if html is not None:
        from ticketlab.cli.report import write_page

        timeline = checked.timeline()
        write_page(html, checked.result, [timeline] if timeline else [], force=force)
    return checked.verdict.exit_code


def _text(checked: CheckResult) -> str:
    result, verdict = checked.result, checked.verdict
    judged = f"{result['operations']:,} operations" if result["operations"] is not None else "history"
    about = f"{judged} judged by model {result['model']}"
    lines = [f"{_word(verdict.valid)}: {about}"]
    for anomaly in verdict.anomalies[:_SHOWN]:
        lines.append(f"  {anomaly.name}: {anomaly.sentence}")
        if "operations" in anomaly.evidence:  # otherwise the books are the proof, and the sentence says how
            lines.append(f"    proof: {_places(anomaly.evidence)}")
    if len(verdict.anomalies) > _SHOWN:
        lines.append(f"  and {len(verdict.anomalies) - _SHOWN:,} more anomalies: --json lists them all")
    if verdict.reason:
        lines.append(f"  not finished: {verdict.reason}; --budget-seconds and --budget-mb give it more")
    return "\n".join(lines)


def _word(valid: bool | None) -> str:
    return {True: "valid", False: "anomalous", None: "undecided"}[valid]


def _places(evidence: object) -> str:
    assert hasattr(evidence, "get")
    operations, size = evidence.get("operations", []), evidence.get("size", 0)
    kind = "line" if operations and "line" in operations[0] else "row"
    shown = ", ".join(str(operation[kind]) for operation in operations[:10])
    more = f" and {size - 10:,} more" if size > 10 else ""
    whole = "" if evidence.get("minimal", True) else " (not the smallest set: the budget ended first)"
    return f"{kind}{'s' if size > 1 else ''} {shown}{more}{whole}"
