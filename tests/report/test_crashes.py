"""A crash matrix: the same facts on a terminal, in Markdown, as CSV and on the page, and no word of races."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from rich.console import Console

from tests.lab.crash_matrices import (
    CORRECT,
    LEFT_LOCK,
    LUCKY,
    NO_SERVICE,
    UNDECIDED,
    UNSYNCHRONIZED,
    crash,
    crash_matrix,
)
from tests.report.test_page import EVIL
from ticketlab.report.crashes import print_crashes
from ticketlab.report.exports.csv_export import as_csv
from ticketlab.report.exports.markdown import as_markdown
from ticketlab.report.page import render


def printed(found: dict[str, Any], width: int = 120, *, styles: bool = False) -> list[str]:
    out = io.StringIO()
    colours: Any = "standard" if styles else None
    console = Console(file=out, width=width, highlight=False, force_terminal=styles, color_system=colours)
    print_crashes(found, {"ticketlab explore": "see how"}, console)
    return [line.rstrip() for line in out.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("rows", "valid", "headline"),
    [
        ([CORRECT, UNSYNCHRONIZED], True, "✓ 1 of 1 combination that claims to be safe is correct"),
        ([CORRECT, CORRECT], True, "✓ 2 of 2 combinations that claim to be safe are correct"),
        ([CORRECT, LEFT_LOCK, UNSYNCHRONIZED], False,
         ("✗ 1 of 2 combinations that claim to be safe went wrong: lock on sqlite "
          "(lock never released and corrupted file)")),
        ([CORRECT, UNDECIDED], None,
         "? 1 of 2 combinations that claim to be safe could not be decided, and none went wrong: clerk on sqlite"),
        ([CORRECT], True, "✓ flock on sqlite: correct at every point, after 10 s"),
        ([LEFT_LOCK], False, "✗ lock on sqlite: lock never released and corrupted file"),
        ([UNSYNCHRONIZED], True, "✓ none on sqlite claims no safety: lost update, even without a fault"),
        ([UNSYNCHRONIZED, LUCKY], True, "✓ none of 2 combinations claims to be safe: 1 correct, 1 went wrong"),
        ([crash(claims=False, reason="cut short")], None,
         "? flock on sqlite claims no safety: undecided: cut short; none of 2,400 executions went wrong"),
    ],
)  # fmt: skip
def test_every_form_has_the_verdict_that_the_data_has(rows: list[Any], valid: bool | None, headline: str) -> None:
    found = crash_matrix(*rows)
    assert found["valid"] is valid
    text = printed(found, 200)
    assert text[0] == headline
    assert printed(found, 200, styles=True)[0].startswith(
        {True: "\x1b[1;32m", False: "\x1b[1;31m", None: "\x1b[1;33m"}[valid]
    )
    assert f"<h1>{headline}</h1>" in render(found)
    assert as_markdown(found).startswith(f"**{headline}**".replace("_", "\\_"))
    for form in ("\n".join(text), render(found), as_markdown(found)):
        assert not re.search(r"\braces?\b", re.sub(r"<(style|script).*?</\1>", "", form, flags=re.DOTALL))


MIXED = crash_matrix(CORRECT, LEFT_LOCK, UNSYNCHRONIZED, LUCKY, UNDECIDED, unsupported=(NO_SERVICE,))
OUTCOMES = {
    "flock": "correct at every point, after 10 s",
    "lock": "lock never released and corrupted file",
    "none": "lost update, even without a fault",
    "lease:unfenced": "correct at every point: these faults do not break it, though it claims no safety",
    "clerk": "undecided: 2,400 executions are not all; none of 2,400 executions went wrong",
}


def test_every_form_tells_every_outcome_and_counts_alike() -> None:
    assert (MIXED["explored"], MIXED["correct"], MIXED["went_wrong"], MIXED["undecided"]) == (5, 2, 2, 1)
    counts = "5 combinations explored: 2 correct, 2 went wrong, 1 undecided"
    for form in ("\n".join(printed(MIXED, 240)), as_markdown(MIXED), render(MIXED)):
        beginnings = [outcome[:40] for outcome in OUTCOMES.values()]  # a terminal folds what is long
        assert [each for each in (counts, *beginnings) if each not in form] == []
        assert "optimistic has no service process" in form
        assert "every schedule of these buyers was tried" in form
    for form in (as_markdown(MIXED), render(MIXED)):
        assert "a sentence about corrupted file" in form
    *rows, last = csv.DictReader(io.StringIO(as_csv(MIXED)))
    assert [row["verdict"] for row in rows] == ["correct", "went wrong", "went wrong", "correct", "undecided"]
    assert [row["claims_safety"] for row in rows] == ["yes", "yes", "no", "no", "yes"]
    assert (rows[1]["anomalies"], rows[2]["without_a_fault"]) == ("lock never released, corrupted file", "lost update")
    assert (last["verdict"], last["why"]) == ("unsupported", "optimistic has no service process")


def test_what_nothing_promised_is_never_green() -> None:
    (line,) = [line for line in printed(MIXED, 200, styles=True) if "lease:unfenced" in line]
    assert "\x1b[32m" not in line
    assert re.search(r'class="cell lucky"[^>]*>✓ correct', render(MIXED))
    assert re.search(r'class="cell right"[^>]*>✓ correct', render(MIXED))


@pytest.mark.parametrize("width", [60, 79, 80, 81, 99, 100])
def test_no_figure_is_cut_at_any_width(width: int) -> None:
    lines = printed(crash_matrix(LEFT_LOCK, crash("clerk:robust", "sqlite:journal=delete,synchronous=off")), width)
    assert max(map(len, lines[: lines.index("Next:")])) <= width
    assert sum(" 2,400 " in line for line in lines) == (2 if width >= 100 else 0)


def test_stores_of_one_kind_are_told_apart() -> None:
    lines = printed(crash_matrix(crash(store="json"), crash(store="json:rename")))
    assert [line for line in lines if line.startswith("JSON")] == ["JSON file", "JSON file (json:rename)"]


def test_other_people_s_names_stay_text() -> None:
    found = crash_matrix(crash(EVIL, names={EVIL: 1}, left_behind=(EVIL,)), CORRECT)
    for html in (render(found), render(found | {"environment": {EVIL: EVIL}})):
        assert "<script>alert" not in html
        assert "<img" not in html
