"""An executor that schedules from outside: the participants are processes of a program that knows nothing of the lab.

What becomes a scheduling point is learnt. A call concerns resources: files, names, locks, pipes, processes. Only those
that several participants touch and one of them changes need points, and which these are grows from one execution to the
next; `grew` says that it did, so that a search begins anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.pacing import Action, Step
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.outside_pacer import OutsidePacer
from ticketlab.explorer.engine.scheduler import Scheduler
from ticketlab.explorer.engine.state import NOBODY, ExecutionState
from ticketlab.explorer.engine.steps import StepTable
from ticketlab.explorer.executors.executor import STEPS, Executor
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.workload import NOTHING, FaultPoints, Place, RequestRecord
from ticketlab.gate.calls.call import Call
from ticketlab.gate.listener import Listener
from ticketlab.gate.processes import Process, Task
from ticketlab.gate.program import Program as Gate
from ticketlab.gate.sight import Sight
from ticketlab.gate.starting.starter import Command, Starter
from ticketlab.lab.artifacts.race_folder import fastest, live_folder
from ticketlab.lab.programs.program import Layout, Program, empty

_ROOM: Final = 1024
_ALWAYS: Final = (Action.START, Action.EXIT)


Touches = dict[str, Counter[Action]]
"""What was done to a resource, by the participants' names, and how often."""


class ProcessEnd(NamedTuple):
    """How a process ended: its name, its exit code or, negative, a signal (None: it never ended), and what it wrote."""

    name: str
    code: int | None
    output: str
    runs_command: bool  # whether it is one of the program's commands
    forked: bool  # whether it runs the program of its parent
    signalled_by: str  # who ended it by a signal


@dataclass(slots=True)
class ProgramRun:
    """What an execution came to, beside its steps: the ends of the processes, and who wrote what, in order."""

    ends: list[ProcessEnd] = field(default_factory=list)
    output: list[tuple[str, str]] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)
    lines: dict[int, str] = field(default_factory=dict)
    calls: int = 0


class ProgramExecutor(Executor):
    """Runs a program's commands; each thread of each process that comes to be is a participant."""

    def __init__(self, program: Program, *, steps: int = STEPS, seed: int = 0, points: Sequence[str] = ()) -> None:
        self.program = program
        self.scripts = [[who] for who in range(1, 1 + len(program.commands))]
        self.points: set[str] = set(points)
        self.grew = False
        self.run_of: ProgramRun = ProgramRun()
        self.outside: dict[str, None] = {}
        self.touched: dict[str, Touches] = {}
        self._seed = seed
        self._state = ExecutionState(StepTable(), [1] * len(self.scripts), _ROOM, steps)
        self._scheduler = Scheduler(self._state)
        self._pacer = OutsidePacer(self._scheduler)
        self._layout = Layout(program.folder)
        self.folder = Path()
        self.with_lines = False
        self._taken = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            home = undo.enter_context(live_folder(under=fastest()))
            self.folder, self._outputs, self._temporary = home / "work", home / "out", home / "tmp"
            for folder in (self.folder, self._outputs, self._temporary):
                folder.mkdir()
            self._layout.lay_out(self.folder)
            commands = [Command(command) for command in self.program.commands]
            self._starter = undo.enter_context(Starter(commands, self.folder, self._outputs, self._temporary))
            self._taken = undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._taken.close()

    @property
    def size(self) -> int:
        """How many participants there may be."""
        return self._state.size

    @property
    def gave_way(self) -> Sequence[int]:
        """Who was put behind others though its next try might have mattered."""
        return [who for who, given in enumerate(self._state.gave_way) if given]

    @property
    def distinct_services(self) -> Sequence[int]:
        """None: nobody serves the program."""
        return ()

    def expose(self, footprints: Mapping[int | None, tuple[str, ...]]) -> None:
        """Take nothing in: faults are not injected here."""

    def start_anew(self) -> None:
        """Every execution starts anew."""

    def run(
        self, policy: Policy, without: frozenset[Place] = NOTHING, fault_points: FaultPoints = ()
    ) -> Execution | None:
        """Run the policy's next execution, and return it; None if the policy has explored everything."""
        if policy.clocked:
            raise UsageError("a policy in virtual time orders nothing that a program does: dpor, random, pct:3 do")
        self._state.for_policy.bind(policy)
        if not policy.begin(self._state):
            return None
        self._layout.lay_out(self.folder)
        empty(self._temporary)
        self._scheduler.reset(policy)
        self._pacer.begin()
        self._pacer.pick = self._scheduler.next
        started = self._starter.start(with_lines=self.with_lines)
        moves = _Moves(self, Listener(started.listener), started.leader)
        try:
            moves.run()
        finally:
            self._starter.end()
            moves.gate.close()
        self._learn(moves)
        return Execution.of(self._state, moves.records, self._pacer.notes)

    def _learn(self, moves: _Moves) -> None:
        """Take in what several participants touched and one of them changed: it has points from now on."""
        self.run_of = moves.outcome()
        self.outside.update(moves.sight.outside)
        shared = {resource for resource, by in moves.touched.items() if _contested(by)} | moves.blocked_on
        self.grew = not shared <= self.points
        self.points |= shared
        self.touched = {resource: by for resource, by in moves.touched.items() if resource in shared}


def _contested(by: Touches) -> bool:
    """Whether two participants did something to a resource whose order can make a difference."""
    return any(
        not Step(did, "").commutes_with(Step(done, ""))
        for (_, one), (_, other) in combinations(by.items(), 2)
        for did in one
        for done in other
    )


class _Moves:
    """One execution: who stands before which call, and who moves."""

    def __init__(self, executor: ProgramExecutor, listener: Listener, leader: int) -> None:
        self._state, self._scheduler = executor._state, executor._scheduler
        self._pacer, self._points = executor._pacer, executor.points
        self._executor = executor
        self.sight = Sight(str(executor.folder), str(executor._outputs), str(executor._temporary), executor._seed)
        self.gate = Gate(listener, leader, self.sight, self._is_point, len(executor.scripts))
        self.touched: dict[str, Touches] = {}
        self.blocked_on: set[str] = set()
        self.records: list[RequestRecord] = []
        self._names: dict[int, str] = {}
        self._lines: dict[int, str] = {}
        self._last = NOBODY

    def run(self) -> None:
        """Let one participant move after the other, until nobody is left or nobody can move."""
        state, scheduler, gate = self._state, self._scheduler, self.gate
        commands = len(self._executor.scripts)
        state.counters.started = commands
        gate.settle()
        self._take_in()
        while (who := scheduler.next()) != NOBODY:
            task = self._tasks[who]
            if self._move(task):
                gate.settle()
                self._take_in()

    @property
    def _tasks(self) -> dict[int, Task]:
        return {task.number: task for task in self.gate.tasks.values()}

    def _take_in(self) -> None:
        """Take in who has come to stand before a call, and who has ended."""
        gate, pacer = self.gate, self._pacer
        for task in gate.came:
            if task.number >= self._state.size:
                raise TicketlabError(f"more than {self._state.size} processes and threads take part")
            call = gate.standing.get(task)
            if call is None:
                continue
            if task.number not in self._names:
                self._names[task.number] = task.name
                if task.number >= len(self._executor.scripts):
                    self._state.join(task.number)
            if task.number != self._last and self._last != NOBODY:
                self._state.note_arrival(task.number, self._last)
            pacer.stand(task.number, call.step, waits=call.waits)
        gate.came.clear()
        if self._last != NOBODY and not any(task.number == self._last for task in gate.standing):
            self._state.leave_alone(self._last)  # it sleeps in the kernel, or has ended
        for task in gate.gone:
            self._scheduler.finish(task.number)
            if task.number < len(self._executor.scripts):
                end = task.process.ends
                self.records.append(RequestRecord(task.number, 0, end, 0, self._state.counters.length, 0))
        gate.gone.clear()

    def _move(self, task: Task) -> bool:
        """Have a participant make its step; return whether it could."""
        gate, pacer, who = self.gate, self._pacer, task.number
        call = gate.standing[task]
        made = call.found() if call.found is not None else None
        answer = call.attempt()
        if answer is None and call.until is not None:
            pacer.wait_at_most(who, call.until)
            if pacer.has_waited(who):
                answer = call.expired
        if answer is None:
            self.blocked_on.update(resource for _, resource in call.step.accesses)
            self._scheduler.fail(who)
            return False
        pacer.stops_waiting(who)
        step = made.step if made else call.step
        self._touch(task, step)
        refused = (made is not None and made.refused) or (answer.value is not None and answer.value < 0)
        pacer.make(who, step, refused=refused)
        self._last = who
        gate.answer(task, answer)
        if step.action is Action.SIGNAL:
            gate.settle()
            gate.look_after_signals()
        return True

    def _is_point(self, task: Task, call: Call) -> bool:
        """Whether somebody else may move before a call; what is no point is taken down, and passed."""
        if call.asleep is not None:
            self._pacer.me = task.number
            self._pacer.sleep(call.asleep)
            return False
        step = call.step
        if step.everywhere or step.action in _ALWAYS or any(each in self._points for _, each in step.accesses):
            return True
        made = call.found() if call.found is not None else None
        self._touch(task, made.step if made else step)
        return False

    def _touch(self, task: Task, step: Step) -> None:
        if step.private:
            return
        for action, resource in step.accesses:
            self.touched.setdefault(resource, {}).setdefault(task.name, Counter())[action] += 1

    def outcome(self) -> ProgramRun:
        """Return what came of it."""
        output: dict[str, list[str]] = {}
        told = [(process.name, data.decode(errors="replace")) for process, data in self.sight.output]
        for name, text in told:
            output.setdefault(name, []).append(text)
        processes = [*self.gate.ended, *(each for each in self.sight.processes.values() if each.name)]
        ends = [_end(process, "".join(output.get(process.name, []))) for process in processes]
        return ProgramRun(ends, told, self._names, self._lines, self.gate.calls)


def _end(process: Process, output: str) -> ProcessEnd:
    is_command = "." not in process.name
    return ProcessEnd(process.name, process.ends, output, is_command, process.forked, process.killed_by)
