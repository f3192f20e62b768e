"""A comparison on a terminal: the verdict first, nothing too wide, nothing wrong called fast."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from tests.lab.comparisons import UNDECIDED, WRONG, document
from ticketlab.lab.comparing.baseline import compare_with
from ticketlab.lab.comparing.thresholds import evaluate, threshold
from ticketlab.report.comparison import print_comparison, time_text


def printed(found: dict[str, Any], width: int = 120) -> list[str]:
    out = io.StringIO()
    print_comparison(found, Console(file=out, width=width, highlight=False))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_the_verdict_comes_first_and_what_to_type_last() -> None:
    lines = printed(document({"lock": 900.0, "flock": 1200.0, "none": 5000.0}, {"none": WRONG}))
    assert lines[0] == "Fastest with the books right: flock on json"
    assert lines[1] == "2 buyers; medians of 3 rounds; 'none' went wrong on json"
    assert lines.index("Next:") == len(lines) - 4
    assert any(line.startswith("  ticketlab race --store json --strategy none ") for line in lines)


def test_what_is_wrong_is_marked_last_and_explained() -> None:
    lines = printed(document({"none": 5000.0, "lock": 900.0, "clerk": 700.0}, {"none": WRONG, "clerk": UNDECIDED}))
    marks = [line.split()[:2] for line in lines if line[:2] in ("1 ", " 1", " ✗", " ?")]
    assert marks == [["1", "lock"], ["✗", "none"], ["?", "clerk"]]
    assert "✗ none on json: wrong in 4 of 4 races: lost update" in lines
    assert "? clerk on json: the budget of 5 s was spent" in lines


def test_a_safe_strategy_that_was_not_is_the_verdict() -> None:
    lines = printed(document({"lock": 900.0, "flock": 800.0}, {"lock": WRONG}))
    assert lines[0] == "✗ claims to be safe, and went wrong: lock on json (lost update)"


def test_nothing_correct() -> None:
    assert printed(document({"none": 900.0}, {"none": WRONG}))[0] == "no strategy kept the books right"


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
@pytest.mark.parametrize("store", ["json", "sqlite:journal=delete,synchronous=off"])
def test_no_line_is_wider_than_the_terminal(width: int, store: str) -> None:
    lines = printed(document({"transaction:immediate": 12345.6, "lock": 999.9, "none": 1.0}, store=store), width)
    assert max(map(len, lines)) <= width


def test_a_comparison_that_was_cut_short_says_so() -> None:
    found = document({"lock": 900.0}) | {"rounds": 2, "rounds_wanted": 5}
    assert "interrupted before round 3 of 5 was finished" in printed(found)[1]


def test_changes_since_a_baseline_and_lines_are_shown() -> None:
    found = document({"lock": 900.0, "flock": 500.0})
    found["against"] = compare_with("main", found, document({"lock": 450.0, "clerk": 1.0}))
    found["lines"] = [evaluate(threshold(text), found["rows"]).to_json() for text in ("p99<10", "sales/s>600")]
    lines = printed(found)
    assert next(line.split()[:4] for line in lines if "+100%" in line) == ["lock", "on", "json", "+100%"]
    assert "flock on json: not in the baseline" in lines
    assert lines[0] == "✗ missed: sales/s>600"
    assert "✓ p99 is 5 ms (limit: less than 10 ms): lock on json (process, 2 buyers)" in lines
    assert "✗ sales/s is 500 (limit: more than 600): missed by flock on json (process, 2 buyers)" in lines


def test_another_machines_baseline_is_told_of() -> None:
    found, then = document({"lock": 900.0}), document({"lock": 450.0})
    then["environment"] = then["environment"] | {"cores": 64}
    found["against"] = compare_with("main", found, then)
    assert any("is of another machine (cores 64 then, " in line for line in printed(found, 200))


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0, "0 µs"), (0.0294, "29 µs"), (4.54, "4.5 ms"), (202.4, "202 ms"), (1500, "1.5 s"), (60000, "60 s")],
)
def test_times_are_short(ms: float, text: str) -> None:
    assert time_text(ms) == text
