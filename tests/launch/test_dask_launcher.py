"""Races beside the workers of real clusters, one of whose workers has another clock or is killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ticketlab.core.errors import UsageError
from ticketlab.core.inventory import Inventory
from ticketlab.core.result import Result
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.lab.racing.options import RaceOptions
from ticketlab.lab.racing.race import run_race
from ticketlab.lab.racing.reach import refuse_unreachable
from ticketlab.timings.latency import Latency

distributed = pytest.importorskip("distributed")
AHEAD_S = 7_200


@dataclass
class Cluster:
    address: str
    workers: list[subprocess.Popen[bytes]]


@contextmanager
def cluster(folder: Path, *before: Sequence[str]) -> Iterator[Cluster]:
    """Run a scheduler and a worker for each command line that is to stand before its own."""
    told = folder / "scheduler.json"
    python, quiet = sys.executable, {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    head = [python, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    processes = [subprocess.Popen([*head, "--scheduler-file", str(told)], **quiet)]  # type: ignore[call-overload]
    worker = ["-m", "distributed.cli.dask_worker", "--scheduler-file", str(told), "--nthreads", "1", "--no-nanny"]
    try:
        for words in before:
            command = [*words, python, *worker, "--no-dashboard", "--host", "127.0.0.1"]
            processes.append(subprocess.Popen(command, **quiet))  # type: ignore[call-overload]
        with distributed.Client(scheduler_file=str(told), timeout="60s", set_as_default=False) as client:
            client.wait_for_workers(len(before), timeout=60)
            address = client.scheduler.address
        yield Cluster(address, processes[1:])
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait()


def raced(address: str, strategy: str, buyers: int = 6, **more: Any) -> Result:
    scenario = Scenario(Spec("sqlite"), Spec.parse(strategy), buyers, Inventory({"main": 4}), orders=2)
    launcher = Spec("dask", "", (("cluster", address), *more.pop("options", ())))
    return run_race(scenario, RaceOptions(launcher=launcher, **more))


def can_shift_clocks() -> bool:
    words = [
        "unshare",
        "-T",
        "--fork",
        f"--monotonic={AHEAD_S}",
        sys.executable,
        "-c",
        "import time; print(time.monotonic())",
    ]
    if shutil.which("unshare") is None:
        return False
    found = subprocess.run(words, capture_output=True, text=True, check=False)
    return found.returncode == 0 and float(found.stdout) > time.monotonic() + AHEAD_S / 2


@pytest.mark.slow
@pytest.mark.skipif(not can_shift_clocks(), reason="time namespaces need Linux 5.6 and root")
def test_a_worker_whose_clock_is_hours_ahead_changes_no_verdict(tmp_path: Path) -> None:
    with cluster(tmp_path, [], ["unshare", "-T", "--fork", "--kill-child", f"--monotonic={AHEAD_S}"]) as made:
        right = raced(made.address, "transaction:immediate")
        wrong = raced(made.address, "none", latency=Latency.parse("write=50ms"))
    assert right.valid is True, right.verdict
    assert right.history.meta["several_clocks"] is True
    assert max(each.return_ns or 0 for each in right.history.operations) < AHEAD_S * 1e9 / 2
    assert min(each.invoke_ns for each in right.history.operations) >= 0
    assert {"oversold", "lost update"} & {each.name for each in wrong.verdict.anomalies}


@pytest.mark.slow
def test_a_worker_that_is_killed_leaves_a_verdict_that_names_its_buyers(tmp_path: Path) -> None:
    with cluster(tmp_path, [], []) as made:
        victim = made.workers[1]

        def kill() -> None:
            os.kill(victim.pid, signal.SIGKILL)

        scenario = Scenario(Spec("sqlite"), Spec.parse("transaction:immediate"), 6, Inventory({"main": 4}))
        options = RaceOptions(launcher=Spec("dask", "", (("cluster", made.address),)))
        found = run_race(scenario, options, meanwhile=kill)
    (crashed,) = [each for each in found.verdict.anomalies if each.name == "buyer crashed"]
    lost = [each["who"] for each in crashed.evidence["participants"]]
    assert lost in (["buyer 1", "buyer 3", "buyer 5"], ["buyer 2", "buyer 4", "buyer 6"])
    assert all("was lost" in each["detail"] for each in crashed.evidence["participants"])
    assert {each.name for each in found.verdict.anomalies} == {"buyer crashed"}


@pytest.mark.slow
def test_no_more_buyers_are_connected_at_once_than_was_said(tmp_path: Path) -> None:
    with cluster(tmp_path, []) as made:
        found = raced(made.address, "transaction:immediate", buyers=5, options=(("connections", "2"),), timeline=True)
    assert found.valid is True
    assert len(found.history.operations) == 10
    assert any("at most 2 of them were connected" in note for note in found.notes)
    assert found.timeline is not None
    assert found.timeline.lanes == [f"buyer {number}" for number in range(1, 6)]  # no process had several of them


@pytest.mark.parametrize(
    ("store", "strategy", "reason"),
    [
        ("json", "flock", "json cannot be reached from the other machines"),
        ("postgres", "row-lock", "name a server by url="),
        ("postgres:url=postgresql://a@localhost/b", "row-lock", "another server on each machine"),
    ],
)
def test_a_store_that_other_machines_cannot_reach_is_refused(store: str, strategy: str, reason: str) -> None:
    scenario = Scenario(Spec.parse(store), Spec.parse(strategy), 2, Inventory({"main": 1}))
    with pytest.raises(UsageError, match=reason):
        refuse_unreachable(scenario)


def test_a_store_and_a_strategy_that_other_machines_can_reach_are_not_refused() -> None:
    store = Spec.parse("postgres:url=postgresql://a@db.example.org/b")
    refuse_unreachable(Scenario(store, Spec("row-lock"), 2, Inventory({"main": 1})))
