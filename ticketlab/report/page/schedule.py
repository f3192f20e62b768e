"""The page of schedules: charts first, then the queue and the times of a single one, or averages side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ticketlab.core.text import escape_all_controls, pluralize
from ticketlab.report.gantt import gantt
from ticketlab.report.page.template import filled
from ticketlab.report.schedules import (
    LEAST_NOTE,
    STATE_WORDS,
    TIME_COLUMNS,
    TIME_WORDS,
    averages,
    counts,
    moments,
    times,
)


def schedule_page(result: Mapping[str, Any]) -> str:
    """Return the page of schedules, as `ticketlab schedule` made them."""
    found = escape_all_controls(result)
    schedules = found["schedules"]
    rows, least = averages(schedules)
    several = len(schedules) > 1
    first = schedules[0]
    return filled(
        "schedule.html",
        headline=best(schedules) if several else f"{first['policy']}: {first['summary']}",
        setting=" · ".join([pluralize(len(found["jobs"]), "job"), *_cost(found)]),
        command=found["command"],
        environment={},
        several=several,
        rows=list(zip(rows, least, strict=True)),
        least_note=LEAST_NOTE,
        columns=(*TIME_WORDS, "switches"),
        charts=[chart_view(each) for each in schedules],
        queue=[] if several else list(moments(first)),
    )


def best(schedules: list[Mapping[str, Any]]) -> str:
    """Say which policy has the shortest average wait."""
    waits = [each["averages"]["waiting"] for each in schedules]
    shortest = [each["policy"] for each, wait in zip(schedules, waits, strict=True) if wait == min(waits)]
    return f"The shortest average wait: {min(waits):,.2f} ticks, by {', '.join(shortest)}"


def chart_view(schedule: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a page shows of one schedule: the chart, its legend and the times of the jobs."""
    from markupsafe import Markup

    states = {span["state"] for job in schedule["jobs"] for span in job["spans"]}
    return {
        "title": f"{schedule['policy']}: {schedule['summary']}",
        "name": schedule["policy"],
        "picture": Markup(gantt(schedule)),  # noqa: S704 - its texts are escaped there
        "legend": [(state, words) for state, words in STATE_WORDS.items() if state in states],
        "columns": TIME_COLUMNS,
        "times": list(times(schedule)),
        "averages": averages([schedule])[0][0][1:-1],
        "counts": counts(schedule),
    }


def _cost(found: Mapping[str, Any]) -> list[str]:
    cost = found["switch_cost"]
    return [f"a context switch costs {pluralize(cost, 'tick')}"] if cost else []
