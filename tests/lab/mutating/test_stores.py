"""The lab's own strategies lose their guards, and their exploration notices; the others are listed."""

from __future__ import annotations

import pytest

from ticketlab.core.scenario import Scenario
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.mutating.guards import Weakening
from ticketlab.lab.mutating.stores import mutate_scenario

AWAY, TWO, LATER, EARLIER = Weakening
ALL = {("lock", each): True for each in Weakening}

STRATEGIES = [
    ("json", "flock", ALL),
    ("json", "lock", ALL),
    ("json", "filelock", ALL),
    ("manager", "manager-lock", ALL),
    ("json:durable", "flock", ALL | {("fsync", AWAY): False}),
    ("sqlite", "transaction:immediate", {("transaction", AWAY): True}),
    ("sqlite", "transaction:deferred", {("transaction", AWAY): True, ("retry", AWAY): False}),
    ("sqlite", "optimistic", {("compare-and-set", AWAY): True, ("retry", AWAY): False}),
    ("sqlite", "atomic", {("conditional update", AWAY): True}),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("store", "strategy", "expected"), STRATEGIES, ids=lambda each: each if type(each) is str else ""
)
def test_each_guard_of_a_strategy(
    store: str, strategy: str, expected: dict[tuple[str, Weakening], bool | None]
) -> None:
    scenario = Scenario.of(store, strategy, buyers=2, tickets=1)
    found = mutate_scenario(scenario, ExploreOptions(executions=2_000))
    assert {(each.mutant.place.kind, each.mutant.weakening): each.convicted for each in found.outcomes} == expected
    assert found.valid is all(expected.values())


def test_sessions_are_as_they_were_afterwards() -> None:
    from ticketlab.stores.sqlite_session import SqliteSession

    before = dict(vars(SqliteSession))
    mutate_scenario(Scenario.of("sqlite", "atomic", buyers=2, tickets=1), ExploreOptions())
    assert dict(vars(SqliteSession)) == before
