"""Faults of buyers that hold tickets: each access, and each pause, is a point at which to kill or pause one."""

from __future__ import annotations

import pytest

from ticketlab import explore
from ticketlab.core.faults import Fault
from ticketlab.core.inventory import Sold
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.exploring.explore import executor_for
from ticketlab.lab.exploring.fault_search import FaultSearch
from ticketlab.lab.exploring.scenario_workload import ScenarioWorkload

pytestmark = pytest.mark.usefixtures("in_tmp_path")


@pytest.mark.parametrize("fault", ["terminate", "pause:31s"])
def test_a_transaction_keeps_the_books_right(fault: str) -> None:
    scenario = Scenario.of("sqlite", "atomic", buyers=2, hold=30.0, pay=20.0)
    found = explore(scenario, ExploreOptions(faults=(Fault.parse(fault),)))
    assert found.verdict.valid is True


def test_a_pause_between_the_look_and_the_lock_resells_a_hold() -> None:
    alone = Scenario.of("memory", "check-then-lock", buyers=2, tickets=2, hold=30.0)
    assert explore(alone).verdict.valid is True
    paused = explore(alone, ExploreOptions(faults=(Fault.parse("pause:31s"),)))
    assert paused.verdict.valid is False


@pytest.mark.parametrize("policy", ["dpor", "dfs"])
@pytest.mark.parametrize("buyers", [1, 2])
def test_an_outsiders_lock_that_lasts_one_access_blocks_nobody_for_ever(buyers: int, policy: str) -> None:
    scenario = Scenario.of("sqlite", "transaction:immediate", buyers=buyers, tickets=2)
    found = explore(scenario, ExploreOptions(Spec.parse(policy), faults=(Fault.parse("locked"),)))
    assert found.verdict.valid is True
    assert [point.before for point in found.injected[:2]] == ["begin inventory.db", "read inventory.db"]


def test_who_meets_an_outsiders_lock_before_it_begins_buys_all_the_same() -> None:
    workload = ScenarioWorkload(Scenario.of("sqlite", "transaction:immediate", buyers=1, tickets=2))
    options = ExploreOptions(faults=(Fault.parse("locked"),))
    with executor_for(workload, options) as executor:
        first = next(run for run, faults in FaultSearch(executor, options).executions() if faults)
    assert first.injected == (0,)
    assert [record.outcome for record in first.records] == [Sold((1,))]


def test_an_access_of_a_clerk_fails_as_one_of_a_buyer_does() -> None:
    scenario = Scenario.of("sqlite", "clerk:queue", buyers=2, tickets=2)
    found = explore(scenario, ExploreOptions(faults=(Fault.parse("locked"),)))
    assert found.verdict.valid is True
    assert {point.who for point in found.injected} == {"service 1"}
    assert [point.before for point in found.injected] == ["read inventory.db", "write inventory.db"] * 2
