"""Traces of a result's timelines, for Perfetto."""

from __future__ import annotations

import json

from tests.report.test_page import timeline
from ticketlab.core.timeline import Interleaving, Move
from ticketlab.report.exports.perfetto import trace_events


def test_a_trace_has_an_event_a_span_in_microseconds_and_the_violations() -> None:
    events = json.loads(trace_events([timeline(3)]))["traceEvents"]
    spans = [event for event in events if event["ph"] == "X"]
    assert [(event["ts"], event["dur"]) for event in spans] == [(0.0, 0.009), (0.01, 0.009), (0.02, 0.009)]
    assert spans[1]["name"] == "buy 1 -> ticket 1"
    assert spans[1]["args"]["read and written"] == "read inventory.json: 5 left"
    assert [event["name"] for event in events if event["ph"] == "i"] == ["oversold"]
    assert {event["args"].get("name") for event in events if event["ph"] == "M"} >= {"none on json", "buyer 1"}


def test_an_interleaving_is_traced_a_step_a_microsecond() -> None:
    moves = [Move(1, "read", "books", "5 left"), Move(0, "write", "books", "4 left", marked=True)]
    events = json.loads(trace_events([Interleaving("case", ["buyer 1", "buyer 2"], moves)]))["traceEvents"]
    assert [(e["tid"], e["ts"], e["name"]) for e in events if e["ph"] == "X"] == [
        (1, 0, "read books"),
        (0, 1, "write books"),
    ]
