"""The predictions of a comparison as text for a terminal: a table, and a line for each method that does not fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from ticketlab.core.json_fields import JsonField
from ticketlab.report.crashes import store_heading
from ticketlab.report.predictions import PredictionRow, prediction_table
from ticketlab.report.sections import Section, TableCell, TableColumn, sectioned


def shown_predictions(document: Mapping[str, Any], gap: int, width: int) -> Iterator[RenderableType]:
    """Yield the predictions of a comparison, if it has any: first those that are made, then why others are not."""
    if "predictions" not in document:
        return
    table = prediction_table(JsonField(document, "")["predictions"])
    several = len({row.launcher for row in table.rows}) > 1
    yield from (Text(), Text(f"{table.title}:", style="bold"))
    made = [row for row in table.rows if not row.reason]
    if made:
        columns = [TableColumn("strategy"), TableColumn("by"), TableColumn("metric"), TableColumn("error", number=True)]
        columns += [TableColumn(each, number=True) for each in table.columns]
        sections = []
        for store, rows in groupby(made, key=lambda row: row.store):
            cells: list[list[TableCell]] = [
                [f"  {_taker(row, several=several)}", row.method, row.metric, row.error, *row.ranges, ""]
                for row in rows
            ]
            sections.append(Section(store_heading(store), cells))
        yield from sectioned([*columns, TableColumn("")], sections, gap, width)
    refused: dict[tuple[str, str, str, str], list[str]] = {}
    for row in table.rows:
        if row.reason:
            key = (f"{_taker(row, several=several)} on {row.store}", row.method, row.reason, row.error)
            refused.setdefault(key, []).append(row.metric)
    for (taker, method, reason, _), metrics in refused.items():
        what = f"{taker}, {', '.join(metrics)} by the {method}"
        yield Text.assemble("- ", (f"{what}: no prediction: {reason}", "dim"))
    yield Text(table.note, style="dim")


def _taker(row: PredictionRow, *, several: bool) -> str:
    return f"{row.strategy} ({row.launcher})" if several else row.strategy
