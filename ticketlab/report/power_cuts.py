"""Power cuts as text: what each model allows, and the smallest case of what was on the disk and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ticketlab.core.text import escape_controls, join_words, pluralize
from ticketlab.core.verdict import Verdict
from ticketlab.report.crashes import MARKS, OUTCOMES, STYLES
from ticketlab.report.exploration import headline
from ticketlab.report.text import next_steps

_Document = Mapping[str, Any]
_FATES: Final = {"lost": "red", "in part": "yellow", "on the disk": ""}


def print_power_cuts(document: _Document, verdict: Verdict, replay: str, console: Console) -> None:
    """Print what a search of power cuts came to; `replay` is the command line that replays its case, if any."""
    operations = pluralize(document["operations"], "operation")
    console.print(headline(document["function"], verdict, f"power cut after any of {operations}"))
    for model in document["models"]:
        console.print(_of_model(model))
    if document["finding"]:
        print_smallest_cut(document["finding"], console)
    if replay:
        console.print()
        console.print(next_steps({replay: "lay this disk state out and judge it again"}))


def _of_model(model: _Document) -> Text:
    mark = MARKS[model["valid"]]
    states = f"{pluralize(model['states'], 'disk state')} laid out, for {model['stands_for']:,} that are possible"
    wrong = f": {join_words(model['names'])} ({model['anomalous']:,} wrong)" if model["names"] else ""
    reason = f": {model['reason']}" if model["valid"] is None else ""
    return Text(
        f"{mark} {model['model']}: {OUTCOMES[model['valid']]}{wrong}{reason}; {states}", style=STYLES[model["valid"]]
    )


def print_smallest_cut(finding: _Document, console: Console) -> None:
    """Print the smallest case: the steps before the cut, what of each was on the disk, and what there was then."""
    console.print(f"The smallest case, by the model {finding['model']}:\n")
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for number, step in enumerate(finding["steps"], 1):
        table.add_row(
            f"{number:>4}", escape_controls(step["step"]), Text(step["fate"], style=_FATES.get(step["fate"], ""))
        )
    table.add_row("", "the power fails", "")
    console.print(table)
    console.print("\nAfterwards the disk holds:\n")
    held = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for each in finding["left"]:
        held.add_row("   ", escape_controls(each["path"]), escape_controls(each["holds"]))
    console.print(held)
    console.print()
    for anomaly in finding["anomalies"]:
        console.print(Text.assemble((anomaly["name"], "bold"), f": {escape_controls(anomaly['sentence'])}"))


def print_power_cut_matrix(document: _Document, console: Console) -> None:
    """Print for each store whether a power cut can undo what was answered, or leave books that nobody can read."""
    models: Sequence[str] = document["models"]
    console.print(Text(matrix_headline(document), style=f"bold {STYLES[document['valid']]}"))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("store", no_wrap=True)
    for model in models:
        table.add_column(model)
    table.add_column("disk states", justify="right")
    for row in document["rows"]:
        states = sum(each["states"] for each in row["models"])
        table.add_row(row["store"], *map(_cell, row["models"]), f"{states:,}")
    console.print(table)
    if any(_is_cut_short(each) for row in document["rows"] for each in row["models"]):
        console.print("\nat least: other states may go wrong in other ways, and were not laid out")
    if document["unsupported"]:
        console.print(f"\n{unsupported_line(document)}")


def matrix_headline(document: _Document) -> str:
    """Say in one line how many stores outlive a power cut."""
    rows = document["rows"]
    held = sum(row["valid"] is True for row in rows)
    outlive = "outlives" if len(rows) == 1 else "outlive"
    return f"{held} of {pluralize(len(rows), 'store')} {outlive} every power cut, by every model"


def unsupported_line(document: _Document) -> str:
    """Say which stores power cuts do not concern, and why."""
    reasons: dict[str, list[str]] = {}
    for each in document["unsupported"]:
        reasons.setdefault(each["reason"], []).append(each["store"])
    told = "; ".join(f"{join_words(names)} ({reason})" for reason, names in reasons.items())
    return f"Left out: {told}."


def _cell(model: _Document) -> Text:
    words = ", ".join(model["names"]) if model["names"] else OUTCOMES[model["valid"]]
    least = "at least " if _is_cut_short(model) else ""
    return Text(f"{MARKS[model['valid']]} {least}{words}", style=STYLES[model["valid"]])


def _is_cut_short(model: _Document) -> bool:
    """Whether a store goes wrong in one way, and not every state was laid out that may show another."""
    return len(model["names"]) == 1 and bool(model["left"])
