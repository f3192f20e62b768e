"""The page of a crash matrix: strategies by stores, and for each the anomalies and what came of every point."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ticketlab.core.text import escape_all_controls
from ticketlab.report.crashes import CORRECT, MARKS, crash_counts, crash_headline, crash_outcome, crash_setting
from ticketlab.report.page.template import filled


def crashes_page(result: Mapping[str, Any]) -> str:
    """Return the page of a crash matrix, as `to_json` gave it."""
    found = escape_all_controls(result)
    rows, unsupported = found["rows"], found.get("unsupported", ())
    return filled(
        "crashes.html",
        headline=crash_headline(rows),
        setting=f"{crash_counts(rows)} · {crash_setting(found)}",
        command=found["command"],
        environment=found["environment"],
        where="Where this was explored",
        rows=rows,
        stores=list(dict.fromkeys(row["store"] for row in (*rows, *unsupported))),
        strategies=list(dict.fromkeys(row["strategy"] for row in (*rows, *unsupported))),
        numbers={(row["strategy"], row["store"]): number for number, row in enumerate(rows)},
        reasons={(each["strategy"], each["store"]): each["reason"] for each in unsupported},
        marks=MARKS,
        meaning=CORRECT,
        outcome=crash_outcome,
        short=_short,
        style=_style,
    )


def _short(row: Mapping[str, Any]) -> str:
    """Return an outcome as a cell of the matrix has room for it."""
    names = [each["name"] for each in row["anomalies"]]
    if names:
        return f"{names[0]}{f' +{len(names) - 1}' if names[1:] else ''}"
    return str(row["summary"]) if row["valid"] else "undecided"


def _style(row: Mapping[str, Any]) -> str:
    """Return the class that colours an outcome; one that nothing promised is not green."""
    if row["valid"] and not row["claims_safety"]:
        return "lucky"
    return {True: "right", False: "wrong", None: "unsure"}[row["valid"]]
