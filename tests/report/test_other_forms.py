"""Traces, tables and pictures of a result."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from tests.report.test_page import EVIL, row, timeline, tour
from ticketlab.core.errors import UsageError
from ticketlab.core.timeline import Interleaving, Move
from ticketlab.report.markdown import as_markdown
from ticketlab.report.perfetto import trace_events
from ticketlab.report.plots import plots


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


def test_a_markdown_table_strikes_out_wrong_speeds_and_escapes_names() -> None:
    text = as_markdown(tour(row(), row("no|ne", valid=False)))
    assert text.startswith("**1 of 2 races went wrong**\n")
    assert "| `no\\|ne` | `json` | 8 | ✗ oversold | ~~1,240~~ |" in text
    assert "- oversold: 2 of 1 are sold" in text
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    assert len(lines) == 2


def test_markdown_tells_whom_faults_struck_and_what_they_left() -> None:
    struck = {"who": "buyer 3", "fault": "kill", "before": "write a_b", "at_ms": 1.5, "held": ["lock"]}
    lines = as_markdown(row() | {"injected": [struck], "left_behind": ["a.lock"]}).splitlines()
    assert "- struck: buyer 3: kill before write a\\_b at 1.50 ms, holding lock" in lines
    assert "- left behind: a.lock" in lines


def test_a_crash_matrix_is_a_table_of_its_own_in_markdown() -> None:
    crashed = {"store": "json", "strategy": "lock", "points": 9, "executions": 12, "summary": "lock left behind"}
    row = crashed | {"waited": 0.0, "left_behind": ["a", "b"], "anyway": []}
    head, _, line = as_markdown({"kind": "crashes", "rows": [row]}).splitlines()
    assert head == "| store | strategy | points | executions | verdict | waited | left behind | anyway |"
    assert line == "| json | lock | 9 | 12 | lock left behind | 0.0 | a, b |  |"


def test_a_picture_is_well_formed_whatever_the_names() -> None:
    diagram = plots(tour(row(EVIL), row("none", valid=False)))
    root = ElementTree.fromstring(diagram.encode("utf-8", "replace"))
    texts = ["".join(each.itertext()) for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "Sales per second" in texts
    assert any("</script>" in each for each in texts)
    assert len(list(root.iter("{http://www.w3.org/2000/svg}polyline"))) == 2


def test_without_metrics_there_is_nothing_to_plot() -> None:
    with pytest.raises(UsageError, match="no metrics"):
        plots({"valid": True, "anomalies": []})
