"""The scenarios, held against textbook stores: each can show its anomaly, and none does if transactions are serial."""

from __future__ import annotations

import pytest

from tests.lab.isolation.textbook import Textbook, all_schedules, lengths, serial_schedules, shown
from ticketlab.lab.isolation.anomalies import ANOMALIES
from ticketlab.lab.isolation.published import published_levels
from ticketlab.lab.isolation.results import Occurrence
from ticketlab.lab.isolation.transactions import IsolationScenario

SCENARIOS = [
    pytest.param(scenario, id=f"{anomaly.key}: {scenario.name}")
    for anomaly in ANOMALIES
    for scenario in anomaly.scenarios
]


def possible(book: Textbook) -> set[str]:
    """Return the anomalies that some schedule shows on a textbook store."""
    return {
        anomaly.key
        for anomaly in ANOMALIES
        for scenario in anomaly.scenarios
        if any(shown(scenario, schedule, book) for schedule in all_schedules(lengths(scenario)))
    }


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("book", Textbook)
def test_no_serial_schedule_shows_an_anomaly(scenario: IsolationScenario, book: Textbook) -> None:
    assert not any(shown(scenario, schedule, book) for schedule in serial_schedules(scenario))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_each_scenario_shows_its_anomaly_if_nothing_keeps_transactions_apart(scenario: IsolationScenario) -> None:
    assert any(shown(scenario, schedule, Textbook.NOTHING) for schedule in all_schedules(lengths(scenario)))


@pytest.mark.parametrize(
    ("book", "level"), [(Textbook.LOCKS, "read committed"), (Textbook.SNAPSHOTS, "repeatable read")]
)
def test_textbook_stores_show_what_is_published_of_postgresql(book: Textbook, level: str) -> None:
    published = published_levels("postgres")
    keys = {anomaly.key for anomaly in ANOMALIES}
    assert possible(book) == {key for key in keys if published.result(level, key) is Occurrence.POSSIBLE}
