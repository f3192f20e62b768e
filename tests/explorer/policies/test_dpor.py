"""Partial-order reduction loses nothing: it finds exactly the outcomes that trying every schedule finds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from tests.explorer.toys import Cells, Draft, Queue, Semaphore, Toy
from ticketlab.core import pacing
from ticketlab.core.steps import Action, Step
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.policies.dfs import DepthFirst
from ticketlab.explorer.policies.dpor import SourceSets
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.search import search

SCHEDULES = 1_000  # programs with more than that are not compared

Instruction = tuple[Any, ...]


class Program:
    """Straight-line programs over two cells, two locks, a semaphore, a queue and a draft."""

    def __init__(self, buyers: list[list[Instruction]]) -> None:
        self.cells = Cells(x=0, y=0)
        self.locks = {"a": Semaphore("a"), "b": Semaphore("b"), "s": Semaphore("s", 2)}
        self.queue = Queue("q")
        self.draft = Draft()
        shared = [self.cells, self.queue, self.draft, *self.locks.values()]
        self.toy = Toy(*[partial(self._run, buyer) for buyer in buyers], shared=shared)

    def _run(self, block: list[Instruction]) -> tuple[Any, ...]:
        return tuple(self._one(*instruction) for instruction in block)

    def _one(self, what: str, name: str, rest: Any = None) -> Any:
        if what == "read":
            return self.cells.read(name)
        if what == "write":
            return self.cells.write(name, rest)
        if what == "under":
            with self.locks[name]:
                return self._run(rest)
        if what == "look":
            return self.draft.read()
        if what == "add":
            return self.draft.add(rest)
        if what == "put":
            return self.queue.put(rest)
        return self.queue.get()

    def outcome(self, execution: Execution) -> tuple[Any, ...]:
        told = tuple(sorted((record.buyer, str(record.outcome)) for record in execution.records))
        return execution.ending, told, self.cells["x"], self.cells["y"], self.draft.published


CELL = st.sampled_from("xy")
SIMPLE = st.one_of(
    st.tuples(st.just("read"), CELL),
    st.tuples(st.just("write"), CELL, st.integers(1, 3)),
)
QUEUES = st.one_of(
    st.tuples(st.just("put"), st.just("q"), st.integers(1, 3)),
    st.tuples(st.just("get"), st.just("q")),
)
DRAFTS = st.one_of(
    st.tuples(st.just("look"), st.just("draft")),
    st.tuples(st.just("add"), st.just("draft"), st.integers(1, 3)),
)
INSTRUCTIONS = st.recursive(
    SIMPLE | QUEUES | DRAFTS,
    lambda inner: st.tuples(st.just("under"), st.sampled_from("abs"), st.lists(inner, min_size=1, max_size=2)),
    max_leaves=3,
)
BUYERS = st.lists(st.lists(INSTRUCTIONS, min_size=1, max_size=2), min_size=2, max_size=3)


def outcomes(program: Program, policy: Policy) -> list[tuple[Any, ...]]:
    with Inline(program.toy) as executor:
        return [program.outcome(execution) for execution in search(executor, policy, SCHEDULES + 1)]


def compare(buyers: list[list[Instruction]]) -> tuple[int, int]:
    everything = outcomes(Program(buyers), DepthFirst())
    if len(everything) > SCHEDULES:
        reject()
    reduced = outcomes(Program(buyers), SourceSets())
    assert set(reduced) == set(everything)
    assert len(reduced) <= len(everything)
    return len(everything), len(reduced)


@pytest.mark.slow
@given(BUYERS)
def test_reduction_finds_every_outcome(buyers: list[list[Instruction]]) -> None:
    compare(buyers)


def test_a_semaphore_of_two_is_not_taken_for_a_lock() -> None:
    # The second may enter while the first is inside: a reduction that takes every acquisition for exclusive misses it.
    seen = compare(
        [[("under", "s", [("write", "x", 1), ("write", "y", 1)])], [("under", "s", [("read", "x"), ("read", "y")])]]
    )
    assert seen[1] < seen[0]


def test_both_ends_of_a_deadlock_are_found() -> None:
    ab: list[Instruction] = [("under", "a", [("under", "b", [("read", "x")])])]
    ba: list[Instruction] = [("under", "b", [("under", "a", [("read", "x")])])]
    compare([ab, ba])


def test_a_race_is_reversed_though_an_independent_buyer_sleeps() -> None:
    # Found by search: the execution in which only a sleeper can move ends there, and what the sleeper would have done
    # next must not pass for a way to begin the reversal of the race for lock b.
    compare(
        [
            [("under", "a", [("read", "x")])],
            [("under", "b", [("get", "q")]), ("under", "a", [("get", "q")])],
            [("read", "x"), ("under", "b", [("put", "q", 1)])],
        ]
    )


def test_a_consumer_that_waits_for_what_was_never_sent() -> None:
    compare([[("get", "q")], [("read", "x")], [("put", "q", 1), ("get", "q")]])


def test_steps_on_different_resources_are_one_trace() -> None:
    def run(cell: str) -> list[Instruction]:
        return [("write", cell, 1), ("read", cell), ("write", cell, 2)]

    assert compare([run("x"), run("y")]) == (20, 1)


@pytest.mark.slow
@given(st.lists(st.lists(DRAFTS, min_size=1, max_size=2), min_size=2, max_size=3))
def test_a_draft_that_readers_do_not_see_is_not_ordered_with_them(buyers: list[list[Instruction]]) -> None:
    compare(buyers)


def test_who_reads_beside_a_draft_sees_what_was_published_before_or_after() -> None:
    assert compare([[("add", "draft", 1)], [("look", "draft")]]) == (4, 2)


class Owned:
    """A lock that its holder may take again."""

    def __init__(self) -> None:
        self._owners: list[int] = []

    @contextmanager
    def by(self, me: int) -> Iterator[None]:
        def take() -> object:
            if self._owners and self._owners[0] != me:
                return pacing.BLOCKED
            self._owners.append(me)
            return None

        pacing.block(Step(Action.ACQUIRE, "owned"), take, lambda: None)
        yield
        pacing.at(Step(Action.RELEASE, "owned"))
        self._owners.pop()

    def reset(self) -> None:
        self._owners.clear()


@pytest.mark.parametrize("policy", [DepthFirst, SourceSets])
def test_nothing_is_explored_twice_where_a_holder_may_take_its_own_lock_again(policy: type[Policy]) -> None:
    lock = Owned()

    def twice(me: int) -> None:
        with lock.by(me), lock.by(me):
            pass

    with Inline(Toy(*[partial(twice, me) for me in (1, 2, 3)], shared=[lock])) as executor:
        schedules = [execution.schedule for execution in search(executor, policy())]
    assert len(set(schedules)) == len(schedules) == 6


def test_the_failure_of_others_does_not_speak_for_the_holder_of_a_lock() -> None:
    """Found by search: the second could not go on with its own lock once the first had been refused it."""
    owned, gate, queue, cells = Owned(), Semaphore("gate"), Queue("queue"), Cells(x=0)

    def keep() -> None:
        with gate:
            queue.get()

    def add(me: int, more: int) -> int:
        with owned.by(me), gate if me == 1 else owned.by(me):
            cells.write("x", cells.read("x") + more)
            return cells["x"]

    def outcomes(policy: Policy) -> set[tuple[Any, ...]]:
        toy = Toy(keep, partial(add, 1, 1), partial(add, 2, 2), shared=[owned, gate, queue, cells])
        with Inline(toy) as executor:
            return {tuple(record.outcome for record in one.records) for one in search(executor, policy)}

    assert outcomes(SourceSets()) == outcomes(DepthFirst()) == {(), (2,), (1, 3), (2, 3)}
