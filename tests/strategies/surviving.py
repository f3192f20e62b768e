"""Explorations with faults, for the tests of what survives them."""

from __future__ import annotations

from ticketlab import explore
from ticketlab.core.scenario import Scenario
from ticketlab.explorer.results import Exploration, ExploreOptions
from ticketlab.lab.exploring.fault_options import chosen_faults
from ticketlab.lab.faults import needs_processes


def struck(store: str, strategy: str, faults: str, buyers: int = 2, tickets: int = 2) -> Exploration:
    """Explore with every fault at every point, to the end."""
    scenario = Scenario.of(store, strategy, buyers=buyers, tickets=tickets)
    chosen = chosen_faults(faults, scenario)
    executor = "processes" if needs_processes(chosen, scenario.strategy) else "inline"
    found = explore(scenario, ExploreOptions(executor=executor, executions=100_000, faults=chosen, exhaust=True))
    assert found.exhausted
    return found
