"""The pytest plugin: the `ticketlab` fixture, `race_test`, and their options; only a test imports the lab."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, Unpack, overload

import pytest

from ticketlab.race_tests import LAB, PlainRaceTest, ProgramTest, RaceTest, fail_in_a_line

if TYPE_CHECKING:
    from ticketlab.core.scenario import Scenario
    from ticketlab.explorer.results import Exploration, ExploreOptions
    from ticketlab.lab.plain.results import Explored
    from ticketlab.testing.functions import FunctionRace, RaceSettings
    from ticketlab.testing.plain_functions import PlainRace, PlainSettings
    from ticketlab.testing.programs import ProgramRace, ProgramSettings

R = TypeVar("R", "FunctionRace", "PlainRace", "ProgramRace")

UNDECIDED: Final = "ticketlab undecided"
"""The property of a test report that says why a search did not decide."""
UNTOLD: Final = "ticketlab untold"
"""The property of a test report that says what the kernel saw and no probe told."""
UNDECIDED_OF_MACHINE: Final = "ticketlab_undecided"
"""The attribute of a test case that says so."""
UNDECIDED_CHOICES: Final = ("fail", "pass")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options; each overrides the setting of a test."""
    group = parser.getgroup("ticketlab", "races for shared state")
    group.addoption(
        "--ticketlab-policy", metavar="POLICY", help="the policy that chooses who moves next: dpor, dfs, surw, pct:3"
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
            fail_in_a_line(failed)
        self._say_undecided(found)
        return found

    def race(self, function: Callable[..., Any], race: FunctionRace) -> None:
        """Explore a function, or replay the case that the command line names; fail the test if it goes wrong.

        An undecided search fails the test as well, unless --ticketlab-undecided=pass allows it.
        """
        self._check(self._race, function, race)

    def _race(self, function: Callable[..., Any], race: FunctionRace) -> str:
        from ticketlab.lab.artifacts.case_files import load_case
        from ticketlab.testing.functions import check_function, replay_function

        if self.replay is None:
            found = check_function(function, race, test=self.test, replay_line=self._replay_line)
            self._say_undecided(found)
            return self._told_undecided(found.verdict.reason, cut_off=not found.left_out)
        if _names(self.replay, "function") or _names(self.replay, "program"):
            pytest.skip(f"{self.replay} is a case of another test")
        case = load_case(self.replay)
        if case.found.get("test") != self.test:
            pytest.skip(f"{self.replay} is a case of {case.found.get('test', 'no test')}")
        replay_function(function, case, race, test=self.test)
        return ""

    def race_plain(self, function: Callable[..., Any], race: PlainRace) -> None:
        """Explore a plain function, or replay the case that the command line names; fail the test if it goes wrong.

        An undecided search fails the test as well, unless --ticketlab-undecided=pass or the test itself allows it.
        """
        self._check(self._race_plain, function, race)

    def _race_plain(self, function: Callable[..., Any], race: PlainRace) -> str:
        from ticketlab.lab.plain.cases import load_plain_case
        from ticketlab.testing.plain_functions import check_plain_function, replay_plain_function

        if self.replay is None:
            found = check_plain_function(function, race, test=self.test, replay_line=self._replay_line)
            return self._told_unseen(found, allowed=race.allows_unseen)
        if not _names(self.replay, "function"):
            pytest.skip(f"{self.replay} is a case of another test")
        case = load_plain_case(self.replay)
        if case.function != self.test:
            pytest.skip(f"{self.replay} is a case of {case.function}")
        replay_plain_function(function, case, race, test=self.test)
        return ""

    def race_program(self, function: Callable[..., Any], race: ProgramRace) -> None:
        """Explore a program, or replay the case that the command line names; fail the test if it goes wrong.

        The function is asked after each execution. An undecided search fails the test as well, unless
        --ticketlab-undecided=pass or the test itself allows it.
        """
        self._check(self._race_program, function, race)

    def _race_program(self, function: Callable[..., Any], race: ProgramRace) -> str:
        from ticketlab.testing.programs import check_program, replay_program_test

        if self.replay is None:
            found = check_program(function, race, test=self.test, replay_line=self._replay_line)
            return self._told_unseen(found, allowed=race.allows_unseen)
        if not _names(self.replay, "program") or not replay_program_test(function, self.replay, race, test=self.test):
            pytest.skip(f"{self.replay} is a case of another test")
        return ""

    def _check(self, run: Callable[[Callable[..., Any], R], str], function: Callable[..., Any], race: R) -> None:
        """Run a race with the settings of the command line; fail the test in a line if it says why, or raises."""
        from dataclasses import replace

        from ticketlab.core.errors import TicketlabError
        from ticketlab.testing.pytest_failures import failing_as_assertion

        failed = ""
        try:
            failed = run(failing_as_assertion(function), replace(race, **self.overrides))
        except (AssertionError, TicketlabError) as error:
            failed = str(error)
        if failed:
            fail_in_a_line(failed)

    def _told_unseen(self, found: Explored, *, allowed: bool) -> str:
        """Return that a search fails the test, with what was seen, or an empty string."""
        from ticketlab.testing.plain_functions import seen_text

        self._say_undecided(found)
        for sentence in found.untold:
            self.record(UNTOLD, sentence)
        left_out = found.left_out_unless(allowed=allowed)
        allow = ', and so does unseen="allow" in the test' if found.left_out_unless(allowed=True) != left_out else ""
        told = self._told_undecided(found.why_undecided(left_out), cut_off=not left_out, allow=allow)
        return told and f"{told}\nWhat was seen:{seen_text(found)}"

    def _replay_line(self, path: Path) -> str:
        return shlex.join(["pytest", self.test, "--ticketlab-replay", str(path)])

    def _told_undecided(self, reason: str, *, cut_off: bool, allow: str = "") -> str:
        """Return that a search fails the test if there is a reason why it did not decide, or an empty string."""
        if not reason or self.undecided == "pass":
            return ""
        more = " (--ticketlab-executions tries more)" if cut_off else ""
        return f"{self.test} is undecided: {reason}{more}. --ticketlab-undecided=pass lets it pass{allow}"

    def _say_undecided(self, found: Exploration | Explored) -> None:
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
    stall_timeout, faults, gate. With `gate="kernel"` the processes are stopped at their system calls, whoever makes
    them, and what of that no probe told is listed at the end of the run.
    """
    if {"processes", "threads", "tasks"} & settings.keys():
        return lambda function: PlainRaceTest(function, settings).as_test()
    if function is not None:
        return RaceTest(function, settings).as_test()
    return lambda function: RaceTest(function, settings).as_test()


def program_test(
    *commands: str, **settings: Unpack[ProgramSettings]
) -> Callable[[Callable[..., Any]], Callable[..., None]]:
    """Make a test of a program as it is: the decorated function is asked after each execution whether the end is right.

    `commands` are command lines such as "shop.py 2", "./buy.sh alice"; all run at once, in a fresh copy of their folder
    each time. The function may ask by parameter name for `folder`, the folder as the program left it, for `outputs`,
    what each command printed, and for fixtures. The settings are those of `testing.ProgramRace`: copies, folder,
    serial, reset, allow_exit, policy, executions, seed, steps, stall_timeout, patience, unseen. The test fails if any
    of the schedules that were tried goes wrong, or if the search did not decide.
    """
    return lambda function: ProgramTest(function, commands, settings).as_test()


def _names(path: Path, what: str) -> bool:
    """Whether a case is of a function, or of a program; raises UsageError if it cannot be read."""
    from ticketlab.lab.plain.cases import is_plain_case
    from ticketlab.lab.programs.cases import is_program_case

    return is_plain_case(path) if what == "function" else is_program_case(path)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Take down why the test of a concurrent machine that has passed did not decide, as other tests do themselves."""
    yield
    if told := getattr(getattr(item, "instance", None), UNDECIDED_OF_MACHINE, ""):
        item.user_properties.append((UNDECIDED, told))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the passed tests whose search was cut off, which says nothing about the rest, and what no probe told."""
    _list_told(terminalreporter, ("passed",), UNDECIDED, "ticketlab: passed, and undecided")
    _list_told(terminalreporter, ("passed", "failed"), UNTOLD, "ticketlab: not told by the probes")


def _list_told(terminalreporter: pytest.TerminalReporter, outcomes: Sequence[str], told: str, title: str) -> None:
    """List what tests with such outcomes have recorded as a property, if any have."""
    lines = [
        f"{report.nodeid}: {text}"
        for outcome in outcomes
        for report in terminalreporter.stats.get(outcome, ())
        for name, text in getattr(report, "user_properties", ())
        if name == told
    ]
    if lines:
        terminalreporter.section(title)
        for line in lines:
            terminalreporter.line(line)
