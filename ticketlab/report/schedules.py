"""Schedules as text: the Gantt chart, the ready queue, and what each job waited for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ticketlab.core.text import pluralize
from ticketlab.report.safe_console import Roomy
from ticketlab.report.text import next_steps

_Document = Mapping[str, Any]

STATE_WORDS: Final = {
    "running": "running",
    "ready": "ready: waits for the processor",
    "blocked": "blocked: waits for something else",
    "switching": "context switch",
}
TIME_WORDS: Final = ("waiting", "turnaround", "response")
TIME_COLUMNS: Final = ("arrival", "finish", *TIME_WORDS)
LEAST_NOTE: Final = "* the least of its column"
_MARKS: Final = {
    "running": ("█", "blue"),
    "ready": ("░", "bright_black"),
    "blocked": ("▒", "yellow"),
    "switching": ("▞", "red"),
}
_WIDE: Final = 30  # a schedule of at most so many ticks has two characters for each
_RULE: Final = 5  # characters between two numbers of the scale, at least
NOBODY_RUNS: Final = "-"


def print_schedules(document: _Document, following: Mapping[str, str], console: Console) -> None:
    """Print one schedule with its queue and its times, or several with their averages side by side."""
    schedules = document["schedules"]
    several = len(schedules) > 1
    for schedule in schedules:
        print_chart(schedule, console)
        if several:
            console.print()
    console.print(chart_legend(schedules))
    console.print()
    if not several:
        console.print(Text("The ready queue, the next one first", style="bold"))
        console.print(Roomy(_table(("time", "runs", "ready", "blocked"), moments(schedules[0]))))
        console.print()
        print_times(schedules[0], console)
    else:
        console.print(Text("Averages", style="bold"))
        rows, least = averages(schedules)
        console.print(Roomy(_numbers(("policy", *TIME_WORDS, "switches"), rows, least)))
        console.print(Text(LEAST_NOTE, style="dim"))
    console.print()
    console.print(next_steps(following))


def print_served(schedule: _Document | None, console: Console) -> None:
    """Print the schedule of an exploration's last execution, if its policy keeps a ready queue."""
    if schedule is None:
        return
    console.print(Text("\nThe schedule of the last execution, in steps", style="bold"))
    print_chart(schedule, console)
    console.print(chart_legend([schedule]))
    console.print()
    print_times(schedule, console)


def print_chart(schedule: _Document, console: Console) -> None:
    """Print what was scheduled how, and the Gantt chart: a line for each job."""
    console.print(Text.assemble((schedule["policy"], "bold"), f": {schedule['summary']}"))
    names = [job["name"] for job in schedule["jobs"]]
    gutter = max(map(len, names), default=0) + 2
    width, ticks = _scale(schedule, max(20, console.width - gutter))
    console.print(Text(" " * gutter + _ruler(schedule, width, ticks), style="dim"))
    for job in schedule["jobs"]:
        console.print(Text(job["name"].ljust(gutter)) + _line(job["spans"], schedule, width, ticks))
    if ticks > 1:
        said = f"a column is {pluralize(ticks, schedule['unit'])}, and shows what lasted longest"
        console.print(Text(said, style="dim"))


def chart_legend(schedules: Sequence[_Document]) -> Text:
    """Return what the marks in charts mean."""
    shown = {span["state"] for each in schedules for job in each["jobs"] for span in job["spans"]}
    marks = [f"{_MARKS[state][0]} {word}" for state, word in STATE_WORDS.items() if state in shown]
    return Text("   ".join(marks), style="dim")


def print_times(schedule: _Document, console: Console) -> None:
    """Print the times of each job, their averages, and the number of context switches."""
    rows = [*times(schedule), ("average", "", "", *(_number(schedule["averages"][name]) for name in TIME_WORDS))]
    console.print(Roomy(_numbers(("", *TIME_COLUMNS), rows)))
    console.print(counts(schedule))


def counts(schedule: _Document) -> str:
    """Say how often the processor was switched, and how long it was idle."""
    idle = f", idle for {pluralize(schedule['idle'], schedule['unit'])}" if schedule["idle"] else ""
    return (
        f"{pluralize(schedule['switches'], 'context switch', 'context switches')}{idle}; times in {schedule['unit']}s"
    )


def times(schedule: _Document) -> Iterator[tuple[str, ...]]:
    """Yield a row for each job: its name, arrival, finish, waiting, turnaround and response."""
    for job in schedule["jobs"]:
        yield job["name"], *(_number(job[name]) for name in TIME_COLUMNS)


def moments(schedule: _Document) -> Iterator[tuple[str, str, str, str]]:
    """Yield a row for each time in which nothing changes: from when to when, who runs, and who waits."""
    for each in schedule["queue"]:
        runs = each["job"] or NOBODY_RUNS
        runs = f"(switch to {runs})" if each["switching"] else runs
        yield f"{each['start']}-{each['end']}", runs, " ".join(each["ready"]), " ".join(each["blocked"])


def averages(schedules: Sequence[_Document]) -> tuple[list[tuple[str, ...]], list[set[int]]]:
    """Return a row for each policy, and the columns in which it has the least of all."""
    values = [[*(each["averages"][name] for name in TIME_WORDS), each["switches"]] for each in schedules]
    columns = [[value for value in column if value is not None] for column in zip(*values, strict=True)]
    least = [
        {place + 1 for place, value in enumerate(row) if columns[place] and value == min(columns[place])}
        for row in values
    ]
    rows = [(each["policy"], *map(_number, row)) for each, row in zip(schedules, values, strict=True)]
    return rows, least


def _number(value: float | None) -> str:
    return NOBODY_RUNS if value is None else f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def _scale(schedule: _Document, room: int) -> tuple[int, int]:
    """Return how many characters a column has, and how many ticks it stands for."""
    length = max(1, schedule["end"] - schedule["start"])
    if length <= _WIDE and 2 * length <= room:
        return 2, 1
    return 1, -(-length // room)


def _ruler(schedule: _Document, width: int, ticks: int) -> str:
    """Return numbers above the columns at which they begin."""
    line, column = "", 0
    start, end = schedule["start"], schedule["end"]
    while start + column * ticks <= end:
        if (column % _RULE == 0) and len(line) <= column * width - bool(line):
            line = line.ljust(column * width) + str(start + column * ticks)
        column += 1
    return line


def _line(spans: Sequence[Mapping[str, Any]], schedule: _Document, width: int, ticks: int) -> Text:
    lasted: dict[int, Counter[str]] = {}
    for span in spans:
        for column in range(
            (span["start"] - schedule["start"]) // ticks, -(-(span["end"] - schedule["start"]) // ticks)
        ):
            begins = schedule["start"] + column * ticks
            during = min(span["end"], begins + ticks) - max(span["start"], begins)
            lasted.setdefault(column, Counter())[span["state"]] += during
    line = Text()
    for column in range(max(lasted, default=-1) + 1):
        mark, style = _MARKS[lasted[column].most_common(1)[0][0]] if column in lasted else (" ", "")
        line.append(mark * width, style)
    return line


def _table(columns: Sequence[str], rows: Iterator[tuple[str, ...]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def _numbers(columns: Sequence[str], rows: Sequence[Sequence[str]], least: Sequence[set[int]] = ()) -> Table:
    """Return a table whose first column has names and whose others have numbers, with a mark at the `least`."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for place, name in enumerate(columns):
        table.add_column(f"{name} " if place and least else name, justify="right" if place else "left", no_wrap=True)
    for number, row in enumerate(rows):
        marked = least[number] if least else set()
        table.add_row(
            *(_marked(cell, least=place in marked) if place and least else cell for place, cell in enumerate(row))
        )
    return table


def _marked(cell: str, *, least: bool) -> Text:
    return Text(f"{cell}*", style="bold green") if least else Text(f"{cell} ")
