"""Holds explored: the last ticket held twice is found, looking too early is found, and the fixes are exhausted."""

from __future__ import annotations

from dataclasses import replace as changed

import pytest

from ticketlab import explore, replay, run_plan
from ticketlab.core.errors import UsageError
from ticketlab.core.inventory import Buy, Confirm, Hold, Request, Search
from ticketlab.core.plugin import Capability
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.executors.processes import Processes
from ticketlab.explorer.policies.dfs import DepthFirst
from ticketlab.explorer.policies.dpor import SourceSets
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.policies.random import RandomWalk
from ticketlab.explorer.results import ExploreOptions
from ticketlab.explorer.search import search
from ticketlab.lab.exploring.scenario_workload import ScenarioWorkload
from ticketlab.lab.plugins.registry import registered, store_kind, stores, strategies
from ticketlab.timings import Schedule, Timing

pytestmark = pytest.mark.usefixtures("in_tmp_path")


def held(store: str, strategy: str, pay: float, *, buyers: int = 2, tickets: int = 1) -> Scenario:
    return Scenario.of(store, strategy, buyers=buyers, tickets=tickets, hold=30.0, pay=pay)


@pytest.mark.parametrize("store", ["memory", "json:in-place", "manager", "sqlite"])
def test_two_holds_of_the_last_ticket_are_found_and_replay(store: str) -> None:
    found = explore(held(store, "none", 20.0), ExploreOptions(atomic_accesses=True))
    assert found.finding is not None
    assert {anomaly.name for anomaly in found.finding.anomalies} & {"held twice", "lost update", "oversold"}
    assert replay(found.finding.case).history == found.finding.history


RIGHT = [
    ("memory", "lock"),
    ("memory", "atomic"),
    ("memory", "optimistic"),
    ("json:in-place", "flock"),
    ("json:truncate", "lock"),
    ("json:in-place", "clerk"),
    ("json:in-place", "clerk:socket"),
    ("sqlite", "atomic"),
    ("sqlite", "optimistic"),
    ("sqlite", "transaction:immediate"),
    ("manager", "lock"),
]


@pytest.mark.parametrize("pay", [0.0, 20.0, 31.0])
@pytest.mark.parametrize(("store", "strategy"), RIGHT)
def test_what_is_right_for_orders_is_right_for_holds(store: str, strategy: str, pay: float) -> None:
    found = explore(held(store, strategy, pay))
    assert found.verdict.valid is True
    assert found.exhausted


@pytest.mark.slow
def test_whether_a_hold_stands_is_to_be_looked_up_under_the_lock() -> None:
    # One buyer's 20 s leave its own hold of 30 s valid, and two buyers' do not.
    wrong = explore(held("memory", "check-then-lock", 20.0, buyers=3, tickets=2))
    assert wrong.finding is not None
    assert "resold hold" in {anomaly.name for anomaly in wrong.finding.anomalies}
    fix = explore(held("memory", "lock", 20.0, buyers=3, tickets=2))
    assert fix.verdict.valid is True


def outcomes(policy: Policy) -> set[object]:
    cast = ScenarioWorkload(held("memory", "lock", 31.0))
    with Inline(cast) as executor:
        return {
            frozenset((record.buyer, record.request, record.outcome) for record in execution.records)
            for execution in search(executor, policy)
        }


def test_reduction_finds_all_that_can_come_of_time_that_passes() -> None:
    assert outcomes(SourceSets()) == outcomes(DepthFirst())


def test_time_passes_alike_in_one_process_and_in_many() -> None:
    one, other = (ScenarioWorkload(held("json:in-place", "lock", 20.0, buyers=3, tickets=2)) for _ in range(2))
    with Inline(one) as inline, Processes(other) as processes:
        pairs = zip(search(inline, RandomWalk(5), 20), search(processes, RandomWalk(5), 20), strict=True)
        for here, there in pairs:
            assert one.history(here) == other.history(there)
            assert one.judge(here) == other.judge(there)


def one_after_another(*orders: list[Request], store: str = "memory", plan: Schedule | Timing) -> list[object]:
    played = run_plan(Scenario.of(store, "lock", buyers=len(orders)), plan, orders=orders)
    assert played.valid, str(played)
    return [(one.process, one.op, one.result) for one in played.history.operations]


@pytest.mark.parametrize(("after", "told"), [(29.0, "ok"), (31.0, "expired")])
def test_a_pause_between_hold_and_confirmation_shows_whether_it_was_too_long(after: float, told: str) -> None:
    orders: list[Request] = [Hold(1, "main", 1, 30.0, "1.1"), Confirm(1, "main", "1.1", after), Search(1, "main")]
    left = 0 if told == "ok" else 1
    for plan in (Schedule(()), Timing(((),))):
        found = one_after_another(orders, plan=plan)
        assert found == [(1, "hold", "1.1"), (1, "confirm", told), (1, "search", left)]


def test_a_hold_that_nobody_confirms_is_for_sale_when_it_is_over() -> None:
    late: list[Request] = [Hold(1, "main", 1, 30.0, "1.1"), Confirm(1, "main", "1.1", 40.0)]
    plan = Timing(((), (0, 0, 35_000_000)))
    told = one_after_another(late, [Buy(2, "main"), Buy(2, "main")], plan=plan)
    assert (2, "buy", "ok") in told
    assert (1, "confirm", "expired") in told


def test_a_store_that_keeps_no_holds_is_refused_with_the_reason() -> None:
    memory = store_kind(Spec("memory"))
    with registered(changed(memory, name="plain", capabilities=memory.capabilities - {Capability.HOLDS})):
        reason = "plain cannot keep holds: they need records that carry holds, and it has none"
        with pytest.raises(UsageError, match=reason):
            explore(held("plain", "lock", 0.0))
        with pytest.raises(UsageError, match=reason):
            run_plan(Scenario.of("plain", buyers=1), Schedule(()), orders=[[Hold(1, "main", 1, 1.0, "a")]])


def test_every_strategy_of_ours_serves_holds() -> None:
    orders: list[Request] = [Hold(1, "main", 1, 30.0, "1.1"), Confirm(1, "main", "1.1")]
    for way in strategies():
        if not way.keeps_holds(Spec(way.name)):
            continue
        shelf = next(
            store for store in stores() if not way.unsupported_on(store, Spec(way.name)) and store.name != "private"
        )
        scenario = Scenario.of(shelf.name, way.name, buyers=1)
        told = [one.result for one in run_plan(scenario, Schedule(()), orders=[orders]).history.operations]
        assert told == ["1.1", "ok"], way.name
