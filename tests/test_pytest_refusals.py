"""What is asked of the plugin wrongly is said in a line, and fails the test."""

from __future__ import annotations

import pytest

from tests.test_pytest_plugin import FIX, RACE

pytestmark = pytest.mark.usefixtures("strict")


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--ticketlab-policy", "dporr", "unknown policy 'dporr': did you mean 'dpor'?"),
        ("--ticketlab-replay", "nowhere.json", "cannot read the case nowhere.json: No such file or directory"),
    ],
)
def test_what_is_asked_wrongly_fails_in_one_line(pytester: pytest.Pytester, option: str, value: str, told: str) -> None:
    pytester.makepyfile(RACE)
    result = pytester.runpytest(option, value)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([told])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_wrong_word_for_undecided_in_the_configuration_file_is_refused(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nticketlab_undecided = maybe\n")
    pytester.makepyfile(FIX)
    result = pytester.runpytest()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*ticketlab_undecided = 'maybe' in the configuration file: fail or pass is needed"])


def test_what_is_wrong_with_a_race_test_is_said_in_a_line(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import ticketlab

        @ticketlab.race_test(store="memori")
        def test_name(session): ...

        @ticketlab.race_test(store="memory")
        def test_returned(session):
            return "a ticket"

        @ticketlab.race_test(store="memory")
        def test_method(session):
            session.transaction("immediate").__enter__()
        """
    )
    result = pytester.runpytest()
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(
        [
            "*unknown store 'memori': did you mean 'memory'?",
            "*returned 'a ticket': an outcome, the numbers*",
            "*a session of this store has no transaction",
        ]
    )


def test_a_function_without_a_session_and_an_unknown_setting_fail_in_a_line(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import ticketlab

        @ticketlab.race_test()
        def test_nothing(): ...

        @ticketlab.race_test(buyer=2)
        def test_setting(session): ...

        def test_exploration(ticketlab):
            from ticketlab import Scenario
            ticketlab.explore(Scenario.of("memory", "lock"), polcy="dfs")
        """
    )
    result = pytester.runpytest()
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(
        [
            "test_nothing takes no session: write def test_nothing(session)",
            "unknown setting of a race test 'buyer': did you mean 'buyers'?",
            "unknown setting of an exploration 'polcy': did you mean 'policy'?",
        ]
    )
    result.stdout.no_fnmatch_line("*.py:*: *Error*")
