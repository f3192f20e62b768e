"""Results as Markdown."""

from __future__ import annotations

from tests.report.test_page import controlling, controls, row, tour
from ticketlab.report.exports.markdown import as_markdown


def test_a_markdown_table_strikes_out_wrong_speeds_and_escapes_names() -> None:
    text = as_markdown(tour(row(), row("no|ne", valid=False)))
    assert text.startswith("**1 of 2 races went wrong**\n")
    assert "| `no\\|ne` | `json` | 8 | ✗ oversold | ~~1,240~~ |" in text
    assert "- oversold: 2 of 1 are sold" in text
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    assert len(lines) == 2


def test_markdown_tells_whom_faults_struck_and_what_they_left() -> None:
    fault = {"who": "buyer 3", "fault": "kill", "before": "write a_b", "at_ms": 1.5, "held": ["lock"]}
    lines = as_markdown(row() | {"injected": [fault], "left_behind": ["a.lock"]}).splitlines()
    assert "- fault: buyer 3: kill before write a\\_b at 1.50 ms, holding lock" in lines
    assert "- left behind: a.lock" in lines


def test_no_text_in_markdown_controls_a_terminal() -> None:
    assert controls(as_markdown(controlling())) == []
