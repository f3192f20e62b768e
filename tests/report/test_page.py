"""The page as text: what stands in it without any script, and what other people's names cannot do to it."""

from __future__ import annotations

import base64
import json
import re
import zlib
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from ticketlab import Scenario, explore
from ticketlab.checker.jsonl import history_lines
from ticketlab.core.history import History, Operation
from ticketlab.core.timeline import Diagram, Interleaving, LaneState, Marker, Move, Span, Timeline
from ticketlab.lab.checking.check_file import check_file
from ticketlab.report import interleaving, page
from ticketlab.report.page import render

EVIL = "</script><script>alert('x')</script><img src=x onerror=alert(1)>\u2028&\ud800"


def operation(buyer: int) -> dict[str, Any]:
    accesses = [{"ns": 1_000_000, "action": "read", "remaining": 5}]
    asked = {"process": buyer, "op": "buy", "arg": 1, "invoke_ns": 0, "return_ns": 2_000_000 + buyer}
    return asked | {"result": "ok", "tickets": [1], "accesses": accesses}


def row(strategy: str = "lock", store: str = "json", *, valid: bool | None = True, **changes: Any) -> dict[str, Any]:
    evidence = {"available": 1, "operations": [operation(buyer) for buyer in range(1, 31)]}
    anomalies = [] if valid else [{"name": "oversold", "sentence": "2 of 1 are sold", "evidence": evidence}]
    metrics = {"sales_per_s": 1240.0, "p50_ms": 0.9, "p99_ms": 4.1, "fairness": 0.62}
    named = {"store": store, "strategy": strategy, "launcher": "process", "buyers": 8, "tickets": 5, "sold": 5}
    curve = [[share / 100, 1.0 + share / 10] for share in range(101)]
    return named | {"valid": valid, "anomalies": anomalies, "metrics": metrics, "curve": curve, **changes}


def tour(*rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    valid = all(each["valid"] for each in rows)
    return {"valid": valid, "anomalies": [], "rows": list(rows), "command": "ticketlab race", **more}


def test_a_reason_stands_beside_its_verdict() -> None:
    page = render(tour(row(because="one buyer at a time holds the lock"), row("none", valid=False)))
    assert page.count("<p>Why: ") == 1
    assert "<p>Why: one buyer at a time holds the lock.</p>" in page


def timeline(spans: int = 2, title: str = "none on json", detail: str = "read inventory.json: 5 left") -> Timeline:
    found = [Span(0, 10 * n, 10 * n + 9, LaneState.RUNNING, f"buy 1 -> ticket {n}", detail) for n in range(spans)]
    return Timeline(title, ["buyer 1"], found, [Marker(0, 19, "oversold", "2 of 1")], row=0)


def unpacked(html: str) -> Any:
    found = re.search(r'<script type="text/plain" id="timelines">([A-Za-z0-9+/=]*)</script>', html)
    assert found is not None
    return json.loads(zlib.decompress(base64.b64decode(found[1])))


class Elements(HTMLParser):
    """Counts start tags, and collects their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


def test_the_verdict_comes_first_then_matrix_comparison_and_the_command() -> None:
    html = render(tour(row(), row("none", valid=False)))
    order = ["<h1>1 of 2 races went wrong</h1>", "<code>ticketlab race</code>", "What holds where", "Comparison"]
    assert [html.index(each) for each in order] == sorted(html.index(each) for each in order)
    assert "✗ oversold" in html


def test_a_wrong_strategy_s_speed_is_struck_through_and_no_measure_for_the_others() -> None:
    slow = row(metrics={"sales_per_s": 12.0, "p50_ms": 1.0, "p99_ms": 2.0, "fairness": 1.0})
    html = render(tour(slow, row("none", valid=False)))
    assert re.search(r"<s title=[^>]*>1,240</s>", html)
    assert re.search(r'>12 <span class="track"><span class="bar" style="width:100', html)


def test_undecided_is_no_pass() -> None:
    html = render(tour(row(valid=None, anomalies=[], reason="the budget was spent"), row()))
    assert "1 of 2 races is undecided" in html
    assert '<span class="unsure">? undecided: the budget was spent</span>' in html


def test_evidence_says_how_much_of_it_is_not_shown() -> None:
    assert "18 more are not shown here" in render(row("none", valid=False))


def test_unsupported_combinations_give_their_reason() -> None:
    unsupported = [{"store": "json", "strategy": "atomic", "reason": "atomic needs a conditional update"}]
    html = render(tour(row(), row("none", valid=False), unsupported=unsupported))
    assert "<summary>unsupported</summary>atomic needs a conditional update" in html


def test_growth_is_drawn_where_rows_differ_in_buyers() -> None:
    assert "How it grows with buyers" in render(tour(row(), row(buyers=100)))
    assert "How it grows with buyers" not in render(tour(row(), row("flock")))


@pytest.mark.parametrize("place", ["strategy", "store", "launcher", "command", "reason"])
def test_names_are_text_wherever_they_stand(place: str) -> None:
    plain, evil = row(valid=None), row(valid=None)
    plain[place], evil[place] = "plain", EVIL
    documents = [tour(each, row("none", valid=False), environment={"cpu": each[place]}) for each in (plain, evil)]
    before, after = (Elements(render(each)) for each in documents)
    assert after.tags == before.tags
    assert [name for name, _ in after.attributes] == [name for name, _ in before.attributes]
    assert not [name for name, _ in after.attributes if name.startswith("on")]


def test_evidence_and_timelines_are_text_too() -> None:
    def drawn(text: str) -> Elements:
        evidence = {"operations": [operation(1) | {"error": text, "op": text}], "tickets": {text: [operation(2)]}}
        wrong = row("none", valid=False, anomalies=[{"name": text, "sentence": text, "evidence": evidence}])
        steps = Interleaving(text, [text], [Move(0, text, text, text, marked=True)])
        return Elements(render(tour(wrong, row()), [timeline(title=text, detail=text), steps]))

    assert drawn(EVIL).tags == drawn("plain").tags
    assert [name for name, _ in drawn(EVIL).attributes] == [name for name, _ in drawn("plain").attributes]


CONTROLS = "\x1b[31mred\x1b[0m \u202etxt.exe\u202c \x9b2J \x07"


def controls(text: str) -> list[str]:
    return re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u061c\u2028-\u202e\u2066-\u2069]", text)


def controlling() -> dict[str, Any]:
    """Return a result in which every text would control a terminal."""
    evidence = {"operations": [operation(1) | {"error": CONTROLS}], "tickets": {CONTROLS: [operation(2)]}}
    anomalies = [{"name": CONTROLS, "sentence": CONTROLS, "evidence": evidence}]
    wrong = row(CONTROLS, CONTROLS, valid=False, anomalies=anomalies, reason=CONTROLS, command=CONTROLS)
    unsupported = [{"store": CONTROLS, "strategy": CONTROLS, "reason": CONTROLS}]
    about = {"environment": {CONTROLS: CONTROLS}, "unsupported": unsupported, "warnings": [CONTROLS]}
    return tour(wrong, row(CONTROLS, buyers=9), **about)


def test_no_text_in_the_page_controls_a_terminal_or_turns_a_line_round() -> None:
    steps = Interleaving(CONTROLS, [CONTROLS], [Move(0, CONTROLS, CONTROLS, CONTROLS)], left_out=CONTROLS)
    html = render(controlling(), [timeline(title=CONTROLS, detail=CONTROLS), steps])
    assert controls(html) == []
    assert controls(json.dumps(unpacked(html), ensure_ascii=False)) == []
    assert "\\u001b[31mred" in html
    scripts = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', html, re.DOTALL)
    assert [controls(json.dumps(json.loads(each), ensure_ascii=False)) for each in scripts] == [[]] * len(scripts)


def test_the_page_forbids_itself_every_request() -> None:
    html = render(tour(row(), row("none", valid=False)), [timeline()])
    assert "default-src 'none'" in html
    addresses = [value for name, value in Elements(html).attributes if name in ("src", "href") and value]
    assert addresses == ["data:,"]


def test_timelines_are_in_the_page_whole() -> None:
    (found,) = unpacked(render(row("none", valid=False), [timeline(50)]))
    assert found == timeline(50).to_json()


def test_what_a_page_cannot_hold_is_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "MOST_SPANS", 3)
    monkeypatch.setattr(page, "MOST_MOVES", 1)
    diagrams: list[Diagram] = [
        replace(timeline(5), retries=[Marker(0, ns, "retry", "") for ns in (0, 10**9)]),
        timeline(2),
        Interleaving("case", ["buyer 1"], [Move(0, "read", "books")] * 2),
    ]
    html = render(row("none", valid=False), diagrams)
    first, second = unpacked(html)
    assert first["left_out"] == "Left out: 2 of 5 spans and 1 mark, all after 0.0 ms."
    assert len(first["retries"]) == 1
    assert second["left_out"].startswith("Left out: 2 of 2 spans")
    assert "Left out: the steps after the first 1 of 2." in html


def test_uplot_stands_there_with_its_licence_and_only_where_there_are_curves() -> None:
    assert "Copyright (c) 2022 Leon Sorokin" in render(row())
    assert "Leon Sorokin" not in render(row(curve=[]))


def test_a_judged_history_has_a_page_too() -> None:
    judged = {"valid": True, "anomalies": [], "model": "counter", "operations": 6, "command": "ticketlab check h.jsonl"}
    html = render(judged)
    assert "<h1>history: ✓ valid</h1>" in html
    assert "model: counter" in html


def test_the_same_operations_are_shown_once() -> None:
    evidence = {"operations": [operation(1), operation(2)]}
    named = [{"name": name, "sentence": name, "evidence": evidence} for name in ("oversold", "lost update")]
    html = render(row("none", valid=False, anomalies=named))
    assert html.count("<td>buyer 1</td>") == 1
    assert "the operations that prove it: the same operations as above" in html


def test_the_faults_of_a_race_and_what_they_left_are_told() -> None:
    fault = {"who": "buyer 3", "fault": "kill", "before": "write inventory.json", "at_ms": 1.5, "held": ["lock"]}
    html = render(row(injected=[fault], left_behind=["office"], metrics={"sales_per_s": 1.0, "recovery_ms": 12.0}))
    assert "<li>† buyer 3: kill before write inventory.json at 1.50 ms, holding lock</li>" in html
    assert "was taken again within 12 ms" in html
    assert "Left behind: office." in html
    assert "†" not in re.sub(r"<script.*?</script>", "", render(row()), flags=re.DOTALL)


def test_the_faults_of_an_exploration_are_a_table_of_what_came_of_them() -> None:
    point = {"who": "buyer 1", "fault": "kill", "before": "read main", "executions": 3, "waited": 0.0}
    html = render(row(injected=[point | {"names": {"lock never released": 2}}, point | {"names": {}, "waited": 60.0}]))
    assert "<td>buyer 1</td><td>kill</td><td>read main</td><td>3</td><td>lock never released</td>" in html
    assert "<td>survives, after 60 s</td>" in html


def test_right_by_luck_is_no_pass_and_is_not_ranked() -> None:
    html = render(tour(row(), row("none", claims_safety=False)))
    assert '<span class="unsure">correct by luck</span>' in html
    assert "? correct by luck" in html
    assert re.search(r"<s title=[^>]*>1,240</s>", html)


def test_there_is_no_legend_for_marks_that_are_not_there() -> None:
    assert "struck through" not in render(row())
    moves = [Move(0, "read", "main", marked=marked) for marked in (True, False)]
    for marked in (True, False):
        html = render(row(), [Interleaving("case", ["buyer 1"], [move for move in moves if move.marked is marked])])
        assert ("◀ the anomaly hangs" in html) is marked
        assert ('data-step="mark"' in html) is marked


def test_an_explored_operation_is_told_by_the_steps_of_its_table(in_tmp_path: Path) -> None:
    found = explore(Scenario.of("json:truncate", "none", buyers=2, tickets=2))
    assert found.finding is not None
    diagram = interleaving.diagram("case", found.finding.execution, 2, found.finding.anomalies)
    (operation,) = found.to_json()["anomalies"][0]["evidence"]["operations"]
    assert (operation["invoke_step"], operation["return_step"]) == (3, 3)
    assert (diagram.lanes[diagram.moves[2].lane], diagram.moves[2].action) == ("buyer 2", "read")
    html = render(found.to_json(), [diagram])
    assert "<td>buyer 2</td><td>step 3</td><td>buy 1</td><td>step 3</td>" in html
    assert " ns<" not in html


def test_a_checked_history_has_one_time_for_one_answer(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    sales = [Operation(buyer, "buy", 1, "ok", 10**15 + buyer * 10**6, 10**15 + 9 * 10**6) for buyer in (1, 2)]
    with path.open("w") as file:
        file.writelines(history_lines(History({"model": "counter", "stock": 1}, tuple(sales))))
    checked = check_file(path)
    timeline = checked.timeline()
    assert timeline is not None
    html = render(checked.result, [timeline])
    assert [span.start_ns for span in timeline.spans] == [0, 10**6]
    assert "<td>buyer 1</td><td>0.00 ms</td><td>buy 1</td><td>8.00 ms</td>" in html
    assert "<td>buyer 2</td><td>1.00 ms</td>" in html
    assert "times count from the first operation, at 1,000,000,001,000,000 ns of the history" in html
    assert {mark.ns for mark in timeline.markers} == {8 * 10**6}
