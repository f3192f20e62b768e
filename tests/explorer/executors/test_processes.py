"""Real processes follow the same schedules as greenlets do, and none of them is left behind."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from mmap import mmap
from pathlib import Path
from typing import Any

import pytest

from tests.explorer.policies.test_dfs import COUNTS
from ticketlab.core import pacing
from ticketlab.core.errors import TicketlabError
from ticketlab.core.pacing import BLOCKED
from ticketlab.core.steps import Action, Step
from ticketlab.explorer.analysis.deadlock import explain
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.executors.processes import Processes
from ticketlab.explorer.executors.stalls import OutsideControl
from ticketlab.explorer.executors.wakeup import PipeWakeup
from ticketlab.explorer.policies.dfs import DepthFirst
from ticketlab.explorer.policies.dpor import SourceSets
from ticketlab.explorer.policies.pct import PriorityChanges
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.policies.random import RandomWalk
from ticketlab.explorer.policies.timed import RandomDelays
from ticketlab.explorer.search import run_schedule, search
from ticketlab.explorer.workload import Performer


class Counter:
    """A cast whose buyers share one byte of anonymous memory and a lock that is another one."""

    def __init__(self, buyers: int, tickets: int, buy: Callable[[Counter, int], Any]) -> None:
        self.scripts: Sequence[Sequence[Any]] = [[buy]] * buyers
        self._tickets = tickets
        self._memory = mmap(-1, 8)

    def open(self) -> Sequence[Callable[[], None]]:
        self.reset()
        return ()

    def join(self, buyer: int) -> AbstractContextManager[Performer]:
        @contextmanager
        def joined() -> Iterator[Performer]:
            yield lambda buy: buy(self, buyer)

        return joined()

    def reset(self) -> None:
        self._memory[:] = bytes([self._tickets, 0, 0, 0, 0, 0, 0, 0])

    def close(self) -> None:
        pass

    def read(self) -> int:
        pacing.at(Step(Action.READ, "tickets"))
        pacing.note("read", self._memory[0])
        return self._memory[0]

    def write(self, value: int) -> None:
        pacing.at(Step(Action.WRITE, "tickets"))
        self._memory[0] = value

    def acquire(self, lock: int) -> None:
        def attempt() -> Any:
            if self._memory[lock]:
                return BLOCKED
            self._memory[lock] = 1
            return None

        pacing.block(Step(Action.ACQUIRE, f"lock {lock}"), attempt, lambda: None)

    def release(self, lock: int) -> None:
        pacing.at(Step(Action.RELEASE, f"lock {lock}"))
        self._memory[lock] = 0


def unsynchronized(counter: Counter, buyer: int) -> bool:
    seen = counter.read()
    if seen:
        counter.write(seen - 1)
    return seen > 0


def guarded(counter: Counter, buyer: int) -> bool:
    counter.acquire(1)
    try:
        return unsynchronized(counter, buyer)
    finally:
        counter.release(1)


def crosswise(counter: Counter, buyer: int) -> None:
    locks = (1, 2) if buyer == 1 else (2, 1)
    for lock in locks:
        counter.acquire(lock)
    for lock in locks:
        counter.release(lock)


@pytest.mark.parametrize(("buyers", "tickets", "schedules", "oversold", "traces"), COUNTS[:4])
def test_the_counts_are_the_same(buyers: int, tickets: int, schedules: int, oversold: int, traces: int) -> None:
    with Processes(Counter(buyers, tickets, unsynchronized)) as executor:
        told = [sum(record.outcome for record in one.records) for one in search(executor, DepthFirst())]
        assert (len(told), sum(sold > tickets for sold in told)) == (schedules, oversold)
        assert sum(1 for _ in search(executor, SourceSets())) == traces


POLICIES: list[Callable[[], Policy]] = [
    lambda: RandomWalk(3),
    lambda: PriorityChanges(3, seed=3),
    lambda: RandomDelays(1_000_000, seed=3),
    lambda: DepthFirst(2),
    SourceSets,
]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("buy", [unsynchronized, guarded, crosswise])
def test_a_policy_leads_to_the_same_executions_in_both(
    policy: Callable[[], Policy], buy: Callable[[Counter, int], Any]
) -> None:
    buyers = 2 if buy is crosswise else 4
    with Inline(Counter(buyers, 2, buy)) as inline, Processes(Counter(buyers, 2, buy)) as processes:
        pairs = zip(search(inline, policy(), 30), search(processes, policy(), 30), strict=True)
        for one, other in pairs:
            assert one.ending == other.ending
            assert one.schedule == other.schedule
            assert sorted(one.records) == sorted(other.records)
            assert one.notes == other.notes
            assert list(one.when) == list(other.when)
            assert [one.span(record) for record in sorted(one.records)] == [
                other.span(record) for record in sorted(other.records)
            ]


def test_a_deadlock_is_found_and_the_search_goes_on() -> None:
    with Processes(Counter(2, 0, crosswise)) as executor:
        found = [explain(execution, 2) for execution in search(executor, SourceSets())]
    assert sorted(one.name if one else "" for one in found) == ["", "", "deadlock"]


def test_a_found_race_replays_twenty_times_of_twenty() -> None:
    with Processes(Counter(3, 1, unsynchronized)) as executor:
        found = next(one for one in search(executor, RandomWalk(1)) if sum(r.outcome for r in one.records) > 1)
        again = [run_schedule(executor, found.schedule) for _ in range(20)]
    assert all(one.trace.what == found.trace.what for one in again)
    assert all(sorted(one.records) == sorted(found.records) for one in again)


def test_a_buyer_that_waits_without_saying_so_is_named() -> None:
    def stubborn(counter: Counter, buyer: int) -> None:
        counter.read()
        if buyer == 2:
            signal.pause()

    with (
        Processes(Counter(2, 1, stubborn), stall_timeout=0.5) as executor,
        pytest.raises(
            OutsideControl, match=r"buyer 2 has been outside control for more than 0.5 s, since read tickets"
        ),
    ):
        list(search(executor, SourceSets()))


def test_a_buyer_that_dies_ends_the_exploration() -> None:
    def suicidal(counter: Counter, buyer: int) -> None:
        counter.read()
        if buyer == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    with (
        Processes(Counter(2, 1, suicidal)) as executor,
        pytest.raises(TicketlabError, match=r"buyer 2 ended in the middle of an execution"),
    ):
        list(search(executor, SourceSets()))


def test_what_a_buyer_raises_comes_back_even_if_it_does_not_pickle() -> None:
    class Odd(Exception):
        def __init__(self, one: int, two: int) -> None:
            super().__init__(f"{one} and {two}")

    def crashing(counter: Counter, buyer: int) -> None:
        counter.read()
        raise Odd(1, 2)

    with Processes(Counter(1, 1, crashing)) as executor:
        (execution,) = search(executor, SourceSets())
    assert execution.ending is ExecutionEnd.COMPLETED
    assert [str(record.outcome) for record in execution.records] == ["Odd: 1 and 2"]


def children() -> list[str]:
    """Return the numbers of this process's children, as the kernel knows them."""
    return Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()


def test_no_process_is_left_and_every_core_is_given_back() -> None:
    before, policy = os.sched_getaffinity(0), os.sched_getscheduler(0)
    others = children()  # helpers of multiprocessing that an earlier test started
    with Processes(Counter(3, 1, guarded)) as executor:
        next(search(executor, RandomWalk(1)))
        assert len(children()) == 3 + len(others)
        assert len(os.sched_getaffinity(0)) == 1
    assert children() == others
    assert os.sched_getaffinity(0) == before
    assert os.sched_getscheduler(0) == policy


@pytest.mark.parametrize("policy", POLICIES)
def test_pipes_do_where_there_is_no_eventfd(policy: Callable[[], Policy], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "eventfd")
    with Inline(Counter(3, 1, guarded)) as inline, Processes(Counter(3, 1, guarded)) as processes:
        assert isinstance(processes._wakeups[0], PipeWakeup)
        pairs = zip(search(inline, policy(), 30), search(processes, policy(), 30), strict=True)
        assert all(one.schedule == other.schedule for one, other in pairs)


ORPHANS = f"""
import os, signal
from {__name__} import Counter, guarded
from ticketlab.explorer.executors.processes import Processes
with Processes(Counter(3, 1, guarded)) as executor:
    print(*(process.pid for process in executor._processes), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("without", ["", "import os; del os.eventfd"])
def test_a_killed_lab_leaves_no_orphans(without: str) -> None:
    killed = subprocess.run([sys.executable, "-c", without + ORPHANS], capture_output=True, text=True, timeout=30)
    assert killed.returncode == -signal.SIGKILL
    pids = [int(pid) for pid in killed.stdout.split()]
    assert len(pids) == 3
    assert all(_ends(pid) for pid in pids)


def _ends(pid: int) -> bool:
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], 10)[0])
    finally:
        os.close(process)
