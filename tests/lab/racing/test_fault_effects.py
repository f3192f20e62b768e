"""Faults in live races: who meets them follows from the seed, and what it does to the others is judged."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from ticketlab import race
from ticketlab.core.errors import UsageError
from ticketlab.core.faults import FaultRate
from ticketlab.core.result import Result
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.lab.racing.options import RaceOptions
from ticketlab.launch.fault_injection import FaultInjector, PlannedFault

pytestmark = pytest.mark.usefixtures("in_tmp_path")

DEADLINE = 30.0
"""Guards against hanging; nothing is expected to take this long."""


def fault_rates(text: str) -> tuple[FaultRate, ...]:
    return tuple(map(FaultRate.parse, text.split(",")))


def blows(scenario: Scenario, faults: str, services: int = 0) -> dict[str, PlannedFault]:
    found = {
        who: FaultInjector(fault_rates(faults)).planned_fault(scenario, who, services) for who in range(scenario.buyers)
    }
    return {f"buyer {who + 1}": planned_fault for who, planned_fault in found.items() if planned_fault is not None}


def run(
    store: str,
    strategy: str,
    faults: str,
    *,
    where: Callable[[PlannedFault], bool] = lambda _: True,
    buyers: int = 3,
    launcher: str = "process",
    stall_timeout: float = 20.0,
) -> Result:
    """Race by the first seed whose faults meet everybody where it is wanted."""
    scenarios = (Scenario.of(store, strategy, buyers=buyers, tickets=2, seed=seed) for seed in count())
    fitting = (one for one in scenarios if all(where(planned_fault) for planned_fault in blows(one, faults).values()))
    return race(
        next(fitting), RaceOptions(Spec.parse(launcher), faults=fault_rates(faults), stall_timeout=stall_timeout)
    )


def names(result: Result) -> set[str]:
    return {anomaly.name for anomaly in result.verdict.anomalies}


@pytest.mark.parametrize("launcher", ["process", "process:forkserver", "process:spawn", "pool:2"])
def test_who_is_struck_follows_from_the_seed_whatever_starts_the_buyers(launcher: str) -> None:
    scenario = Scenario.of("json:rename", "flock", buyers=5, tickets=2, seed=1)
    drawn = {who: str(planned_fault.fault) for who, planned_fault in blows(scenario, "kill:0.4,terminate:0.4").items()}
    assert len(set(drawn.values())) == 2, "the seed shows both"
    result = race(scenario, RaceOptions(Spec.parse(launcher), faults=fault_rates("kill:0.4,terminate:0.4")))
    assert {each["who"]: each["fault"] for each in result.injected} == drawn
    assert result.valid, result.verdict
    assert result.metrics.unknown == len(drawn)  # none of them heard what came of its order


def test_a_lock_in_memory_dies_with_its_holder() -> None:
    result = run(
        "json:rename", "lock", "kill:1", where=lambda planned_fault: planned_fault.point in (1, 2), stall_timeout=3.0
    )
    assert names(result) == {"lock never released"}
    (anomaly,) = result.verdict.anomalies
    (victim,) = result.injected
    assert f"held by {victim['who']}, which was killed while holding it" in anomaly.sentence
    assert victim["held"] == ["lock"]
    assert {each["waits"] for each in anomaly.evidence["participants"]} == {"lock"}
    assert result.metrics.recovery_ms == 0


def test_a_lock_of_the_kernel_is_had_again() -> None:
    result = run("json:rename", "flock", "kill:1", where=lambda planned_fault: planned_fault.point in (1, 2))
    assert result.valid
    assert [each["held"] for each in result.injected] == [["inventory.lock"]] * 3
    assert result.metrics.recovery_ms > 0


def test_a_buyer_told_to_end_gives_its_lock_back() -> None:
    result = run("json:rename", "lock", "terminate:1", where=lambda planned_fault: planned_fault.point in (1, 2))
    assert (names(result), len(result.injected), result.sold) == (set(), 3, 0)


def test_a_write_cut_short_tears_the_books_and_a_rename_leaves_only_a_stray_file() -> None:
    torn = run("json", "flock", "kill:1", where=lambda planned_fault: planned_fault.point == 3)
    assert {"corrupted file"} <= names(torn) <= {"corrupted file", "torn read"}
    assert torn.injected[0]["before"] == "write inventory.json"
    whole = run("json:rename", "flock", "kill:1", where=lambda planned_fault: planned_fault.point == 4)
    assert whole.valid
    assert len(whole.left_behind) == 3
    assert all(name.startswith(".inventory.json.") and name.endswith(".new") for name in whole.left_behind)


def test_the_timeline_shows_who_was_struck_where() -> None:
    scenario = Scenario.of("json:rename", "flock", buyers=3, tickets=2)
    result = race(scenario, RaceOptions(faults=fault_rates("kill:1"), timeline=True))
    assert result.timeline is not None
    victims = {span.lane for span in result.timeline.spans if "fault injected: kill" in span.detail}
    assert [result.timeline.lanes[lane] for lane in sorted(victims)] == ["buyer 1", "buyer 2", "buyer 3"]


def test_who_is_paused_goes_on_and_hears_its_answer() -> None:
    result = run("sqlite", "transaction:immediate", "pause:1:30ms")
    assert (names(result), len(result.injected), result.metrics.unknown) == (set(), 3, 0)


@pytest.mark.parametrize("fault", ["disk-full", "io-error", "short-write"])
def test_a_failed_write_is_its_buyers_own_trouble(fault: str) -> None:
    result = run("sqlite", "transaction:immediate", f"{fault}:1", where=lambda planned_fault: planned_fault.point == 1)
    assert (names(result), result.sold) == (set(), 0)
    assert [each["before"] for each in result.injected] == ["commit inventory.db"] * 3
    assert result.books["stocks"]["main"]["issued"] == 0


def test_without_the_server_there_are_no_books() -> None:
    result = run("manager", "manager-lock", "kill-server")
    assert names(result) == {"unreadable books"}
    assert [each["fault"] for each in result.injected] == ["kill-server"]


def test_without_the_clerk_nobody_is_served() -> None:
    result = run("json:rename", "clerk", "kill-service", stall_timeout=3.0)
    assert names(result) == {"survivors blocked for ever"}
    assert [each["who"] for each in result.injected] == ["clerk 1"]


def test_a_pool_that_lost_workers_leaves_no_thread_and_no_process() -> None:
    before = threading.active_count()
    for _ in range(3):
        result = run("json:rename", "flock", "kill:0.5", buyers=8, launcher="pool:2")
        assert result.valid
        assert not [name for name in result.left_behind if name.startswith("process")]
    _wait(lambda: threading.active_count() == before)


@pytest.mark.parametrize(
    ("store", "strategy", "launcher", "fault", "reason"),
    [
        ("json", "lock", "threads", "kill", "signals that reach one buyer alone, and the launcher threads has none"),
        ("json", "lock", "threads", "disk-full", "that takes limits of the system that hold for one buyer alone"),
        ("json", "lock", "process", "clock", "explore it instead"),
        ("sqlite", "none", "process", "locked", "explore it instead"),
        ("json", "lock", "process", "kill-service", "lock has no service process"),
        ("json", "lock", "process", "kill-server", "json has no server"),
        ("manager", "none", "process", "short-write", "manager keeps no files"),
        ("json", "lock", "process", "pause:2m", "the race itself ends after 60 s"),
    ],
)
def test_what_cannot_strike_is_refused_with_the_reason(
    store: str, strategy: str, launcher: str, fault: str, reason: str
) -> None:
    with pytest.raises(UsageError, match=reason):
        race(Scenario.of(store, strategy), RaceOptions(Spec.parse(launcher), faults=fault_rates(fault)))
    assert not list(Path(".ticketlab/live").glob("race-*"))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing ends the helpers of a killed lab at once")
def test_a_buyer_that_is_paused_when_the_lab_is_killed_does_not_stand_still_for_ever(tmp_path: Path) -> None:
    words = ["--store", "json", "--strategy", "flock", "--buyers", "3", "--faults", "pause:1:50s"]
    lab = subprocess.Popen([sys.executable, "-m", "ticketlab", "race", *words], cwd=tmp_path)
    try:
        stopped = _wait(lambda: [pid for pid in _children(lab.pid) if _state(pid) == "T"])
    finally:
        lab.send_signal(signal.SIGKILL)
        lab.wait()
    _wait(lambda: all(_state(pid) in ("", "Z") for pid in stopped))


def _wait(event: Callable[[], list[int] | bool]) -> list[int]:
    deadline = time.monotonic() + DEADLINE
    while not (found := event()):
        assert time.monotonic() < deadline, "it never happened"
        os.sched_yield()
    return found if isinstance(found, list) else []


def _children(pid: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""
