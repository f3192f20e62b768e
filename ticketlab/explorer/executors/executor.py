"""Executors: what runs executions, and how an executor is found by its name.

Entry points in the group `ticketlab.executors` give their kinds. Three ship: `inline`, `threads` and `processes`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

from ticketlab.core.faults import Fault
from ticketlab.core.spec import Kind, Spec
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.scheduler import StepWatch
from ticketlab.explorer.engine.state import Taught
from ticketlab.explorer.engine.steps import StepTable
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.workload import NOTHING, FaultPoints, Place

STEPS: Final = 10_000
STALL_TIMEOUT: Final = 10.0
PATIENCE: Final = 2.0
"""How long a server outside a program may take to answer, in seconds; PostgreSQL looks for deadlocks after one."""


class Executor(ABC):
    """Runs a workload's participants, execution after execution, under whichever policy it is given.

    An executor is a context manager: it has its participants from entering to leaving. A search, a replay and the
    shrinking of a failure know no more of it than this class, so participants may be greenlets, processes or programs.
    """

    scripts: Sequence[Sequence[Any]]
    """What each buyer does, request by request; each request can be left out of an execution."""

    @abstractmethod
    def __enter__(self) -> Self:
        """Start the participants."""

    @abstractmethod
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """End the participants, and give back what was taken."""

    @property
    @abstractmethod
    def size(self) -> int:
        """How many participants there are, services included."""

    @property
    @abstractmethod
    def gave_way(self) -> Sequence[int]:
        """Who was put behind others in any execution so far though its next try might have mattered; see `spinning`."""

    @property
    @abstractmethod
    def distinct_services(self) -> Sequence[int]:
        """The services that differ: of those that do the same and wait for the same, only the first.

        A fault of one of the others has the same effects as a fault of the first one in another schedule.
        """

    @abstractmethod
    def expose(self, footprints: Mapping[int | None, tuple[str, ...]]) -> None:
        """Take in what others could notice of each participant's end; see `FaultPacer`."""

    @abstractmethod
    def start_anew(self) -> None:
        """From now on, start the participants anew before each execution: they keep something from one to the next."""

    @property
    def table(self) -> StepTable | None:
        """The table of steps, if a search can be kept and gone on with on another such executor; else None."""
        return None

    def prepare(self, policy: Policy) -> bool:
        """Have a policy prepare its next execution, unless it has, and return whether there is one."""
        raise NotImplementedError("searches on this executor cannot be kept")

    @property
    def taught(self) -> Taught:
        """What executions have taught that later ones go by."""
        raise NotImplementedError("searches on this executor cannot be kept")

    def teach(self, taught: Taught) -> None:
        """Take in what the executions of another such executor have taught, whose table had the same steps."""
        raise NotImplementedError("searches on this executor cannot be kept")

    @abstractmethod
    def run(
        self, policy: Policy, without: frozenset[Place] = NOTHING, fault_points: FaultPoints = ()
    ) -> Execution | None:
        """Run the policy's next execution, and return it; None if the policy has explored everything.

        `without` lists the requests to leave out, each given by its buyer (from 0) and its place in the buyer's script.
        `fault_points` lists the faults to inject, each of which is one of the executor's faults.
        """


@dataclass(frozen=True, kw_only=True)
class ExecutorKind(Kind):
    """An executor by name.

    `build(variant, workload, **settings)` makes one; the settings are those of `make` and the kind's options.
    `real_processes` says that each participant is a process of its own: it can be killed, and shares no memory.
    """

    build: Callable[..., Executor]
    real_processes: bool

    def make(
        self,
        spec: Spec,
        workload: Any,
        *,
        atomic_accesses: bool = False,
        steps: int = STEPS,
        stall_timeout: float = STALL_TIMEOUT,
        faults: Sequence[Fault] = (),
        watch: StepWatch | None = None,
    ) -> Executor:
        """Build the executor that a spec names.

        With `atomic_accesses`, reads and writes are one step each: the later parts of an access are no scheduling
        points. `steps` is the bound beyond which an execution counts as endless. `stall_timeout` is how long, in
        seconds of the wall clock, a participant may stay away from scheduling points. `faults` are those that may be
        injected. `watch` is called at each step, in the participant that makes it.
        """
        watched = {"watch": watch} if watch is not None else {}
        return self.build(
            self.variant(spec),
            workload,
            atomic_accesses=atomic_accesses,
            steps=steps,
            stall_timeout=stall_timeout,
            faults=faults,
            **watched,
            **self.settings(spec),
        )
