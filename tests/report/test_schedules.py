"""Schedules on the page of an exploration, and as they are read back: a damaged one is refused."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ticketlab.core.errors import UsageError
from ticketlab.core.spec import Spec
from ticketlab.report.page import render
from ticketlab.scheduling.job import parse_jobs
from ticketlab.scheduling.simulate import simulate


def exploration() -> dict[str, Any]:
    schedule = simulate(parse_jobs("A:0:2,<b>:1:3"), Spec.parse("rr:1"))
    return {
        "kind": "exploration",
        "command": "ticketlab explore --policy rr:1",
        "store": "json",
        "strategy": "none",
        "buyers": 2,
        "tickets": 1,
        "valid": None,
        "reason": "not all",
        "anomalies": [],
        "executions": 1,
        "anomalous": 0,
        "exhausted": False,
        "schedule": copy.deepcopy(schedule.to_json()),
    }


def test_the_page_of_an_exploration_draws_its_schedule() -> None:
    page = render(exploration())
    assert page.count("<svg class='gantt'") == 1
    assert "The schedule of the last execution, by rr:1" in page
    assert "<b>" not in page


def test_a_search_without_a_ready_queue_has_none() -> None:
    assert "The schedule of the last execution" not in render(exploration() | {"schedule": None})
    assert "The schedule of the last execution" not in render(
        {k: v for k, v in exploration().items() if k != "schedule"}
    )


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("unit",), "hour"),
        (("end",), -1),
        (("end",), 10**12),
        (("switches",), None),
        (("averages", "waiting"), "short"),
        (("jobs", 0, "name"), 7),
        (("jobs", 0, "waiting"), 0.5),
        (("jobs", 0, "spans", 0, "state"), "onload=alert(1)"),
        (("jobs", 0, "spans", 0, "end"), -1),
        (("turns", 0, "job"), None),
    ],
)
def test_a_damaged_schedule_is_refused_with_its_place(path: tuple[str | int, ...], value: object) -> None:
    damaged = exploration()
    inside: Any = damaged["schedule"]
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = value
    with pytest.raises(UsageError, match="schedule"):
        render(damaged)
