"""Calls that have a path among their arguments: which one that is, and what stands there now."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from ticketlab.core.steps import Action, Step
from ticketlab.gate.calls.call import StoppedCall
from ticketlab.gate.calls.family import Arguments, Classify
from ticketlab.gate.processes import Task
from ticketlab.gate.sight import AT_FDCWD, Sight

_PROCESSES: Final = "/proc/"
_OF_ALL: Final = ("/proc/locks", "/proc/net/", "/proc/self/net/", "/proc/sysvipc/")
_SOURCE: Final = ".py"

MakeCall = Callable[[Sight, Task, Arguments, str], StoppedCall | None]
"""Takes a call whose path is absolute by now."""


def with_path(path: int, folder: int | None, make: MakeCall) -> Classify:
    """Return how calls are taken that have a path at one place of their arguments, and its folder at another."""

    def classify(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
        above = AT_FDCWD if folder is None else arguments[folder]
        absolute = sight.absolute(task.process, task.process.text(arguments[path]), above)
        if absolute.startswith(_PROCESSES) and (call := _process_looked_at(sight, task, absolute)) is not None:
            return call
        return make(sight, task, arguments, absolute) if absolute else None

    return classify


def _process_looked_at(sight: Sight, task: Task, absolute: str) -> StoppedCall | None:
    """Return the look at another process of the program, by which one learns whether it lives."""
    number, _, rest = absolute.removeprefix(_PROCESSES).partition("/")
    if absolute.startswith(_OF_ALL):
        sight.cannot_control(task.process, "asks the kernel what all processes do, and that is not seen")
    if number not in sight.pids or number == str(task.process.pid):
        return None
    if rest:
        sight.cannot_control(task.process, "looks into another process, and what it does there is not seen")
    return StoppedCall(Step(Action.LOOK, f"process {sight.name_of_ended(int(number))}"))


def changes_program(sight: Sight, absolute: str) -> None:
    """Take down that a source file of the program is changed: nobody looks who reads these."""
    if absolute.endswith(_SOURCE) and absolute.startswith(f"{sight.names.folder}/"):
        path = absolute.removeprefix(f"{sight.names.folder}/")
        sight.outside[f"{path} is changed, and who reads source files is not seen"] = None


def stat_of(absolute: str, *, follows: bool = True) -> os.stat_result | None:
    try:
        return os.stat(absolute) if follows else os.lstat(absolute)
    except OSError:
        return None
