"""Faults in a live race: which participant gets one, at which of its steps, and how. Signals and limits are real.

The seed and the participant's number alone decide which fault it gets and where. A participant logs the fault before it
is injected, so that afterwards a buyer that was killed and one that crashed can be told apart.
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
from ticketlab.core.pacing import Blocked
from ticketlab.core.plugin import Perform
from ticketlab.core.scenario import Scenario
from ticketlab.core.steps import Step
from ticketlab.core.system.failing_io import failing_io
from ticketlab.launch.launcher import Writer
from ticketlab.launch.recorder import FAULT, RESUMED, Recorder

T = TypeVar("T")

_STEPS: Final = 6
"""The fault's step is drawn from an order's first so many; in an order with fewer it comes before the answer."""
_WRITES: Final = 2
"""The fault's step is drawn from the first so many steps that a failure of files applies to."""
_NO_ORDER: Final = -1
"""The order of a service, and of a buyer before its first order."""


class PlannedFault(NamedTuple):
    """A fault and where it is injected: in which order, at which step that it applies to, both counted from 0."""

    fault: Fault
    order: int
    point: int


@dataclass(frozen=True, slots=True)
class FaultInjector:
    """Decides which faults are injected into a race; `servers` are the process ids of the store's servers."""

    fault_rates: Sequence[FaultRate] = ()
    servers: Sequence[int] = ()

    def planned_fault(self, scenario: Scenario, participant: int, services: int) -> PlannedFault | None:
        """Return the fault of a participant, numbered from 0, buyers first: the first of the rates that is drawn."""
        draw = Random(f"faults/{scenario.seed}/{participant}")
        buyer = participant < scenario.buyers
        for fault, share in ((rate.fault, rate.share) for rate in self.fault_rates):
            drawn = draw.random() < share
            if fault.kind is FaultKind.KILL_SERVICE:
                orders = max(1, scenario.buyers * scenario.orders // max(1, services))
                point = draw.randrange(orders * _STEPS // 2)
                if drawn and not buyer:
                    return PlannedFault(fault, _NO_ORDER, point)
            elif fault.kind is FaultKind.KILL_SERVER:
                once = Random(f"faults/{scenario.seed}/server")  # one draw for the whole race: there is one server
                if once.random() < share and once.randrange(scenario.buyers) == participant:
                    return PlannedFault(fault, draw.randrange(scenario.orders), draw.randrange(_STEPS))
            elif drawn and buyer:
                return PlannedFault(fault, draw.randrange(scenario.orders), draw.randrange(_points(fault.kind)))
        return None

    def recorder(self, log: Writer, scenario: Scenario, participant: int, services: int) -> FaultingRecorder | None:
        """Return the recorder that injects a participant's fault, or None if it gets none."""
        planned_fault = self.planned_fault(scenario, participant, services)
        return FaultingRecorder(log, planned_fault, self.servers) if planned_fault else None


def _points(kind: FaultKind) -> int:
    return _STEPS if kind.is_step or kind is FaultKind.NO_FILES else _WRITES


class FaultingRecorder(Recorder):
    """The recorder of a participant into which a fault is injected."""

    def __init__(self, log: Writer, planned_fault: PlannedFault, servers: Sequence[int]) -> None:
        super().__init__(log, trace=True)
        self._planned: PlannedFault | None = planned_fault
        self._servers = servers
        self._order = _NO_ORDER
        self._steps_left = planned_fault.point
        self._failing = ExitStack()  # the failure of files that the present access meets

    def perform(self, perform: Perform, request: Request) -> Any:
        """Perform a request and record it; the fault comes at one of its steps, or just before it returns."""
        self._order += 1
        return super().perform(partial(self._answer, perform), request)

    def _answer(self, perform: Perform, request: Request) -> Any:
        try:
            return perform(request)
        finally:
            self._failing.close()
            if self._planned is not None and self._order >= self._planned.order and self._planned.fault.kind.is_step:
                self._inject(self._planned.fault, "its return")

    def at(self, step: Step) -> None:
        """Record the step; the fault comes before it, or makes it fail."""
        fault = self._come_to(step)
        super().at(step)
        if fault is not None:
            self._failing.enter_context(failing_io(fault.kind, step))

    def block(self, step: Step, attempt: Callable[[], T | Literal[Blocked.BLOCKED]], wait: Callable[[], T]) -> T:
        """Wait and record it; the fault comes before the wait, or makes the access fail."""
        fault = self._come_to(step)
        if fault is None:
            return super().block(step, attempt, wait)
        return super().block(step, partial(_under, fault.kind, step, attempt), partial(_under, fault.kind, step, wait))

    def sleep(self, seconds: float) -> None:
        """End the failure of files, then sleep."""
        self._failing.close()
        super().sleep(seconds)

    def _come_to(self, step: Step) -> Fault | None:
        """End the last access's failure; if the fault is due, inject it, or return it if it makes this step fail."""
        self._failing.close()
        planned_fault = self._planned
        if planned_fault is None or self._order < planned_fault.order or not planned_fault.fault.kind.applies_to(step):
            return None
        if self._steps_left:
            self._steps_left -= 1
            return None
        self._inject(planned_fault.fault, f"{step.action.value} {step.resource}")
        return None if planned_fault.fault.kind.is_step else planned_fault.fault

    def _inject(self, fault: Fault, before: str) -> None:
        self._planned = None
        self._write()
        self._log.append((FAULT, monotonic_ns(), str(fault), before))
        match fault.kind:
            case FaultKind.KILL | FaultKind.KILL_SERVICE:
                os.kill(os.getpid(), signal.SIGKILL)
            case FaultKind.TERMINATE:
                signal.signal(signal.SIGTERM, _leave)
                os.kill(os.getpid(), signal.SIGTERM)
            case FaultKind.PAUSE:
                os.kill(os.getpid(), signal.SIGSTOP)  # until the watchdog sends SIGCONT
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
