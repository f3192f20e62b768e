"""Tiny programs over shared objects come to all they can come to, and to nothing else: an interpreter says so.

Each program is run on the real objects of `multiprocessing`, and on those of `threading` and `queue`.
"""

from __future__ import annotations

import multiprocessing
import queue
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.independent_explorer import Outcomes, TooLarge, explore
from tests.fuzz.independent_programs import Instruction, Program, shared_names
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.policies.dpor import SourceSets
from ticketlab.explorer.search import search
from ticketlab.lab.plain.function import PlainFunction, Returned
from ticketlab.lab.plain.workload import PlainWorkload
from ticketlab.lab.plugins.registry import probes
from ticketlab.probes.kind import installed

KINDS = probes()
MOST = 2_000

OF_PROCESSES: dict[str, Any] = {
    "x": multiprocessing.Value("i", 0),
    "y": multiprocessing.RawValue("i", 0),
    "m0": multiprocessing.Lock(),
    "r0": multiprocessing.RLock(),
    "s2": multiprocessing.Semaphore(2),
    "q": multiprocessing.Queue(),
}
OF_THREADS: dict[str, Any] = {
    "x": OF_PROCESSES["x"],
    "y": OF_PROCESSES["y"],
    "m0": threading.Lock(),
    "r0": threading.RLock(),
    "s2": threading.Semaphore(2),
    "q": queue.Queue(),
}

REGISTERS = st.sampled_from("ab")
CELLS = st.sampled_from("xy")
LOCKS = st.sampled_from(["m0", "r0", "s2"])
ACCESSES = st.one_of(
    st.tuples(st.just("read"), REGISTERS, CELLS),
    st.tuples(st.just("write"), CELLS, st.integers(1, 2)),
    st.tuples(st.just("store"), CELLS, REGISTERS, st.integers(0, 1)),
    st.tuples(st.just("send"), st.just("q"), st.integers(1, 2)),
    st.tuples(st.just("receive"), REGISTERS, st.just("q")),
    st.tuples(st.just("peek"), REGISTERS, st.just("q")),
)
BODIES = st.lists(ACCESSES, min_size=1, max_size=2).map(tuple)
GUARDED = st.one_of(
    ACCESSES,
    st.tuples(st.just("with"), LOCKS, BODIES),
    st.tuples(st.just("try"), REGISTERS, LOCKS, BODIES),
)
PARTICIPANTS = st.one_of(
    st.lists(GUARDED, min_size=1, max_size=2).map(tuple),
    st.tuples(st.tuples(st.just("with"), LOCKS, st.lists(GUARDED, min_size=1, max_size=2).map(tuple))),
)
PROGRAMS = st.lists(PARTICIPANTS, min_size=2, max_size=2).map(tuple)


def act(body: tuple[Instruction, ...], held: dict[str, int], objects: dict[str, Any]) -> None:
    """Do what instructions say, on the objects; `held` has the registers."""
    for one in body:
        match one:
            case ("read", r, x):
                held[r] = objects[x].value
            case ("write", x, v):
                objects[x].value = v
            case ("store", x, r, k):
                objects[x].value = held[r] + k
            case ("send", q, v):
                objects[q].put(v)
            case ("receive", r, q):
                held[r] = objects[q].get()
            case ("peek", r, q):
                try:
                    held[r] = objects[q].get(block=False)
                except queue.Empty:
                    held[r] = 0
            case ("with", lock, inside):
                with objects[lock]:
                    act(inside, held, objects)
            case ("try", r, lock, inside):
                held[r] = int(objects[lock].acquire(False))
                if held[r]:
                    act(inside, held, objects)
                    objects[lock].release()


def left_in(name: str, objects: dict[str, Any]) -> Any:
    """Return what a cell or a queue holds, and leave it there."""
    if name != "q":
        return objects[name].value
    found = []
    while not objects[name].empty():
        found.append(objects[name].get())
    return tuple(found)


def told(program: Program, objects: dict[str, Any]) -> Outcomes:
    """Return what the lab finds that a program comes to."""

    def function(who: int) -> tuple[int, ...]:
        held = {"a": 0, "b": 0, "c": 0}
        act(program[who - 1], held, objects)
        return tuple(held.values())

    names = [name for name in shared_names(program) if name in ("x", "y", "q")]
    found, count = Outcomes(), 0
    with installed(KINDS, in_one_process=True):
        workload = PlainWorkload(PlainFunction(function=function, processes=len(program)))
        with Inline(workload) as executor:
            for execution in search(executor, SourceSets(), MOST):
                count += 1
                cells = tuple(left_in(name, objects) for name in names)
                answers: list[Any] = [None] * len(program)
                for record in execution.records:
                    assert isinstance(record.outcome, Returned), record
                    answers[record.buyer] = record.outcome.value
                if execution.ending is ExecutionEnd.COMPLETED:
                    found.completed.add((cells, tuple(answers)))
                else:
                    found.endless.setdefault(tuple(answers), set()).add(cells)
    assert count < MOST
    return found


@pytest.mark.thorough
@pytest.mark.parametrize("objects", [OF_PROCESSES, OF_THREADS], ids=["processes", "threads"])
@settings(max_examples=15)
@given(PROGRAMS)
def test_programs_come_to_what_the_interpreter_says(objects: dict[str, Any], program: Program) -> None:
    try:
        expected = explore(program)
    except TooLarge:
        return
    found = told(program, objects)
    assert found.completed == expected.completed
    assert found.endless.keys() == expected.endless.keys()
    assert all(found.endless[who] <= expected.endless[who] for who in found.endless)
