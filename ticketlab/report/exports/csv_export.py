"""Comparisons and crash matrices as CSV: data for other programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ticketlab.core.metrics import METRICS
from ticketlab.core.text import escape_all_controls
from ticketlab.report.crashes import OUTCOMES
from ticketlab.report.rows import why, word

_NAMES: Final = ("store", "strategy", "launcher", "buyers", "orders", "tickets", "sold")
_PLACE: Final = ("rank", "ratio")
_CRASH_COLUMNS: Final = (
    "store", "strategy", "claims_safety", "verdict", "anomalies", "without_a_fault", "why", "faults", "points",
    "executions", "waited_s", "left_behind",
)  # fmt: skip


def as_csv(document: Mapping[str, Any]) -> str:
    """Return a comparison, or a crash matrix, as CSV: one line for each store and strategy.

    A comparison has for each metric its median, lowest and highest value, in columns named by the fields of results,
    with `_min` and `_max`. `verdict` is valid, anomalous, undecided or unsupported. `why` names the anomalies, or says
    why there is no verdict.
    """
    shown = escape_all_controls(document)
    return _crashes(shown) if shown["kind"] == "crashes" else _comparison(shown)


def _crashes(document: Mapping[str, Any]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, _CRASH_COLUMNS, lineterminator="\n", restval="")
    writer.writeheader()
    for row in document["rows"]:
        writer.writerow(
            {key: row[key] for key in ("store", "strategy", "points", "executions")}
            | {"claims_safety": "yes" if row["claims_safety"] else "no", "verdict": OUTCOMES[row["valid"]]}
            | {"anomalies": _names(row), "without_a_fault": ", ".join(row["anyway"]), "why": row["reason"]}
            | {"faults": ", ".join(row["faults"]), "waited_s": row["waited"]}
            | {"left_behind": ", ".join(row["left_behind"])}
        )
    writer.writerows(_unsupported(document))
    return out.getvalue()


def _comparison(document: Mapping[str, Any]) -> str:
    out = io.StringIO()
    fields = [each.field for each in METRICS]
    columns = [f"{field}{end}" for field in fields for end in ("", "_min", "_max")]
    writer = csv.DictWriter(out, [*_NAMES, "verdict", "why", *_PLACE, *columns], lineterminator="\n", restval="")
    writer.writeheader()
    for row in document["rows"]:
        line = {key: row.get(key) for key in (*_NAMES, *_PLACE)} | {"verdict": word(row["valid"]), "why": why(row)}
        for field in fields:
            if field in row["metrics"]:
                low, high = row["spread"].get(field, ("", ""))
                line |= {field: row["metrics"][field], f"{field}_min": low, f"{field}_max": high}
        writer.writerow(line)
    writer.writerows(_unsupported(document))
    return out.getvalue()


def _names(row: Mapping[str, Any]) -> str:
    return ", ".join(each["name"] for each in row["anomalies"] if each["name"] in row["names"])


def _unsupported(document: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    for each in document.get("unsupported", ()):
        named = {"store": each["store"], "strategy": each["strategy"]}
        yield named | {"verdict": "unsupported", "why": each["reason"]}
