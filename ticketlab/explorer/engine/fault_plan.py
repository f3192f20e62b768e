"""Which fault each participant meets in an execution, at which of its points, and whom one has met so far."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ticketlab.explorer.engine.column_memory import Memory, as_slice
from ticketlab.explorer.engine.execution_counters import Counters

FIRST: Final = 1  # points are counted from 1 here, so that 0 can stand for none


class FaultPlan:
    """At most one fault for each participant, at one of its points.

    The points of a participant are those scheduling points to which its fault applies: the third write, say. They are
    counted during the execution, and the fault is injected when the count comes to the planned point.
    """

    __slots__ = ("_counters", "_points", "_settled", "_zeros", "fault", "injected", "point")

    def __init__(self, counters: Counters, size: int, memory: Memory) -> None:
        self.point = memory.column(size)  # by participant: the point at which a fault is injected; 0 if there is none
        self.fault = memory.column(size)  # by participant: the place of that fault in the executor's list
        self.injected = memory.column(size)  # by participant: whether its fault has been injected
        self._points = memory.column(size)  # by participant: how many points it has come to
        self._counters = counters
        self._zeros = as_slice(self.point, [0] * size)
        self._settled = memory.column(size)  # the same at the beginning of an execution, which only services have begun

    def plan(self, faults: Iterable[tuple[int, int, int]]) -> None:
        """Plan the faults of the executions to come: for whom, at which point (from 0), and which in the list."""
        self._counters.learnt = False  # a fault may come before a buyer's first step
        self.point[: len(self.point)] = self._zeros
        for who, point, fault in faults:
            self.point[who], self.fault[who] = FIRST + point, fault

    def is_due(self, who: int) -> bool:
        """Count a point of a participant, and return whether its fault is injected there.

        All that a service does before there are buyers counts as one point, the first.
        """
        if self._counters.settling:
            self._points[who] = self._settled[who] = FIRST
        else:
            self._points[who] += 1
        return bool(self.point[who] == self._points[who])

    def is_due_at_start(self, who: int) -> bool:
        """Whether a service waits at the point where a fault is injected as soon as there are buyers."""
        return bool(self.point[who] == self._points[who] == FIRST)

    def restart(self) -> None:
        """Forget the points that participants have come to, since all of them start anew."""
        self._points[: len(self._points)] = self._settled[: len(self._settled)] = self._zeros

    def reset(self) -> None:
        """Start an execution: no fault has been injected, and services have come to where they wait."""
        self._points[: len(self._points)] = self._settled[: len(self._settled)]
        self.injected[: len(self.injected)] = self._zeros
