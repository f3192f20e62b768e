"""Plain functions as people write them: the wrong ones are convicted, the right ones proved, the unseen undecided."""

from __future__ import annotations

import builtins
import ctypes
import fcntl
import io
import json
import os
import random
import sched
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile
from types import ModuleType
from typing import Any

import pytest

from tests.plain_programs import (
    check_before_lock,
    check_then_mkdir,
    files_right,
    join_before_get,
    json_counter,
    max_id,
    no_sentinel,
    one_time_invite,
    pid_file,
    shared_temporary,
    shared_value,
    sqlite_claim,
    stale_copy,
    two_locks,
)
from ticketlab.core.errors import UsageError
from ticketlab.core.spec import Spec
from ticketlab.explorer.analysis.trace import Nondeterminism
from ticketlab.explorer.executors.stalls import OutsideControl
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.plain.case import PlainCase
from ticketlab.lab.plain.cases import load_plain_case
from ticketlab.lab.plain.explore import explore_plain, replay_imported, replay_plain
from ticketlab.lab.plain.function import PlainFunction
from ticketlab.lab.plain.results import PlainExploration
from ticketlab.report.shown_steps import shown_lines

PROGRAMS: dict[ModuleType, str] = {
    json_counter: "torn read",
    shared_temporary: "exception",
    pid_file: "check then act",
    check_then_mkdir: "check then act",
    check_before_lock: "torn read",
    two_locks: "deadlock",
    one_time_invite: "check then act",
    stale_copy: "lost update",
    shared_value: "lost update",
    join_before_get: "deadlock",
    no_sentinel: "deadlock",
    sqlite_claim: "lost update",
    max_id: "check then act",
}
MOST_LINES = 12
PROCESSES = ExploreOptions(executor="processes", executions=2_000)


def explored(function: Callable[..., object], how: ExploreOptions = PROCESSES, **settings: Any) -> PlainExploration:
    return explore_plain(PlainFunction(function=function, **settings), how)


def of(program: ModuleType, function: Callable[..., object], how: ExploreOptions = PROCESSES) -> PlainExploration:
    return explored(function, how, reset=program.reset, invariant=program.invariant)


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: str(program.__name__))
def test_a_wrong_program_is_convicted_with_a_short_table(program: ModuleType) -> None:
    found = of(program, program.bad).finding
    assert found is not None
    assert found.anomalies[0].name == PROGRAMS[program]
    assert len(shown_lines(found.execution, found.anomalies)) <= MOST_LINES


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: str(program.__name__))
def test_a_right_program_is_proved(program: ModuleType) -> None:
    found = of(program, program.good)
    assert found.verdict.valid, found.verdict


def test_a_lost_update_is_named_if_writes_cannot_be_torn() -> None:
    def add(who: int) -> None:
        count = int(Path("count").read_text())
        new = Path(f"count.{who}")
        new.write_text(str(count + 1))
        new.replace("count")

    found = explored(add, reset=lambda folder: (folder / "count").write_text("0")).finding
    assert found is not None
    (anomaly,) = found.anomalies
    assert anomaly.name == "lost update"
    first, second, third = (found.execution.steps[node - 1] for node in anomaly.evidence["steps"])
    assert (first, second, third) == ("read count", "rename count.2 to count", "rename count.1 to count")


@pytest.mark.slow
def test_what_is_found_in_one_process_is_confirmed_on_several() -> None:
    found = of(pid_file, pid_file.bad, ExploreOptions(executor="inline")).finding
    assert found is not None
    assert found.confirmed == "confirmed on real processes"


@pytest.mark.slow
def test_a_case_runs_again_from_its_json() -> None:
    found = of(one_time_invite, one_time_invite.bad).finding
    assert found is not None
    again = PlainCase.from_json(found.case.to_json())
    assert again == found.case
    plain = PlainFunction(
        function=one_time_invite.bad, reset=one_time_invite.reset, invariant=one_time_invite.invariant
    )
    execution, anomalies = replay_plain(plain, again)
    assert execution.steps == found.execution.steps
    assert [anomaly.name for anomaly in anomalies] == list(found.case.anomalies)


def test_a_function_that_shares_nothing_is_undecided() -> None:
    found = explored(lambda who: Path(f"mine.{who}").write_text("x"))
    assert found.verdict.valid is None
    assert "no two processes made steps" in found.verdict.reason
    assert not found.seen


def write_by_c() -> None:
    libc = ctypes.CDLL(None)
    file = libc.open(b"registry", os.O_WRONLY)
    libc.write(file, b"x", 1)
    libc.close(file)


def test_what_c_code_writes_is_named_and_undecided() -> None:
    found = explored(write_by_c, reset=lambda folder: (folder / "registry").write_text(""))
    assert found.verdict.valid is None
    assert found.verdict.reason == "registry was written by code that the lab does not see"


def test_what_c_code_writes_is_no_proof_even_if_other_steps_were_seen() -> None:
    def both(who: int) -> None:
        with open("log", "a") as log:
            log.write("x")
        write_by_c()

    found = explored(both, reset=lambda folder: (folder / "registry").write_text(""))
    assert found.contested
    assert found.verdict.valid is None


def test_what_was_seen_is_listed_by_process() -> None:
    found = of(json_counter, json_counter.good)
    seen = {each.resource: each for each in found.seen}
    assert seen["stock.json"].changes == {1: 2}
    assert set(seen["stock.json"].reads) == {1, 2}
    assert set(seen["lock on stock.lock"].changes) == {1, 2}


def test_an_exception_that_the_loser_meets_in_any_order_is_no_finding() -> None:
    def claim(who: int) -> None:
        os.close(os.open("claim", os.O_CREAT | os.O_EXCL))

    assert explored(claim).verdict.valid


def test_an_exception_without_any_race_is_told() -> None:
    def broken(who: int) -> None:
        raise KeyError("gone")

    found = explored(broken).finding
    assert found is not None
    assert found.anomalies[0].sentence.startswith("process 1 ended with KeyError: 'gone' (test_explore.py:")


def test_a_reader_that_minds_torn_reads_itself_is_right() -> None:
    def write_or_read(who: int) -> str:
        if who == 1:
            Path("state").write_text("new")
            return "written"
        for _ in range(3):
            if text := Path("state").read_text():
                return "read" if text in ("old", "new") else text
        return "read"

    assert explored(write_or_read, reset=lambda folder: (folder / "state").write_text("old")).verdict.valid


def test_returned_values_and_fixtures_are_given_by_name() -> None:
    def claim(who: int, folder: Path, text: str) -> str:
        assert folder == Path.cwd()
        with open("log", "a") as log:
            log.write(text)
        return f"{text}{who}"

    seen = []

    def invariant(folder: Path, returned: list[str], text: str) -> bool:
        seen.append(returned)
        return (folder / "log").read_text() == 2 * text

    assert explored(claim, invariant=invariant, fixtures={"text": "x"}).verdict.valid
    assert seen[0] == ["x1", "x2"]


def test_what_was_returned_can_be_judged_alone() -> None:
    def claim(who: int) -> bool:
        with open("claims", "a") as file:
            file.write("x")
        return True

    found = explored(claim, returned=lambda told: told.count(True) == 1).finding
    assert found is not None
    assert found.anomalies[0].name == "wrong results"


@pytest.mark.slow
def test_results_that_no_order_leads_to_are_no_harm_if_the_user_says_that_they_are_right() -> None:
    def mark(who: int) -> bool:
        other_was_there = Path(f"mark.{3 - who}").exists()
        Path(f"mark.{who}").touch()
        return other_was_there

    def one_came_first(returned: list[bool]) -> bool:
        return False in returned

    assert explored(mark, returned=one_came_first).verdict.valid
    assert explored(mark, invariant=one_came_first).verdict.valid
    assert [anomaly.name for anomaly in explored(mark).verdict.anomalies] == ["check then act"]


@pytest.mark.slow
def test_an_act_on_a_stale_look_that_was_refused_did_no_harm_unless_its_maker_failed() -> None:
    def without_a_way_out(who: int) -> None:
        if Path("in/a").exists():
            os.rename("in/a", f"done/{who}-a")

    reset = files_right.lay_out_spool
    assert explored(files_right.put_name_on_what_is_there, reset=reset).verdict.valid
    anomalies = explored(without_a_way_out, reset=reset).verdict.anomalies
    assert [anomaly.name for anomaly in anomalies] == ["check then act", "exception"]


@pytest.mark.slow
def test_serial_asks_for_the_end_of_some_order() -> None:
    def append_twice(who: int) -> None:
        for _ in range(2):
            with open("log", "a") as log:
                log.write(f"{who}")

    assert explored(append_twice).verdict.valid
    found = explored(append_twice, serial=True).finding
    assert found is not None
    assert found.anomalies[0].name == "not serializable"


@pytest.mark.slow
def test_a_lock_file_that_is_left_only_in_a_race_is_told() -> None:
    def work(who: int) -> None:
        try:
            os.mkdir("lock")
        except FileExistsError:
            return
        if not Path("done").exists():
            Path("done").touch()
            os.rmdir("lock")
        elif who == 1 or not os.listdir("lock"):
            os.rmdir("lock")

    def give_up(who: int) -> None:
        if Path("done").exists():
            return
        os.mkdir("lock")
        if Path("done").exists():
            return
        Path("done").touch()
        os.rmdir("lock")

    assert explored(work).verdict.valid
    found = explored(give_up, ExploreOptions(executor="processes", executions=2_000, exhaust=True))
    assert "left behind" in found.names


def test_a_lock_that_is_polled_and_given_up_at_some_time_proves_nothing_since_tries_are_counted() -> None:

    def polled(who: int) -> None:
        with open("lock", "w") as lock:
            for _ in range(100):
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    time.sleep(0.01)
            Path("count").write_text(str(int(Path("count").read_text()) + 1))

    found = explored(
        polled,
        reset=lambda folder: (folder / "count").write_text("0"),
        invariant=lambda folder: (folder / "count").read_text() == "2",
    )
    assert found.finding is None
    assert found.verdict.reason.startswith("process 1 sleeps and tries again: what it does after 4 tries in vain")


def test_time_and_chance_repeat_themselves() -> None:
    def draw(who: int) -> tuple[float, float, bytes]:
        time.sleep(100)
        with open("log", "a") as log:
            log.write("x")
        return time.time(), random.random(), os.urandom(4)

    seen = set()

    def invariant(returned: list[object]) -> None:
        seen.add(tuple(map(str, returned)))

    assert explored(draw, invariant=invariant).verdict.valid
    assert len(seen) == 1
    (told,) = seen
    assert told[0] != told[1]


def test_who_sees_what_a_sleeper_did_sees_a_time_after_it() -> None:
    def empty_late(who: int) -> tuple[bool, float]:
        if who == 1:
            time.sleep(100)
            open("log", "w").close()
        return Path("log").read_text() == "", time.time()

    def invariant(returned: list[tuple[bool, float]]) -> None:
        (_, emptied), (saw, now) = returned
        seen.add(saw)
        assert not saw or now >= emptied

    seen = set[bool]()
    assert explored(
        empty_late, reset=lambda folder: (folder / "log").write_text("x"), invariant=invariant
    ).verdict.valid
    assert seen == {False, True}


ORIGINALS = {
    "open": builtins.open,
    "io.open": io.open,
    "FileIO": io.FileIO,
    "sleep": time.sleep,
    "time": time.time,
    "replace": os.replace,
    "stat": os.stat,
    "random": random.random,
    "exists": Path.exists,
}


def originals() -> dict[str, object]:
    return {
        "open": open,
        "io.open": io.open,
        "FileIO": io.FileIO,
        "sleep": time.sleep,
        "time": time.time,
        "replace": os.replace,
        "stat": os.stat,
        "random": random.random,
        "exists": Path.exists,
    }


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, None])
def test_nothing_is_left_of_the_probes(error: type[BaseException] | None) -> None:
    where, calls = Path.cwd(), []

    def reset(folder: Path) -> None:
        calls.append(folder)
        if error is not None and len(calls) == 3:
            raise error

    def append(who: int) -> None:
        with open("log", "a") as log:
            log.write("x")

    if error is None:
        assert explored(append, reset=reset).verdict.valid
    else:
        with pytest.raises(UsageError if error is RuntimeError else error):
            explored(append, reset=reset)
    assert originals() == ORIGINALS
    assert Path.cwd() == where
    assert not calls[0].exists()


def test_a_search_stays_where_the_test_is_if_it_is_told_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "count"

    def add(who: int) -> None:
        file.write_text(str(int(file.read_text()) + 1))

    found = explored(add, reset=lambda: file.write_text("0"), folder=None).finding
    assert found is not None
    assert found.anomalies[0].name in ("lost update", "torn read")


def test_what_cannot_be_called_is_refused_in_one_line() -> None:
    async def later(who: int) -> None:
        """Return at once."""

    def asks(basket: str) -> None:
        """Do nothing."""

    def yields(who: int) -> Iterator[int]:
        yield who

    with pytest.raises(UsageError, match="is a generator function"):
        PlainFunction(function=yields)

    class Later:
        async def __call__(self, who: int) -> None:
            """Return at once."""

    for coroutine in (later, Later()):
        with pytest.raises(UsageError, match="is a coroutine function"):
            PlainFunction(function=coroutine)
    with pytest.raises(UsageError, match="asks for 'basket': there is folder, who"):
        PlainFunction(function=asks)
    with pytest.raises(UsageError, match="unknown executor 'thread'"):
        explored(write_by_c, ExploreOptions(executor="thread"))


CACHE: list[str] = []


def count_with_a_cache(who: int) -> None:
    if not CACHE:
        CACHE.append(Path("name").read_text())
    count = Path(CACHE[0])
    new = Path(f"new.{who}")
    new.write_text(str(int(count.read_text()) + 1))
    new.replace(count)


@pytest.mark.slow
def test_what_a_function_keeps_from_call_to_call_does_not_reach_the_next_execution() -> None:
    def lay_out(folder: Path) -> None:
        (folder / "name").write_text("count")
        (folder / "count").write_text("0")

    found = explored(count_with_a_cache, reset=lay_out).finding
    assert found is not None
    assert found.anomalies[0].name == "lost update"
    assert "read name" in found.execution.steps
    with pytest.raises(Nondeterminism, match=r"on the executor processes, each execution can get new ones$"):
        explored(count_with_a_cache, ExploreOptions(executor="inline"), reset=lay_out)
    CACHE.clear()


@pytest.mark.slow
def test_what_lays_out_or_judges_and_fails_is_told_apart_from_the_function() -> None:
    def work(who: int) -> None:
        Path("log").touch()

    def misspelt(folder: Path) -> None:
        raise KeyError("log")

    where = r"KeyError: 'log' \(test_explore.py:\d+\)"
    with pytest.raises(UsageError, match=f"^reset raises {where}: it has to lay out the folder$"):
        explored(work, reset=misspelt)
    with pytest.raises(UsageError, match=f"^invariant raises {where}, though all went one after another: it has to"):
        explored(work, invariant=misspelt)
    with pytest.raises(UsageError, match=r"^returned raises TypeError: "):
        explored(work, returned=lambda told: told[0] + 1)


def test_an_invariant_that_raises_after_a_race_alone_is_broken() -> None:
    def write(who: int) -> None:
        Path("value").write_text("1")
        Path("value").write_text("")
        if Path("value").read_text():
            Path("value").unlink()
        else:
            Path("value").write_text("1")

    found = explored(write, invariant=lambda folder: int((folder / "value").read_text())).finding
    assert found is not None


def test_a_process_that_does_not_come_back_is_named_with_its_last_step() -> None:
    def hang(who: int) -> None:
        Path("log").touch()
        if who == 2:
            signal.pause()

    with pytest.raises(
        OutsideControl, match=r"^process 2 has been outside control for more than 1 s, since touch log: it loops, or"
    ):
        explored(hang, ExploreOptions(executor="processes", stall_timeout=1))


def test_with_too_many_orders_to_try_the_folder_is_watched_all_the_same() -> None:
    def both(who: int) -> None:
        Path("log").touch()
        write_by_c()

    found = explored(
        both,
        ExploreOptions(executor="processes", policy=Spec("random"), executions=2),
        processes=6,
        reset=lambda folder: (folder / "registry").write_text(""),
    )
    assert found.unseen == {"registry": "written"}
    assert [each.resource for each in found.seen] == ["log"]


def test_a_case_of_the_version_before_is_read_and_a_newer_one_is_refused(tmp_path: Path) -> None:
    before = {
        "ticketlab": "case",
        "version": 4,
        "function": "test_shop.py::test_claim",
        "processes": 2,
        "without": [[2, 1]],
        "atomic_accesses": False,
        "schedule": [1, 1],
        "when": [],
        "steps": ["look for log", "create log"],
        "anomalies": [],
        "found": {},
        "versions": {},
    }
    path = tmp_path / "case.json"
    path.write_text(json.dumps(before))
    case = load_plain_case(path)
    assert (case.settings, case.fault_points, case.without) == ({}, (), frozenset({(1, 0)}))
    with pytest.raises(UsageError, match=r"replay it with pytest test_shop.py::test_claim --ticketlab-replay FILE"):
        replay_imported(case)
    path.write_text(json.dumps(before | {"version": 6}))
    with pytest.raises(UsageError, match=r"case\.json: "):
        load_plain_case(path)
    path.write_text(json.dumps(before | {"schedule": [0]}))
    with pytest.raises(UsageError, match=r"case\.json: .*schedule"):
        load_plain_case(path)


def test_what_libraries_keep_in_default_arguments_is_seen() -> None:
    def save(who: int) -> None:
        line = sched.scheduler()  # whose default is `time.sleep`
        line.enter(3_600, 0, Path("log").touch)
        line.run()
        with NamedTemporaryFile(dir="."):  # which unlinks by a default argument
            pass

    before = sched.scheduler.__init__.__defaults__
    found = explored(save)
    assert found.verdict.valid, found.verdict
    assert sched.scheduler.__init__.__defaults__ == before
