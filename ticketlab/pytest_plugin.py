"""The pytest plugin: the `ticketlab` fixture, `race_test`, and their options; only a test imports the lab."""

from __future__ import annotations

import functools
import inspect
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, Unpack, overload

import pytest

if TYPE_CHECKING:
    from ticketlab.core.scenario import Scenario
    from ticketlab.explorer.results import Exploration, ExploreOptions
    from ticketlab.lab.plain.results import PlainExploration
    from ticketlab.testing.functions import FunctionRace, RaceSettings
    from ticketlab.testing.plain_functions import PlainRace, PlainSettings

UNDECIDED: Final = "ticketlab undecided"
"""The property of a test report that says why a search did not decide."""
UNDECIDED_CHOICES: Final = ("fail", "pass")
LAB: Final = "ticketlab"
"""The name of the fixture."""


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
        choices=UNDECIDED_CHOICES,
        help="whether a race whose search did not decide fails or passes its test",
    )
    group.addoption("--ticketlab-replay", metavar="PATH", help="run the test that a case comes from")
    parser.addini("ticketlab_undecided", "the same as --ticketlab-undecided: fail or pass", default="fail")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a setting that the configuration file has wrong."""
    if (found := config.getini("ticketlab_undecided")) not in UNDECIDED_CHOICES:
        choices = " or ".join(UNDECIDED_CHOICES)
        raise pytest.UsageError(f"ticketlab_undecided = {found!r} in the configuration file: {choices} is needed")


@dataclass(frozen=True, slots=True)
class TicketlabFixture:
    """The lab for one test, with the settings of the command line."""

    test: str
    overrides: Mapping[str, Any]
    replay: Path | None
    record: Callable[[str, object], None]
    undecided: str = "fail"

    def explore(self, scenario: Scenario, **settings: Any) -> Exploration:
        """Explore a scenario, with the settings of `ExploreOptions`.

        Neither an anomaly nor an undecided search fails the test by itself: assert that the result is `valid`. If
        nothing can be explored as asked, the test fails in a line.
        """
        from ticketlab.core.errors import TicketlabError
        from ticketlab.lab.exploring.explore import explore_scenario

        found, failed = None, ""
        try:
            found = explore_scenario(scenario, _explore_options({**settings, **self.overrides}))
        except TicketlabError as error:
            failed = str(error)
        if found is None:
            _fail(failed)
        self._say_undecided(found)
        return found

    def race(self, function: Callable[..., Any], race: FunctionRace) -> None:
        """Explore a function, or replay the case that the command line names; fail the test if it goes wrong.

        An undecided search fails the test as well, unless --ticketlab-undecided=pass allows it.
        """
        from dataclasses import replace

        from ticketlab.core.errors import TicketlabError
        from ticketlab.lab.artifacts.case_files import load_case
        from ticketlab.lab.plain.cases import is_plain_case
        from ticketlab.testing.functions import check_function, replay_function
        from ticketlab.testing.pytest_failures import failing_as_assertion

        race = replace(race, **self.overrides)
        function = failing_as_assertion(function)
        failed = ""
        try:
            if self.replay is None:
                found = check_function(function, race, test=self.test, replay_line=self._replay_line)
                self._say_undecided(found)
                failed = self._told_undecided(found.verdict.reason, cut_off=not found.left_out)
            else:
                if is_plain_case(self.replay):
                    pytest.skip(f"{self.replay} is a case of another test")
                case = load_case(self.replay)
                if case.found.get("test") != self.test:
                    pytest.skip(f"{self.replay} is a case of {case.found.get('test', 'no test')}")
                replay_function(function, case, race, test=self.test)
        except (AssertionError, TicketlabError) as error:
            failed = str(error)
        if failed:
            _fail(failed)

    def race_plain(self, function: Callable[..., Any], race: PlainRace) -> None:
        """Explore a plain function, or replay the case that the command line names; fail the test if it goes wrong.

        An undecided search fails the test as well, unless --ticketlab-undecided=pass or the test itself allows it.
        """
        from dataclasses import replace

        from ticketlab.core.errors import TicketlabError
        from ticketlab.testing.pytest_failures import failing_as_assertion

        race = replace(race, **self.overrides)
        function = failing_as_assertion(function)
        failed = ""
        try:
            failed = self._race_plain(function, race) if self.replay is None else ""
            if self.replay is not None:
                self._replay_plain(function, race, self.replay)
        except (AssertionError, TicketlabError) as error:
            failed = str(error)
        if failed:
            _fail(failed)

    def _race_plain(self, function: Callable[..., Any], race: PlainRace) -> str:
        from ticketlab.testing.plain_functions import check_plain_function, seen_text

        found = check_plain_function(function, race, test=self.test, replay_line=self._replay_line)
        self._say_undecided(found)
        left_out = found.left_out_unless(allowed=race.allows_unseen)
        allow = ', and so does unseen="allow" in the test' if found.left_out_unless(allowed=True) != left_out else ""
        reason = found.why_undecided(left_out)
        told = self._told_undecided(reason, cut_off=not left_out, allow=allow)
        return told and f"{told}\nWhat was seen:{seen_text(found)}"

    def _replay_plain(self, function: Callable[..., Any], race: PlainRace, path: Path) -> None:
        from ticketlab.lab.plain.cases import is_plain_case, load_plain_case
        from ticketlab.testing.plain_functions import replay_plain_function

        if not is_plain_case(path):
            pytest.skip(f"{path} is a case of another test")
        case = load_plain_case(path)
        if case.function != self.test:
            pytest.skip(f"{path} is a case of {case.function}")
        replay_plain_function(function, case, race, test=self.test)

    def _replay_line(self, path: Path) -> str:
        return shlex.join(["pytest", self.test, "--ticketlab-replay", str(path)])

    def _told_undecided(self, reason: str, *, cut_off: bool, allow: str = "") -> str:
        """Return that a search fails the test if there is a reason why it did not decide, or an empty string."""
        if not reason or self.undecided == "pass":
            return ""
        more = " (--ticketlab-executions tries more)" if cut_off else ""
        return f"{self.test} is undecided: {reason}{more}. --ticketlab-undecided=pass lets it pass{allow}"

    def _say_undecided(self, found: Exploration | PlainExploration) -> None:
        if found.valid is None:
            self.record(UNDECIDED, found.verdict.reason)


def _explore_options(given: dict[str, Any]) -> ExploreOptions:
    from ticketlab.core.errors import unknown_name
    from ticketlab.core.spec import Spec
    from ticketlab.explorer.results import ExploreOptions

    known = [each.name for each in fields(ExploreOptions)]
    for name in given:
        if name not in known:
            raise unknown_name("setting of an exploration", name, known)
    if isinstance(given.get("policy"), str):
        given["policy"] = Spec.parse(given["policy"])
    return ExploreOptions(**given)


@pytest.fixture(name=LAB)
def ticketlab_fixture(
    request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> TicketlabFixture:
    """The lab, with the policy, executions and seed of the command line."""
    option = request.config.getoption
    given = {name: option(f"--ticketlab-{name}") for name in ("policy", "executions", "seed")}
    replay = option("--ticketlab-replay")
    overrides = {name: value for name, value in given.items() if value is not None}
    undecided = option("--ticketlab-undecided") or request.config.getini("ticketlab_undecided")
    return TicketlabFixture(
        request.node.nodeid, overrides, Path(replay) if replay else None, record_property, undecided
    )


@overload
def race_test(function: Callable[..., Any], /) -> Callable[..., None]: ...
@overload
def race_test(**settings: Unpack[RaceSettings]) -> Callable[[Callable[..., Any]], Callable[..., None]]: ...
@overload
def race_test(**settings: Unpack[PlainSettings]) -> Callable[[Callable[..., Any]], Callable[..., None]]: ...
def race_test(function: Callable[..., Any] | None = None, /, **settings: Any) -> Callable[..., Any]:
    """Make a test of a function that each buyer calls once, with the buyer's session as its first argument.

    Further parameters are fixtures, which all buyers share. The settings are those of `testing.FunctionRace`: buyers,
    tickets, store, strategy, policy, executions, seed, executor, atomic_accesses, steps, invariant, reset. `reset` and
    `invariant` may ask for fixtures too. The test fails if the function goes wrong under any of the schedules that were
    tried, or if the search did not decide.

    With the setting `processes`, the function is taken as it stands, without a session: so many processes call it at
    once; with `threads`, so many threads of one process, and with `tasks`, so many tasks of one event loop run a
    coroutine function. It may ask by parameter name for `who` (its number, from 1), `folder` (where it stands) and
    fixtures. The settings are then those of `testing.PlainRace`: processes, threads or tasks, reset,
    invariant, returned, serial, folder, unseen, policy, executions, seed, executor, atomic_accesses, steps,
    stall_timeout, faults.
    """
    if {"processes", "threads", "tasks"} & settings.keys():
        return lambda function: _PlainRaceTest(function, settings).as_test()
    if function is not None:
        return _RaceTest(function, settings).as_test()
    return lambda function: _RaceTest(function, settings).as_test()


class _RaceTest:
    """A function that is to be raced: what it, `reset` and `invariant` ask for, and the test that pytest is given."""

    def __init__(self, function: Callable[..., Any], settings: Mapping[str, Any]) -> None:
        parameters = list(inspect.signature(function).parameters.values())
        bound = bool(parameters) and parameters[0].name == "self"
        self.function = function
        self.settings = settings
        self.has_session = len(parameters) > bound
        self.owner = parameters[:bound]
        self.own = parameters[bound + 1 :]

    def as_test(self) -> Callable[..., None]:
        """Return the test; pytest reads the fixtures that it needs off its signature."""

        @functools.wraps(self.function)
        def test(*owner: Any, **fixtures: Any) -> None:
            self._run(owner, fixtures)

        named = {each.name for each in self.own}
        more = [name for name in (*self._asked(), LAB) if name not in named]
        rest = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in dict.fromkeys(more)]
        test.__signature__ = inspect.Signature([*self.owner, *self.own, *rest])  # type: ignore[attr-defined]
        return test

    def _asked(self) -> list[str]:
        """Return the fixtures that `reset` and `invariant` ask for."""
        reset, invariant = self.settings.get("reset"), self.settings.get("invariant")
        if reset is None and invariant is None:
            return []
        from ticketlab.lab.exploring.callbacks import InvariantCall, asked_by

        return [
            *(asked_by(reset) if reset is not None else []),
            *(InvariantCall.of(invariant).fixtures if invariant is not None else []),
        ]

    def _run(self, owner: Sequence[Any], fixtures: Mapping[str, Any]) -> None:
        from ticketlab.core.errors import UsageError
        from ticketlab.testing.functions import FunctionRace

        name, lab = self.function.__name__, fixtures[LAB]
        own = {each.name: fixtures[each.name] for each in self.own if each.name in fixtures}
        wrong, race = "", None
        try:
            race = FunctionRace.of(self.settings, {asked: fixtures[asked] for asked in self._asked()})
        except UsageError as error:
            wrong = str(error)
        if not self.has_session:
            wrong = f"{name} takes no session: write def {name}(session)"
        if wrong:
            _fail(wrong)
        lab.race(lambda session: self.function(*owner, session, **own), race)


class _PlainRaceTest(_RaceTest):
    """A plain function that is to be raced: it asks for what it needs by name alone."""

    def __init__(self, function: Callable[..., Any], settings: Mapping[str, Any]) -> None:
        super().__init__(function, settings)
        self.own = []

    def _asked(self) -> list[str]:
        """Return the fixtures that the function, `reset` and `invariant` ask for."""
        from ticketlab.lab.exploring.callbacks import asked_by

        calls = (self.function, self.settings.get("reset"), self.settings.get("invariant"))
        given = {"self", "who", "folder", "returned"}
        return [name for call in calls if call is not None for name in asked_by(call) if name not in given]

    def _run(self, owner: Sequence[Any], fixtures: Mapping[str, Any]) -> None:
        from ticketlab.core.errors import UsageError
        from ticketlab.testing.plain_functions import PlainRace

        wrong, race = "", None
        try:
            race = PlainRace.of(self.settings, {asked: fixtures[asked] for asked in self._asked()})
        except UsageError as error:
            wrong = str(error)
        if wrong:
            _fail(wrong)
        fixtures[LAB].race_plain(self.function.__get__(*owner) if owner else self.function, race)


def _fail(message: str) -> NoReturn:
    pytest.fail(message, pytrace=False)


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
