"""What launchers say of buyers that die, fail or hang, and of clerks that do: nothing waits for ever."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ticketlab.core.inventory import Inventory, Outcome, Request, SoldOut
from ticketlab.core.pacing import Pacer, at, note
from ticketlab.core.plugin import Perform, Store, StrategyContext
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.core.steps import Action, Step
from ticketlab.launch.job import RaceJob
from ticketlab.launch.launcher import Exit, Launcher
from ticketlab.launch.pool import PoolLauncher
from ticketlab.launch.process import ProcessLauncher
from ticketlab.launch.threads import ThreadLauncher
from ticketlab.launch.track import track
from ticketlab.stores.private import PrivateStore

LAUNCHERS: dict[str, Callable[[], Launcher]] = {
    "fork": lambda: ProcessLauncher("fork"),
    "forkserver": lambda: ProcessLauncher("forkserver"),
    "spawn": lambda: ProcessLauncher("spawn"),
    "pool": lambda: PoolLauncher("2"),
    "threads": lambda: ThreadLauncher(""),
}
LINE = 90
"""Characters of a record. Each text is made anew, since one that stands again in a batch is written only once."""


@dataclass
class Mishap:
    """A strategy under which buyer 2 meets with a mishap, and the others are refused."""

    what: str
    asked: Any = None

    def prepare(self, setting: StrategyContext) -> None:
        """Nothing more to share."""

    def services(self) -> Sequence[Callable[[], None]]:
        return (self.serve,) if self.asked else ()

    def serve(self) -> None:
        self.asked.acquire()
        os.kill(os.getpid(), signal.SIGKILL)

    @contextmanager
    def join(self, store: Store, buyer: int) -> Iterator[Perform]:
        def perform(request: Request) -> Outcome:
            at(Step(Action.READ, "inventory"))
            if request.buyer == 2:
                self.strike()
            return SoldOut()

        yield perform

    def strike(self) -> None:
        if self.what == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        elif self.what == "raises":
            raise RuntimeError("no such luck")
        elif self.what == "hangs":
            threading.Event().wait()
        elif self.what == "asks":
            self.asked.release()
        elif self.what == "floods its log":
            while True:
                note("remaining", "x" * LINE)
        elif self.what == "records without end":
            while True:
                at(Step(Action.READ, "x" * LINE))
        elif self.what == "grows":
            hoard = []
            while True:
                hoard.append(bytearray(1 << 20))

    def stop_services(self) -> None:
        """Nobody listens."""

    def close(self) -> None:
        """Nothing is held."""


def _as_it_is(_participant: int, pacer: Pacer) -> Pacer:
    return pacer


def run(launcher: Launcher, mishap: Mishap, timeout: float = 30.0) -> tuple[dict[str, Exit], list[str]]:
    """Return how each participant ended, and what each last did."""
    scenario = Scenario(Spec("private"), Spec("mishap"), buyers=4)
    store = PrivateStore(Path(), "")
    store.create(Inventory({"main": 5}), ledger=True)
    start_barrier, log = launcher.make_barrier(), launcher.make_log(4 + len(mishap.services()))
    try:
        job = RaceJob(scenario, store, mishap, log, start_barrier, _as_it_is, timeout, memory_mb=100)
        exits = launcher.run(job, lambda: None)
        tracks = [track(number, log.records(number)) for number in range(log.participants)]
        lasts = [part.crash or part.last for part in tracks]
    finally:
        start_barrier.close()
        log.close()
    assert [child for child in multiprocessing.active_children() if "SyncManager" not in child.name] == []
    return {ending.who: ending for ending in exits}, lasts


@pytest.mark.parametrize("name", ["fork", "spawn", "pool"])
def test_a_killed_buyer_is_reported_with_what_it_last_did(name: str) -> None:
    exits, _ = run(LAUNCHERS[name](), Mishap("killed"))
    assert exits["buyer 2"].how == "crashed"
    assert "died" in exits["buyer 2"].detail or "SIGKILL" in exits["buyer 2"].detail
    assert {ending.how for who, ending in exits.items() if who != "buyer 2"} == {"finished"}


@pytest.mark.parametrize("name", LAUNCHERS)
def test_a_buyer_that_raises_is_reported_and_the_others_go_on(name: str) -> None:
    exits, lasts = run(LAUNCHERS[name](), Mishap("raises"))
    assert exits["buyer 2"].how == "crashed"
    assert lasts[1] == "RuntimeError: no such luck"
    assert [exits[f"buyer {number}"].how for number in (1, 3, 4)] == ["finished"] * 3


@pytest.mark.parametrize("name", LAUNCHERS)
def test_a_buyer_that_hangs_is_stopped_when_time_is_up(name: str) -> None:
    exits, _ = run(LAUNCHERS[name](), Mishap("hangs"), timeout=1.0)
    assert exits["buyer 2"].how == "hung"
    assert "crashed" not in {ending.how for ending in exits.values()}


@pytest.mark.slow
@pytest.mark.parametrize("what", ["floods its log", "records without end"])
@pytest.mark.parametrize("name", LAUNCHERS)
def test_a_buyer_that_floods_its_log_is_stopped_and_the_others_go_on(name: str, what: str) -> None:
    exits, lasts = run(LAUNCHERS[name](), Mishap(what))
    assert exits["buyer 2"].how == "crashed"
    assert lasts[1] == "its log is over 64 MiB"
    assert [exits[f"buyer {number}"].how for number in (1, 3, 4)] == ["finished"] * 3


@pytest.mark.parametrize("name", ["fork", "forkserver", "spawn", "pool"])
def test_a_buyer_that_grows_without_bound_is_stopped_and_the_others_go_on(name: str) -> None:
    exits, lasts = run(LAUNCHERS[name](), Mishap("grows"))
    assert exits["buyer 2"].how == "crashed"
    assert lasts[1] == "it took over 100 MiB of memory"
    assert [exits[f"buyer {number}"].how for number in (1, 3, 4)] == ["finished"] * 3


@pytest.mark.parametrize("name", ["fork", "spawn", "pool", "threads"])
def test_a_clerk_that_is_killed_is_reported(name: str) -> None:
    launcher = LAUNCHERS[name]()
    make: Any = launcher.context()
    exits, _ = run(launcher, Mishap("asks", make.Semaphore(0)))
    assert exits["clerk 1"].how == "crashed"
    assert exits["clerk 1"].detail == "killed by SIGKILL"
