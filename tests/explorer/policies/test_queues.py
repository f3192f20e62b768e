"""The classic schedulers of operating systems: who is served when."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.explorer.toys import Cells, Semaphore, Toy
from ticketlab.core import pacing
from ticketlab.core.spec import Spec
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.policies import fcfs, mlfq, rr, sjf
from ticketlab.explorer.policies.policy import Policy, PolicyKind
from ticketlab.explorer.search import search


def jobs(*lengths: int, sleep_after: int = 0) -> Toy:
    """Buyers that make so many steps each, the first one with a nap of a second in between."""
    cells = Cells(x=0)

    def job(length: int, nap: int) -> Callable[[], None]:
        def run() -> None:
            for step in range(length):
                cells.read("x")
                if nap and step + 1 == nap:
                    pacing.sleep(1.0)

        return run

    return Toy(*[job(length, 0 if who else sleep_after) for who, length in enumerate(lengths)], shared=[cells])


def last(toy: Toy, policy: Policy) -> Execution:
    with Inline(toy) as executor:
        return list(search(executor, policy, 10))[-1]


def letters(toy: Toy, kind: PolicyKind, spec: str) -> str:
    return "".join("abcd"[who] for who in last(toy, kind.make(Spec.parse(spec))).schedule)


@pytest.mark.parametrize(
    ("kind", "spec", "schedule"),
    [
        (fcfs.KIND, "fcfs", "aaaabbc"),
        (sjf.KIND, "sjf", "cbbaaaa"),
        (rr.KIND, "rr:1", "abcabaa"),
        (rr.KIND, "rr:2", "aabbcaa"),
        (mlfq.KIND, "mlfq", "abcaaba"),
    ],
)
def test_the_classics_serve_in_their_order(kind: PolicyKind, spec: str, schedule: str) -> None:
    assert letters(jobs(4, 2, 1), kind, spec) == schedule


def test_a_sleeper_leaves_the_processor_to_others() -> None:
    assert letters(jobs(3, 2, 1, sleep_after=1), fcfs.KIND, "fcfs") == "abbcaa"


def test_a_lock_is_waited_for_without_steps() -> None:
    lock, cells = Semaphore(), Cells(x=0)

    def careful() -> None:
        with lock:
            cells.read("x")

    assert letters(Toy(careful, careful, shared=[lock, cells]), rr.KIND, "rr:1") == "aaabbb"
