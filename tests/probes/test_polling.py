"""Loops that poll: who remembers nothing between two sleeps waits until something changes, and nobody else does."""

from __future__ import annotations

import gc
import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import filelock
import pytest

from tests.probes import polled_loops
from tests.probes.polled_loops import FORGETFUL, MINDFUL, SHAPES, Try
from ticketlab.core.pacing import BEGINNING, SPINS, Blocked, Free, paced_by
from ticketlab.core.steps import Step
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.plain.explore import explore_plain
from ticketlab.lab.plain.function import PlainFunction
from ticketlab.lab.plain.results import PlainExploration
from ticketlab.lab.plugins.registry import probes
from ticketlab.probes.here import HERE
from ticketlab.probes.kind import installed
from ticketlab.probes.polling.descriptors import outputs_of_the_lab
from ticketlab.probes.polling.spins import POLLING

SLEEPS = 12
write = os.write  # as it is without probes


class Enough(BaseException):
    """Ends a loop that would go on."""


class Sleepers(Free):
    """A pacer of one participant, that takes down before which sleeps its loop was said to spin."""

    may_wait = False
    me = 0

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        self.meanwhile = meanwhile
        self.time = BEGINNING
        self.spinning: list[bool] = []
        self._noted = False

    def block(self, step: Step, attempt: Callable[[], Any | Literal[Blocked.BLOCKED]], wait: Callable[[], Any]) -> Any:
        """Attempt once."""
        return attempt()

    def sleep(self, seconds: float) -> None:
        """Let virtual time pass; raises Enough after many sleeps."""
        self.time += seconds
        self.meanwhile()
        self.spinning.append(self._noted)
        self._noted = False
        if len(self.spinning) == SLEEPS:
            raise Enough

    def now(self, *, wall: bool) -> float:
        """Return virtual time."""
        return self.time

    def note(self, what: str, value: int | str) -> None:
        """Take down that the loop spins."""
        self._noted |= what == SPINS


def sleeps_of(loop: Callable[[], None], meanwhile: Callable[[], object] = lambda: None) -> list[bool]:
    """Run a loop as a participant; return for each of its sleeps whether it was said to spin.

    `meanwhile` is what others do while it sleeps.
    """
    pacer = Sleepers(meanwhile)
    with installed(probes()), paced_by(pacer):
        HERE.begin(1)
        try:
            loop()
        except Enough:
            pass
        finally:
            HERE.end()
    return pacer.spinning


def poll(try_: Try) -> Callable[[], None]:
    """Return a loop that makes a try until it succeeds."""

    def loop() -> None:
        while not try_():
            time.sleep(0.1)

    return loop


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    gc.collect()  # files that an earlier test left open are closed now, and not in the middle of a loop
    polled_loops.lay_out()


@pytest.mark.parametrize("make", FORGETFUL, ids=lambda make: make.__name__)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # files that a try leaves open
def test_who_remembers_nothing_spins_from_the_second_sleep_on(make: Callable[[], Try]) -> None:
    assert sleeps_of(poll(make())) == [False] + [True] * (SLEEPS - 1)


@pytest.mark.thorough
@pytest.mark.parametrize("make", MINDFUL, ids=lambda make: make.__name__)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # files that a try leaves open
def test_who_remembers_its_tries_never_spins(make: Callable[[], Try]) -> None:
    assert not any(sleeps_of(poll(make())))


@pytest.mark.slow
@pytest.mark.parametrize("loop", SHAPES, ids=lambda loop: loop.__name__)
def test_a_loop_that_ends_by_itself_never_spins(loop: Callable[[], None]) -> None:
    assert not any(sleeps_of(loop))


def test_an_output_that_others_write_to_as_well_is_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "log").open("w") as log:  # as if a test runner's output went there
        monkeypatch.setattr(POLLING, "_outputs", outputs_of_the_lab())  # this process has begun long ago
        spins = sleeps_of(poll(lambda: False), lambda: os.write(log.fileno(), b"."))
    assert spins == [False] + [True] * (SLEEPS - 1)


def test_how_far_a_file_of_its_own_is_written_is_remembered(tmp_path: Path) -> None:
    log = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    try:
        assert not any(sleeps_of(poll(lambda: False), lambda: os.write(log, b".")))
    finally:
        os.close(log)


def explored(function: Callable[..., object], **settings: Any) -> PlainExploration:
    def lay_out(folder: Path) -> None:
        (folder / "count").write_text("0")

    how = ExploreOptions(executor=settings.pop("executor", "processes"), executions=500)
    return explore_plain(PlainFunction(function=function, reset=lay_out, **settings), how)


def add_one() -> None:
    count = int(Path("count").read_text())
    Path("count").write_text(str(count + 1))


def make_lock() -> bool:
    try:
        os.close(os.open("lock", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def locked(who: int) -> None:
    while not make_lock():
        time.sleep(0.1)
    add_one()
    os.unlink("lock")


def looked_first(who: int) -> None:
    while os.path.exists("lock"):
        time.sleep(0.1)
    Path("lock").touch()
    add_one()
    os.unlink("lock")


def hurried(who: int) -> None:
    began = time.monotonic()
    while not make_lock():
        time.sleep(0.1)
    if time.monotonic() - began < 1:
        add_one()
    os.unlink("lock")


def dated(who: int) -> None:
    while not make_lock():
        time.sleep(0.1)
    Path(str(who)).touch()
    if os.path.getmtime(str(who)) < BEGINNING + 1:
        add_one()
    os.unlink("lock")


def file_locked(who: int) -> None:
    with filelock.FileLock("lock"):
        add_one()


def softly_locked(who: int) -> None:
    with filelock.SoftFileLock("lock"):
        pass


def timed(who: int) -> None:
    with filelock.FileLock("lock", timeout=1):
        add_one()


def cancelled(who: int) -> None:
    asked: list[int] = []

    def cancel() -> bool:
        asked.append(0)
        return len(asked) > 7

    with filelock.FileLock("lock").acquire(cancel_check=cancel):
        add_one()


class Impatient(filelock.FileLock):  # type: ignore[misc, valid-type, unused-ignore]
    tries = 0

    def _acquire(self) -> None:
        self.tries += 1
        if self.tries > 7:
            raise TimeoutError
        super()._acquire()


def impatient(who: int) -> None:
    with Impatient("lock"):
        add_one()


@pytest.mark.slow
@pytest.mark.parametrize("function", [locked, file_locked])
def test_a_lock_that_is_polled_without_a_time_out_is_proved(function: Callable[..., object]) -> None:
    found = explored(function)
    assert (found.valid, found.exhausted) == (True, True), found.verdict


@pytest.mark.slow
def test_a_lock_that_judges_the_age_of_its_file_is_not_blamed() -> None:
    found = explored(softly_locked)
    assert (found.valid, found.anomalous) in {(True, 0), (None, 0)}, found.verdict


@pytest.mark.slow
def test_a_lock_that_is_polled_in_the_wrong_order_is_convicted() -> None:
    assert explored(looked_first).valid is False


@pytest.mark.slow
@pytest.mark.parametrize("function", [timed, cancelled, impatient])
def test_a_lock_that_may_give_up_is_undecided(function: Callable[..., object]) -> None:
    found = explored(function)
    assert found.valid is None
    assert "sleeps and tries again: what it does after 4 tries in vain was not tried" in found.verdict.reason


@pytest.mark.slow
@pytest.mark.parametrize(("function", "what"), [(hurried, "a clock"), (dated, "a file's times")])
def test_who_looks_at_the_time_after_a_wait_is_undecided(function: Callable[..., object], what: str) -> None:
    found = explored(function)
    assert found.valid is None
    assert f"looks at {what} after somebody slept and tried again in vain: no later time was tried" in (
        found.verdict.reason
    )


def test_what_others_write_to_the_same_output_is_no_memory() -> None:
    output = os.open("output", os.O_WRONLY | os.O_CREAT)
    before = os.dup(2)
    os.dup2(output, 2)
    try:
        slept = sleeps_of(poll(lambda: os.path.exists("no lock")), meanwhile=lambda: write(2, b"a warning"))
    finally:
        os.dup2(before, 2)
        os.close(before)
        os.close(output)
    assert slept == [False] + [True] * (SLEEPS - 1)


@pytest.mark.slow
def test_a_sleep_takes_its_time_whether_or_not_its_loop_spins() -> None:
    def meet(who: int) -> float:
        if who == 1:
            Path("met").touch()
            return 0.0
        began = time.monotonic()
        sleeps = 0
        while not os.path.exists("met"):
            time.sleep(0.1)
            sleeps += 1
        assert time.monotonic() - began >= 0.1 * sleeps - 1e-6
        return time.monotonic()

    assert explored(meet).valid is None


@pytest.mark.slow
def test_who_is_kept_from_making_what_another_waits_for_leaves_it_undecided() -> None:
    def meet(who: int) -> None:
        if who == 1:
            Path("met").touch()
        while not os.path.exists("met"):
            pass

    found = explored(meet)
    assert found.valid is None
    assert "cut short" in found.verdict.reason


@pytest.mark.slow
def test_who_waits_for_what_never_comes_is_told() -> None:
    def wait(who: int) -> None:
        while not os.path.exists("nothing"):
            time.sleep(0.1)

    found = explored(wait)
    assert found.names == {"livelock": 1}


@pytest.mark.slow
def test_who_gives_up_after_many_tries_is_not_said_to_wait_for_ever() -> None:
    def wait(who: int) -> None:
        for _ in range(600):
            if os.path.exists("nothing"):
                return
            time.sleep(0.1)

    found = explored(wait)
    assert (found.valid, found.names) == (None, {})


@pytest.mark.slow
def test_a_search_goes_on_after_one_that_was_cut_short() -> None:
    def meet(who: int) -> None:
        if who == 1:
            assert not os.path.exists("second")
            return
        Path("second").touch()
        for _ in range(2_000):
            if os.path.exists("nothing"):
                return
            time.sleep(0.1)

    found = explored(meet)
    assert found.executions > 1


@pytest.mark.slow
def test_who_waits_for_a_lock_at_most_so_long_and_so_often_comes_to_its_end() -> None:
    lock = multiprocessing.Lock()

    def wait(who: int) -> None:
        for _ in range(600):
            if lock.acquire(timeout=0.1):
                return

    assert explored(wait).valid


@pytest.mark.slow
def test_threads_could_change_what_a_loop_remembers() -> None:
    started: list[int] = []

    def polls(who: int) -> None:
        if who == 1:
            while not (started or os.path.exists("nothing")):
                time.sleep(0.1)
            started.clear()
        else:
            started.append(who)

    found = explored(polls, executor="threads")
    assert found.valid is None
