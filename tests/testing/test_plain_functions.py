"""Race tests of plain functions, as pytest runs them."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path

import pytest

from ticketlab.core.errors import UsageError
from ticketlab.testing import PlainRace, check_plain_function

TEST = """
import json
import fcntl
import json
from pathlib import Path
import pytest
import ticketlab

@pytest.fixture
def tickets():
    return 1

def lay_out(folder, tickets):
    (folder / "stock.json").write_text(json.dumps({"left": tickets}))

def one_winner(returned):
    assert returned.count(True) == 1

@ticketlab.race_test(processes=2, reset=lay_out, invariant=one_winner)
def test_claim(who):
    stock = json.loads(Path("stock.json").read_text())
    if stock["left"]:
        stock["left"] -= 1
        new = Path(f"stock.{who}")
        new.write_text(json.dumps(stock))
        new.replace("stock.json")
        return True
"""


@pytest.mark.slow
def test_a_function_is_taken_as_it_stands_and_its_case_replays(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_shop=TEST)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "test_shop.py::test_claim went wrong in 1 of * executions (dpor, processes). The smallest, found on real *",
            "*process 1 * process 2*",
            "lost update: process 1 read stock.json, process 2 changed it, and process 1 wrote over a change that it *",
            "The same schedule again: pytest test_shop.py::test_claim --ticketlab-replay *.json",
        ]
    )
    (case,) = Path(pytester.path, ".ticketlab", "cases").glob("*.json")
    again = pytester.runpytest_inprocess("-p", "no:cacheprovider", "--ticketlab-replay", str(case))
    again.assert_outcomes(failed=1)
    again.stdout.fnmatch_lines(["*goes wrong again under the saved schedule:*"])


@pytest.mark.slow
@pytest.mark.usefixtures("memory_of_other_tests")
def test_the_kernel_may_stop_the_calls_of_a_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_shop=TEST.replace("processes=2", "processes=2, gate='kernel'")
        + """
import os, subprocess

@ticketlab.race_test(processes=2, gate="kernel")
def test_log(folder):
    subprocess.run(["sh", "-c", "echo >> log"], check=True)

@ticketlab.race_test(processes=2, gate="kernel")
def test_skipped(folder):
    pytest.skip("not here")

@ticketlab.race_test(threads=2, gate="kernel")
def test_mixture(folder): pass

@ticketlab.race_test(processes=2, gate="kernal")
def test_misspelt(folder): pass
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(failed=3, passed=1, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "test_shop.py::test_claim went wrong in * of * executions (dpor, kernel). The smallest, found on real *",
            "*process 1 * process 2*",
            "* test_shop.py:*  stock = json.loads*",
            "check then act: process 1 looked for stock.json, process 2 changed what stands there, and *",
            "The same schedule again: pytest test_shop.py::test_claim --ticketlab-replay *.json",
            "the gate kernel does not go with threads: it stops real processes at their system calls; leave one *",
            "unknown gate 'kernal': did you mean 'kernel'?*",
            "*ticketlab: not told by the probes*",
            "test_shop.py::test_log: the kernel saw process 1 and process 2 append to, create and look for log, and *",
        ]
    )
    (case,) = Path(pytester.path, ".ticketlab", "cases").glob("*.json")
    again = pytester.runpytest_inprocess("-p", "no:cacheprovider", "--ticketlab-replay", str(case))
    again.assert_outcomes(failed=3, skipped=2)
    again.stdout.fnmatch_lines(["*goes wrong again under the saved schedule:*"])


@pytest.mark.slow
def test_what_saw_nothing_fails_unless_it_is_allowed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import ticketlab

        @ticketlab.race_test(processes=2)
        def test_nothing(who): pass

        @ticketlab.race_test(processes=2, unseen="allow")
        def test_allowed(who): pass
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(
        ["*test_nothing is undecided: no two processes made steps whose order can make a difference*"]
    )
    pytester.runpytest_inprocess("-p", "no:cacheprovider", "--ticketlab-undecided", "pass").assert_outcomes(passed=2)


@pytest.mark.slow
def test_a_search_that_was_cut_off_fails_and_says_how_to_let_it_pass(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import ticketlab

        @ticketlab.race_test(processes=3, executions=2)
        def test_log(who):
            with open("log", "a") as log:
                log.write("x")
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*2 executions by dpor found nothing, and are not all*"])
    result.stdout.fnmatch_lines(["*--ticketlab-undecided=pass lets it pass*"])


@pytest.mark.slow
def test_a_method_is_raced_and_what_ends_a_whole_test_goes_through(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest, ticketlab

        class TestLog:
            @ticketlab.race_test(processes=2)
            def test_log(self, who, folder):
                with (folder / "log").open("a") as log:
                    log.write("x")

        @ticketlab.race_test(processes=2)
        def test_skip(who):
            pytest.skip("not here")

        @ticketlab.race_test(processes=2)
        def test_fail(who):
            pytest.fail("of its own")

        @ticketlab.race_test(processes=2, proceses=3)
        def test_misspelt(who): pass
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-rs")
    result.assert_outcomes(passed=1, skipped=1, failed=2)
    result.stdout.fnmatch_lines(["*assertion failed*of its own*"])
    result.stdout.fnmatch_lines(["*setting of a race test 'proceses': did you mean 'processes'?"])
    result.stdout.fnmatch_lines(["*SKIPPED*: not here"])


@pytest.mark.slow
def test_what_is_allowed_to_be_unseen_is_no_excuse_for_a_search_that_was_cut_off(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import ticketlab

        @ticketlab.race_test(processes=2, unseen="allow", policy="random", executions=2)
        def test_nothing(who): pass
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*2 executions by random found nothing, and are not all*"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"proceses": 2}, "unknown setting of a race test 'proceses': did you mean 'processes'?"),
        ({"unseen": "maybe"}, "unknown value of unseen 'maybe'"),
    ],
)
def test_a_setting_that_is_unknown_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match="^" + message.replace("?", r"\?")):
        PlainRace.of(settings)


@pytest.mark.slow
def test_a_python_call_does_without_pytest() -> None:
    def add(who: int) -> None:
        Path("count").write_text(str(int(Path("count").read_text()) + 1))

    def lay_out(folder: Path) -> None:
        (folder / "count").write_text("0")

    with pytest.raises(AssertionError, match="add went wrong in"):
        check_plain_function(add, PlainRace(reset=lay_out), test="add", cases=Path(".ticketlab/cases"))


@pytest.mark.slow
def test_tasks_of_one_event_loop_run_a_coroutine_function_and_its_case_replays(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_count="""
        import asyncio
        import ticketlab

        class TestCount:
            @ticketlab.race_test(tasks=2, reset=lambda: counts.clear(), invariant=lambda: len(set(counts)) == 2)
            async def test_count(self):
                count = len(counts)
                await asyncio.sleep(0.1)
                counts.append(count)

        counts = []

        @ticketlab.race_test(tasks=2)
        def test_plain(): pass
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*test_count went wrong in 1 of * executions (dpor, tasks)*", "*task 1 * task 2*"])
    result.stdout.fnmatch_lines(["*test_plain is no coroutine function: tasks=... takes an async def*"])
    (case,) = Path(pytester.path, ".ticketlab", "cases").glob("*.json")
    again = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-k", "count", "--ticketlab-replay", str(case))
    again.stdout.fnmatch_lines(["*goes wrong again under the saved schedule:*"])


@pytest.mark.slow
def test_faults_strike_the_function_of_a_test() -> None:
    def leave_a_folder() -> None:
        with open("lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            Path("draft").mkdir()
            Path("draft").rmdir()

    with pytest.raises(AssertionError, match="exception: process 2 ended with FileExistsError") as failed:
        check_plain_function(leave_a_folder, PlainRace(faults=["kill"]))
    assert "fault injected: kill → before remove directory draft" in str(failed.value)


def test_a_case_of_another_kind_skips_a_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import ticketlab

        @ticketlab.race_test(processes=2)
        def test_claim(who): pass

        @ticketlab.race_test
        def test_sale(session): pass
        """
    )
    of_a_function = {"ticketlab": "case", "version": 4, "function": "test_other.py::test_it"}
    Path("function.json").write_text(json.dumps(of_a_function))
    Path("purchases.json").write_text('{"ticketlab": "case", "version": 4, "scenario": {}}')
    result = pytester.runpytest_inprocess(
        "-p", "no:cacheprovider", "--ticketlab-replay", "purchases.json", "-k", "claim"
    )
    result.assert_outcomes(skipped=1, deselected=1)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "--ticketlab-replay", "function.json", "-k", "sale")
    result.assert_outcomes(skipped=1, deselected=1)
