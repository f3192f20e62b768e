"""Faults in a live race: who is struck, at which of its steps, and how. Signals and limits are real.

Whom a fault strikes, and where, follows from the seed and the participant's number alone. Who is struck writes that
into its log first, so nobody need guess afterwards who was killed and who crashed.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from random import Random
from time import monotonic_ns
from typing import Any, Final, Literal, NamedTuple, TypeVar

from ticketlab.core.faults import Fault, FaultKind, FaultRate
from ticketlab.core.inventory import Request
from ticketlab.core.pacing import Blocked, Step
from ticketlab.core.plugin import Perform
from ticketlab.core.scenario import Scenario
from ticketlab.core.trouble import failing_io
from ticketlab.launch.log import EventWriter
from ticketlab.launch.recorder import RESUMED, STRUCK, Recorder

T = TypeVar("T")

STEPS: Final = 6
"""From how many first steps of an order the one is drawn; an order that has fewer is struck before its answer."""
WRITES: Final = 2
"""The same, of those steps that a failure of files can befall."""
NO_ORDER: Final = -1
"""The order of staff, and of what a buyer does before its first."""


class PlannedFault(NamedTuple):
    """A fault that will strike: in which of a buyer's orders, at which of the steps that it can befall, both from 0."""

    fault: Fault
    order: int
    point: int


@dataclass(frozen=True, slots=True)
class FaultInjector:
    """What may strike in a race; `servers` are the process numbers of the store's servers."""

    fault_rates: Sequence[FaultRate] = ()
    servers: Sequence[int] = ()

    def planned_fault(self, scenario: Scenario, participant: int, services: int) -> PlannedFault | None:
        """Return what strikes a participant, numbered from 0, buyers first: the first of the risks that comes true."""
        draw = Random(f"faults/{scenario.seed}/{participant}")
        buyer = participant < scenario.buyers
        for fault, share in ((risk.fault, risk.share) for risk in self.fault_rates):
            comes_true = draw.random() < share
            if fault.kind is FaultKind.KILL_SERVICE:
                orders = max(1, scenario.buyers * scenario.orders // max(1, services))
                point = draw.randrange(orders * STEPS // 2)
                if comes_true and not buyer:
                    return PlannedFault(fault, NO_ORDER, point)
            elif fault.kind is FaultKind.KILL_SERVER:
                once = Random(f"faults/{scenario.seed}/server")  # there is one, so the odds are the race's
                if once.random() < share and once.randrange(scenario.buyers) == participant:
                    return PlannedFault(fault, draw.randrange(scenario.orders), draw.randrange(STEPS))
            elif comes_true and buyer:
                return PlannedFault(fault, draw.randrange(scenario.orders), draw.randrange(_points(fault.kind)))
        return None

    def struck(self, log: EventWriter, scenario: Scenario, participant: int, services: int) -> FaultingRecorder | None:
        """Return the recorder of a participant who will be struck, or None for one who will not."""
        planned_fault = self.planned_fault(scenario, participant, services)
        return FaultingRecorder(log, planned_fault, self.servers) if planned_fault else None


def _points(kind: FaultKind) -> int:
    return STEPS if kind.is_step or kind is FaultKind.NO_FILES else WRITES


class FaultingRecorder(Recorder):
    """The recorder of somebody who will be struck."""

    def __init__(self, log: EventWriter, planned_fault: PlannedFault, servers: Sequence[int]) -> None:
        super().__init__(log, trace=True)
        self._planned: PlannedFault | None = planned_fault
        self._servers = servers
        self._order = NO_ORDER
        self._left = planned_fault.point  # steps to go
        self._trouble = ExitStack()  # what befalls the access at hand

    def perform(self, perform: Perform, request: Request) -> None:
        """Perform a request, and record it; the fault may strike within, or when all but its answer is over."""
        self._order += 1
        super().perform(partial(self._answer, perform), request)

    def _answer(self, perform: Perform, request: Request) -> Any:
        try:
            return perform(request)
        finally:
            self._trouble.close()
            if self._planned is not None and self._order >= self._planned.order and self._planned.fault.kind.is_step:
                self._strike(self._planned.fault, "its answer")

    def at(self, step: Step) -> None:
        """Record the step; the fault may come first, or befall it."""
        fault = self._come_to(step)
        super().at(step)
        if fault is not None:
            self._trouble.enter_context(failing_io(fault.kind, step))

    def block(self, step: Step, attempt: Callable[[], T | Literal[Blocked.BLOCKED]], wait: Callable[[], T]) -> T:
        """Wait and record it; the fault may come first, or befall what is waited for."""
        fault = self._come_to(step)
        if fault is None:
            return super().block(step, attempt, wait)
        return super().block(step, partial(_under, fault.kind, step, attempt), partial(_under, fault.kind, step, wait))

    def sleep(self, seconds: float) -> None:
        """Sleep, out of trouble."""
        self._trouble.close()
        super().sleep(seconds)

    def _come_to(self, step: Step) -> Fault | None:
        """End what befell the access before; strike, or return what befalls this one, if it is its time."""
        self._trouble.close()
        planned_fault = self._planned
        if planned_fault is None or self._order < planned_fault.order or not planned_fault.fault.kind.applies_to(step):
            return None
        if self._left:
            self._left -= 1
            return None
        self._strike(planned_fault.fault, f"{step.action.value} {step.resource}")
        return None if planned_fault.fault.kind.is_step else planned_fault.fault

    def _strike(self, fault: Fault, before: str) -> None:
        self._planned = None
        self._write()
        self._log.append((STRUCK, monotonic_ns(), str(fault), before))
        match fault.kind:
            case FaultKind.KILL | FaultKind.KILL_SERVICE:
                os.kill(os.getpid(), signal.SIGKILL)
            case FaultKind.TERMINATE:
                signal.signal(signal.SIGTERM, _leave)
                os.kill(os.getpid(), signal.SIGTERM)
            case FaultKind.PAUSE:
                os.kill(os.getpid(), signal.SIGSTOP)  # until the vigil lets it go on
                self._log.append((RESUMED, monotonic_ns()))
            case FaultKind.KILL_SERVER:
                for server in self._servers:
                    with suppress(ProcessLookupError):
                        os.kill(server, signal.SIGKILL)


def _under(kind: FaultKind, step: Step, access: Callable[[], T]) -> T:
    with failing_io(kind, step):
        return access()


def _leave(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)  # as a shell reports it
