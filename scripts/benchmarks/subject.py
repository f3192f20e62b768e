"""The names of ticketlab's insides that are measured; the benchmarks use no others.

To measure another checkout in which a name is spelt differently, copy this folder there and change this file alone.
"""

from __future__ import annotations

from ticketlab import race
from ticketlab.checker import Budget as Budget
from ticketlab.checker import Columns as Columns
from ticketlab.checker import check as check
from ticketlab.checker.jsonl import parse_history
from ticketlab.core.inventory import Buy as Buy
from ticketlab.core.inventory import Inventory as Inventory
from ticketlab.core.scenario import Scenario as Scenario
from ticketlab.core.spec import Spec as Spec
from ticketlab.explorer.executors.inline import Inline as Inline
from ticketlab.explorer.executors.processes import Processes
from ticketlab.explorer.policies.dfs import DepthFirst as DepthFirst
from ticketlab.explorer.policies.dpor import SourceSets as SourceSets
from ticketlab.explorer.policies.random import RandomWalk as RandomWalk
from ticketlab.explorer.search import search as search
from ticketlab.lab.checking.check_file import memory_in_use
from ticketlab.lab.exploring.scenario_workload import ScenarioWorkload
from ticketlab.lab.exploring.sequential import SequentialRunner
from ticketlab.lab.plugins.registry import store_kind as store_kind
from ticketlab.lab.racing.options import RaceOptions
from ticketlab.strategies.purchase import fulfil as fulfil

__all__ = ["memory_in_use", "parse_history"]


def scenario(store: str, strategy: str, buyers: int, tickets: int) -> Scenario:
    """Return a scenario of one section."""
    return Scenario(Spec.parse(store), Spec.parse(strategy), buyers, Inventory({"main": tickets}))


def workload(store: str, strategy: str, buyers: int, tickets: int) -> ScenarioWorkload:
    """Return a scenario as what an executor runs."""
    return ScenarioWorkload(scenario(store, strategy, buyers, tickets))


def in_sequence(store: str, strategy: str, buyers: int, tickets: int) -> SequentialRunner:
    """Return a scenario as what performs its requests one after another."""
    return SequentialRunner(scenario(store, strategy, buyers, tickets))


def on_processes(store: str, strategy: str, buyers: int, tickets: int) -> Processes:
    """Return real processes that run a scenario."""
    return Processes(workload(store, strategy, buyers, tickets), atomic_accesses=True)


def race_rate(one: Scenario, *, trace: bool) -> float:
    """Race, and return the sales per second; a race that went wrong ends everything."""
    result = race(one, RaceOptions(trace=trace))
    if not result.valid:
        raise SystemExit(f"{one.strategy} on {one.store}: {[each.sentence for each in result.verdict.anomalies]}")
    return float(result.metrics.sales_per_s)
