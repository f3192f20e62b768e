"""Schedules that were saved, read back strictly, so that no page meets a damaged one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ticketlab.core.json_fields import JsonField
from ticketlab.report.schedules import STATE_WORDS, TIME_WORDS

_LATEST: Final = 2_000_000_000


def read_schedule(field: JsonField) -> Mapping[str, Any]:
    """Return a schedule as `JobSchedule.to_json` gave it; raises UsageError where it is damaged."""
    return {
        "policy": field["policy"].text(),
        "summary": field["summary"].text(),
        "unit": field["unit"].one_of(("tick", "step")),
        **_from_to(field),
        "switches": field["switches"].whole(least=0),
        "idle": field["idle"].whole(least=0),
        "averages": {name: field["averages"][name].or_none(JsonField.number) for name in TIME_WORDS},
        "jobs": field["jobs"].list_of(_job),
        "turns": field["turns"].list_of(lambda turn: {"job": turn["job"].text(), **_from_to(turn)}),
    }


def _job(field: JsonField) -> dict[str, Any]:
    times = {name: field[name].or_none(JsonField.whole) for name in ("finish", *TIME_WORDS)}
    spans = field["spans"].list_of(
        lambda span: {"state": span["state"].one_of(tuple(STATE_WORDS)), **_from_to(span)},
    )
    return {"name": field["name"].text(), "arrival": field["arrival"].whole(), **times, "spans": spans}


def _from_to(field: JsonField) -> dict[str, int]:
    start = field["start"].whole(0, _LATEST)
    return {"start": start, "end": field["end"].whole(start, _LATEST)}
