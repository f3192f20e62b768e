"""The predictions of a comparison as text for a terminal: a table, and a line for each method that does not fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
        for store, made_there in groupby(made, key=lambda row: row.store):
            cells: list[list[TableCell]] = [
                [f"  {_taker(row, several=several)}", row.method, row.metric, row.error, *row.ranges, ""]
                for row in made_there
            ]
            sections.append(Section(store_heading(store), cells))
        yield from sectioned([*columns, TableColumn("")], sections, gap, width)
    for (store, *_), group in groupby(table.rows, key=lambda row: (row.store, row.strategy, row.launcher)):
        rows = list(group)
        taker = f"{_taker(rows[0], several=several)} on {store}"
        for what, reason in _refused(rows):
            yield Text.assemble("- ", (f"{taker}{what}: no prediction: {reason}", "dim"))
    yield Text(table.note, style="dim")


def _taker(row: PredictionRow, *, several: bool) -> str:
    return f"{row.strategy} ({row.launcher})" if several else row.strategy


def _refused(rows: Sequence[PredictionRow]) -> Iterator[tuple[str, str]]:
    """Yield which predictions of one strategy are not made, and why; nothing if it is all of them for one reason."""
    if rows[0].reason and len({row.reason for row in rows}) == 1:
        yield "", rows[0].reason
        return
    refused = [row for row in rows if row.reason]
    for (method, reason), alike in groupby(refused, key=lambda row: (row.method, row.reason)):
        yield f", {', '.join(row.metric for row in alike)} by the {method}", reason
