"""Faults in a controlled execution: each is injected at one point of its victim, and the schedule goes on around it.

A fault that concerns a participant as a whole (a signal, a jump of the clock) is a step of the victim's own, on every
resource, so that a search tries it before and after whatever others do. A fault that concerns one access is in force
from the moment at which the access is picked until the victim's next point. All faults are real: processes get signals,
files the kernel's own limits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any, Final, Literal, TypeVar

from ticketlab.core.faults import Fault, FaultKind
from ticketlab.core.pacing import BLOCKED, OUTLASTED, Blocked
from ticketlab.core.steps import Action, Step
from ticketlab.core.system.failing_io import failing_io
from ticketlab.explorer.engine.clock import in_ticks
from ticketlab.explorer.engine.fault_plan import FIRST
from ticketlab.explorer.engine.pacer import ControlledPacer
from ticketlab.explorer.engine.scheduler import Scheduler
from ticketlab.explorer.engine.steps import describe_step
from ticketlab.explorer.workload import Performer, Workload, outcome_of

T = TypeVar("T")

SERVER: Final = -1
"""The store's server, in place of a participant."""

_DEATHS: Final = frozenset({FaultKind.KILL, FaultKind.KILL_SERVICE, FaultKind.TERMINATE})


class Terminated(BaseException):
    """Ends a participant that a fault terminates; its clean-up is run."""


class FaultPacer(ControlledPacer):
    """A pacer that injects faults; `carry_out` is what the executor does to a fault's victim, if anything is needed.

    `seize` keeps the store locked as an outsider does; it is None if nobody can. `footprints` says what others could
    notice of each participant's end, if that is known: the search need not order a death and steps on other resources.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        faults: Sequence[Fault],
        seize: Callable[[], AbstractContextManager[object]] | None,
        *,
        atomic_accesses: bool,
        alone: bool,
    ) -> None:
        super().__init__(scheduler, atomic_accesses=atomic_accesses, alone=alone)
        self._faults = faults
        self._plan = self._state.faults
        self._seize = seize
        self._in_force = ExitStack()  # the fault that is in force for the access at hand
        self._met: set[int] = set()  # who has met a fault in one of its accesses since it last slept
        self.carry_out: Callable[[Fault], object] = _in_this_process
        self.footprints: Mapping[int | None, tuple[str, ...]] = {}

    @property
    def counts_private(self) -> bool:
        """Whether a fault is planned, which may come before any access; an execution without one is as any other."""
        return any(self._plan.point)

    def at(self, step: Step) -> None:
        """Stand before the step until picked; a fault may come first, or be in force for the access."""
        if step.continuation and self._atomic_accesses:
            return
        fault = self._come_to(step)
        super().at(step if fault is None else with_fault(step))
        if fault is not None:
            self._inject_into(fault, step)

    def block(self, step: Step, attempt: Callable[[], T | Literal[Blocked.BLOCKED]], wait: Callable[[], T]) -> T:
        """Stand before the attempt until picked; a fault may come first, or be in force for the first attempt."""
        fault = self._come_to(step)
        if fault is None:
            return super().block(step, attempt, wait)

        injected = False

        def attempt_through_fault() -> T | Literal[Blocked.BLOCKED]:
            nonlocal injected
            if injected:
                self.note("fault", str(fault))  # the notes of an attempt in vain are dropped
                return attempt()
            injected = True
            self._inject_into(fault, step)
            with self._in_force.pop_all():
                result = attempt()
            # A fault is over after one access, so who would have to wait for it to end goes on at once.
            return attempt() if result is BLOCKED else result

        return super().block(step, attempt_through_fault, wait)

    def begin(self) -> None:
        """Start an execution, in which nobody has met a fault yet."""
        super().begin()
        self._met.clear()

    def sleep(self, seconds: float) -> None:
        """Let virtual time pass. A try in which a fault was met does not stand for the next: that fault is over."""
        me, orders = self.me, self._state.clock.orders
        if me in self._met and not orders:
            self._met.discard(me)
            self._state.slept[me] = 1 + self._counters.length
            self._state.clock.drift(me, max(1, in_ticks(seconds)))
            self._retrying.discard(me)
            self._looked.discard(me)
            return
        super().sleep(seconds)

    def pass_on(self) -> None:
        """Give the turn away; a fault that is in force ends with whoever met it, and is injected into nobody else."""
        self._in_force.close()
        super().pass_on()

    def answer(self, perform: Performer, request: Any) -> Any:
        """Return what came of a request, if its buyer lives to see it."""
        try:
            outcome = outcome_of(perform, request)
        finally:
            self._in_force.close()
        self._come_to(None)
        return outcome

    def _come_to(self, step: Step | None) -> Fault | None:
        """End the fault of the access before, inject a fault that comes before this one, and return this one's own."""
        self._in_force.close()
        me, plan = self.me, self._plan
        if not plan.point[me]:
            return None
        fault: Fault = self._faults[plan.fault[me]]
        if not fault.kind.applies_to(step) or not plan.is_due(me):
            return None
        if not fault.kind.is_step:
            return fault
        self._inject_before(me, fault, step)
        return None

    def _inject_before(self, me: int, fault: Fault, step: Step | None) -> None:
        """Inject a fault before a participant's step, or before its return if there is none: a step of its own."""
        self._spinning.pop(me, None)
        if self._sent:
            self._await_feeders()
        whose = me if fault.kind in _DEATHS else SERVER if fault.kind is FaultKind.KILL_SERVER else None
        state, plan = self._state, self._plan
        state.arrive(me, self._passed[Step(Action.FAULT, str(fault), affects=self.footprints.get(whose))])
        self._make(me)
        comes_again = me < state.buyers or plan.point[me] != FIRST  # a service stands at its first from the beginning
        if state.counters.redundant and comes_again:
            return  # what follows is no part of the search, and a death would cost new processes
        plan.injected[me] = 1
        self.note("before", describe_step(step) if step is not None else "its return")
        if fault.kind is FaultKind.CLOCK:
            state.clock.jump(in_ticks(fault.seconds))
        elif fault.kind is FaultKind.PAUSE:
            self._pause(me, in_ticks(fault.seconds))
        self.carry_out(fault)

    def _pause(self, me: int, ticks: int) -> None:
        """Let time pass for everybody, since the victim's own clock; take note if that ends the time of who waits."""
        clock = self._state.clock
        waited = {who for _, who in clock.sleepers()}
        clock.take(me, ticks)
        if ended := waited - {me} - {who for _, who in clock.sleepers()}:
            self.note(OUTLASTED, len(ended))

    def _inject_into(self, fault: Fault, step: Step) -> None:
        """Put a fault in force for an access."""
        self._plan.injected[self.me] = 1
        self._met.add(self.me)
        self.note("fault", str(fault))
        if fault.kind is FaultKind.LOCKED and self._seize is not None:
            self._in_force.enter_context(self._seize())
        else:
            self._in_force.enter_context(failing_io(fault.kind, step))


def with_fault(step: Step) -> Step:
    """Return an access in which a fault is in force: it commutes with no other on its resource.

    Whether an outsider gets the lock that it asks for depends on who reads, even though reads commute.
    """
    return step._replace(affects=step.resources)


def seize_of(workload: Workload) -> Callable[[], AbstractContextManager[object]] | None:
    """Return what keeps a workload's store locked, or None if it has no such thing."""
    return getattr(workload, "seize", None)


def _in_this_process(fault: Fault) -> None:
    if fault.kind is FaultKind.TERMINATE:
        raise Terminated
