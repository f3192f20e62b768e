"""The list of runs and baselines as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ticketlab.report.text import next_steps


def print_kept(kept: Mapping[str, Sequence[Mapping[str, Any]]], console: Console) -> None:
    """Print a line for each run and baseline, then what to type next."""
    if not any(kept.values()):
        console.print("no runs and no baselines are kept here yet")
        console.print(next_steps({"ticketlab compare": "measure, and keep the run"}))
        return
    for title, entries in kept.items():
        if entries:
            console.print(Text(title.capitalize(), style="bold"))
            console.print(_table(entries))
    console.print(next_steps({"ticketlab compare --against NAME": "compare with a baseline"}))


def _table(entries: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    for entry in entries:
        name = entry["path"].removeprefix(".ticketlab/runs/")
        if "error" in entry:
            table.add_row(name, Text("? unreadable", style="yellow"), Text(entry["error"], style="dim"))
        else:
            table.add_row(entry.get("name", name), _verdict(entry["valid"]), Text(entry["command"], style="cyan"))
    return table


def _verdict(valid: bool | None) -> Text:
    if valid is None:
        return Text("? undecided", style="yellow")
    return Text("✓ valid", style="green") if valid else Text("✗ anomalous", style="red")
