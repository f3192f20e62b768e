"""Explore a function of one's own: it is called once for each buyer, under every schedule that matters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypedDict

from ticketlab.core.errors import UsageError, unknown_name
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.explorer.case import Case
from ticketlab.explorer.executors.executor import STEPS
from ticketlab.explorer.results import Exploration, ExploreOptions
from ticketlab.lab.artifacts.case_files import CASES, load_case, save_case
from ticketlab.lab.exploring.explore import explore_workload
from ticketlab.lab.exploring.function_session import BuyerSession
from ticketlab.lab.exploring.function_workload import FunctionWorkload, Invariant
from ticketlab.lab.exploring.replay import replay_workload
from ticketlab.report.plain_text import drawn
from ticketlab.testing.replay_calls import replay_call
from ticketlab.testing.sqlite_waits import sqlite_waits_told

_EXECUTIONS = 1_000


class RaceSettings(TypedDict, total=False):
    """The settings of a race test: those of `FunctionRace`, but for the fixtures, which pytest has."""

    buyers: int
    tickets: int | Mapping[str, int]
    store: str
    strategy: str
    policy: str
    executions: int
    seed: int
    executor: str
    atomic_accesses: bool
    steps: int
    invariant: Invariant | None
    reset: Callable[..., object] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class FunctionRace:
    """How a function is explored: what it races for, which schedules are tried, and what must be true of the books.

    `executions` limits the search; an execution with more than `steps` steps counts as endless. `invariant` is called
    with the books after each execution, and is broken if it returns False or raises AssertionError. `reset` is called
    before each execution. Both may ask by the names of their parameters for `fixtures`, and `invariant` for `returned`:
    a list of what the buyers returned, in their order. If every buyer returned, that is: it is not called otherwise.
    """

    buyers: int = 3
    tickets: int | Mapping[str, int] = 1
    store: str = "json"
    strategy: str = "none"
    policy: str = "portfolio"
    executions: int = _EXECUTIONS
    seed: int = 0
    executor: str = "inline"
    atomic_accesses: bool = False
    steps: int = STEPS
    invariant: Invariant | None = None
    reset: Callable[..., object] | None = None
    fixtures: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Mapping[str, Any], fixtures: Mapping[str, Any] | None = None) -> FunctionRace:
        """Read the settings of a race test; raises UsageError if one is unknown."""
        known = list(RaceSettings.__annotations__)
        for name in settings:
            if name not in known:
                raise unknown_name("setting of a race test", name, known)
        return cls(**settings, fixtures=fixtures or {})

    def scenario(self) -> Scenario:
        """Return what the function races for."""
        return Scenario.of(self.store, self.strategy, buyers=self.buyers, tickets=self.tickets, seed=self.seed)

    def how(self) -> ExploreOptions:
        """Return how it is explored."""
        return ExploreOptions(
            policy=Spec.parse(self.policy),
            executor=self.executor,
            executions=self.executions,
            seed=self.seed,
            atomic_accesses=self.atomic_accesses,
            steps=self.steps,
        )

    def workload(self, function: Callable[[BuyerSession], Any], test: str) -> FunctionWorkload:
        """Return the workload of the function."""
        return FunctionWorkload(
            function,
            self.scenario(),
            invariant=self.invariant,
            reset=self.reset,
            fixtures=self.fixtures,
            test=test,
        )


def check_function(
    function: Callable[[BuyerSession], Any],
    race: FunctionRace | None = None,
    *,
    test: str = "",
    cases: Path = CASES,
    replay_line: Callable[[Path], str] | None = None,
) -> Exploration:
    """Explore a function, and return the result of the search if nothing went wrong.

    `test` is the name of the function in the case; `replay_line` returns what to type to run the saved case again, if
    it is no Python.

    Raises:
        AssertionError: an execution went wrong; the message has its interleaving and the line that replays it.
        UsageError: a name is unknown, or the strategy does not run on the store.
    """
    race = race or FunctionRace()
    name = test or getattr(function, "__name__", "the function")
    with sqlite_waits_told():
        found = explore_workload(race.workload(function, name), race.how())
    if found.finding is None:
        return found
    path = save_case(found.finding.case, cases)
    noun = "execution" if found.executions == 1 else "executions"
    by = found.how_far.drawn_by
    headline = f"{name} went wrong in {found.anomalous} of {found.executions} {noun} ({by}, {race.executor})"
    table = drawn(found.finding.execution, race.buyers, found.finding.anomalies)
    line = replay_line(path) if replay_line else replay_call("replay_function", function, path, race)
    raise AssertionError(f"{headline}. The smallest:\n\n{table}\n\nThe same schedule again: {line}")


def replay_function(
    function: Callable[[BuyerSession], Any],
    case: Case | Path | str,
    race: FunctionRace | None = None,
    *,
    test: str = "",
) -> None:
    """Run a function under a saved schedule: a case, or the case in a file.

    Raises:
        AssertionError: the function goes wrong again; the message has the interleaving.
        Nondeterminism: the function no longer makes the steps of the case.
        UsageError: the case is of another scenario.
    """
    case = load_case(Path(case)) if isinstance(case, str | Path) else case
    race = race or FunctionRace()
    scenario = replace(race.scenario(), seed=case.scenario.seed)
    if scenario != case.scenario:
        of_case, of_test = _scenario_text(case.scenario), _scenario_text(scenario)
        raise UsageError(f"the case is of {of_case}, and the test is of {of_test}: explore it again")
    with sqlite_waits_told():
        played = replay_workload(race.workload(function, test), case, race.executor)
    if played.anomalies:
        table = drawn(played.execution, case.scenario.buyers, played.anomalies)
        raise AssertionError(f"{test or 'the function'} goes wrong again under the saved schedule:\n\n{table}")


def _scenario_text(scenario: Scenario) -> str:
    tickets = scenario.inventory.tickets
    return f"{scenario.buyers} buyers and {tickets} tickets under {scenario.strategy} on {scenario.store}"
