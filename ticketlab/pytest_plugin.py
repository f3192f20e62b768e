"""The pytest plugin: the `ticketlab` fixture, `race_test`, and their options; it imports the lab when a test does."""

from __future__ import annotations

import functools
import inspect
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from ticketlab.core.scenario import Scenario
    from ticketlab.explorer.results import Exploration
    from ticketlab.testing.functions import FunctionRace

UNDECIDED: Final = "ticketlab undecided"
"""The property of a test report that says how far a search came that did not come to its end."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options; each, when given, wins over what a test says."""
    group = parser.getgroup("ticketlab", "races for shared state")
    group.addoption(
        "--ticketlab-policy", metavar="POLICY", help="what chooses who moves next: dpor, dfs, random, pct:3"
    )
    group.addoption("--ticketlab-executions", type=int, metavar="N", help="at most so many schedules for each race")
    group.addoption("--ticketlab-seed", type=int, metavar="N", help="what is drawn follows from it")
    group.addoption("--ticketlab-replay", metavar="PATH", help="run the one test that a case is of, under its schedule")


@dataclass(frozen=True, slots=True)
class TicketlabFixture:
    """The lab as one test sees it, with what the command line says."""

    test: str
    overrides: Mapping[str, Any]
    replay: Path | None
    record: Callable[[str, object], None]

    def explore(self, scenario: Scenario, **how: Any) -> Exploration:
        """Explore a scenario; `how` is as for `ExploreOptions`, its policy as a text. The test does not fail by it."""
        from ticketlab.core.spec import Spec
        from ticketlab.explorer.results import ExploreOptions
        from ticketlab.lab.exploring.explore import explore_scenario

        given = {**how, **self.overrides}
        if isinstance(given.get("policy"), str):
            given["policy"] = Spec.parse(given["policy"])
        found = explore_scenario(scenario, ExploreOptions(**given))
        self._say_undecided(found)
        return found

    def race(self, function: Callable[..., Any], race: FunctionRace) -> None:
        """Explore a function, or replay the case that the command line names; fails the test where it goes wrong."""
        from dataclasses import replace

        from ticketlab.core.errors import UsageError
        from ticketlab.lab.artifacts.cases import load_case
        from ticketlab.testing.functions import check_function, replay_function

        race = replace(race, **self.overrides)
        failed = ""
        try:
            if self.replay is None:
                found = check_function(function, race, test=self.test, replay_line=self._replay_line)
                self._say_undecided(found)
            else:
                case = load_case(self.replay)
                if case.found.get("test") != self.test:
                    pytest.skip(f"{self.replay} is a case of {case.found.get('test', 'no test')}")
                replay_function(function, case, race, test=self.test)
        except (AssertionError, UsageError) as error:
            failed = str(error)
        if failed:
            pytest.fail(failed, pytrace=False)

    def _replay_line(self, path: Path) -> str:
        return shlex.join(["pytest", self.test, "--ticketlab-replay", str(path)])

    def _say_undecided(self, found: Exploration) -> None:
        if found.verdict.valid is None:
            self.record(UNDECIDED, found.verdict.reason)


@pytest.fixture(name="ticketlab")
def laboratory(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> TicketlabFixture:
    """The lab, with what the command line says of policy, executions and seed."""
    option = request.config.getoption
    given = {name: option(f"--ticketlab-{name}") for name in ("policy", "executions", "seed")}
    replay = option("--ticketlab-replay")
    overrides = {name: value for name, value in given.items() if value is not None}
    return TicketlabFixture(request.node.nodeid, overrides, Path(replay) if replay else None, record_property)


def race_test(**settings: Any) -> Callable[[Callable[..., Any]], Callable[..., None]]:
    """Make a test of a function that each buyer calls once: its first parameter is the buyer's session of the store.

    Further parameters are fixtures, which all buyers share. The settings are those of `testing.FunctionRace`: buyers,
    tickets, store, strategy, policy, executions, seed, executor, whole, steps, invariant, reset. The test fails where
    the function goes wrong under any of the schedules that were tried.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., None]:
        from ticketlab.core.errors import UsageError

        parameters = list(inspect.signature(function).parameters.values())
        bound = bool(parameters) and parameters[0].name == "self"
        if len(parameters) <= bound:
            raise UsageError(f"{function.__name__} takes no session: write def {function.__name__}(session)")

        @functools.wraps(function)
        def test(*owner: Any, **fixtures: Any) -> None:
            from ticketlab.testing.functions import FunctionRace

            lab: TicketlabFixture = fixtures["ticketlab"]
            if not wants_lab:
                del fixtures["ticketlab"]
            lab.race(
                lambda session: _fail_as_assertion(function, *owner, session, **fixtures), FunctionRace(**settings)
            )

        rest = [*parameters[:bound], *parameters[bound + 1 :]]
        wants_lab = any(parameter.name == "ticketlab" for parameter in rest)
        if not wants_lab:
            rest.append(inspect.Parameter("ticketlab", inspect.Parameter.KEYWORD_ONLY))
        test.__signature__ = inspect.Signature(rest)  # type: ignore[attr-defined]
        return test

    return decorate


def _fail_as_assertion(function: Callable[..., Any], *args: Any, **fixtures: Any) -> Any:
    """Call a buyer's function; pytest.fail inside it is one buyer's failure, and not the end of the search."""
    try:
        return function(*args, **fixtures)
    except pytest.fail.Exception as error:
        raise AssertionError(str(error)) from None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the searches that did not come to their end: what they say of the other schedules is nothing."""
    told = [
        (report.nodeid, reason)
        for report in terminalreporter.stats.get("passed", ())
        for name, reason in report.user_properties
        if name == UNDECIDED
    ]
    if told:
        terminalreporter.section("ticketlab: passed, and undecided")
        for test, reason in told:
            terminalreporter.line(f"{test}: {reason}")
