"""Purchases by one process after another, and explorations with faults, for the tests of what survives them."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

from ticketlab import explore
from ticketlab.core.inventory import Buy, Inventory, Outcome
from ticketlab.core.plugin import Store, Strategy, StrategyContext
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.explorer.results import Exploration, ExploreOptions
from ticketlab.lab.exploring.fault_options import chosen_faults
from ticketlab.lab.faults import needs_processes
from ticketlab.lab.plugins.registry import store_kind, strategy_kind


def opened(store: str, strategy: str, folder: Path) -> tuple[Store, Strategy]:
    """Make a store of 90 tickets and a strategy for two buyers."""
    shelf, way = Spec.parse(store), Spec.parse(strategy)
    made = store_kind(shelf).make(shelf, folder)
    made.create(Inventory.of(90), ledger=True)
    guard = strategy_kind(way).make(way)
    guard.prepare(StrategyContext(multiprocessing.get_context("fork"), folder, made, 2))
    return made, guard


def buy(store: Store, strategy: Strategy, buyer: int) -> Outcome:
    """Buy one ticket, as a buyer that joins for it."""
    with strategy.join(store, buyer) as purchase:
        return purchase(Buy(buyer, "main"))


def explored_with_faults(store: str, strategy: str, faults: str, buyers: int = 2, tickets: int = 2) -> Exploration:
    """Explore with every fault at every point, to the end."""
    scenario = Scenario.of(store, strategy, buyers=buyers, tickets=tickets)
    chosen = chosen_faults(faults, scenario)
    executor = "processes" if needs_processes(chosen, scenario.strategy) else "inline"
    found = explore(scenario, ExploreOptions(executor=executor, executions=100_000, faults=chosen, exhaust=True))
    assert found.exhausted
    return found
