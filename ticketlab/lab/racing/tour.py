"""The story: each store unguarded, then under its cures, one race after another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Final

from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.lab.racing.options import RaceOptions
from ticketlab.lab.racing.race import check_combination, race

if TYPE_CHECKING:
    from ticketlab.core.result import Result, Tour
    from ticketlab.core.timeline import Timeline

STORY: Final[Mapping[str, Sequence[str]]] = {
    "json": ("none", "lock", "filelock", "flock", "clerk"),
    "sqlite": ("none", "lock", "transaction:immediate", "optimistic", "atomic"),
    "manager": ("none", "lock", "manager-lock", "clerk"),
}

_LAST: Final = {"filelock"}
"""What is raced after all others: this library leaves hooks behind that make every later fork dearer."""


def tour_pairs(store: str | None, strategy: str | None) -> list[tuple[Spec, Spec]]:
    """Return the (store, strategy) pairs to race: those of the story that fit what the user named.

    A store that the story does not have is raced unguarded and with a lock; a strategy, on every store it runs on.
    """
    if store is not None and strategy is not None:
        return [(Spec.parse(store), Spec.parse(strategy))]
    if store is not None:
        known = STORY.get(Spec.parse(store).name, ("none", "lock"))
        return [(Spec.parse(store), Spec.parse(each)) for each in known]
    if strategy is not None:
        from ticketlab.lab.plugins.registry import store_kind, strategy_kind

        chosen = Spec.parse(strategy)
        kind = strategy_kind(chosen)
        return [(Spec(name), chosen) for name in STORY if not kind.unsupported_on(store_kind(Spec(name)))]
    return [(Spec(name), Spec.parse(each)) for name, cures in STORY.items() for each in cures]


def tour(
    pairs: Sequence[tuple[Spec, Spec]],
    scenario: Scenario,
    live: RaceOptions,
    *,
    meanwhile: Callable[[], None],
    command: Callable[[Scenario], str],
    progress: Callable[[int, Scenario], None],
) -> list[Result]:
    """Race the pairs one after another, and return their results in the order given.

    `command` says how one row is run again; `progress` is told before each how many are done, and what comes;
    `meanwhile` is called in each between the last buyer's start and the gun.
    """
    scenarios = [replace(scenario, store=store, strategy=strategy) for store, strategy in pairs]
    for each in scenarios:
        check_combination(each)
    rows: dict[int, Result] = {}
    for number in sorted(range(len(scenarios)), key=lambda number: scenarios[number].strategy.name in _LAST):
        each = scenarios[number]
        progress(len(rows), each)
        folder = live.folder
        if folder is not None and len(scenarios) > 1:
            folder = folder / f"{each.store.name}-{each.strategy}".replace(":", "-")
        rows[number] = race(each, replace(live, folder=folder), command=command(each), meanwhile=meanwhile)
    return [rows[number] for number in range(len(scenarios))]


def as_tour(command: str, rows: Sequence[Result]) -> Tour:
    """Put several races together as one result."""
    from ticketlab.core.result import Tour

    return Tour(command, rows, rows[0].environment if rows else {})


def timelines(rows: Sequence[Result]) -> list[Timeline]:
    """Return the timelines of those races that have one, each with the number of its row."""
    return [replace(row.timeline, row=number) for number, row in enumerate(rows) if row.timeline is not None]


def unsupported(rows: Sequence[Result]) -> list[dict[str, str]]:
    """Return which of the strategies raced cannot run on which of the stores raced, and why."""
    from ticketlab.lab.plugins.registry import store_kind, strategy_kind

    pairs = product(dict.fromkeys(row.strategy for row in rows), dict.fromkeys(row.store for row in rows))
    found = [
        {"store": store, "strategy": way, "reason": strategy_kind(Spec.parse(way)).unsupported_on(kind)}
        for way, store in pairs
        if (kind := store_kind(Spec.parse(store)))
    ]
    return [each for each in found if each["reason"]]
