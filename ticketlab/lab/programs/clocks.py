"""What the clocks of Python participants show: the explorer's virtual time, kept in each one's own memory.

A participant's time is moved on by its sleeps and waits, by its own readings, and by steps of others before its own
(`explorer.engine.clock`). So a reading depends on nothing but what happens before it, and is no step: the same schedule
leads to the same readings, and steps that commute lead to the same ones in either order.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import Final

from ticketlab.explorer.engine.clock import Clock
from ticketlab.gate.processes import Task

_ROW: Final = struct.Struct("qq")  # the time by the gate and the last reading, in ns, which are the clock's ticks
_TIME: Final = struct.Struct("q")


class ShownClocks:
    """The clocks of one execution's participants."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._shown: dict[Task, tuple[int, int]] = {}  # where a time stands, and which one

    def take_readings(self, task: Task) -> None:
        """Move a participant's time on by its readings since it was shown a time."""
        if task.clock:
            data = task.process.read(task.clock, _ROW.size)
            read = _ROW.unpack(data)[1] if len(data) == _ROW.size else 0
            ahead = read - self._clock.now_of(task.number)
            if ahead > 0:
                self._clock.drift(task.number, ahead)

    def begin(self, task: Task, starter: Task) -> None:
        """Have a participant begin at the time of the one by whose step it came to be."""
        ahead = self._clock.now_of(starter.number) - self._clock.now_of(task.number)
        if ahead > 0:
            self._clock.drift(task.number, ahead)

    def show(self, task: Task) -> None:
        """Have a participant's clock show its time, before it goes on."""
        if not task.clock:
            return
        shown = task.clock, self._clock.now_of(task.number)
        if self._shown.get(task) != shown:
            self._shown[task] = shown
            with suppress(OSError):  # the memory is gone
                task.process.write(task.clock, _TIME.pack(shown[1]))
