"""The pytest plugin: the `ticketlab` fixture, `race_test`, and their options; only a test imports the lab."""

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
    from ticketlab.testing.plain_functions import PlainRace

UNDECIDED: Final = "ticketlab undecided"
"""The property of a test report that says why a search did not decide."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options; each overrides the setting of a test."""
    group = parser.getgroup("ticketlab", "races for shared state")
    group.addoption(
        "--ticketlab-policy", metavar="POLICY", help="the policy that chooses who moves next: dpor, dfs, random, pct:3"
    )
    group.addoption("--ticketlab-executions", type=int, metavar="N", help="the most schedules to try for each race")
    group.addoption("--ticketlab-seed", type=int, metavar="N", help="the seed of all that is drawn")
    group.addoption(
        "--ticketlab-undecided",
        choices=("fail", "pass"),
        default="fail",
        help="whether an undecided search of a plain function fails its test",
    )
    group.addoption("--ticketlab-replay", metavar="PATH", help="run the test that a case comes from")


@dataclass(frozen=True, slots=True)
class TicketlabFixture:
    """The lab for one test, with the settings of the command line."""

    test: str
    overrides: Mapping[str, Any]
    replay: Path | None
    record: Callable[[str, object], None]
    undecided: str = "fail"

    def explore(self, scenario: Scenario, **settings: Any) -> Exploration:
        """Explore a scenario, with the settings of `ExploreOptions`; an anomaly does not fail the test by itself."""
        from ticketlab.core.spec import Spec
        from ticketlab.explorer.results import ExploreOptions
        from ticketlab.lab.exploring.explore import explore_scenario

        given = {**settings, **self.overrides}
        if isinstance(given.get("policy"), str):
            given["policy"] = Spec.parse(given["policy"])
        found = explore_scenario(scenario, ExploreOptions(**given))
        self._say_undecided(found)
        return found

    def race(self, function: Callable[..., Any], race: FunctionRace) -> None:
        """Explore a function, or replay the case that the command line names; fail the test if it goes wrong."""
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

    def race_plain(self, function: Callable[..., Any], race: PlainRace) -> None:
        """Explore a plain function, or replay the case that the command line names; fails the test if it goes wrong.

        It fails as well if the search is undecided, unless the command line or the test allows that.
        """
        from dataclasses import replace

        from ticketlab.core.errors import TicketlabError

        failed = ""
        try:
            failed = self._race_plain(function, replace(race, **self.overrides))
        except (AssertionError, TicketlabError) as error:
            failed = str(error)
        if failed:
            pytest.fail(failed, pytrace=False)

    def _race_plain(self, function: Callable[..., Any], race: PlainRace) -> str:
        from ticketlab.lab.exploring.plain_cases import load_plain_case
        from ticketlab.testing.plain_functions import check_plain_function, replay_plain_function, undecided

        if self.replay is not None:
            case = load_plain_case(self.replay)
            if case.function != self.test:
                pytest.skip(f"{self.replay} is a case of {case.function}")
            replay_plain_function(function, case, race, test=self.test)
            return ""
        found = check_plain_function(function, race, test=self.test, replay_line=self._replay_line)
        if found.verdict.valid is None:
            self.record(UNDECIDED, found.verdict.reason)
        return "" if self.undecided == "pass" else undecided(found, race)

    def _replay_line(self, path: Path) -> str:
        return shlex.join(["pytest", self.test, "--ticketlab-replay", str(path)])

    def _say_undecided(self, found: Exploration) -> None:
        if found.verdict.valid is None:
            self.record(UNDECIDED, found.verdict.reason)


@pytest.fixture(name="ticketlab")
def ticketlab_fixture(
    request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> TicketlabFixture:
    """The lab, with the policy, executions and seed of the command line."""
    option = request.config.getoption
    given = {name: option(f"--ticketlab-{name}") for name in ("policy", "executions", "seed")}
    replay = option("--ticketlab-replay")
    overrides = {name: value for name, value in given.items() if value is not None}
    return TicketlabFixture(
        request.node.nodeid,
        overrides,
        Path(replay) if replay else None,
        record_property,
        option("--ticketlab-undecided"),
    )


def race_test(**settings: Any) -> Callable[[Callable[..., Any]], Callable[..., None]]:
    """Make a test of a function that each buyer calls once, with the buyer's session as its first argument.

    Further parameters are fixtures, which all buyers share. The settings are those of `testing.FunctionRace`: buyers,
    tickets, store, strategy, policy, executions, seed, executor, atomic_accesses, steps, invariant, reset. The test
    fails if the function goes wrong under any of the schedules that were tried.

    With the setting `processes`, the function is taken as it stands, without a session: so many processes call it at
    once. It may ask by parameter name for `who` (its number, from 1), `folder` (where it stands) and fixtures. The
    settings are then those of `testing.PlainRace`: processes, reset, invariant, returned, serial, folder, unseen,
    policy, executions, seed, executor, steps.
    """
    if "processes" in settings:
        return functools.partial(_plain_race_test, settings)

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


def _plain_race_test(settings: Mapping[str, Any], function: Callable[..., Any]) -> Callable[..., None]:
    """Make a test of a plain function; its fixtures are those that it, `reset` and `invariant` ask for by name."""
    from ticketlab.core.errors import UsageError

    given = {"who", "folder", "returned"}
    asked: dict[str, inspect.Parameter] = {}
    for call in (function, settings.get("reset"), settings.get("invariant")):
        parameters = inspect.signature(call).parameters.values() if call is not None else ()
        asked |= {each.name: each for each in parameters if each.name not in given and each.default is each.empty}
    if "self" in asked:
        raise UsageError(f"{function.__name__} is a method: a race test of a plain function is a function")

    @functools.wraps(function)
    def test(**fixtures: Any) -> None:
        from ticketlab.testing.plain_functions import PlainRace

        lab: TicketlabFixture = fixtures["ticketlab"]
        kept = {name: value for name, value in fixtures.items() if name in asked}
        lab.race_plain(
            functools.wraps(function)(functools.partial(_fail_as_assertion, function)),
            PlainRace.of({**settings, "fixtures": kept}),
        )

    names = dict.fromkeys([*asked, "ticketlab"])
    test.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in names]
    )
    return test


def _fail_as_assertion(function: Callable[..., Any], *args: Any, **fixtures: Any) -> Any:
    """Call a buyer's function; pytest.fail in it fails this buyer, and does not end the search."""
    try:
        return function(*args, **fixtures)
    except pytest.fail.Exception as error:
        raise AssertionError(str(error)) from None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the passed tests whose search was cut off: it says nothing about the schedules that it did not try."""
    undecided = [
        (report.nodeid, reason)
        for report in terminalreporter.stats.get("passed", ())
        for name, reason in report.user_properties
        if name == UNDECIDED
    ]
    if undecided:
        terminalreporter.section("ticketlab: passed, and undecided")
        for test, reason in undecided:
            terminalreporter.line(f"{test}: {reason}")
