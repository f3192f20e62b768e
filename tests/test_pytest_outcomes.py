"""What concerns a whole test goes through a race: a time-out, skip, xfail, Ctrl-C; the lab's own trouble is a line."""

from __future__ import annotations

import pytest

EXECUTORS = ["inline", "processes"]


@pytest.mark.slow
def test_a_skip_goes_through_where_a_library_has_tracebacks_sent_along(pytester: pytest.Pytester) -> None:
    """Dask imports tblib, which has every exception pickled with its context; that of a skip cannot be pickled."""
    pytester.makeconftest(
        """
        import ticketlab.lab.exploring.stopping
        import tblib.pickling_support
        tblib.pickling_support.install()
        """
    )
    pytester.makepyfile(
        """
        import pytest, ticketlab

        @ticketlab.race_test(buyers=2, executor="processes")
        def test_skip(session):
            session.read()
            pytest.skip("not here")
        """
    )
    pytester.runpytest_subprocess("-rs").assert_outcomes(skipped=1)


@pytest.mark.slow
@pytest.mark.parametrize("executor", EXECUTORS)
def test_skip_and_xfail_go_through_and_exit_is_a_crash(pytester: pytest.Pytester, executor: str) -> None:
    pytester.makepyfile(
        f"""
        import sys, pytest, ticketlab

        @ticketlab.race_test(buyers=2, executor="{executor}")
        def test_skip(session):
            session.read()
            if session.buyer == 2:
                pytest.skip("not here")

        @ticketlab.race_test(buyers=2, executor="{executor}")
        def test_xfail(session):
            session.read()
            pytest.xfail("known")

        @ticketlab.race_test(buyers=2, executor="{executor}")
        def test_exit(session):
            session.read()
            sys.exit(3)
        """
    )
    result = pytester.runpytest("-rsx")
    result.assert_outcomes(skipped=1, xfailed=1, failed=1)
    result.stdout.fnmatch_lines(["*buyer 1 crashed (RuntimeError: the function exited with 3)", "*SKIPPED*: not here"])


@pytest.mark.slow
@pytest.mark.parametrize("caller", ["race_test", "check_function"])
def test_a_time_out_ends_a_test_that_hangs(pytester: pytest.Pytester, caller: str) -> None:
    """As pytest-timeout does it: a signal handler makes the test fail."""
    pytester.makeconftest(
        """
        import signal, pytest

        @pytest.fixture(autouse=True)
        def timer():
            def handler(number, frame):
                pytest.fail("Timeout (>1.0s)")

            before = signal.signal(signal.SIGALRM, handler)
            signal.setitimer(signal.ITIMER_REAL, 1.0)
            yield
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        """
    )
    hang = """
        import threading, ticketlab
        from ticketlab import Action, Step, at
        from ticketlab.testing import FunctionRace, check_function

        LOCK = threading.Lock()

        def hang(session):
            with LOCK:
                at(Step(Action.WRITE, "x"))

        if "{caller}" == "race_test":
            test_hang = ticketlab.race_test(buyers=2)(hang)
        else:
            def test_hang():
                check_function(hang, FunctionRace(buyers=2))

        def test_that_the_lock_is_free():
            assert LOCK.acquire(blocking=False)
    """
    pytester.makepyfile(hang.format(caller=caller))
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["E * Failed: Timeout (>1.0s)"])


@pytest.mark.slow
def test_ctrl_c_goes_through(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import signal, ticketlab

        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it

        @ticketlab.race_test(buyers=2)
        def test_interrupted(session):
            session.read()
            signal.raise_signal(signal.SIGINT)
        """
    )
    result = pytester.runpytest_subprocess()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*KeyboardInterrupt*"])


def test_the_labs_own_trouble_is_a_line(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import itertools, threading, ticketlab
        from ticketlab import Action, Step, at
        from ticketlab.testing import FunctionRace

        NUMBERS = itertools.count()

        @ticketlab.race_test(buyers=2, store="memory", policy="dfs")
        def test_nondeterminism(session):
            at(Step(Action.WRITE, f"file {next(NUMBERS)}"))
            at(Step(Action.WRITE, "file"))

        def test_outside_control(ticketlab, monkeypatch):
            from ticketlab.explorer.executors import processes
            monkeypatch.setattr(processes.Processes, "__init__", impatient(processes.Processes.__init__))
            ticketlab.race(lambda session: threading.Event().wait(), FunctionRace(buyers=2, executor="processes"))

        def impatient(build):
            return lambda self, workload, **settings: build(self, workload, **settings | {"stall_timeout": 0.2})
        """
    )
    result = pytester.runpytest()
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "*something beside the schedule decides*",
            "buyer 1 has been outside control for more than 0.2 s, since it began: it loops, or waits for something *",
        ]
    )
    result.stdout.no_fnmatch_line("E  *")
