"""On which lines of the user's functions each step was made: asked when it is made, in the participant's process."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from tempfile import TemporaryFile
from types import FrameType
from typing import NamedTuple

from ticketlab.explorer.engine.scheduler import Scheduler
from ticketlab.lab.fixing.stretches import CodePlace, Stretch
from ticketlab.lab.plain.function import is_users_code


class CodeLine(NamedTuple):
    """A line that a function stands at."""

    place: CodePlace
    line: int


class MarkedStep(NamedTuple):
    """A step that a participant made, and the lines of the user's functions that led to it, the outermost first."""

    who: int
    lines: Sequence[CodeLine]

    def within(self, stretch: Stretch) -> bool:
        """Whether it was made on a line of a stretch, or by what such a line calls."""
        return any(each.place == stretch.place and stretch.first <= each.line <= stretch.last for each in self.lines)


class LineMarks:
    """Writes down the lines of each step; called by the scheduler in the participant that makes it."""

    def __init__(self) -> None:
        self._file = TemporaryFile()  # noqa: SIM115 - participants write to it as long as they live

    def __call__(self, scheduler: Scheduler, who: int) -> None:
        """Write down on which lines the participant stands."""
        stack = [[*place_and_line] for place_and_line in _lines_of(sys._getframe(1))]
        number = scheduler.state.counters.length
        os.write(self._file.fileno(), f"{json.dumps([number, who, stack])}\n".encode())

    def executions(self) -> list[list[MarkedStep]]:
        """Return the steps of each execution, in order."""
        found: list[list[MarkedStep]] = []
        self._file.seek(0)
        for text in self._file:
            number, who, stack = json.loads(text)
            if number == 1 or not found:
                found.append([])
            lines = [CodeLine(CodePlace(file, name, first), line) for file, name, first, line in reversed(stack)]
            found[-1].append(MarkedStep(who, lines))
        return found

    def close(self) -> None:
        """Forget everything."""
        self._file.close()


def users_frames(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield the frames of the user's functions that led to a frame, the innermost first."""
    while frame is not None:
        if is_users_code(frame.f_code.co_filename) and not frame.f_code.co_name.startswith("<"):
            yield frame
        frame = frame.f_back


def _lines_of(frame: FrameType) -> Iterator[tuple[str, str, int, int]]:
    for each in users_frames(frame):
        code = each.f_code
        yield code.co_filename, code.co_name, code.co_firstlineno, each.f_lineno
