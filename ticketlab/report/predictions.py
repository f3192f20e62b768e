"""Predictions of a comparison, as rows of text that terminals, pages and Markdown share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ticketlab.core.json_fields import JsonField
from ticketlab.core.metrics import metric
from ticketlab.core.text import join_words
from ticketlab.report.rows import number_text, value

_METHODS: Final = {"law": "scalability law", "queue": "simulated queue"}
_NAMES: Final = {"p50": "p50 of waits", "p99": "p99 of waits", "max": "longest wait"}


@dataclass(frozen=True, slots=True)
class PredictionRow:
    """What one method says of one metric: the error of its check, and a range for each number of buyers.

    If nothing is predicted, `ranges` is empty, and `reason` says why.
    """

    store: str
    strategy: str
    launcher: str
    method: str
    metric: str
    error: str
    ranges: Sequence[str]
    reason: str


@dataclass(frozen=True, slots=True)
class PredictionTable:
    """The predictions of a comparison: what they are made from, a column for each number of buyers, and the rows."""

    title: str
    note: str
    columns: Sequence[str]
    rows: Sequence[PredictionRow]


def prediction_table(field: JsonField) -> PredictionTable:
    """Read the predictions of a result; raises UsageError where they are damaged."""
    measured, added = field["measured"].list_of(JsonField.whole), field["added"].list_of(JsonField.whole)
    buyers = field["buyers"].list_of(JsonField.whole)
    rows = field["rows"].list_of(lambda row: _row(row, len(buyers)))
    note = "error: of what each method predicts for the largest of these sizes from the smaller ones"
    if added:
        note += f"; {_listed(added)} {'buyer was' if added == [1] else 'buyers were'} measured only for this"
    title = f"Predictions, not measurements, from {_listed(measured)} buyers"
    return PredictionTable(title, note, [f"predicted, {count:,}" for count in buyers], rows)


def _listed(counts: Sequence[int]) -> str:
    return join_words(list(map(str, counts)))


def _row(field: JsonField, predicted: int) -> PredictionRow:
    name, reason = field["metric"].text(), field["reason"].text()
    ranges = [] if reason else field["predicted"].list_of(lambda each: _range(each, name), predicted)
    error = field["check"].or_none(lambda check: check["error"].or_none(JsonField.number))
    return PredictionRow(
        store=field["store"].text(),
        strategy=field["strategy"].text(),
        launcher=field["launcher"].text(),
        method=_METHODS[field["method"].one_of(_METHODS)],
        metric=_NAMES.get(name, name),
        error="" if error is None else f"{error:.0%}",
        ranges=ranges,
        reason=reason,
    )


def _range(field: JsonField, name: str) -> str:
    low, high = (field[end].or_none(JsonField.number) for end in ("low", "high"))
    if low is None or high is None:
        return "too wide to tell"
    if name == "sales/s":
        rate = metric(name)
        return f"{value(low, rate)}..{value(high, rate)}"
    return f"{_time(low)}..{_time(high)}"


def _time(ms: float) -> str:
    for unit, length, least in (("h", 3_600_000, 2), ("min", 60_000, 2), ("s", 1_000, 1)):
        if ms >= least * length:
            return f"{number_text(ms / length)} {unit}"
    return f"{ms:.3g} ms"
