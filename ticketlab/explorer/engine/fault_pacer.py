"""Faults in a controlled execution: each strikes its victim at a given point, and the schedule goes on around it.

What befalls a participant as a whole (a signal, a jump of the clock) is a step of the victim's own, on everything: so a
search tries it before and after whatever others do. What befalls one access is there from the moment at which its
step is picked until the victim's next point. All of it is real: processes get signals, files the kernel's own limits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any, Final, Literal, TypeVar

from ticketlab.core.failing_io import failing_io
from ticketlab.core.faults import Fault, FaultKind
from ticketlab.core.pacing import Action, Blocked, Step
from ticketlab.explorer.analysis.footprints import SERVER
from ticketlab.explorer.analysis.trace import describe_step
from ticketlab.explorer.engine.clock import in_ticks
from ticketlab.explorer.engine.fault_plan import FIRST
from ticketlab.explorer.engine.pacer import ControlledPacer
from ticketlab.explorer.engine.registers import REDUNDANT
from ticketlab.explorer.engine.state import ExecutionState
from ticketlab.explorer.workload import Performer, Workload, outcome_of

T = TypeVar("T")

_DEATHS: Final = frozenset({FaultKind.KILL, FaultKind.KILL_SERVICE, FaultKind.TERMINATE})


class Terminated(BaseException):
    """Ends a participant that was told to, its clean-up included."""


class FaultPacer(ControlledPacer):
    """Turns in which faults strike; `carry_out` is what the executor does to the victim of one, where that is needed.

    `seize` keeps the store locked as an outsider does; it is None where nobody can. `footprints` says what others could
    notice of each participant's end, where that is known; it saves the search from ordering a death and what nobody
    connects with it.
    """

    counts_private = True

    def __init__(
        self,
        state: ExecutionState,
        faults: Sequence[Fault],
        seize: Callable[[], AbstractContextManager[object]] | None,
        *,
        atomic_accesses: bool,
        alone: bool,
    ) -> None:
        super().__init__(state, atomic_accesses=atomic_accesses, alone=alone)
        self._faults = faults
        self._plan = state.faults
        self._seize = seize
        self._trouble = ExitStack()  # what befalls the access at hand
        self.carry_out: Callable[[Fault], object] = _by_hand
        self.footprints: Mapping[int | None, tuple[str, ...]] = {}

    def at(self, step: Step) -> None:
        """Stand before the step until picked; a fault may come first, or befall it."""
        if step.continuation and self._atomic_accesses:
            return
        fault = self._come_to(step)
        super().at(step)
        if fault is not None:
            self._befall(fault, step)

    def block(self, step: Step, attempt: Callable[[], T | Literal[Blocked.BLOCKED]], wait: Callable[[], T]) -> T:
        """Stand before the attempt until picked; a fault may come first, or befall the first attempt."""
        fault = self._come_to(step)
        if fault is None:
            return super().block(step, attempt, wait)

        def troubled() -> T | Literal[Blocked.BLOCKED]:
            nonlocal fault
            if fault is not None:
                self._befall(fault, step)
                fault = None
                with self._trouble.pop_all():
                    return attempt()
            return attempt()

        return super().block(step, troubled, wait)

    def answer(self, perform: Performer, request: Any) -> Any:
        """Return what came of a request, if its buyer lives to hear it."""
        try:
            outcome = outcome_of(perform, request)
        finally:
            self._trouble.close()
        self._come_to(None)
        return outcome

    def _come_to(self, step: Step | None) -> Fault | None:
        """End what befell the access before; return what befalls this one, after what strikes before it."""
        self._trouble.close()
        me, plan = self.me, self._plan
        if not plan.point[me]:
            return None
        fault: Fault = self._faults[plan.fault[me]]
        if not fault.kind.applies_to(step) or not plan.falls(me):
            return None
        if not fault.kind.is_step:
            return fault
        self._strike(me, fault, step)
        return None

    def _strike(self, me: int, fault: Fault, step: Step | None) -> None:
        """Let a participant be struck before a step, or its answer, as a step of its own."""
        self._spinning.discard(me)
        if self._sent:
            self._await_feeders()
        whose = me if fault.kind in _DEATHS else SERVER if fault.kind is FaultKind.KILL_SERVER else None
        state, plan = self._state, self._plan
        state.arrive(me, self._passed[Step(Action.FAULT, str(fault), affects=self.footprints.get(whose))])
        self._make(me)
        comes_again = me < state.buyers or plan.point[me] != FIRST  # at its first, staff stands from the beginning
        if state.registers[REDUNDANT] and comes_again:
            return  # what follows is no part of the search, and a death would cost new processes
        plan.injected[me] = 1
        self.note("before", describe_step(step) if step is not None else "its answer")
        if fault.kind is FaultKind.CLOCK:
            state.clock.jump(in_ticks(fault.seconds))
        elif fault.kind is FaultKind.PAUSE:
            state.clock.take(me, in_ticks(fault.seconds))
        self.carry_out(fault)

    def _befall(self, fault: Fault, step: Step) -> None:
        """Let an access meet its trouble."""
        self._plan.injected[self.me] = 1
        self.note("fault", str(fault))
        if fault.kind is FaultKind.LOCKED and self._seize is not None:
            self._trouble.enter_context(self._seize())
        else:
            self._trouble.enter_context(failing_io(fault.kind, step))


def seize_of(cast: Workload) -> Callable[[], AbstractContextManager[object]] | None:
    """Return what keeps a cast's store locked, where it has such a thing."""
    return getattr(cast, "seize", None)


def _by_hand(fault: Fault) -> None:
    if fault.kind is FaultKind.TERMINATE:
        raise Terminated
