"""Explorations that workers share: the result is that of one process, in whichever order jobs end."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any, TypeVar, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.explorer_judge import promises_retry
from tests.fuzz.independent_programs import Program
from tests.fuzz.participants import ProgramWorkload
from tests.fuzz.random_programs import draw
from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.faults import Fault, FaultKind
from ticketlab.core.inventory import Inventory
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.results import Exploration, ExploreOptions
from ticketlab.lab.exploring.counted import CountedInOrder
from ticketlab.lab.exploring.divided import explore_tree
from ticketlab.lab.exploring.explore import SearchTally, executor_for, explore_scenario, search_all
from ticketlab.lab.exploring.jobs import ExplorationJob
from ticketlab.lab.exploring.scenario_workload import ScenarioWorkload
from ticketlab.lab.workers.pool import ProcessWorkers
from ticketlab.lab.workers.workers import Workers, WorkerTask

T = TypeVar("T")
MEMORY = Scenario(Spec("memory"), Spec("none"), 2, Inventory({"main": 1}))


class InAnyOrder(Workers):
    """Does jobs in this process, one at a time, in an order that is drawn."""

    def __init__(self, size: int, random: Random) -> None:
        super().__init__()
        self.size = size
        self._random = random
        self.done = 0

    def start(self, call: Callable[..., T], args: tuple[Any, ...]) -> Future[T]:
        return Future()

    def replace(self) -> None:
        raise AssertionError("nobody dies here")

    @contextmanager
    def running(self) -> Iterator[None]:
        yield

    def wait(self, tasks: Collection[WorkerTask[T]]) -> list[WorkerTask[T]]:
        wanted = sorted(tasks, key=lambda task: repr(task.args))
        while not any(task.future.done() for task in wanted):
            task = self._random.choice([one for one in self._open if not one.future.done()])
            task.future.set_result(task.call(*task.args))
            self.done += 1
        done = [task for task in wanted if task.future.done()]
        self._open.difference_update(done)
        return done


class Judged(ProgramWorkload):
    """A random program, each execution of which is an anomaly of its own: the tally lists them in their order."""

    scenario = MEMORY
    may_share_nothing = False

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.left_behind: set[str] = set()

    def judge(self, execution: Execution) -> list[Anomaly]:
        return [Anomaly(f"{execution.schedule} {execution.ending.name}", "")]


def both(program: Program, options: ExploreOptions, workers: Workers) -> tuple[SearchTally, SearchTally]:
    """Return what one process counts, and what workers do that are paused after each execution."""

    def make() -> ScenarioWorkload:
        return cast("ScenarioWorkload", Judged(program))

    workload = make()
    with executor_for(workload, options) as executor:
        alone = search_all(executor, workload, options)
    with executor_for(workload, options) as executor:
        counted = CountedInOrder(executor, workload, ExplorationJob(make, options), lambda *_: None)
        explore_tree(counted, workers, seconds=0.0)
        return alone, counted.result().tally


@pytest.mark.thorough
@pytest.mark.parametrize("policy", ["dpor", "dfs", "dfs:preemptions=1"])
@pytest.mark.parametrize("family", ["plain", "locks", "queues", "sharers"])
def test_a_divided_search_runs_the_executions_of_one_process_in_their_order(family: str, policy: str) -> None:
    tried = shared = 0
    for number in range(400):
        drawn = draw(29, number, kills=0, processes=0)
        if drawn.family != family or promises_retry(drawn.program):
            continue
        options = ExploreOptions(
            policy=Spec.parse(policy), executions=Random(number).choice([7, 40, 120]), exhaust=True
        )
        workers = InAnyOrder(3, Random(number))
        alone, divided = both(drawn.program, options, workers)
        assert list(divided.names) == list(alone.names), drawn
        assert (divided.executions, divided.exhausted) == (alone.executions, alone.exhausted), drawn
        tried, shared = tried + 1, shared + (workers.done > 3)
        if tried == 25:
            break
    assert shared > 1


@given(st.integers(0, 10_000), st.integers(2, 6))
def test_the_first_failure_is_that_of_one_process(seed: int, size: int) -> None:
    drawn = draw(seed, 0, kills=0, processes=0)
    alone, divided = both(drawn.program, ExploreOptions(policy=Spec("dpor")), InAnyOrder(size, Random(seed)))
    assert alone.first is not None
    assert divided.first is not None
    assert divided.first[0] == alone.first[0] == 1
    assert divided.first[1].schedule == alone.first[1].schedule


def explored(store: str, strategy: str, policy: str, workers: Workers | None, **given: Any) -> Exploration:
    scenario = Scenario(Spec(store), Spec.parse(strategy), 3, Inventory({"main": 2}), orders=given.pop("orders", 1))
    return explore_scenario(scenario, ExploreOptions(policy=Spec.parse(policy), **given), workers=workers)


def in_common(found: Exploration) -> dict[str, Any]:
    """Return what one process and several find alike; pairs of steps and estimates are seen in one process alone."""
    document = found.to_json()
    document["how_far"] = document["how_far"]["by"]
    return {key: value for key, value in document.items() if key not in ("seconds", "environment")}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("store", "policy", "more"),
    [
        ("memory", "dpor", {"exhaust": True, "orders": 2}),
        ("memory", "dfs", {"exhaust": True, "orders": 2, "executions": 3_000}),
        ("memory", "random", {"exhaust": True, "executions": 2_300}),
        ("memory", "pct:3", {"executions": 2_300}),
        ("json", "timed", {"exhaust": True, "executions": 1_500}),
    ],
)
def test_processes_find_what_one_process_finds(store: str, policy: str, more: dict[str, Any]) -> None:
    alone = explored(store, "none", policy, None, **more)
    shared = explored(store, "none", policy, ProcessWorkers(2), **more)
    assert in_common(shared) == in_common(alone)


@pytest.mark.slow
def test_faults_that_are_drawn_are_shared_too() -> None:
    pauses = {"executions": 1_200, "exhaust": True, "faults": (Fault(FaultKind.PAUSE, 2.0),)}
    alone = explored("json", "lease", "random", None, **pauses)
    shared = explored("json", "lease", "random", ProcessWorkers(2), **pauses)
    assert alone.executions == 1_200
    assert alone.injected
    assert in_common(shared) == in_common(alone)


def _die_once(marks: Path, number: int) -> int:
    mark = marks / str(number)
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
def test_a_job_whose_worker_dies_is_done_again_and_counts_once(tmp_path: Path) -> None:
    workers = ProcessWorkers(2)
    with workers.running():
        tasks = {workers.submit(_die_once, tmp_path, number) for number in range(2)}
        results = []
        while tasks:
            done = workers.wait(tasks)
            results += [task.result() for task in done]
            tasks -= set(done)
    assert sorted(results) == [0, 1]


@pytest.mark.slow
def test_a_job_that_kills_every_worker_is_an_error() -> None:
    workers = ProcessWorkers(1)
    with workers.running(), pytest.raises(TicketlabError, match="workers died one after another"):
        workers.wait([workers.submit(_die)])


@pytest.mark.parametrize(
    ("policy", "faults", "reason"),
    [
        ("rr:2", (), "too few executions for several workers"),
        ("dpor", (Fault(FaultKind.PAUSE, 2.0),), "--faults cannot be divided"),
    ],
)
def test_what_cannot_be_divided_is_refused(policy: str, faults: tuple[Fault, ...], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        explored("memory", "none", policy, ProcessWorkers(2), faults=faults)
