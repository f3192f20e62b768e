"""What isolation levels let happen, as text: the table, what it is held to, and the smallest schedules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ticketlab.core.text import join_words, pluralize
from ticketlab.report.safe_console import Roomy

_Cell = Mapping[str, Any]
_Document = Mapping[str, Any]

OCCURRENCE_MARKS: Final = {"prevented": ("✓", "green"), "possible": ("✗", "yellow"), "undecided": ("?", "yellow")}
OCCURRENCE_LEGEND: Final = {
    "prevented": "✓ prevented: every schedule was run, and none shows it",
    "possible": "✗ possible: a schedule below shows it",
    "undecided": "? undecided: not every schedule was run",
}
_STYLES: Final = {True: "green", False: "red", None: "yellow"}


def isolation_headline(document: _Document) -> str:
    """Say in one line whether the cells are those that are published."""
    cells = document["cells"]
    compared = [cell for cell in cells if cell["published"]]
    different = sum(cell["valid"] is False for cell in cells)
    unsure = sum(cell["valid"] is None for cell in cells)
    if different:
        said = f"✗ {different} of {pluralize(len(compared), 'cell')} differ from what is published"
    elif unsure:
        said = f"? {unsure} of {pluralize(len(cells), 'cell')} could not be decided"
    elif not compared:
        said = "✓ measured; nothing is published to compare with"
    else:
        said = f"✓ {len(compared)} of {pluralize(len(compared), 'cell')} as published"
    return f"{document['product']}: {said}"


def isolation_setting(document: _Document) -> str:
    """Say how many schedules were run."""
    schedules = sum(scenario["executions"] for cell in document["cells"] for scenario in cell["scenarios"])
    return f"{pluralize(schedules, 'schedule')}: every order of the statements of each scenario"


def print_isolation(document: _Document, console: Console) -> None:
    """Print the table of levels and anomalies, and for each anomaly that can occur its smallest schedule."""
    cells = document["cells"]
    console.print(Text(isolation_headline(document), style=f"bold {_STYLES[document['valid']]}"))
    console.print(Text(isolation_setting(document), style="dim"))
    console.print()
    console.print(Roomy(_levels(document)))
    for result in dict.fromkeys(cell["result"] for cell in cells):
        console.print(Text(OCCURRENCE_LEGEND[result], style="dim"))
    for said, style in isolation_remarks(cells):
        console.print(Text(said, style=style))
    console.print(Text(f"published: {document['source']}", style="dim"))
    _print_parts("\nThe anomalies", [(key, _tells(words)) for key, words in document["words"].items()], console)
    _print_parts("\nRefused by the database", list(isolation_refusals(cells)), console)
    for title, steps in smallest_schedules(document):
        console.print(Text(title, style="bold"))
        console.print(Roomy(_schedule(steps)))


def _levels(document: _Document) -> Table:
    """Return the table of levels (rows) and anomalies (columns)."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("", *document["words"]):
        table.add_column(name, no_wrap=True)
    for level in dict.fromkeys(cell["level"] for cell in document["cells"]):
        marks = [_mark(cell) for cell in document["cells"] if cell["level"] == level]
        table.add_row(Text(level, style="bold"), *marks)
    return table


def _mark(cell: _Cell) -> Text:
    mark, style = OCCURRENCE_MARKS[cell["result"]]
    return Text(f"{mark} !", style="red") if cell["valid"] is False else Text(mark, style=style)


def isolation_remarks(cells: Sequence[_Cell]) -> Iterator[tuple[str, str]]:
    """Yield lines with their styles: cells that differ or are undecided, and levels of which nothing is published."""
    for cell in cells:
        where = f"{cell['anomaly']} at {cell['level']}"
        if cell["valid"] is False:
            yield f"! {where}: {cell['result']} here, {cell['published']} as published", "red"
        for scenario in cell["scenarios"]:
            if scenario["reason"]:
                yield f"? {where}, {scenario['name']}: {scenario['reason']}", "yellow"
    for level in dict.fromkeys(cell["level"] for cell in cells if cell["published"] is None):
        yield f"{level}: nothing is published", "dim"


def _tells(words: Mapping[str, str]) -> str:
    return f"{words['name']}: {words['tickets']}"


def isolation_refusals(cells: Sequence[_Cell]) -> Iterator[tuple[str, str]]:
    """Yield for each level each reason of the database, and the anomalies in whose scenarios it was given."""
    found: dict[tuple[str, str], list[str]] = {}
    for cell in cells:
        for reason in {reason: None for scenario in cell["scenarios"] for reason in scenario["refusals"]}:
            found.setdefault((cell["level"], reason), []).append(cell["anomaly"])
    for (level, reason), anomalies in found.items():
        yield level, f"{reason}: {', '.join(anomalies)}"


def _print_parts(title: str, rows: Sequence[tuple[str, str]], console: Console) -> None:
    """Print rows of a name and a text under a title, if there are some; a name is not repeated."""
    if not rows:
        return
    console.print(Text(title, style="bold"))
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 3, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    before = ""
    for name, text in rows:
        table.add_row("" if name == before else name, text)
        before = name
    console.print(Roomy(table))


def smallest_schedules(document: _Document) -> Iterator[tuple[str, Sequence[Mapping[str, str]]]]:
    """Yield each smallest schedule with its title; levels at which it is the same share one."""
    shared: dict[tuple[str, str, str], tuple[list[str], Sequence[Mapping[str, str]]]] = {}
    for cell in document["cells"]:
        for scenario in cell["scenarios"]:
            if scenario["smallest"]:
                key = cell["anomaly"], scenario["name"], str(scenario["smallest"])
                shared.setdefault(key, ([], scenario["smallest"]))[0].append(
                    f"{cell['level']} (in {scenario['anomalous']:,} of {scenario['executions']:,} schedules)"
                )
    for (anomaly, scenario, _), (levels, steps) in sorted(shared.items(), key=lambda each: _place(document, each[0])):
        yield f"\n{anomaly}, {scenario}, at {join_words(levels)}", steps


def _place(document: _Document, key: tuple[str, str, str]) -> int:
    return list(document["words"]).index(key[0])


def _schedule(steps: Sequence[Mapping[str, str]]) -> Table:
    """Return a schedule with a column for each transaction."""
    lanes, rows = lanes_of_steps(steps)
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column("", justify="right")
    for lane in lanes:
        table.add_column(lane, no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def lanes_of_steps(steps: Sequence[Mapping[str, str]]) -> tuple[list[str], list[list[str]]]:
    """Return the transactions of a schedule, and its rows: a step's number, and the step in the column of its own."""
    lanes = sorted({step["who"] for step in steps})
    rows = []
    for number, step in enumerate(steps, 1):
        said = f"{step['step']} → {step['result']}" if step["result"] else step["step"]
        rows.append([str(number), *(said if lane == step["who"] else "" for lane in lanes)])
    return lanes, rows
