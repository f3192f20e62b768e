"""The tour: each store unsynchronized, then under each of its fixes, one race after another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.lab.racing.options import RaceOptions
from ticketlab.lab.racing.race import check_combination, run_race

if TYPE_CHECKING:
    from ticketlab.core.result import Result, Tour
    from ticketlab.core.timeline import Timeline


def tour_pairs(store: str | None, strategy: str | None) -> list[tuple[Spec, Spec]]:
    """Return the stores and strategies to race, as far as the user has not named them.

    A named store comes with the strategies that its kind names for the tour or, if there are none, unsynchronized and
    with a lock. A named strategy comes with each store of the tour that it runs on.
    """
    if store is not None and strategy is not None:
        return [(Spec.parse(store), Spec.parse(strategy))]
    from ticketlab.lab.plugins.registry import store_kind, strategy_kind, toured_stores

    if store is not None:
        chosen = Spec.parse(store)
        return [(chosen, Spec.parse(each)) for each in store_kind(chosen).toured or ("none", "lock")]
    if strategy is not None:
        guard = Spec.parse(strategy)
        kind = strategy_kind(guard)
        return [(Spec(each.name), guard) for each in toured_stores() if not kind.unsupported_on(each)]
    return [(Spec(each.name), Spec.parse(fix)) for each in toured_stores() for fix in each.toured]


def tour(
    pairs: Sequence[tuple[Spec, Spec]],
    scenario: Scenario,
    options: RaceOptions,
    *,
    meanwhile: Callable[[], None],
    command: Callable[[Scenario], str],
    progress: Callable[[int, Scenario], None],
) -> list[Result]:
    """Race the pairs one after another, and return their results in the order given.

    `command` returns the command line that runs a race again. `progress` is called before each race, with how many are
    done and the scenario that comes. `meanwhile` is called in each race when all buyers have been started, before they
    are released.
    """
    scenarios = [replace(scenario, store=store, strategy=strategy) for store, strategy in pairs]
    for each in scenarios:
        check_combination(each)
    rows: dict[int, Result] = {}
    for number in sorted(range(len(scenarios)), key=lambda number: _slows_forks(scenarios[number])):
        each = scenarios[number]
        progress(len(rows), each)
        folder = options.folder
        if folder is not None and len(scenarios) > 1:
            folder = folder / f"{each.store.name}-{each.strategy}".replace(":", "-")
        rows[number] = run_race(each, replace(options, folder=folder), command=command(each), meanwhile=meanwhile)
    return [rows[number] for number in range(len(scenarios))]


def _slows_forks(scenario: Scenario) -> bool:
    from ticketlab.lab.plugins.registry import strategy_kind

    return strategy_kind(scenario.strategy).slows_forks


def as_tour(command: str, rows: Sequence[Result]) -> Tour:
    """Return several races as one result."""
    from ticketlab.core.result import Tour

    return Tour(command, rows, rows[0].environment if rows else {})


def timelines(rows: Sequence[Result]) -> list[Timeline]:
    """Return the timelines of the races that have one, each with the number of its row."""
    return [replace(row.timeline, row=number) for number, row in enumerate(rows) if row.timeline is not None]


def unsupported(rows: Sequence[Result]) -> list[dict[str, str]]:
    """Return the strategies raced that do not run on a store raced, and why."""
    from ticketlab.lab.plugins.registry import store_kind, strategy_kind

    pairs = product(dict.fromkeys(row.strategy for row in rows), dict.fromkeys(row.store for row in rows))
    found = [
        {"store": store, "strategy": strategy, "reason": strategy_kind(Spec.parse(strategy)).unsupported_on(kind)}
        for strategy, store in pairs
        if (kind := store_kind(Spec.parse(store)))
    ]
    return [each for each in found if each["reason"]]
