"""What runs executions, of participants in one process or in many: what is the same in both."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Final, Self

from ticketlab.core.faults import Fault
from ticketlab.core.pacing import paced_by
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.fault_pacer import TurnsWithFaults, seize_of
from ticketlab.explorer.engine.pacer import Idle, Turns
from ticketlab.explorer.engine.state import Ending, State
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.workload import NOTHING, Cast, Place, Strikes

STEPS: Final = 10_000

Serve = Callable[[], None]


class Executor(ABC):
    """Runs the participants of a cast; a context manager, so that all of them are sent home at the end.

    With `whole`, reads and writes are one step each: the later parts of an access are no scheduling points. `steps` is
    the bound beyond which an execution counts as endless. `faults` are those that may strike.
    """

    _state: State

    def __init__(self, cast: Cast, *, whole: bool = False, steps: int = STEPS, faults: Sequence[Fault] = ()) -> None:
        self.scripts: Sequence[Sequence[Any]] = cast.scripts
        self._cast = cast
        self._whole = whole
        self._steps = steps
        self._faults = faults
        self._footprints: Mapping[int | None, tuple[str, ...]] = {}
        self._without = NOTHING
        self._strikes: Strikes = ()
        self._staff: Sequence[Serve] = ()
        self._home = ExitStack()  # sends everybody home, and gives back what was taken
        self._clean = False  # whether the last execution ran to its end, so that everybody waits to begin again

    @abstractmethod
    def _lay_out(self, scripts: Sequence[int], staff: int) -> State:
        """Return the state that all executions go through, given how many requests each buyer makes."""

    @abstractmethod
    def _assemble(self, staff: Sequence[Serve], undo: ExitStack) -> None:
        """Start everybody, and let each come to where it waits to begin."""

    @abstractmethod
    def _perform(self, policy: Policy) -> Execution:
        """Run an execution from the first step to the last."""

    def __enter__(self) -> Self:
        with paced_by(Idle()), ExitStack() as undo:
            staff = self._open_cast(undo)
            self._state = self._lay_out([len(script) for script in self.scripts], len(staff))
            self._employ(staff, undo)
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
    def different_staff(self) -> Sequence[int]:
        """Staff that differ: of those that do the same and wait for the same, only the first.

        What happens to one of the others happens to the first one in another schedule.
        """
        standing: dict[object, int] = {}
        for who, serve in enumerate(self._staff, self._state.buyers):
            standing.setdefault((serve, self._state.pending[who]), who)
        return list(standing.values())

    def expose(self, footprints: Mapping[int | None, tuple[str, ...]]) -> None:
        """Take in what others could notice of each participant's end; see `TurnsWithFaults`."""
        self._footprints = footprints
        self._clean = False

    def run(self, policy: Policy, without: frozenset[Place] = NOTHING, strikes: Strikes = ()) -> Execution | None:
        """Run the policy's next execution; None where it has explored everything.

        `without` leaves out requests, each given by its buyer (from 0) and its place in the buyer's script. `strikes`
        are of the executor's faults. After one of them everything that was shared is made anew.
        """
        if not policy.begin(self._state):
            return None
        self._arrange(without, strikes)
        self._clean = False
        execution = self._perform(policy)
        self._clean = execution.ending is Ending.COMPLETED and not execution.fell and not execution.kept
        return execution

    def _arrange(self, without: frozenset[Place], strikes: Strikes) -> None:
        """Put everything to where it was before the first execution, in place or, where that cannot be, anew."""
        state = self._state
        if strikes != self._strikes:
            self._strikes = strikes
            state.faults.strike((who, point, self._faults.index(fault)) for who, point, fault in strikes)
            if state.size > state.buyers:
                self._clean = False  # staff wait at a point already, and must come to it anew
        if not self._clean:
            self._close()
            with paced_by(Idle()), ExitStack() as undo:
                self._employ(self._open_cast(undo), undo)
        if without != self._without:
            self._without = without
            state.leave_out(without)
        self._cast.reset()

    def _open_cast(self, undo: ExitStack) -> Sequence[Serve]:
        staff = self._cast.open()
        undo.callback(self._cast.close)
        return staff

    def _employ(self, staff: Sequence[Serve], undo: ExitStack) -> None:
        self._staff = staff
        self._state.renew()
        self._assemble(staff, undo)
        self._home = undo.pop_all()
        self._clean = True

    def _close(self) -> None:
        with paced_by(Idle()):
            self._home.close()

    def _make_turns(self, *, alone: bool) -> Turns:
        """Return what points mean, for all participants or for one alone."""
        if not self._faults:
            return Turns(self._state, whole=self._whole, alone=alone)
        turns = TurnsWithFaults(self._state, self._faults, seize_of(self._cast), whole=self._whole, alone=alone)
        turns.footprints = self._footprints
        return turns
