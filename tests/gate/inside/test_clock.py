"""What the clock shows is decided by the schedule: sleeps and waits move it on, and nothing else does."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.gate.forking import forked
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.explorer.policies.dpor import SourceSets
from ticketlab.explorer.policies.replay import ReplaySchedule
from ticketlab.explorer.search import search
from ticketlab.gate.inside.clock import _BEGINNING
from ticketlab.lab.programs.ends import BranchesInOrder
from ticketlab.lab.programs.executor import ProgramExecutor
from ticketlab.lab.programs.program import Program

MOST = 300


def program(folder: Path, *scripts: str) -> Program:
    for number, script in enumerate(scripts):
        (folder / f"part{number}.py").write_text(textwrap.dedent(script))
    return Program(commands=tuple(("python", f"part{number}.py") for number in range(len(scripts))), folder=folder)


def outputs(folder: Path, *scripts: str, order: Sequence[str] = ()) -> list[str]:
    """Return what scripts print that run side by side, each as far as it does not wait, in an order."""
    with ProgramExecutor(program(folder, *scripts)) as executor:
        for _ in range(2):  # the first execution learns what is shared
            (execution,) = search(executor, BranchesInOrder(executor, order))
        assert execution.ending is ExecutionEnd.COMPLETED
        return executor.run_of.output_of_commands(len(scripts))


def explored(executor: ProgramExecutor) -> list[tuple[Execution, list[tuple[str, str]]]]:
    """Return all executions that can make a difference, and who printed what in each."""
    found: list[tuple[Execution, list[tuple[str, str]]]] = []
    executor.grew = True
    while executor.grew:
        found = [(execution, executor.run_of.output) for execution in search(executor, SourceSets(), MOST)]
    assert len(found) < MOST, "the search has not come to an end"
    assert {execution.ending for execution, _ in found} == {ExecutionEnd.COMPLETED}
    return found


def test_a_sleep_moves_all_clocks_on_by_as_long_as_it_lasts(tmp_path: Path) -> None:
    script = """\
        import time
        of_system = lambda: time.clock_gettime_ns(time.CLOCK_REALTIME)
        clocks = time.time_ns, time.monotonic_ns, time.perf_counter_ns, of_system
        before = [clock() for clock in clocks]
        time.sleep(3600)
        print({(clock() - then) // 10**8 for clock, then in zip(clocks, before)})
        """
    assert outputs(tmp_path, script) == ["{36000}\n"]


def test_dates_are_those_of_the_clock_and_are_what_they_ever_are(tmp_path: Path) -> None:
    script = """\
        import datetime, logging, pickle, sys, time
        class Own(datetime.datetime): pass
        now = datetime.datetime.now(datetime.timezone.utc)
        print(now.isoformat()[:19], datetime.date.today().year, time.strftime("%Y"), time.ctime()[-4:])
        print(type(now) is datetime.datetime, type(Own.now()) is Own, pickle.loads(pickle.dumps(now)) == now)
        logging.basicConfig(format="%(asctime)s", stream=sys.stdout)
        logging.warning("")
        """
    (said,) = outputs(tmp_path, script)
    dates, kinds, logged = said.splitlines()
    assert dates.startswith("2026-01-01T00:00:00 ")
    assert kinds == "True True True"
    assert logged[:4] in ("2025", "2026"), "the zone of this machine"


def test_functions_of_the_clock_are_no_methods_where_a_class_has_them(tmp_path: Path) -> None:
    script = """\
        import pickle, time
        class Timer:
            clock = time.monotonic
            sleep = time.sleep
        Timer().sleep(1)
        print(Timer().clock() > 1, pickle.loads(pickle.dumps(time.time)) is time.time)
        """
    assert outputs(tmp_path, script) == ["True True\n"]


def test_no_two_readings_are_the_same_and_a_loop_that_only_reads_ends(tmp_path: Path) -> None:
    script = """\
        import time
        print(1 / (time.perf_counter() - time.perf_counter()) < 0)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            pass
        """
    assert outputs(tmp_path, script) == ["True\n"]


def test_a_child_begins_at_its_parents_time_and_programs_of_their_own_have_their_own(tmp_path: Path) -> None:
    script = f"""\
        import os, subprocess, sys, time
        time.sleep(100)
        before = time.time()
        sys.stdout.flush()
        if os.fork() == 0:
            print(time.time() > before, int(time.time()) - {_BEGINNING}, flush=True)
            os._exit(0)
        os.wait()
        asked = [sys.executable, "-c", "import time; print(int(time.time()) - {_BEGINNING})"]
        print(subprocess.run(asked, capture_output=True, text=True).stdout.strip())
        """
    assert outputs(tmp_path, script) == ["True 100\n100\n"]


def test_who_comes_after_another_reads_a_later_time(tmp_path: Path) -> None:
    writer = """\
        import time
        time.sleep(5)
        open("stamp", "w").write(repr(time.time()))
        """
    reader = """\
        import time
        then = float(open("stamp").read())
        print(time.time() > then)
        """
    (tmp_path / "stamp").write_text("0")
    assert outputs(tmp_path, writer, reader, order=("1", "2")) == ["", "True\n"]


@pytest.mark.slow
def test_the_same_schedule_leads_to_the_same_readings(tmp_path: Path) -> None:
    script = """\
        import time
        from multiprocessing import Lock, Process
        def buy(lock, pause):
            with lock:
                time.sleep(pause)
            print(time.time(), flush=True)
        if __name__ == "__main__":
            lock = Lock()
            for pause in (0.3, 0.4):
                Process(target=buy, args=(lock, pause)).start()
        """
    with ProgramExecutor(program(tmp_path, forked(script))) as executor:
        seen = {execution.schedule: output for execution, output in explored(executor)}
        times = {float(text) - _BEGINNING for output in seen.values() for _, text in output if text.strip()}
        assert {round(time, 1) for time in times} == {0.3, 0.4, 0.7}
        for schedule, output in list(seen.items())[::6]:
            (again,) = search(executor, ReplaySchedule(schedule))
            assert again.schedule == schedule
            assert executor.run_of.output == output


def test_a_wait_that_ends_by_time_moves_the_clock_on(tmp_path: Path) -> None:
    script = """\
        import time
        from multiprocessing import Event
        before = time.monotonic()
        print(Event().wait(20), 20 <= time.monotonic() - before < 20.1)
        """
    assert outputs(tmp_path, script) == ["False True\n"]


DEADLINE = """\
    import os, time
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            os.close(os.open("lock", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            time.sleep({pause})
            continue
        time.sleep(0.1)
        os.unlink("lock")
        print("done")
        break
    else:
        print("too late")
    """


def test_a_deadline_runs_out_by_sleeps_and_a_loop_that_has_one_comes_to_an_end(tmp_path: Path) -> None:
    for pause, expected in ((0.5, {"done"}), (20, {"done", "too late"})):  # after 120 tries in vain, and after 3
        folder = tmp_path / str(pause)
        folder.mkdir()
        script = DEADLINE.format(pause=pause)
        assert outputs(folder, script, script, order=("1", "2")) == ["done\n", "done\n"]
        with ProgramExecutor(program(folder, script, script)) as executor:
            said = {text.strip() for _, output in explored(executor) for _, text in output if text.strip()}
            assert said == expected
            assert bool(executor.gave_way) is ("too late" not in said)  # what was not tried is said
