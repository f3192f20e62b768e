"""What runs executions: how an executor is found by its name, and what those of one and of many processes share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Final, Self

from ticketlab.core.faults import Fault
from ticketlab.core.pacing import paced_by
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.fault_pacer import FaultPacer, seize_of
from ticketlab.explorer.engine.pacer import ControlledPacer, InactivePacer
from ticketlab.explorer.engine.scheduler import Scheduler
from ticketlab.explorer.engine.state import ExecutionEnd, ExecutionState
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.workload import NOTHING, FaultPoints, Place, Workload

STEPS: Final = 10_000

Serve = Callable[[], None]


class Executor(ABC):
    """Runs the participants of a cast; a context manager, so that all of them are sent home at the end.

    With `atomic_accesses`, reads and writes are one step each: the later parts of an access are no scheduling points.
    `steps` is the bound beyond which an execution counts as endless. `faults` are those that may strike.
    """

    _state: ExecutionState
    _scheduler: Scheduler

    def __init__(
        self, cast: Workload, *, atomic_accesses: bool = False, steps: int = STEPS, faults: Sequence[Fault] = ()
    ) -> None:
        self.scripts: Sequence[Sequence[Any]] = cast.scripts
        self._cast = cast
        self._atomic_accesses = atomic_accesses
        self._steps = steps
        self._faults = faults
        self._footprints: Mapping[int | None, tuple[str, ...]] = {}
        self._without = NOTHING
        self._strikes: FaultPoints = ()
        self._services: Sequence[Serve] = ()
        self._home = ExitStack()  # sends everybody home, and gives back what was taken
        self._clean = False  # whether the last execution ran to its end, so that everybody waits to begin again

    @abstractmethod
    def _lay_out(self, scripts: Sequence[int], services: int) -> ExecutionState:
        """Return the state that all executions go through, given how many requests each buyer makes."""

    @abstractmethod
    def _assemble(self, services: Sequence[Serve], undo: ExitStack) -> None:
        """Start everybody, and let each come to where it waits to begin."""

    @abstractmethod
    def _perform(self, policy: Policy) -> Execution:
        """Run an execution from the first step to the last."""

    def __enter__(self) -> Self:
        with paced_by(InactivePacer()), ExitStack() as undo:
            services = self._open_cast(undo)
            self._state = self._lay_out([len(script) for script in self.scripts], len(services))
            self._scheduler = Scheduler(self._state)
            self._start_services(services, undo)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._close()

    @property
    def size(self) -> int:
        """How many take part, staff included."""
        return self._state.size

    @property
    def distinct_services(self) -> Sequence[int]:
        """Staff that differ: of those that do the same and wait for the same, only the first.

        What happens to one of the others happens to the first one in another schedule.
        """
        standing: dict[object, int] = {}
        for who, serve in enumerate(self._services, self._state.buyers):
            standing.setdefault((serve, self._state.pending[who]), who)
        return list(standing.values())

    def expose(self, footprints: Mapping[int | None, tuple[str, ...]]) -> None:
        """Take in what others could notice of each participant's end; see `FaultPacer`."""
        self._footprints = footprints
        self._clean = False

    def run(self, policy: Policy, without: frozenset[Place] = NOTHING, strikes: FaultPoints = ()) -> Execution | None:
        """Run the policy's next execution; None where it has explored everything.

        `without` leaves out requests, each given by its buyer (from 0) and its place in the buyer's script. `strikes`
        are of the executor's faults. After one of them everything that was shared is made anew.
        """
        self._state.for_policy.bind(policy)
        if not policy.begin(self._state):
            return None
        self._arrange(without, strikes)
        self._clean = False
        execution = self._perform(policy)
        self._clean = execution.ending is ExecutionEnd.COMPLETED and not execution.injected and not execution.kept
        return execution

    def _arrange(self, without: frozenset[Place], strikes: FaultPoints) -> None:
        """Put everything to where it was before the first execution, in place or, where that cannot be, anew."""
        state = self._state
        if strikes != self._strikes:
            self._strikes = strikes
            state.faults.plan((who, point, self._faults.index(fault)) for who, point, fault in strikes)
            if state.size > state.buyers:
                self._clean = False  # staff wait at a point already, and must come to it anew
        if not self._clean:
            self._close()
            with paced_by(InactivePacer()), ExitStack() as undo:
                self._start_services(self._open_cast(undo), undo)
        if without != self._without:
            self._without = without
            state.leave_out(without)
        self._cast.reset()

    def _open_cast(self, undo: ExitStack) -> Sequence[Serve]:
        services = self._cast.open()
        undo.callback(self._cast.close)
        return services

    def _start_services(self, services: Sequence[Serve], undo: ExitStack) -> None:
        self._services = services
        self._scheduler.restart()
        self._assemble(services, undo)
        self._home = undo.pop_all()
        self._clean = True

    def _close(self) -> None:
        with paced_by(InactivePacer()):
            self._home.close()

    def _make_pacer(self, *, alone: bool) -> ControlledPacer:
        """Return what points mean, for all participants or for one alone."""
        if not self._faults:
            return ControlledPacer(self._scheduler, atomic_accesses=self._atomic_accesses, alone=alone)
        pacer = FaultPacer(
            self._scheduler, self._faults, seize_of(self._cast), atomic_accesses=self._atomic_accesses, alone=alone
        )
        pacer.footprints = self._footprints
        return pacer
