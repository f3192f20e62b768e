"""Results of fault injection for a terminal: the crash matrix, and the fault points of one exploration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from ticketlab.core.text import join_words, pluralize
from ticketlab.report.sections import Section, TableColumn, sectioned
from ticketlab.report.text import next_steps, store_title

_Row = Mapping[str, Any]

_MARKS: Final = {True: ("✓", "green"), False: ("✗", "red"), None: ("?", "yellow")}
_NARROW: Final = 100


def print_crashes(document: Mapping[str, Any], console: Console) -> None:
    """Print the crash matrix: the verdict first, then a line for each store and strategy, then what to type next."""
    rows = document["rows"]
    console.print(_headline(rows))
    struck = sum(row["points"] for row in rows)
    tried = f"{struck:,} points, {sum(row['executions'] for row in rows):,} executions"
    console.print(
        Text(f"{document['buyers']} buyers; {join_words(document['faults'])} at every point: {tried}", style="dim")
    )
    console.print()
    wide = console.width >= _NARROW
    columns = [TableColumn(""), TableColumn("strategy"), TableColumn("points", number=True)]
    columns += [TableColumn("executions", number=True)] if wide else []
    columns += [TableColumn("after a crash", most=44), TableColumn("left behind")]
    sections = [
        Section(store_title(store), [_cells(row, wide=wide) for row in some])
        for store, some in groupby(rows, key=lambda row: row["store"])
    ]
    for part in sectioned(columns, sections, 2):
        console.print(part)
    if any(row["anyway"] for row in rows):
        console.print(Text("(anomalies that happen without a fault as well are in brackets)", style="dim"))
    worst = next((row for row in rows if row["valid"] is False), None)
    if worst is not None:
        console.print()
        console.print(next_steps({worst["command"].removesuffix(" --exhaust"): "see how, step by step"}))


def _headline(rows: Sequence[_Row]) -> Text:
    safe = [row for row in rows if row["valid"] and not row["anyway"]]
    told = f"{len(safe)} of {pluralize(len(rows), 'combination')} keep the books right and let the others go on"
    return Text(f"{told}, whatever fault is injected", style="bold green" if safe else "bold red")


def _cells(row: _Row, *, wide: bool) -> list[Text | str]:
    mark, style = _MARKS[row["valid"]]
    verdict = Text(row["summary"], style=style)
    if row["anyway"]:
        verdict.append(f" [{', '.join(row['anyway'])}]", style="dim")
    executions = [f"{row['executions']:,}"] if wide else []
    return [
        Text(mark, style=style),
        row["strategy"],
        str(row["points"]),
        *executions,
        verdict,
        ", ".join(row["left_behind"]),
    ]


def print_points(struck: Sequence[_Row], console: Console) -> None:
    """Print the outcome of each fault at each point, participant by participant."""
    columns = [
        TableColumn("", number=True),
        TableColumn("injected before", most=40),
        TableColumn("schedules", number=True),
        TableColumn(""),
    ]
    sections = [
        Section(f"{who}, {fault}", [_point(point) for point in points])
        for (fault, who), points in groupby(struck, key=lambda point: (point["fault"], point["who"]))
    ]
    for part in sectioned(columns, sections, 2):
        console.print(part)


def _point(point: _Row) -> list[Text | str]:
    names = ", ".join(sorted(point["names"]))
    after = f"survives, after {point['waited']:g} s" if point["waited"] else "survives"
    came = Text(names, style="red") if names else Text(after, style="green")
    return [str(point["point"]), point["before"], f"{point['executions']:,}", came]
