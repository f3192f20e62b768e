"""A program of the fuzzer as real Python participants, who pass the seam; and what the lab finds of it.

Everything shared stands in one array that processes share too. Of the seam only what is public is used, and of the
explorer what `ticketlab explore --faults` calls: an executor, `FaultSearch`, an execution's outcomes and its ending.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from ticketlab.core.faults import Fault, FaultKind
from ticketlab.core.pacing import BLOCKED, RETRY, UNCHANGED, UNDONE, at, block, note, now, sleep
from ticketlab.core.spec import Spec
from ticketlab.core.steps import Action, Step
from ticketlab.explorer.analysis.deadlock import explain
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.explorer.executors.executor import Executor
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.executors.processes import Processes
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.exploring.fault_search import FaultSearch

from .independent_programs import (
    LONGEST,
    REGISTERS,
    Instruction,
    Program,
    Strike,
    shared_names,
)
from .shared_cells import Shared


class Actor:
    """One participant: does its instructions as straight-line Python would."""

    def __init__(self, who: int, shared: Shared) -> None:
        self.who = who
        self.shared = shared
        self.regs = dict.fromkeys(REGISTERS, 0)
        self.marked = 0.0

    def play(self, body: Sequence[Instruction]) -> None:
        """Do some instructions."""
        for one in body:
            getattr(self, "do_" + one[0])(*one[1:])

    def do_read(self, r: str, x: str) -> None:
        at(Step(Action.READ, x))
        self.regs[r] = self.shared.read(x)

    def do_write(self, x: str, v: int) -> None:
        at(Step(Action.WRITE, x))
        self.shared.write(x, v)

    def do_store(self, x: str, r: str, k: int) -> None:
        at(Step(Action.WRITE, x))
        self.shared.write(x, self.regs[r] + k)

    def do_add(self, x: str, k: int) -> None:
        at(Step(Action.WRITE, x))
        self.shared.write(x, self.shared.read(x) + k)

    def do_cas(self, r: str, x: str, old: int, new: int) -> None:
        at(Step(Action.WRITE, x))
        hit = self.shared.read(x) == old
        self.regs[r] = int(hit)
        if hit:
            self.shared.write(x, new)
        else:
            note(UNCHANGED, "not as expected")

    def do_if(self, r: str, v: int, body: Sequence[Instruction]) -> None:
        if self.regs[r] == v:
            self.play(body)

    def _acquiring(self, lock: str) -> Step:
        return Step(Action.ACQUIRE, lock, excludes=lock[0] == "m", in_memory=True)

    @contextmanager
    def _released(self, lock: str) -> Iterator[None]:
        try:
            yield
        finally:
            at(Step(Action.RELEASE, lock, in_memory=True))
            self.shared.release(lock)

    def do_with(self, lock: str, body: Sequence[Instruction]) -> None:
        block(self._acquiring(lock), lambda: True if self.shared.acquire(lock, self.who) else BLOCKED, never)
        with self._released(lock):
            self.play(body)

    def do_shared(self, lock: str, body: Sequence[Instruction]) -> None:
        block(Step(Action.READ, lock, in_memory=True), lambda: True if self.shared.share(lock) else BLOCKED, never)
        try:
            self.play(body)
        finally:
            at(Step(Action.ROLLBACK, lock, in_memory=True))
            self.shared.release(lock)
            note(UNDONE, "shared lock")

    def do_try(self, r: str, lock: str, body: Sequence[Instruction]) -> None:
        at(Step(Action.ACQUIRE, lock, in_memory=True))
        taken = self.shared.acquire(lock, self.who)
        self.regs[r] = int(taken)
        if not taken:
            note(UNCHANGED, "taken")
            return
        with self._released(lock):
            self.play(body)

    def do_sleep(self, d: int) -> None:
        sleep(d / 4)

    def do_until(self, x: str, v: int) -> None:
        block(Step(Action.READ, x), lambda: True if self.shared.read(x) == v else BLOCKED, never)

    def do_send(self, q: str, v: int) -> None:
        at(Step(Action.SEND, q, in_memory=True))
        self.shared.send(q, v)

    def do_receive(self, r: str, q: str) -> None:
        def attempt() -> Any:
            first = self.shared.receive(q)
            return BLOCKED if first is None else first

        self.regs[r] = block(Step(Action.RECEIVE, q, in_memory=True), attempt, never)

    def do_peek(self, r: str, q: str) -> None:
        at(Step(Action.RECEIVE, q, in_memory=True))
        first = self.shared.receive(q)
        self.regs[r] = first or 0
        if first is None:
            note(UNCHANGED, "empty")

    def do_retry(self, n: int, r: str, v: int, d: int, body: Sequence[Instruction], notes: str = "") -> None:
        tries = 0
        while not n or tries < n:
            self.play(body)
            if self.regs[r] == v:
                return
            tries += 1
            if notes == RETRY and tries != n:
                note(RETRY, "not yet")
            sleep(d / 4)

    def do_mark(self, x: str) -> None:
        at(Step(Action.READ, x))
        self.shared.read(x)
        self.marked = now()

    def _age(self) -> int:
        return min(LONGEST, round(4 * (now() - self.marked)))

    def do_elapsed(self, r: str, x: str) -> None:
        at(Step(Action.READ, x))
        self.shared.read(x)
        self.regs[r] = self._age()

    def do_within(self, limit: int, r: str, v: int, d: int, body: Sequence[Instruction], notes: str = "") -> None:
        while True:
            self.play(body)
            if self.regs[r] == v or self._age() >= limit:
                return
            if notes == RETRY:
                note(RETRY, "not yet")
            sleep(d / 4)


def never() -> Any:
    """Stand for the wait in the operating system, which no controlled participant makes."""
    raise AssertionError("a controlled participant waited by itself")


class ProgramWorkload:
    """A program as what the lab's executors run: each participant makes one request, which is its whole body."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.shared = Shared(shared_names(program))
        self.scripts: Sequence[Sequence[Any]] = [["all"] for _ in program]

    def open(self) -> Sequence[Callable[[], None]]:
        """Have no staff."""
        self.shared.reset()
        return ()

    def join(self, buyer: int) -> AbstractContextManager[Any]:
        """Take part."""
        return self._joined(buyer - 1)

    @contextmanager
    def _joined(self, who: int) -> Iterator[Callable[[Any], Any]]:
        def perform(_request: Any) -> tuple[int, ...]:
            actor = Actor(who, self.shared)
            actor.play(self.program[who])
            return tuple(actor.regs[r] for r in REGISTERS)

        yield perform

    def reset(self) -> None:
        """Put back what is shared."""
        self.shared.reset()

    def close(self) -> None:
        """Have nothing to give back."""


@dataclass
class Told:
    """What the lab says of a program under one policy, of one strike or of none."""

    exhausted: bool = False
    executions: int = 0
    completed: dict[Any, str] = field(default_factory=dict)  # outcome -> the first schedule that led to it
    endless: dict[Any, dict[Any, str]] = field(default_factory=dict)
    odd: dict[str, str] = field(default_factory=dict)  # what is no outcome at all -> the schedule

    def take_in(self, other: Told) -> None:
        """Add what was said of another strike."""
        self.exhausted = other.exhausted
        self.executions += other.executions
        self.completed = other.completed | self.completed
        for answers, by_cells in other.endless.items():
            self.endless[answers] = by_cells | self.endless.get(answers, {})
        self.odd = other.odd | self.odd


def lab(
    program: Program, policy: str, *, executor: str = "inline", limit: int = 2_000, steps: int = 300, fault: str = ""
) -> dict[Strike | None, Told]:
    """Return what the lab finds, by strike."""
    faults = (Fault.parse(fault),) if fault else ()
    how = ExploreOptions(
        policy=Spec.parse(policy), executor=executor, executions=limit, exhaust=True, steps=steps, faults=faults
    )
    workload = ProgramWorkload(program)
    found: dict[Strike | None, Told] = {}
    cut_short = False
    with _executor(workload, how) as running:
        search = FaultSearch(running, how)
        for execution, strikes in search.executions():
            strike = _strike(strikes)
            cut_short |= execution.ending is ExecutionEnd.ENDLESS and explain(execution, len(program)) is None
            _take_in(found.setdefault(strike, Told()), execution, workload, strike)
        whole = search.exhausted and not cut_short and not running.gave_way
    for told in found.values():
        told.exhausted = whole
    return found


def _executor(workload: ProgramWorkload, how: ExploreOptions) -> Executor:
    kind = Processes if how.executor == "processes" else Inline
    return kind(workload, steps=how.steps, faults=how.faults)


def _strike(strikes: Sequence[Any]) -> Strike | None:
    if not strikes:
        return None
    who, point, fault = strikes[0]
    return Strike(fault.kind.value, who, point, round(4 * fault.seconds) if fault.kind is FaultKind.PAUSE else 0)


def _take_in(told: Told, execution: Execution, workload: ProgramWorkload, strike: Strike | None) -> None:
    told.executions += 1
    schedule = " ".join(f"{1 + who}:{step}" for who, step in zip(execution.schedule, execution.steps, strict=True))
    answers: list[tuple[int, ...] | None] = [None] * len(workload.program)
    for record in execution.records:
        if isinstance(record.outcome, tuple):
            answers[record.buyer] = record.outcome
        elif strike is None or record.buyer != strike.victim:
            told.odd.setdefault(repr(record.outcome), schedule)
    cells = workload.shared.last()
    if execution.ending is ExecutionEnd.COMPLETED:
        told.completed.setdefault((cells, tuple(answers)), schedule)
    elif execution.ending in (ExecutionEnd.STUCK, ExecutionEnd.ENDLESS):
        if explain(execution, len(workload.program)) is None:
            return  # cut short while somebody could have gone on: the lab blames nobody
        told.endless.setdefault(tuple(answers), {}).setdefault(cells, f"({execution.ending.name}) {schedule}")
    else:
        told.odd.setdefault(f"the execution ended {execution.ending.name}", schedule)
