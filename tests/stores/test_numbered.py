"""Numbered tickets on PostgreSQL: each number sold once, and nobody refused while a number may be left."""

from __future__ import annotations

import pytest

from ticketlab.core.errors import UsageError
from ticketlab.core.inventory import Buy, Cancel, Found, Search, Sold, SoldOut, Stock
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.policies.dpor import SourceSets
from ticketlab.explorer.search import search
from ticketlab.lab.api import explore, race
from ticketlab.lab.exploring.scenario_workload import ScenarioWorkload
from ticketlab.lab.plugins.registry import store_kind, strategy_kind
from ticketlab.testing.strategy_laws import (
    StrategyUnderTest,
    keeps_its_word_of_what_comes_back,
    same_everywhere,
    serves,
)

pytestmark = pytest.mark.usefixtures("in_tmp_path")

RIGHT = ["unique", "row-lock:skip-locked"]
WRONG = ["unique:count-check", "row-lock:skip-locked-gives-up"]

_LIMIT = 1_000


def on_postgres(strategy: str, buyers: int, tickets: int, quantity: int | tuple[int, int] = 1) -> Scenario:
    """Return a scenario; of one to two tickets an order, the first buyer wants two, and the others one."""
    return Scenario.of("postgres", strategy, buyers=buyers, tickets=tickets, quantity=quantity)


def searched(scenario: Scenario) -> tuple[set[frozenset[tuple[int, object]]], list[str], bool]:
    """Return what requests returned in all executions, the anomalies, and whether the search came to its end."""
    subject, executions, told, anomalies = ScenarioWorkload(scenario), 0, set(), []
    with Inline(subject) as executor:
        for execution in search(executor, SourceSets(), _LIMIT):
            executions += 1
            told.add(frozenset((record.buyer, record.outcome) for record in execution.records))
            anomalies += [anomaly.name for anomaly in subject.judge(execution)]
    return told, anomalies, executions < _LIMIT


@pytest.mark.parametrize("strategy", RIGHT)
def test_one_of_three_buyers_gets_the_only_ticket(strategy: str) -> None:
    told, anomalies, exhausted = searched(on_postgres(strategy, 3, 1))
    assert (anomalies, exhausted) == ([], True)
    assert told == {
        frozenset((buyer, Sold((1,)) if buyer == winner else SoldOut()) for buyer in range(3)) for winner in range(3)
    }


@pytest.mark.parametrize("strategy", RIGHT)
def test_two_buyers_get_a_ticket_each_of_two(strategy: str) -> None:
    told, anomalies, exhausted = searched(on_postgres(strategy, 2, 2))
    assert (anomalies, exhausted) == ([], True)
    assert told == {frozenset({(0, Sold((first,))), (1, Sold((3 - first,)))}) for first in (1, 2)}


@pytest.mark.parametrize("strategy", RIGHT)
def test_an_order_is_met_whole_or_refused(strategy: str) -> None:
    told, anomalies, exhausted = searched(on_postgres(strategy, 2, 2, (1, 2)))
    assert (anomalies, exhausted) == ([], True)
    assert told == {
        frozenset({(0, Sold((1, 2))), (1, SoldOut())}),
        frozenset({(0, SoldOut()), (1, Sold((1,)))}),
    }


def test_two_who_count_the_same_sell_the_same_number() -> None:
    _, anomalies, _ = searched(on_postgres("unique:count-check", 2, 1))
    assert set(anomalies) == {"oversold", "ticket sold twice", "negative stock"}


def test_who_skips_a_lock_and_gives_up_is_refused_a_ticket_that_nobody_buys() -> None:
    _, anomalies, exhausted = searched(on_postgres("row-lock:skip-locked-gives-up", 3, 2, (1, 2)))
    assert (set(anomalies), exhausted) == ({"undersold"}, True)


@pytest.mark.parametrize("strategy", WRONG)
def test_a_wrong_form_is_confirmed_on_real_processes(strategy: str) -> None:
    found = explore(on_postgres(strategy, 3, 2, (1, 2)))
    assert found.finding is not None


@pytest.mark.parametrize("strategy", RIGHT)
def test_a_number_that_was_cancelled_is_not_sold_again(strategy: str) -> None:
    subject = StrategyUnderTest(strategy_kind(Spec.parse(strategy)), Spec.parse(strategy), Spec("postgres"), _LIMIT)
    serves(subject)
    keeps_its_word_of_what_comes_back(subject)
    same_everywhere(subject)


@pytest.mark.parametrize("strategy", RIGHT)
def test_twenty_buyers_race_for_ten_tickets(strategy: str) -> None:
    result = race(on_postgres(strategy, 20, 10))
    assert result.valid, result.verdict
    assert sorted(ticket for one in result.history.operations for ticket in one.tickets) == list(range(1, 11))


@pytest.mark.parametrize("strategy", [*RIGHT, "unique:count-check"])
def test_a_reset_puts_all_numbers_on_sale_again(strategy: str) -> None:
    workload = ScenarioWorkload(on_postgres(strategy, 1, 2))
    with workload.opened() as (store, _):
        opening = store.books()
        for _ in range(2):
            with workload.join(1) as perform:
                assert perform(Buy(1, "main", 2)) == Sold((1, 2))
                perform(Cancel(1, "main", (2,)))
                assert perform(Search(1, "main")) == Found(1)
                assert perform(Buy(1, "main")) == Sold((3,))
            after = store.books()
            assert after.stocks["main"] == Stock("main", 2, 0, 3, 1)
            assert after.ledger is not None
            assert [entry.tickets for entry in after.ledger] == [(1,), (2,), (2,), (3,)]
            workload.reset()
            assert store.books() == opening


@pytest.mark.parametrize("strategy", [*RIGHT, *WRONG])
def test_holds_are_refused_in_a_line(strategy: str) -> None:
    with pytest.raises(UsageError, match=f"{strategy} cannot keep holds"):
        race(Scenario.of("postgres", strategy, buyers=2, tickets=1, hold=5.0))


def test_too_many_tickets_are_refused_in_a_line() -> None:
    with pytest.raises(UsageError, match="100,001 tickets cannot be numbered one by one: at most 100,000 can"):
        race(on_postgres("unique", 2, 100_001))


def test_a_store_that_numbers_no_tickets_is_refused() -> None:
    reason = strategy_kind(Spec("unique")).unsupported_on(store_kind(Spec("sqlite")))
    assert reason == "unique needs numbered tickets; sqlite has none"


@pytest.mark.parametrize("strategy", RIGHT)
def test_every_section_has_numbers_of_its_own(strategy: str) -> None:
    workload = ScenarioWorkload(Scenario.of("postgres", strategy, buyers=1, tickets={"floor": 2, "boxes": 1}))
    with workload.opened(), workload.join(1) as perform:
        assert [perform(Buy(1, section)) for section in ("floor", "boxes", "floor")] == [
            Sold((1,)),
            Sold((1,)),
            Sold((2,)),
        ]
