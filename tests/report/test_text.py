"""Races as text: every verdict in the headline, nothing cut off, and next steps that keep to the store at hand."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from tests.lab.comparisons import RIGHT, UNDECIDED, cell, result
from ticketlab.core.result import Result
from ticketlab.core.verdict import Anomaly, Verdict
from ticketlab.report.text import print_race, print_tour

WRONG = Verdict([Anomaly("lost update", "the books forgot 3 sales")])


def race(strategy: str, verdict: Verdict, store: str = "json:rename") -> Result:
    return result(cell(strategy, store), 1, 1000.0, verdict)


def printed(*rows: Result, width: int = 120) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    print_race(rows[0], console) if len(rows) == 1 else print_tour(rows, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("verdicts", "told"),
    [
        ((RIGHT, RIGHT), "All 2 races kept the books right"),
        ((RIGHT, WRONG), "1 of 2 races went wrong"),
        ((RIGHT, UNDECIDED), "1 of 2 races is undecided"),
        ((WRONG, UNDECIDED, UNDECIDED), "1 of 3 races went wrong, 2 of 3 races are undecided"),
    ],
)
def test_a_story_that_is_undecided_never_looks_like_a_pass(verdicts: tuple[Verdict, ...], told: str) -> None:
    text = printed(*(race(f"lock{number}", verdict) for number, verdict in enumerate(verdicts)))
    assert text.splitlines()[0] == f"{told}  (2 buyers, 2 tickets)"
    assert ("could not be decided" in text) == (UNDECIDED in verdicts)


@pytest.mark.parametrize("width", [60, 79, 80, 120])
def test_a_table_is_never_cut_off(width: int) -> None:
    text = printed(race("lock", RIGHT), race("none", WRONG), width=width)
    for part in ("✓ books right", "✗ lost update", "5 ms", "9 ms", "0.90", "1.10 s"):
        assert part in text
    assert "…" not in text


def test_the_cures_are_those_of_the_variant_that_was_raced() -> None:
    assert re.search("  ticketlab race --store json:rename +# see the cures\n", printed(race("none", WRONG)))


def test_what_went_well_can_be_seen_unguarded_and_explored() -> None:
    text = printed(race("flock", RIGHT))
    next_steps = {line.partition("#")[0].strip() for line in text.splitlines() if "   # " in line}
    assert "ticketlab race --store json:rename --strategy none" in next_steps
    assert "ticketlab explore --store json:rename --strategy flock" in next_steps
    assert "see it unguarded" not in printed(race("none", RIGHT))
