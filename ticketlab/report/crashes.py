"""Results of fault injection: the sentences of a crash matrix, and both it and the points of one search as text.

A combination is a store with a strategy. It is *correct* if no schedule of its buyers went wrong, without a fault or
with one at any point, and every schedule was tried; it *went wrong* if one did; otherwise it is *undecided*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from ticketlab.core.text import join_some, join_words, pluralize
from ticketlab.report.sections import Section, TableColumn, sectioned
from ticketlab.report.text import next_steps, store_title

_Row = Mapping[str, Any]
_Document = Mapping[str, Any]

STYLES: Final = {True: "green", False: "red", None: "yellow"}
_NARROW: Final = 100
_NAMED: Final = 3
"""How many combinations a headline names."""

OUTCOMES: Final = {True: "correct", False: "went wrong", None: "undecided"}
MARKS: Final = {True: "✓", False: "✗", None: "?"}
UNCLAIMED: Final = "these faults do not break it, though it claims no safety"
CORRECT: Final = (
    "correct: every schedule of these buyers was tried, without a fault and with each fault at each point, and none "
    "went wrong"
)


def crash_headline(rows: Sequence[_Row]) -> str:
    """Say in one line what the combinations that claim to be safe are worth."""
    claiming = [row for row in rows if row["claims_safety"]]
    if not claiming:
        return _nothing_claimed(rows)
    if len(rows) == 1:
        return f"{MARKS[rows[0]['valid']]} {_pair(rows[0])}: {crash_outcome(rows[0])}"
    of = f"of {pluralize(len(claiming), 'combination')} that {'claims' if len(claiming) == 1 else 'claim'} to be safe"
    wrong = [f"{_pair(row)} ({row['summary']})" for row in claiming if row["valid"] is False]
    unsure = [_pair(row) for row in claiming if row["valid"] is None]
    if wrong:
        return f"✗ {len(wrong)} {of} went wrong: {join_some(wrong, _NAMED)}"
    if unsure:
        return f"? {len(unsure)} {of} could not be decided, and none went wrong: {join_some(unsure, _NAMED)}"
    return f"✓ {len(claiming)} {of} {'is' if len(claiming) == 1 else 'are'} correct"


def _nothing_claimed(rows: Sequence[_Row]) -> str:
    mark = "?" if any(row["valid"] is None for row in rows) else "✓"
    if len(rows) == 1:
        return f"{mark} {_pair(rows[0])} claims no safety: {crash_outcome(rows[0])}"
    return f"{mark} none of {len(rows)} combinations claims to be safe: {_tally(rows)}"


def crash_counts(rows: Sequence[_Row]) -> str:
    """Say how many combinations were explored, are correct, went wrong and are undecided."""
    return f"{pluralize(len(rows), 'combination')} explored: {_tally(rows)}"


def _tally(rows: Sequence[_Row]) -> str:
    numbers = {said: sum(row["valid"] is valid for row in rows) for valid, said in OUTCOMES.items()}
    return ", ".join(f"{number} {said}" for said, number in numbers.items() if number)


def crash_setting(document: _Document) -> str:
    """Say what was explored: buyers, faults, points and executions."""
    rows = document["rows"]
    points, executions = (sum(row[key] for row in rows) for key in ("points", "executions"))
    faults = join_words([str(fault) for fault in document["faults"]])
    injected = f"{faults} injected before every step, under every schedule"
    tried = f"{pluralize(points, 'point')}, {pluralize(executions, 'execution')}"
    return f"{pluralize(document['buyers'], 'buyer')}; {injected}: {tried}"


def crash_outcome(row: _Row) -> str:
    """Say what became of a combination: the anomalies, or for what reason it can be said to hold."""
    if row["valid"] is None:
        return f"{row['summary']}; none of {pluralize(row['executions'], 'execution')} went wrong"
    if row["valid"]:
        return str(row["summary"]) if row["claims_safety"] else f"{row['summary']}: {UNCLAIMED}"
    if row["names"] and row["anyway"]:
        return f"{row['summary']}; without a fault as well: {join_words([str(name) for name in row['anyway']])}"
    return str(row["summary"])


def print_crashes(document: _Document, following: Mapping[str, str], console: Console) -> None:
    """Print a crash matrix: the verdict, a line for each store and strategy, and the commands to type next."""
    rows = document["rows"]
    console.print(Text(crash_headline(rows), style=f"bold {STYLES[document['valid']]}"))
    if len(rows) > 1:
        console.print(Text(crash_counts(rows)))
    console.print(Text(crash_setting(document), style="dim"))
    console.print()
    wide = console.width >= _NARROW
    columns = [TableColumn(""), TableColumn("strategy"), TableColumn("points", number=True)]
    columns += [TableColumn("executions", number=True)] if wide else []
    columns += [TableColumn("outcome", most=52), TableColumn("left behind")]
    sections = [
        Section(store_heading(store), [_cells(row, wide=wide) for row in some])
        for store, some in groupby(rows, key=lambda row: row["store"])
    ]
    for part in sectioned(columns, sections, 2, console.width):
        console.print(part)
    for each in document.get("unsupported", ()):
        console.print(Text(f"- {_pair(each)} was not explored: {each['reason']}", style="dim"))
    if any(row["valid"] for row in rows):
        console.print(Text(CORRECT, style="dim"))
    if following:
        console.print()
        console.print(next_steps(following))


def store_heading(store: str) -> str:
    """Return the title of a store's section, with its variant and options if it has some."""
    title = store_title(store)
    return f"{title} ({store})" if ":" in store else title


def _pair(row: _Row) -> str:
    return f"{row['strategy']} on {row['store']}"


def _cells(row: _Row, *, wide: bool) -> list[Text | str]:
    # An outcome that nothing promised is not as good as one that was: it is never green.
    style = "" if row["valid"] and not row["claims_safety"] else STYLES[row["valid"]]
    executions = [f"{row['executions']:,}"] if wide else []
    return [
        Text(MARKS[row["valid"]], style=style),
        row["strategy"],
        f"{row['points']:,}",
        *executions,
        Text(crash_outcome(row), style=style),
        ", ".join(row["left_behind"]),
    ]


def print_points(injected: Sequence[_Row], console: Console) -> None:
    """Print the outcome of each fault at each point, participant by participant."""
    columns = [
        TableColumn("", number=True),
        TableColumn("injected before", most=40),
        TableColumn("schedules", number=True),
        TableColumn(""),
    ]
    sections = [
        Section(f"{who}, {fault}", [_point(point) for point in points])
        for (fault, who), points in groupby(injected, key=lambda point: (point["fault"], point["who"]))
    ]
    for part in sectioned(columns, sections, 2, console.width):
        console.print(part)


def _point(point: _Row) -> list[Text | str]:
    names = ", ".join(sorted(point["names"]))
    after = f"survives, after {point['waited']:g} s" if point["waited"] else "survives"
    came = Text(names, style="red") if names else Text(after, style="green")
    return [str(point["point"]), point["before"], f"{point['executions']:,}", came]
