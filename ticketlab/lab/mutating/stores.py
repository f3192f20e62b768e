"""Mutants of a strategy on a store: the exploration of its purchases has to notice each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any, Final

from ticketlab.core import mutants
from ticketlab.core.scenario import Scenario
from ticketlab.explorer.results import DoneOf, ExploreOptions
from ticketlab.lab.exploring.explore import explore_scenario
from ticketlab.lab.exploring.scenario_workload import ScenarioWorkload
from ticketlab.lab.mutating.functions import explored_mutants
from ticketlab.lab.mutating.guards import MutationResult


def mutate_scenario(
    scenario: Scenario, how: ExploreOptions, *, command: str = "", progress: DoneOf = lambda _done, _all: None
) -> MutationResult:
    """Take each guard of a strategy on a store away in turn, weaken it and move it, and explore what is left.

    Raises:
        UsageError: the strategy is not right as it stands.
        TicketlabError: the lab could not do its work.
    """
    how = replace(how, executor="processes")
    subject = f"{scenario.strategy} on {scenario.store}"
    with _guards_of_sessions(scenario):
        return explored_mutants(subject, lambda: explore_scenario(scenario, how), command, progress)


@contextmanager
def _guards_of_sessions(scenario: Scenario) -> Iterator[None]:
    """Have the sessions of a store ask about their guards for a while, and what writes through to the disk too."""
    with ExitStack() as undo:
        with ScenarioWorkload(scenario).opened() as (store, _), store.session() as session:
            kind: type = type(session)
        for name, (guard, instead) in _GUARDS.items():
            if (original := getattr(kind, name, None)) is not None:
                undo.callback(setattr if name in vars(kind) else _forget, kind, name, original)
                setattr(kind, name, _asking(original, guard, instead))
        for name in ("fsync", "fdatasync"):
            undo.callback(setattr, os, name, getattr(os, name))
            setattr(os, name, _asking(getattr(os, name), name, lambda *_: None))
        yield


def _forget(owner: type, name: str, _original: object) -> None:
    delattr(owner, name)


def _asking(original: Callable[..., Any], kind: str, instead: Callable[..., Any]) -> Callable[..., Any]:
    def asking(*args: Any) -> Any:
        mutator = mutants.mutator()
        if mutator is None:
            return original(*args)
        return mutator.replace(kind, partial(original, *args), partial(instead, *args))

    return asking


def _write_anyway(session: Any, *change: Any) -> bool:
    session.write(*change)
    return True


def _read_and_write(session: Any, request: Any) -> Any:
    change = request.on(session.read(request.section))
    if change.stock is not None:
        session.write(change.stock, change.entry)
    return change.outcome


_GUARDS: Final[dict[str, tuple[str, Callable[..., Any]]]] = {
    "transaction": ("transaction", lambda *_: nullcontext()),
    "compare_and_set": ("compare-and-set", _write_anyway),
    "apply": ("conditional update", _read_and_write),
}
