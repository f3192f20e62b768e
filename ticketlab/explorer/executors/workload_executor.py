"""What the executors of a workload share, whether its participants live in one process or in many."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Final, Self

from ticketlab.core.errors import UsageError
from ticketlab.core.faults import Fault
from ticketlab.core.pacing import paced_by
from ticketlab.explorer.analysis.deadlock import participant_name
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.fault_pacer import FaultPacer, seize_of
from ticketlab.explorer.engine.pacer import ControlledPacer, InactivePacer
from ticketlab.explorer.engine.scheduler import Scheduler, StepWatch, WatchedScheduler
from ticketlab.explorer.engine.state import ExecutionEnd, ExecutionState, Taught
from ticketlab.explorer.engine.steps import StepTable, describe_step
from ticketlab.explorer.engine.thread_pacer import SingleThreadPacer
from ticketlab.explorer.executors.executor import STALL_TIMEOUT, STEPS, Executor
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.workload import NOTHING, FaultPoints, Place, Workload

_DAY_S: Final = 86_400.0


class BrokenPromise(UsageError):
    """A step was made that another one promised to exclude."""


Serve = Callable[[], None]
"""What a service does: it serves the buyers until it is ended."""


class WorkloadExecutor(Executor):
    """Runs the buyers and services of a `Workload`, which pass scheduling points themselves.

    All of them are started once and make one execution after another. Before each execution the workload is reset in
    place. If the execution before was broken off, had a fault, or left something held, everything is started anew.
    See `ExecutorKind.make` for the settings.
    """

    _state: ExecutionState
    _scheduler: Scheduler

    def __init__(
        self,
        workload: Workload,
        *,
        atomic_accesses: bool = False,
        steps: int = STEPS,
        stall_timeout: float = STALL_TIMEOUT,
        faults: Sequence[Fault] = (),
        watch: StepWatch | None = None,
    ) -> None:
        self.scripts = workload.scripts
        self._workload = workload
        self._atomic_accesses = atomic_accesses
        self._steps = steps
        self._stall_timeout = stall_timeout if watch is None else _DAY_S  # a debugger may wait for its user
        self._faults = faults
        self._step_watch = watch
        self._footprints: Mapping[int | None, tuple[str, ...]] = {}
        self._without = NOTHING
        self._fault_points: FaultPoints = ()
        self._services: Sequence[Serve] = ()
        self._ending = ExitStack()  # ends everybody, and gives back what was taken
        self._clean = False  # whether the last execution ran to its end, so that everybody waits to begin again
        self._anew = False  # whether all participants are started anew all the same

    @abstractmethod
    def _lay_out(self, scripts: Sequence[int], services: int) -> ExecutionState:
        """Return the state that all executions use, given how many requests each buyer makes."""

    @abstractmethod
    def _assemble(self, services: Sequence[Serve], undo: ExitStack) -> None:
        """Start all participants, and let each come to where it waits to begin."""

    @abstractmethod
    def _perform(self, policy: Policy) -> Execution:
        """Run an execution from the first step to the last."""

    def __enter__(self) -> Self:
        with paced_by(InactivePacer()), ExitStack() as undo:
            services = self._open_workload(undo)
            self._state = self._lay_out([len(script) for script in self.scripts], len(services))
            watch = self._step_watch
            self._scheduler = Scheduler(self._state) if watch is None else WatchedScheduler(self._state, watch)
            self._start_services(services, undo)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._close()

    @property
    def size(self) -> int:
        """How many participants there are, services included."""
        return self._state.size

    @property
    def gave_way(self) -> Sequence[int]:
        """The participants whose `gave_way` the state holds."""
        return [who for who, given in enumerate(self._state.gave_way) if given]

    @property
    def distinct_services(self) -> Sequence[int]:
        """The services that differ: of those that do the same and wait for the same, only the first."""
        first: dict[object, int] = {}
        for who, serve in enumerate(self._services, self._state.buyers):
            first.setdefault((serve, self._state.pending[who]), who)
        return list(first.values())

    def expose(self, footprints: Mapping[int | None, tuple[str, ...]]) -> None:
        """Take in what others could notice of each participant's end; see `FaultPacer`."""
        self._footprints = footprints
        self._clean = False

    def start_anew(self) -> None:
        """From now on, start the participants anew before each execution."""
        self._anew = True

    @property
    def table(self) -> StepTable:
        """The table of steps."""
        return self._state.table

    def prepare(self, policy: Policy) -> bool:
        """Have a policy prepare its next execution, unless it has, and return whether there is one."""
        self._state.for_policy.bind(policy)
        return policy.prepare(self._state)

    @property
    def taught(self) -> Taught:
        """What executions have taught that later ones go by."""
        return self._state.taught()

    def teach(self, taught: Taught) -> None:
        """Take in what the executions of another such executor have taught."""
        self._state.teach(taught)

    def run(
        self, policy: Policy, without: frozenset[Place] = NOTHING, fault_points: FaultPoints = ()
    ) -> Execution | None:
        """Run the policy's next execution, and return it; None if the policy has explored everything."""
        if not self.prepare(policy):
            return None
        policy.ready = None
        self._arrange(without, fault_points)
        self._clean = False
        execution = self._perform(policy)
        self._check_promises()
        self._clean = execution.ending is ExecutionEnd.COMPLETED and not execution.injected and not execution.kept
        return execution

    def _name(self, who: int) -> str:
        named = getattr(self._workload, "participant_name", None)
        return str(named(who)) if named is not None else participant_name(who, len(self.scripts))

    def _check_promises(self) -> None:
        """Raise BrokenPromise if a step was made in the last execution that another one promised to exclude."""
        state = self._state
        if broken := state.counters.broken:
            who, step = state.who[broken - 1], state.table.step(state.what[broken - 1])
            raise BrokenPromise(
                f"{self._name(who)} made the step {describe_step(step)!r} while somebody else had "
                "made it and nothing had changed its resource since, although the step promises excludes=True: a "
                "semaphore, a re-entrant lock, and a lock on a name that may come to stand for another file must not"
            )

    def _arrange(self, without: frozenset[Place], fault_points: FaultPoints) -> None:
        """Put everything back to where it was before the first execution, in place or, if that is impossible, anew."""
        state = self._state
        if fault_points != self._fault_points:
            self._fault_points = fault_points
            state.faults.plan((who, point, self._faults.index(fault)) for who, point, fault in fault_points)
            if state.size > state.buyers:
                self._clean = False  # services wait at a point already, and must come to it anew
        if self._anew or not self._clean:
            self._close()
            with paced_by(InactivePacer()), ExitStack() as undo:
                self._start_services(self._open_workload(undo), undo)
        if without != self._without:
            self._without = without
            state.leave_out(without)
        self._workload.reset()

    def _open_workload(self, undo: ExitStack) -> Sequence[Serve]:
        services = self._workload.open()
        undo.callback(self._workload.close)
        return services

    def _start_services(self, services: Sequence[Serve], undo: ExitStack) -> None:
        self._services = services
        self._scheduler.restart()
        self._assemble(services, undo)
        self._ending = undo.pop_all()
        self._clean = True

    def _close(self) -> None:
        with paced_by(InactivePacer()):
            self._ending.close()

    def _make_pacer(self, *, alone: bool) -> ControlledPacer:
        """Return the pacer of all participants or of one alone."""
        if not self._faults:
            kind = SingleThreadPacer if getattr(self._workload, "may_start_threads", False) else ControlledPacer
            return kind(self._scheduler, atomic_accesses=self._atomic_accesses, alone=alone)
        pacer = FaultPacer(
            self._scheduler, self._faults, seize_of(self._workload), atomic_accesses=self._atomic_accesses, alone=alone
        )
        pacer.footprints = self._footprints
        return pacer
