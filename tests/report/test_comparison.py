"""A comparison on a terminal: the verdict first, nothing too wide, nothing wrong called fast."""

from __future__ import annotations

import io
import re
from html import escape
from typing import Any

import pytest
from rich.console import Console

from tests.lab.comparisons import UNDECIDED, WRONG, document
from ticketlab.core.verdict import Verdict
from ticketlab.lab.comparing.baseline import compare_with
from ticketlab.lab.comparing.thresholds import evaluate, threshold
from ticketlab.report.comparison import answers, print_comparison, time_text
from ticketlab.report.exports.markdown import as_markdown
from ticketlab.report.page import render

NEXT = {"ticketlab compare --save main": "keep this as a baseline"}


def printed(found: dict[str, Any], width: int = 120, *, styles: bool = False) -> list[str]:
    out = io.StringIO()
    colours: Any = "standard" if styles else None
    console = Console(file=out, width=width, highlight=False, force_terminal=styles, color_system=colours)
    print_comparison(found, NEXT, console)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_the_verdict_comes_first_and_what_to_type_last() -> None:
    lines = printed(document({"lock": 900.0, "flock": 1200.0, "none": 5000.0}, {"none": WRONG}))
    assert lines[0] == "Fastest correct strategy: flock on json"
    assert lines[1] == "2 buyers; medians of 3 rounds; 'none' went wrong on json"
    assert lines[-2:] == ["Next:", "  ticketlab compare --save main   # keep this as a baseline"]


def test_what_is_wrong_is_marked_last_and_explained() -> None:
    lines = printed(document({"none": 5000.0, "lock": 900.0, "clerk": 700.0}, {"none": WRONG, "clerk": UNDECIDED}))
    marks = [line.split()[:2] for line in lines if line[:2] in ("1 ", " 1", " ✗", " ?")]
    assert marks == [["1", "lock"], ["✗", "none"], ["?", "clerk"]]
    assert "✗ none on json: wrong in 4 of 4 races: lost update" in lines
    assert "? clerk on json: the budget of 5 s was spent" in lines


def test_a_safe_strategy_that_was_not_is_the_verdict() -> None:
    lines = printed(document({"lock": 900.0, "flock": 800.0}, {"lock": WRONG}))
    assert lines[0] == "✗ claims to be safe, and went wrong: lock on json (lost update)"


LOCK_AND_NONE = {"lock": 900.0, "none": 900.0}


@pytest.mark.parametrize(
    ("rates", "verdicts", "line", "valid", "colour", "headline"),
    [
        (LOCK_AND_NONE, {"none": WRONG}, "", True, 32, "Fastest correct strategy: lock on json"),
        (LOCK_AND_NONE, {}, "", True, 32, "Fastest correct strategy: lock on json"),
        (
            LOCK_AND_NONE,
            {"lock": WRONG},
            "",
            False,
            31,
            "✗ claims to be safe, and went wrong: lock on json (lost update)",
        ),
        (LOCK_AND_NONE, {"lock": WRONG}, "p99<1", False, 31, "✗ claims to be safe, and went wrong: lock on json (lost"),
        (LOCK_AND_NONE, {"none": WRONG}, "p99<1", True, 31, "✗ missed: p99<1"),
        (LOCK_AND_NONE, {"lock": UNDECIDED}, "", None, 33, "? could not be decided: lock on json (the budget of 5 s"),
        ({"none": 9.0}, {"none": WRONG}, "", True, 32, "Found out: none on json (lost update); no other was compared"),
        ({"none": 9.0}, {"none": WRONG}, "p99<1", True, 33, "? undecided: p99<1"),
        ({"none": 9.0}, {}, "", None, 33, "? nothing is shown: none of these strategies claims to be safe"),
    ],
)
def test_data_words_and_colour_of_the_verdict_agree(
    rates: dict[str, float], verdicts: dict[str, Verdict], line: str, valid: bool | None, colour: int, headline: str
) -> None:
    found = document(rates, verdicts)
    if line:
        found["lines"] = [evaluate(threshold(line), found["rows"]).to_json()]
    assert found["valid"] is valid
    assert printed(found)[0].startswith(headline)
    assert printed(found, styles=True)[0].startswith(f"\x1b[1;{colour}m")
    assert f"<h1>{escape(printed(found, 400)[0], quote=False)}</h1>" in render(found)
    assert as_markdown(found).startswith("**")


def test_the_answers_to_lines_stand_in_every_form() -> None:
    found = document({"lock": 900.0, "flock": 500.0})
    found["lines"] = [evaluate(threshold(text), found["rows"]).to_json() for text in ("p99<10", "sales/s>600")]
    sentences = [sentence for _, sentence in answers(found)]
    assert [sentence[0] for sentence in sentences] == ["✓", "✗"]
    html = render(found)
    for sentence, style in zip(sentences, ("right", "wrong"), strict=True):
        assert sentence in "\n".join(printed(found))
        assert f"- {sentence}" in as_markdown(found)
        assert re.search(rf'<span class="{style}">{re.escape(sentence)}</span>', html)


def test_what_was_right_by_luck_is_said_to_be() -> None:
    assert printed(document(LOCK_AND_NONE))[1] == "2 buyers; medians of 3 rounds; none on json was correct by luck"


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
@pytest.mark.parametrize("store", ["json", "sqlite:journal=delete,synchronous=off"])
def test_no_line_is_wider_than_the_terminal(width: int, store: str) -> None:
    lines = printed(document({"transaction:immediate": 12345.6, "lock": 999.9, "none": 1.0}, store=store), width)
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize("width", [60, 79, 80, 81, 100, 109, 110, 131, 132])
def test_no_figure_is_cut_at_any_width(width: int) -> None:
    rates = {"transaction:immediate": 12345.6, "lease:fenced-writes": 987654.0, "none": 1.0}
    found = document(rates, {"none": WRONG}, store="sqlite:journal=delete,synchronous=off")
    for row in found["rows"]:
        row["launcher"] = f"pool:{len(row['strategy'])}"  # another launcher for each adds columns
    lines = printed(found, width)
    assert max(map(len, lines)) <= width
    figures = set(re.findall(r"\d[\d,.]*", "\n".join(printed(found, 240))))
    assert set(re.findall(r"\d[\d,.]*", "\n".join(lines))) <= figures
    assert any(" 12,346 " in line and " 5.0 ms " in line and " 0.90 " in line for line in lines)


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
