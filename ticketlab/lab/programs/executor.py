"""An executor that schedules from outside: the participants are processes of a program that knows nothing of the lab.

What becomes a scheduling point is learnt. A call concerns resources: files, names, locks, pipes, processes. Only those
that several participants touch and one of them changes need points, and which these are grows from one search to the
next; `grew` says that it did, so that a search begins anew.
"""

from __future__ import annotations

import linecache
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from ticketlab.core.errors import UsageError
from ticketlab.core.faults import Fault
from ticketlab.core.system.collecting import no_collection
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.outside_pacer import OutsidePacer
from ticketlab.explorer.engine.scheduler import Scheduler
from ticketlab.explorer.engine.state import ExecutionState
from ticketlab.explorer.engine.steps import StepTable
from ticketlab.explorer.executors.cpu_affinity import on_one_core
from ticketlab.explorer.executors.executor import PATIENCE, STALL_TIMEOUT, STEPS, Executor
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.policies.replay import ReplaySchedule
from ticketlab.explorer.workload import NOTHING, FaultPoints, Place
from ticketlab.gate.processes import Task
from ticketlab.gate.program import Gate
from ticketlab.gate.servers import Servers
from ticketlab.gate.sight import Sight
from ticketlab.gate.starting.starter import CommandLine, Starter
from ticketlab.lab.artifacts.race_folder import fastest, live_folder
from ticketlab.lab.programs.invariant import put_back
from ticketlab.lab.programs.layout import Layout, ProgramFolders
from ticketlab.lab.programs.moves import Moves
from ticketlab.lab.programs.program import Program
from ticketlab.lab.programs.run import ProgramRun, Touches, is_contested, orders_that_matter

_ROOM: Final = 1024
_LONGEST_SOURCE: Final = 100


class ProgramExecutor(Executor):
    """Runs a program's commands; each thread of each process that comes to be is a participant."""

    def __init__(
        self,
        program: Program,
        *,
        steps: int = STEPS,
        stall_timeout: float = STALL_TIMEOUT,
        patience: float = PATIENCE,
        seed: int = 0,
        points: Sequence[str] = (),
        faults: Sequence[Fault] = (),
    ) -> None:
        self.program = program
        self.scripts = [[who] for who in range(1, 1 + len(program.commands))]
        self.points: set[str] = set(points)
        self._learnt: set[str] = set()
        self._policy: Policy | None = None
        self.grew = False
        self.frozen = False
        """Whether no more points are learnt: a schedule is of the points that there were when it was made."""
        self.used: frozenset[str] = frozenset()
        """The points of the last execution."""
        self.left_out = NOTHING
        """Which commands did not take part in the last execution."""
        self.run_of: ProgramRun = ProgramRun()
        self.outside: dict[str, None] = {}
        self.touched: dict[str, Touches] = {}
        self._seed = seed
        self._faults = faults
        self._fault_points: FaultPoints = ()
        self._stall_timeout = stall_timeout
        self._servers = Servers(patience)
        self._state = ExecutionState(StepTable(), [1] * len(self.scripts), _ROOM, steps, joining=True)
        self._scheduler = Scheduler(self._state)
        self._pacer = OutsidePacer(self._scheduler)
        self._layout = Layout(program.folder)
        self.folder = Path()
        self._keeps_lines = False
        self._moves: Moves | None = None
        self._cut_off: set[int] = set()
        self._taken = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            undo.enter_context(on_one_core())
            home = undo.enter_context(live_folder(under=fastest()))
            self._folders = ProgramFolders.below(home)
            self.folder = self._folders.work
            self._starter = self._open(undo)
            self._taken = undo.pop_all()
        return self

    def _open(self, undo: ExitStack) -> Starter:
        """Have ready what begins executions, until it is undone."""
        self._lay_out()
        commands = [CommandLine(command) for command in self.program.commands]
        return undo.enter_context(Starter(commands, *self._folders))

    def _lay_out(self) -> None:
        """Put everything as it is before each execution."""
        self._folders.lay_out(self._layout)

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
        """Take nothing in: a fault concerns every resource."""

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
        if fault_points != self._fault_points:
            self._fault_points = fault_points
            self._state.faults.plan((who, point, self._faults.index(fault)) for who, point, fault in fault_points)
        self._take_points(policy)
        self._prepare(policy)
        self.used = frozenset(self.points)
        self.left_out = without
        left_out = {who for who, _ in without}
        commands = [1 + who for who in range(len(self.scripts)) if who not in left_out]
        self._state.counters.unfinished = len(commands)
        started = self._starter.start(commands, with_lines=self._keeps_lines)
        sight = self._sight()
        sight.points = self.used
        line_at = self._line_at if self._keeps_lines else None
        left = range(len(self.scripts), _ROOM)
        gate = Gate(started.listener, started.leader, sight, commands, left, self._stall_timeout)
        self._watch(gate)
        self._moves = moves = Moves(
            gate, self._scheduler, self._pacer, self.points, faults=self._faults, line_at=line_at
        )
        asks = None
        try:
            with no_collection():
                moves.run()
            asks = gate.leader_asks if self._is_repeatable else None
        finally:
            self._starter.end(asks)
            gate.close()
            sight.memory.remove_left()
        self._learn(moves)
        return Execution.of(self._state, moves.records, self._pacer.notes)

    def with_lines(self, execution: Execution, without: frozenset[Place], fault_points: FaultPoints) -> Execution:
        """Run an execution again and return it with the source lines of its steps.

        To keep lines, Python needs memory, and a program may depend on where its objects lie (a set of them has an
        order). If the same schedule leads to other steps from somewhere on, there are no lines from there on.
        """
        self._keeps_lines = True
        lined = self.run(ReplaySchedule(execution.schedule), without, fault_points)
        self._keeps_lines = False
        assert lined is not None, "a replay has one execution"
        pairs = zip_longest(execution.steps, lined.steps)
        alike = next((node for node, (step, again) in enumerate(pairs) if step != again), len(execution.steps))
        lines = [note for note in lined.told if note[0] < alike and note[1] == "line"]
        return replace(execution, told=[*execution.told, *lines])

    @property
    def _is_repeatable(self) -> bool:
        """Whether the folder is the same before each execution, so that what is known of its scripts stays true."""
        return not self.program.reset

    def name_now(self, who: int) -> str:
        """Return the place in the tree of processes of a participant of the execution that runs."""
        return self._moves.name_of(who) if self._moves is not None else ""

    def _take_points(self, policy: Policy) -> None:
        """Have all points that have been learnt count, if a search begins: within one, they must stay the same."""
        if policy is not self._policy and not isinstance(policy, ReplaySchedule) and not self.frozen:
            self._policy = policy
            self.points |= self._learnt
            self.grew = False

    def _watch(self, _gate: Gate) -> None:
        """Take hold of an execution's gate before anybody moves."""

    def _sight(self) -> Sight:
        """Return what is known of an execution before it begins."""
        return Sight(*self._folders.paths, self._seed, self._servers)

    def _prepare(self, policy: Policy) -> None:
        self._lay_out()
        self._servers.begin()
        put_back(self.program, self.folder)
        self._servers.settle()
        self._scheduler.reset(policy)
        self._pacer.begin()
        self._pacer.pick = self._scheduler.next

    def _line_at(self, task: Task) -> str:
        """Return at which line of the user's own Python code a thread stands; "" if that is not known."""
        found = self._starter.line_at(task.process.read, task.thread)
        if found is None:
            return ""
        path, line = found
        text = linecache.getline(path, line).strip()
        shown = text if len(text) <= _LONGEST_SOURCE else f"{text[:_LONGEST_SOURCE]}…"
        return f"{path.removeprefix(f'{self._sources}/')}:{line}  {shown}"

    @property
    def _sources(self) -> str:
        """Where the program's own Python code stands."""
        return str(self.folder)

    def _learn(self, moves: Moves) -> None:
        """Take in what several participants touched and one of them changed: it has points from now on."""
        self.run_of = moves.outcome()
        self.outside.update(moves.sight.outside)
        self.outside.update(dict.fromkeys(self._servers.sentences(reset=bool(self.program.reset))))
        self._cut_off |= moves.cut_off
        shared = {resource for resource, by in moves.touched.items() if is_contested(by, self._cut_off)}
        shared |= moves.blocked_on | moves.sight.databases.untold()
        shared |= orders_that_matter(moves.touched, moves.sight.files.listed)
        for name in sorted(moves.sight.files.mapped & shared):
            self.outside[f"{name} is read in memory, and changed: when it is read is not seen"] = None
        if not self.frozen:
            self._learnt |= shared
            self.grew = not self._learnt <= self.points
        self.touched = {resource: by for resource, by in moves.touched.items() if resource in shared}
