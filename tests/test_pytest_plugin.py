"""The plugin as a user meets it: tests that race, what a failure shows, and the line that replays it."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from dataclasses import fields

import pytest

from ticketlab import replay
from ticketlab.core.errors import UsageError
from ticketlab.lab.artifacts.case_files import load_case
from ticketlab.lab.artifacts.race_folder import IN_MEMORY
from ticketlab.testing import FunctionRace, RaceSettings

pytestmark = pytest.mark.usefixtures("strict")

RACE = """
    import ticketlab

    @ticketlab.race_test(buyers=3, tickets=1, store="memory")
    def test_checkout(session):
        stock = session.read("main")
        if stock.remaining:
            session.write(stock._replace(remaining=stock.remaining - 1))
"""
FIX = """
    import ticketlab

    @ticketlab.race_test(buyers=3, tickets=1, store="memory", strategy="lock")
    def test_checkout(session):
        session.buy()
"""


def test_a_race_fails_and_shows_the_table_the_sentence_and_the_line_that_replays_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(RACE)
    result = pytester.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*::test_checkout went wrong in 1 of * (dpor, inline). The smallest:",
            "   buyer 1 * buyer 2",
            "1  read main → 1 ◀",
            "2 * read main → 1",
            "3 * write main → 0 ◀",
            "4  write main → 0 ◀",
            "◀ the order of these steps decides what goes wrong",
            "oversold: buyers took 2 tickets, and there were only 1",
            "lost update: buyers took 2 tickets, the books count 1: 1 overwritten",
            "The same schedule again: pytest *::test_checkout --ticketlab-replay .ticketlab/cases/*.json",
        ]
    )
    line = re.search(r"again: pytest (.*)", result.stdout.str())
    assert line is not None
    again = pytester.runpytest(*shlex.split(line[1]))
    again.assert_outcomes(failed=1)
    again.stdout.fnmatch_lines(["*goes wrong again under the saved schedule:", "1  read main → 1 ◀", "lost update*"])


@pytest.mark.slow
def test_a_cure_passes_a_replay_with_other_steps_is_an_error_of_its_own(pytester: pytest.Pytester) -> None:
    path = pytester.makepyfile(RACE)
    pytester.runpytest().assert_outcomes(failed=1)
    (case,) = (pytester.path / ".ticketlab" / "cases").iterdir()
    path.write_text(path.read_text().replace("if stock", "session.read()\n    if stock"))
    again = pytester.runpytest_subprocess("--ticketlab-replay", case)
    again.assert_outcomes(failed=1)
    again.stdout.fnmatch_lines(["step 3 was 'write main' when the case was saved and is 'read main'*"])
    pytester.makepyfile(**{path.stem: FIX})
    pytester.runpytest_subprocess().assert_outcomes(passed=1)
    again = pytester.runpytest_subprocess("--ticketlab-replay", case)
    again.assert_outcomes(failed=1)
    again.stdout.fnmatch_lines(["*the case is of 3 * under none on memory, and the test is of 3 * under lock on *"])


def test_a_case_of_another_test_is_not_replayed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_one=RACE, test_other=RACE.replace("test_checkout", "test_other"))
    pytester.runpytest("test_one.py").assert_outcomes(failed=1)
    (case,) = (pytester.path / ".ticketlab" / "cases").iterdir()
    pytester.runpytest("--ticketlab-replay", case).assert_outcomes(failed=1, skipped=1)


def test_the_case_of_a_test_is_not_replayed_without_the_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(RACE)
    pytester.runpytest().assert_outcomes(failed=1)
    (case,) = (pytester.path / ".ticketlab" / "cases").iterdir()
    with pytest.raises(UsageError, match=r"of the test .*::test_checkout: replay it with pytest --ticketlab-replay"):
        replay(load_case(case))


CUT_OFF = ("--ticketlab-executions", "2", "--ticketlab-policy", "random", "--ticketlab-seed", "7")


def test_an_undecided_search_fails_its_test_in_one_line(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(FIX)
    result = pytester.runpytest(*CUT_OFF)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*::test_checkout is undecided: 2 executions by random found nothing, and are not all (*). * lets it pass",
        ]
    )
    pytester.runpytest().assert_outcomes(passed=1)


def test_an_undecided_search_may_pass_and_is_then_listed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(FIX)
    told = ["*passed, and undecided*", "*::test_checkout: 2 executions by random found nothing*"]
    for by_ini in (False, True):
        if by_ini:
            pytester.makeini("[pytest]\nticketlab_undecided = pass\n")
        result = pytester.runpytest(*CUT_OFF, *([] if by_ini else ["--ticketlab-undecided=pass"]))
        result.assert_outcomes(passed=1)
        result.stdout.fnmatch_lines(told)
    pytester.runpytest(*CUT_OFF, "--ticketlab-undecided=fail").assert_outcomes(failed=1)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("return None", "no buyer passed a scheduling point*"),
        ("session.read()", "no two buyers passed scheduling points for a resource that one of them changes*"),
        ("at(Step(Action.WRITE, f'file {session.buyer}'))", "no two buyers passed scheduling points for a resource*"),
    ],
)
@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_a_function_that_shares_nothing_visible_is_undecided(
    body: str, why: str, executor: str, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(
        f"""
        import ticketlab
        from ticketlab import Action, Step, at

        @ticketlab.race_test(buyers=2, executor="{executor}")
        def test_bump(session):
            {body}

        @ticketlab.race_test(buyers=1, executor="{executor}")
        def test_alone(session):
            {body}
        """
    )
    result = pytester.runpytest()
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines([f"*::test_bump is undecided: {why}"])


def test_buyers_share_fixtures_and_a_method_can_be_raced(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest, ticketlab

        @pytest.fixture(params=[1, 2])
        def wanted(request):
            return request.param

        class TestShop:
            @ticketlab.race_test(buyers=2, tickets=4, store="memory", strategy="atomic")
            def test_checkout(self, session, wanted, ticketlab):
                assert type(self).__name__ == "TestShop"
                assert ticketlab.test.endswith(f"test_checkout[{wanted}]")
                assert len(session.buy(wanted).tickets) == wanted
        """
    )
    pytester.runpytest().assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("settings", "body", "message"),
    [
        ("tickets=2", "assert session.buyer != 2, 'nobody serves me'", "assertion failed: buyer 2: nobody serves me*"),
        ("", "session.read(); pytest.fail('no luck')", "assertion failed: buyer 1: no luck"),
        ("", "session.read(); {}['key']", "buyer crashed: buyer 1 crashed (KeyError: 'key')"),
        ("", "s = session.read(); session.write(s._replace(remaining=-1))", "negative stock: *"),
        ("invariant=lambda books: books.stocks['main'].version < 1", "session.buy()", "invariant broken: *"),
        ("", "session.read(); return True", "oversold: buyers say that they have 2 tickets, and there were only 1"),
        ("", "return (session.read().issued + 1,)", "lost update: purchases returned 1 sold ticket of *"),
        ("strategy='none'", "return session.buy()", "ticket sold twice: *"),
    ],
)
def test_each_way_to_go_wrong_is_named(settings: str, body: str, message: str, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        f"""
        import pytest, ticketlab

        @ticketlab.race_test(buyers=2, store="memory", {settings})
        def test_checkout(session):
            {body}
        """
    )
    result = pytester.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([message])


@pytest.mark.slow
def test_a_deadlock_of_ones_own_locks_is_found_on_real_processes_too(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import multiprocessing, pytest, ticketlab

        @pytest.mark.parametrize("executor", ["inline", "processes"])
        def test_both(executor, ticketlab):
            from ticketlab.testing import FunctionRace
            locks = [multiprocessing.Lock(), multiprocessing.Lock()]
            first, second = [guarded(name, lock) for name, lock in zip("ab", locks)]

            def checkout(session):
                one, other = (first, second) if session.buyer == 1 else (second, first)
                with one, other:
                    session.buy()

            ticketlab.race(checkout, FunctionRace(buyers=2, store="json:in-place", executor=executor))

        def guarded(name, lock):
            from ticketlab.testing import guarded
            return guarded(name, lock)
        """
    )
    result = pytester.runpytest()
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["deadlock: buyer 1 holds a and waits for b, held by buyer 2; *"])


def test_race_test_needs_no_parentheses(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import ticketlab\n@ticketlab.race_test\ndef test_sold(session):\n    session.buy()\n")
    result = pytester.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*::test_sold went wrong in *"])


def test_the_settings_of_a_race_test_are_those_of_a_function_race() -> None:
    assert set(RaceSettings.__annotations__) == {each.name for each in fields(FunctionRace)} - {"fixtures"}


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_reset_and_invariant_ask_for_fixtures_and_for_what_was_returned(
    executor: str, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(
        f"""
        import pytest, ticketlab
        from ticketlab import Action, Step, at

        @pytest.fixture
        def job(tmp_path):
            return tmp_path / "job"

        @pytest.fixture
        def most():
            return 1

        def lay_out(job):
            job.write_text("pending")

        def one_winner(books, most, returned):
            assert books.stocks["main"].remaining == 1
            assert sum(each["claimed"] for each in returned) <= most, sorted(each["buyer"] for each in returned)

        def by_buyer(returned):
            return [each["buyer"] for each in returned] == [1, 2]

        def claim(session, job):
            at(Step(Action.READ, "job"))
            if free := job.read_text() == "pending":
                at(Step(Action.WRITE, "job"))
                job.write_text("taken")
            return {{"buyer": session.buyer, "claimed": free}}

        @ticketlab.race_test(buyers=2, reset=lay_out, invariant=one_winner, executor="{executor}")
        def test_claim(session, job):
            return claim(session, job)

        @ticketlab.race_test(buyers=2, reset=lay_out, invariant=by_buyer, executor="{executor}")
        def test_order(session, job):
            return claim(session, job)
        """
    )
    result = pytester.runpytest()
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["*::test_claim went wrong in*", "invariant broken: [[]1, 2]*"])


@pytest.mark.slow
def test_two_processes_of_pytest_do_not_share_files(pytester: pytest.Pytester) -> None:
    """As two workers of a test run in parallel: in one folder, at the same time, on tests of the same names."""
    body = """
        import ticketlab
        from ticketlab.testing import FunctionRace, check_function

        def sell(session):
            stock = session.read()
            {more}
            if stock.remaining:
                session.write(stock._replace(remaining=stock.remaining - 1))

        def test_checkout():
            check_function(sell, FunctionRace(buyers=2))

        @ticketlab.race_test(buyers=2)
        def test_race(session):
            sell(session)
    """
    pytester.makepyfile(test_one=body.format(more=""), test_other=body.format(more="session.read()"))
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", name],
            cwd=pytester.path,
            stdout=subprocess.PIPE,
        )
        for name in ("test_one.py", "test_other.py") * 2
    ]
    for worker in workers:
        output, _ = worker.communicate(timeout=120)
        assert worker.returncode == 1, output
    cases = [load_case(path) for path in (pytester.path / ".ticketlab" / "cases").iterdir()]
    found = sorted((str(case.found["test"]), len(case.steps)) for case in cases)
    assert found == [("sell", 4), ("sell", 5), ("test_one.py::test_race", 4), ("test_other.py::test_race", 5)]
    assert [folder for worker in workers for folder in IN_MEMORY.glob(f"race-{worker.pid}-*")] == []


def test_the_fixture_explores_scenarios_with_what_the_command_line_says(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from ticketlab import Scenario

        def test_lock(ticketlab):
            found = ticketlab.explore(Scenario.of("memory", "lock", buyers=2))
            assert str(found.how.policy) == "pct:3"
            assert found.valid is None
        """
    )
    result = pytester.runpytest("--ticketlab-policy", "pct:3", "--ticketlab-executions=5")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*::test_lock: 5 executions by pct:3 found nothing, and are not all"])


def test_loading_the_plugin_imports_no_room_of_the_lab() -> None:
    code = "import sys, ticketlab.pytest_plugin; print(sorted(m for m in sys.modules if m.startswith('ticketlab')))"
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert told.strip() == "['ticketlab', 'ticketlab.pytest_plugin', 'ticketlab.race_tests']"
