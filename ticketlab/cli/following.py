"""Commands to type next: each can be run as it stands, and keeps the settings of the run that it follows."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ticketlab.core.errors import UsageError
from ticketlab.core.spec import Spec

if TYPE_CHECKING:
    from ticketlab.core.result import Result
    from ticketlab.core.scenario import Scenario
    from ticketlab.lab.racing.options import RaceOptions

RaceCommand = Callable[[Spec | str | None, Spec | str | None], str]
"""Returns the command line of the race that was run, but for another store and strategy."""


def after_race(row: Result, scenario: Scenario, options: RaceOptions, command: RaceCommand) -> dict[str, str]:
    """Return what to type after one race, with the reason for each line."""
    from ticketlab.lab.racing.tour import tour_pairs

    found = {}
    if row.valid is False:
        found[f"{row.command} --evidence"] = "another race, with every read, write and result"
        fixes = [strategy for _, strategy in tour_pairs(row.store, None)]
        if _can_be_raced(scenario, options, fixes):
            found[command(row.store, None)] = "see the fixes"
    else:
        unsynchronized = Spec("none")
        if scenario.strategy != unsynchronized and _can_be_raced(scenario, options, [unsynchronized]):
            found[command(row.store, unsynchronized)] = "see it unsynchronized"
        found |= _exploration(scenario, options)
    return found | {row.command: "run this again"}


def after_tour(rows: Sequence[Result]) -> dict[str, str]:
    """Return what to type after several races."""
    wrong = [row for row in rows if row.valid is False]
    worst = next((row for row in wrong if row.claims_safety), next(iter(wrong), rows[0]))
    return {
        worst.command: "one race: two buyers side by side, and why",
        "ticketlab strategies": "what runs on what, and why not",
    }


def _can_be_raced(scenario: Scenario, options: RaceOptions, strategies: Iterable[Spec]) -> bool:
    """Whether a scenario can be raced under all these strategies, and its faults can be injected there."""
    from ticketlab.core.faults import FaultKind
    from ticketlab.lab.plugins.registry import strategy_kind
    from ticketlab.lab.racing.race import check_combination

    served = any(rate.fault.kind is FaultKind.KILL_SERVICE for rate in options.faults)
    for each in strategies:
        try:
            check_combination(replace(scenario, strategy=each))
        except UsageError:
            return False
        if served and not strategy_kind(each).has_services:
            return False
    return True


def _exploration(scenario: Scenario, options: RaceOptions) -> dict[str, str]:
    """Return the line that explores what was raced, with its holds and its faults; empty if that cannot be explored."""
    from ticketlab.lab.exploring.explore import can_be_explored
    from ticketlab.lab.faults import needs_processes

    faults = [rate.fault for rate in options.faults]
    words = ["ticketlab", "explore", "--store", str(scenario.store), "--strategy", str(scenario.strategy)]
    if scenario.hold:
        words += ["--hold", f"{scenario.hold:g}s", "--pay", "{:g}-{:g}s".format(*scenario.pay)]
        words += ["--abandon", f"{scenario.abandon:g}"] if scenario.abandon else []
    words += ["--faults", ",".join(dict.fromkeys(map(str, faults)))] if faults else []
    if not needs_processes(faults, scenario.strategy) and not can_be_explored(scenario, inline=True):
        words += ["--executor", "processes"]
    if not can_be_explored(scenario, inline=False):
        return {}
    return {shlex.join(words): "a few buyers, under one schedule after another"}
