"""The reduced search of what functions do to shared objects reaches every outcome that some schedule has."""

from __future__ import annotations

import multiprocessing
import queue
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.policies.dfs import DepthFirst
from ticketlab.explorer.policies.dpor import SourceSets
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.search import search
from ticketlab.lab.plain.function import PlainFunction
from ticketlab.lab.plain.serial import RunResult, final
from ticketlab.lab.plain.workload import PlainWorkload
from ticketlab.lab.plugins.registry import probes
from ticketlab.probes.kind import installed

MOST = 1_500
KINDS = probes()
seats = multiprocessing.Array("i", 2)
total = multiprocessing.Value("i", 0)


class Objects:
    """One object of each kind."""

    def __init__(self, library: Any, tasks: Any) -> None:
        self.event, self.changed = library.Event(), library.Condition()
        self.signal, self.both, self.tasks = library.Semaphore(0), library.Barrier(2), tasks


FAMILIES = {
    "processes": Objects(multiprocessing, multiprocessing.JoinableQueue(1)),
    "threads": Objects(threading, queue.Queue(1)),
}


def _notify(has: Objects) -> None:
    with has.changed:
        has.changed.notify()


def _wait(has: Objects, timeout: float | None = None) -> bool:
    with has.changed:
        return bool(has.changed.wait(timeout))


def _count() -> None:
    total.value += 1


CALLS: dict[str, Callable[[Objects], object]] = {
    "set": lambda has: has.event.set(),
    "clear": lambda has: has.event.clear(),
    "is set": lambda has: has.event.is_set(),
    "wait": lambda has: has.event.wait(),
    "wait a while": lambda has: has.event.wait(1),
    "notify": _notify,
    "be notified": _wait,
    "be notified in time": lambda has: _wait(has, 1),
    "give": lambda has: has.signal.release(),
    "take": lambda has: has.signal.acquire(),
    "meet": lambda has: has.both.wait(1),
    "put": lambda has: has.tasks.put(1, timeout=1),
    "get": lambda has: has.tasks.get(timeout=1),
    "done": lambda has: has.tasks.task_done(),
    "join": lambda has: has.tasks.join(),
    "count": lambda _: _count(),
    "read": lambda _: total.value,
    "sit": lambda _: seats.__setitem__(0, seats[1] + 1),
    "move": lambda _: seats.__setitem__(1, 5),
    "look at all": lambda _: seats[:],
}
programs = st.lists(st.sampled_from(sorted(CALLS)), min_size=1, max_size=2)


def _run(program: list[str], has: Objects) -> list[str]:
    said = []
    for call in program:
        try:
            said.append(repr(CALLS[call](has)))
        except (queue.Empty, queue.Full, ValueError, RuntimeError) as error:
            said.append(type(error).__name__)
    return said


def _outcomes(parts: list[list[str]], has: Objects, policy: Policy) -> tuple[set[RunResult], int]:
    workload = PlainWorkload(PlainFunction(function=lambda who: _run(parts[who - 1], has), processes=len(parts)))
    found, count = set(), 0
    with Inline(workload) as executor:
        for execution in search(executor, policy, MOST):
            found.add(final(execution, workload))
            count += 1
    return found, count


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=8)
@given(st.lists(programs, min_size=2, max_size=2))
def test_the_reduced_search_reaches_every_outcome(family: str, parts: list[list[str]]) -> None:
    with installed(KINDS, in_one_process=True):
        every, many = _outcomes(parts, FAMILIES[family], DepthFirst())
        assume(many < MOST)
        reduced, few = _outcomes(parts, FAMILIES[family], SourceSets())
    assert reduced == every
    assert few <= many
