"""Lists of tickets, and clerks behind a stream, on Valkey: the right forms in every schedule, and the wrong ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from ticketlab.core.errors import UsageError
from ticketlab.core.inventory import Buy, Cancel, Found, Inventory, Search, Sold, SoldOut
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.explorer.results import Exploration, ExploreOptions
from ticketlab.lab.exploring.explore import explore_scenario
from ticketlab.lab.plugins.registry import strategy_kind
from ticketlab.lab.racing.options import RaceOptions
from ticketlab.lab.racing.race import run_race
from ticketlab.stores.valkey import ValkeyStore

pytestmark = pytest.mark.usefixtures("in_tmp_path")


def explored(strategy: str, *, buyers: int = 2, most: int = 1) -> Exploration:
    scenario = Scenario(Spec("valkey"), Spec.parse(strategy), buyers, Inventory.of(2), quantity=(1, most))
    return explore_scenario(scenario, ExploreOptions(executor="inline", executions=5_000))


def listed(tickets: int) -> ValkeyStore:
    store = ValkeyStore(Path.cwd(), "", "", "off")
    store.create(Inventory.of(tickets), ledger=True)
    store.list_tickets()
    return store


@pytest.mark.parametrize("strategy", ["list", "stream", "stream:clerks=1"])
def test_a_right_form_is_right_in_every_schedule(strategy: str) -> None:
    found = explored(strategy)
    assert (found.verdict.valid, found.exhausted) == (True, True)


def test_orders_of_several_tickets_are_served_whole_or_not_at_all() -> None:
    assert explored("list", buyers=3, most=2).verdict.valid


@pytest.mark.parametrize(
    ("strategy", "name"),
    [("list:peek", "ticket sold twice"), ("stream:no-group", "ghost sale"), ("stream:claim-early", "ghost sale")],
)
def test_a_wrong_form_is_convicted(strategy: str, name: str) -> None:
    assert name in [each.name for each in explored(strategy).verdict.anomalies]


def test_who_gives_back_what_is_too_little_makes_others_miss_it() -> None:
    assert explored("list:give-back").verdict.valid, "with one ticket an order there is nothing to give back"
    assert "undersold" in [each.name for each in explored("list:give-back", buyers=3, most=2).verdict.anomalies]


@pytest.mark.parametrize("strategy", ["list", "stream"])
def test_live_races_are_right(strategy: str) -> None:
    result = run_race(Scenario.of("valkey", strategy, buyers=10, tickets=5), RaceOptions())
    assert result.valid


def test_a_cancelled_number_is_void_and_a_new_one_goes_on_sale() -> None:
    store = listed(2)
    try:
        strategy = strategy_kind(Spec("list")).make(Spec("list"))
        with strategy.join(store, 1) as perform:
            assert perform(Buy(1, "main", 2)) == Sold((1, 2))
            assert isinstance(perform(Buy(1, "main", 1)), SoldOut)
            perform(Cancel(1, "main", (1,)))
            assert perform(Search(1, "main")) == Found(1)
            assert perform(Buy(1, "main", 1)) == Sold((3,))
        stock = store.books().stocks["main"]
        assert (stock.tickets, stock.remaining, stock.issued) == (2, 0, 3)
    finally:
        store.close()


def test_too_many_tickets_are_not_listed() -> None:
    with pytest.raises(UsageError, match="cannot be listed"):
        explore_scenario(Scenario.of("valkey", "list", buyers=2, tickets=100_001), ExploreOptions(executor="inline"))
