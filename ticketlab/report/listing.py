"""The list of runs and baselines as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
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
            for line in _lines(entries):
                console.print(line)
    console.print(next_steps(_next(kept)))


def _next(kept: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, str]:
    """Return commands for what is kept and can be read."""
    comparable = [each["name"] for each in kept["baselines"] if "error" not in each]
    drawn = next((_name(each) for each in (*kept["runs"], *kept["baselines"]) if "error" not in each), None)
    found = {f"ticketlab report {drawn} --force": "draw it as a page, report.html"} if drawn else {}
    return found | ({f"ticketlab compare --against {comparable[0]}": "compare with a baseline"} if comparable else {})


def _name(entry: Mapping[str, Any]) -> str:
    return str(entry.get("name", entry["path"].removeprefix(".ticketlab/runs/")))


def _lines(entries: Sequence[Mapping[str, Any]]) -> Iterator[Text]:
    """Yield the lines, which no console breaks: names and commands are there to be copied."""
    column = max(len(_name(entry)) for entry in entries)
    for entry in entries:
        told, style = (entry["error"], "dim") if "error" in entry else (entry["command"], "cyan")
        verdict = _verdict(entry)
        name = _name(entry).ljust(column)
        yield Text.assemble(name, "  ", verdict, " " * (14 - verdict.cell_len), (told, style), overflow="ignore")


def _verdict(entry: Mapping[str, Any]) -> Text:
    if "error" in entry:
        return Text("? unreadable", style="yellow")
    valid = entry["valid"]
    if valid is None:
        return Text("? undecided", style="yellow")
    return Text("✓ valid", style="green") if valid else Text("✗ anomalous", style="red")
