"""Calls that have a path among their arguments: which one that is, and what stands there now."""

from __future__ import annotations

import os
from collections.abc import Callable

from ticketlab.gate.calls.call import StoppedCall
from ticketlab.gate.calls.family import Arguments, Classify
from ticketlab.gate.processes import Task
from ticketlab.gate.sight import AT_FDCWD, Sight

MakeCall = Callable[[Sight, Task, Arguments, str], StoppedCall | None]
"""Takes a call whose path is absolute by now."""


def with_path(path: int, folder: int | None, make: MakeCall) -> Classify:
    """Return how calls are taken that have a path at one place of their arguments, and its folder at another."""

    def classify(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
        above = AT_FDCWD if folder is None else arguments[folder]
        absolute = sight.absolute(task.process, task.process.text(arguments[path]), above)
        return make(sight, task, arguments, absolute) if absolute else None

    return classify


def stat_of(absolute: str, *, follows: bool = True) -> os.stat_result | None:
    try:
        return os.stat(absolute) if follows else os.lstat(absolute)
    except OSError:
        return None
