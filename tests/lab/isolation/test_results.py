"""Cells that are not as published, or not decided, are never taken for good ones."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from ticketlab.lab.isolation.anomalies import ANOMALIES
from ticketlab.lab.isolation.results import IsolationCell, IsolationTable, Occurrence, ScenarioResult, ScheduledStep
from ticketlab.report.isolation import isolation_headline, print_isolation
from ticketlab.report.page import render

CLEAN = ScenarioResult("a scenario", 20, 0, (), {})
SHOWN = ScenarioResult(
    "a scenario", 20, 3, (ScheduledStep("T1", "read a", "10"), ScheduledStep("T2", "commit", "")), {}
)
CUT = ScenarioResult("a scenario", 5, 0, (), {}, "only 5 schedules were run")


def result(*scenarios: ScenarioResult, published: Occurrence | None) -> IsolationTable:
    """Return a table of one cell."""
    cell = IsolationCell("serializable", ANOMALIES[0], scenarios, published)
    return IsolationTable("", "postgres", "PostgreSQL", "a paper", [cell])


@pytest.mark.parametrize(
    ("scenarios", "found"),
    [
        ((CLEAN,), Occurrence.PREVENTED),
        ((CLEAN, SHOWN), Occurrence.POSSIBLE),
        ((CLEAN, CUT), Occurrence.UNDECIDED),
        ((CUT, SHOWN), Occurrence.POSSIBLE),
    ],
)
def test_one_schedule_is_enough_to_show_an_anomaly_and_only_all_of_them_to_exclude_it(
    scenarios: tuple[ScenarioResult, ...], found: Occurrence
) -> None:
    assert result(*scenarios, published=None).cells[0].result is found


@pytest.mark.parametrize(
    ("scenario", "published", "valid", "said"),
    [
        (CLEAN, Occurrence.PREVENTED, True, "✓ 1 of 1 cell as published"),
        (SHOWN, Occurrence.PREVENTED, False, "✗ 1 of 1 cell differ from what is published"),
        (CLEAN, Occurrence.POSSIBLE, False, "✗ 1 of 1 cell differ from what is published"),
        (CUT, Occurrence.PREVENTED, None, "? 1 of 1 cell could not be decided"),
        (SHOWN, None, True, "✓ measured; nothing is published to compare with"),
    ],
)
def test_a_table_is_held_to_the_published_one(
    scenario: ScenarioResult, published: Occurrence | None, valid: bool | None, said: str
) -> None:
    found = result(scenario, published=published)
    assert found.valid is valid
    assert isolation_headline(found.to_json()) == f"PostgreSQL: {said}"


def test_a_cell_that_differs_is_told_with_its_schedule() -> None:
    page = StringIO()
    print_isolation(result(SHOWN, published=Occurrence.PREVENTED).to_json(), Console(file=page, width=120))
    told = page.getvalue()
    assert "! G0 at serializable: possible here, prevented as published" in told
    assert "G0, a scenario, at serializable (in 3 of 20 schedules)" in told
    assert "read a → 10" in told


def test_the_page_has_the_table_and_the_schedule() -> None:
    told = render(result(SHOWN, published=Occurrence.PREVENTED).to_json())
    assert '<span class="wrong" role="img" aria-label="possible" title="possible">✗ !</span>' in told
    assert "<h3>G0, a scenario, at serializable (in 3 of 20 schedules)</h3>" in told
    assert "<td>read a → 10</td>" in told
