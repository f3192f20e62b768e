"""Whom a fault strikes in an execution, at which of its points, and whom one has struck."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ticketlab.explorer.engine.columns import Allocate, Column, as_slice
from ticketlab.explorer.engine.registers import LEARNT, SETTLING

FIRST: Final = 1  # points are counted from 1 here, so that 0 can stand for none


class FaultPlan:
    """At most one fault for each participant, by the number of its points: those at which that fault could strike."""

    __slots__ = ("_at_start", "_points", "_registers", "_zeros", "fault", "injected", "point")

    def __init__(self, registers: Column, buyers: int, size: int, allocate: Allocate) -> None:
        self.point = allocate(size)  # at which a fault strikes a participant; 0 where none does
        self.fault = allocate(size)  # and which one that is, in the executor's list
        self.injected = allocate(size)  # whether it has struck
        self._points = allocate(size)  # that a participant has come to
        self._registers = registers
        self._zeros = as_slice(self.point, [0] * size)
        # Staff wait for the buyers at a point that is counted.
        self._at_start = as_slice(self.point, [0] * buyers + [FIRST] * (size - buyers))

    def strike(self, strikes: Iterable[tuple[int, int, int]]) -> None:
        """Have faults strike from now on: whom, at which point (from 0), and which fault of the executor's list."""
        self._registers[LEARNT] = 0  # a fault may come before a buyer's first step
        self.point[: len(self.point)] = self._zeros
        for who, point, fault in strikes:
            self.point[who], self.fault[who] = FIRST + point, fault

    def falls(self, who: int) -> bool:
        """Count a point at which a fault could strike a participant, and say whether it does.

        To staff that are getting ready, all that comes before the buyers is one point, the first.
        """
        self._points[who] = FIRST if self._registers[SETTLING] else self._points[who] + 1
        return bool(self.point[who] == self._points[who])

    def awaits(self, who: int) -> bool:
        """Whether a member of the staff stands where a fault is to strike it as soon as there are buyers."""
        return bool(self.point[who] == self._points[who] == FIRST)

    def renew(self) -> None:
        """Take down that nobody has come to a point yet."""
        self._points[: len(self._points)] = self._zeros

    def reset(self) -> None:
        """Start an execution: nobody has been struck, and staff have come to where they wait."""
        self._points[: len(self._points)] = self._at_start
        self.injected[: len(self.injected)] = self._zeros
