"""Races as text: every verdict in the headline, nothing cut off, and next steps that keep to the store at hand."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from tests.lab.comparisons import RIGHT, UNDECIDED, cell, result
from ticketlab.core.result import Result, Tour
from ticketlab.core.verdict import Anomaly, Verdict
from ticketlab.report.document import shown_document
from ticketlab.report.safe_console import Screen
from ticketlab.report.text import next_steps, print_race, print_tour

WRONG = Verdict([Anomaly("lost update", "the books forgot 3 sales")])


def race(strategy: str, verdict: Verdict, store: str = "json:rename", *, claims: bool = True) -> Result:
    return replace(result(cell(strategy, store), 1, 1000.0, verdict), claims_safety=claims)


def printed(*rows: Result, width: int = 120) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    following = {"ticketlab strategies": "what runs on what"}
    print_race(rows[0], following, console) if len(rows) == 1 else print_tour(rows, following, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("verdicts", "told"),
    [
        ((RIGHT, RIGHT), "All 2 races are correct"),
        ((RIGHT, WRONG), "1 of 2 races went wrong"),
        ((RIGHT, UNDECIDED), "1 of 2 races is undecided"),
        ((WRONG, UNDECIDED, UNDECIDED), "1 of 3 races went wrong, 2 of 3 races are undecided"),
    ],
)
def test_a_tour_that_is_undecided_never_looks_like_a_pass(verdicts: tuple[Verdict, ...], told: str) -> None:
    text = printed(*(race(f"lock{number}", verdict) for number, verdict in enumerate(verdicts)))
    assert text.splitlines()[0] == f"{told}  (2 buyers, 2 tickets)"
    assert ("could not be decided" in text) == (UNDECIDED in verdicts)


@pytest.mark.parametrize(
    ("fix", "unsynchronized", "valid", "told"),
    [
        (
            RIGHT,
            WRONG,
            True,
            "1 of 1 race that claims safety is correct; 1 of 1 race that claims none went wrong",
        ),
        (
            RIGHT,
            RIGHT,
            True,
            "1 of 1 race that claims safety is correct; 0 of 1 race that claims none went wrong",
        ),
        (WRONG, WRONG, False, "1 of 1 race that claims safety went wrong; 1 of 1 race that claims none went wrong"),
    ],
)
def test_a_tour_is_right_if_what_claims_safety_was(
    fix: Verdict, unsynchronized: Verdict, valid: bool, told: str
) -> None:
    rows = [race("none", unsynchronized, claims=False), race("lock", fix)]
    tour = Tour("", rows)
    assert tour.valid is valid
    assert shown_document(tour.to_json()).headline == told
    text = printed(*rows)
    assert text.splitlines()[0] == f"{told}  (2 buyers, 2 tickets)"
    assert ("correct by luck" in text) is bool(unsynchronized.valid)
    assert [each["strategy"] for each in tour.to_json()["anomalies"]] == ([] if fix.valid else ["lock"])


def test_each_result_comes_with_its_reason() -> None:
    copies = "each process has its own copy; a lock cannot help"
    rows = [
        replace(race("lock", WRONG, "private"), because=copies),
        replace(race("flock", RIGHT, "private"), because="one at a time"),
        replace(race("filelock", RIGHT, "private"), because="one at a time"),
        race("mine", RIGHT, "private"),
        race("none", RIGHT, "private", claims=False),
        race("slow", UNDECIDED, "private"),
    ]
    assert printed(*rows).split("private dict\n")[1].splitlines()[:5] == [
        f"  ✗ lock: lost update: {copies}.",
        "  ✓ flock and filelock: one at a time.",
        "  ✓ mine: the books are right.",
        "  ? none: correct by luck.",
        "  ? slow: could not be decided.",
    ]
    assert f"Why: {copies}." in printed(rows[0])


def operation(buyer: int, *counts: int, ticket: int = 1) -> dict[str, object]:
    """Return a purchase that read the first count and wrote the second."""
    accesses = [
        {"action": action, "remaining": count, "ns": 10 * buyer + number}
        for number, (action, count) in enumerate(zip(("read", "write"), counts, strict=False))
    ]
    times = {"invoke_ns": 10 * buyer - 1, "return_ns": 10 * buyer + 5}
    return {"process": buyer, "result": "ok", "tickets": [ticket], "accesses": accesses, **times}


def test_two_buyers_are_shown_only_if_they_read_the_same_and_were_sold_the_same() -> None:
    def told(*operations: dict[str, object]) -> str:
        evidence = {"tickets": {"1": list(operations)}}
        return printed(race("none", Verdict([Anomaly("ticket sold twice", "ticket 1 was sold to two", evidence)])))

    both = told(operation(1, 5, 4), operation(2, 5, 4))
    assert "Why: buyers 1 and 2 both read 5 left, so both bought ticket 1." in both
    assert "reads 5 left" in both
    assert "Why: buyers 2 and 3" in told(operation(1, 6, 4), operation(2, 5, 4), operation(3, 5, 4))
    for other in (
        told(operation(1, 6, 5), operation(2, 5, 4)),
        told(operation(1, 5, 4)),
        told(operation(1), operation(2)),
    ):
        assert "Why: " not in other
        assert "✗ ticket sold twice: ticket 1 was sold to two" in other


def test_no_figure_and_no_name_is_cut_off_or_broken_at_any_width() -> None:
    """An hour for a race, thousands of tickets and the longest names, at every width from 30 characters on."""
    long = replace(race("transaction:immediate", RIGHT, "sqlite:journal=delete"), sold=20_000, tickets=20_000)
    long = replace(long, metrics=replace(long.metrics, p50_ms=3_600_000, p99_ms=3_700_000, longest_ms=3_800_000))
    parts = ("sqlite:journal=delete", "transaction:immediate", "20000 of 20000", "3600.0 s", "3700.0 s", "3800.0 s")
    for width in range(30, 140):
        text = printed(long, race("none", WRONG), width=width)
        for part in (*parts, "5 ms", "9 ms", "0.90", "1.10 s", "longest", "fair"):
            assert part in text, f"{part} at {width} columns"
        assert "…" not in text


def test_a_command_to_type_next_is_one_line_in_the_narrowest_terminal() -> None:
    command = "ticketlab race --store sqlite:journal=delete --strategy transaction:immediate --faults kill:0.2"
    page = io.StringIO()
    Screen(file=page, width=40).print(next_steps({command: "the same once more, with all that was said"}))
    assert f"  {command}   # the same once more, with all that was said" in page.getvalue().splitlines()
