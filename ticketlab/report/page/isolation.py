"""The page of isolation levels: the table, the anomalies in words, and the smallest schedules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ticketlab.core.text import escape_all_controls
from ticketlab.report.isolation import (
    OCCURRENCE_LEGEND,
    OCCURRENCE_MARKS,
    isolation_headline,
    isolation_refusals,
    isolation_remarks,
    isolation_setting,
    lanes_of_steps,
    smallest_schedules,
)
from ticketlab.report.page.template import filled

_STYLES: Final = {"prevented": "right", "possible": "lucky", "undecided": "unsure"}


def isolation_page(result: Mapping[str, Any]) -> str:
    """Return the page of a table of isolation levels, as `to_json` gave it."""
    found = escape_all_controls(result)
    cells = found["cells"]
    return filled(
        "isolation.html",
        headline=isolation_headline(found),
        setting=isolation_setting(found),
        command=found["command"],
        environment={},
        source=found["source"],
        words=found["words"],
        levels=list(dict.fromkeys(cell["level"] for cell in cells)),
        cells={(cell["level"], cell["anomaly"]): cell for cell in cells},
        marks={result: mark for result, (mark, _) in OCCURRENCE_MARKS.items()},
        styles=_STYLES,
        legend=[OCCURRENCE_LEGEND[each] for each in dict.fromkeys(cell["result"] for cell in cells)],
        remarks=[said for said, _ in isolation_remarks(cells)],
        refusals=list(isolation_refusals(cells)),
        schedules=[(title.strip(), *lanes_of_steps(steps)) for title, steps in smallest_schedules(found)],
    )
