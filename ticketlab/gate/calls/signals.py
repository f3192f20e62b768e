"""Signals and what decides about them: whom they reach, what these do with them, their groups and their parents."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from ticketlab.core.steps import Access, Action, Step
from ticketlab.gate.calls.call import GO_ON, Reply, StoppedCall
from ticketlab.gate.calls.family import Arguments, Classify
from ticketlab.gate.descriptors import pid_behind
from ticketlab.gate.processes import Process, Task
from ticketlab.gate.sight import Sight

_NAMED: Final = frozenset(signal.Signals)
_STOPPING: Final = (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
_END_OF_PARENT, _ADOPTS = 1, 36  # PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER


def process_resource(process: Process) -> str:
    """Return the resource that is whether a process lives, and how it has ended."""
    return f"process {process.name}"


def handler_resource(process: Process, number: int) -> str:
    """Return the resource that is what a process does with a signal."""
    name = signal.Signals(number).name if number in _NAMED else number
    return f"signal {name} of {process.name}"


def group_resource(process: Process) -> str:
    """Return the resource that is to which group and session a process belongs."""
    return f"group of {process.name}"


def _blocked_resource(task: Task) -> str:
    return f"signals kept from {task.name}"


def _notices(process: Process, number: int) -> tuple[Access, ...]:
    """Return on what it depends what a signal does to a process."""
    kept = ((Action.READ, _blocked_resource(each)) for each in process.tasks)
    return ((Action.READ, handler_resource(process, number)), *kept)


def _signal(place: int) -> Classify:
    """Return how calls are taken that send a signal; its number stands at this place."""

    def classify(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
        pid = ctypes.c_int(arguments[0] & 0xFFFFFFFF).value
        target = sight.processes.get(abs(pid)) or _process_of(sight, pid)
        name = process_resource(target) if target is not None else f"process {sight.name_of_ended(abs(pid))}"
        everybody = [each for each in sight.processes.values() if each.name] if pid <= 0 else []
        groups = tuple((Action.READ, group_resource(each)) for each in everybody)
        if (number := arguments[place] & 0xFFFFFFFF) == 0:
            return StoppedCall(Step(Action.LOOK, name, also=groups))

        def attempt() -> Reply | None:
            for each in [target] if pid > 0 else _group(sight, task, -pid):
                if each is not None:
                    each.killed_by = task.name
                    if each is not task.process or pid <= 0:  # whoever ends itself by a signal has failed
                        each.signals.add(number)
            if target is not None and pid > 0 and number == signal.SIGKILL:
                target.exits_with = -signal.SIGKILL  # its parent may take it before anybody has looked
            if number in _STOPPING:
                sight.wakes_unseen = True
                sight.cannot_control(task.process, "stops a process by a signal, and who waits for that is not seen")
            return GO_ON

        reached = everybody or ([target] if target is not None else [])
        also = (*groups, *(access for each in reached for access in _notices(each, number)))
        return StoppedCall(Step(Action.SIGNAL, name, also=also), attempt=attempt)

    return classify


def _process_of(sight: Sight, thread: int) -> Process | None:
    """Return the process that has a thread."""
    return next((each for each in sight.processes.values() if thread in {task.thread for task in each.tasks}), None)


def _group(sight: Sight, task: Task, group: int) -> list[Process]:
    """Return whom a signal to a group of processes reaches; 0 is the sender's own group, and 1 means everybody."""
    found = []
    for each in sight.processes.values():
        with suppress(ProcessLookupError):
            if each.name and (group == 1 or os.getpgid(each.pid) == (group or os.getpgid(task.process.pid))):
                found.append(each)
    return found


def _signal_by_handle(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    return _signal(1)(sight, task, (pid_behind(task.process.pid, arguments[0]), *arguments[1:]))


def _handle(_sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    return StoppedCall(Step(Action.SET, handler_resource(task.process, arguments[0] & 0xFFFFFFFF)), restarts=True)


def _block(_sight: Sight, task: Task, _arguments: Arguments) -> StoppedCall | None:
    return StoppedCall(Step(Action.SET, _blocked_resource(task)), restarts=True)


def _on_group(action: Action) -> Classify:
    """Return how calls are taken that move a process to a group or a session, or ask for that."""

    def classify(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
        target = sight.processes.get(arguments[0] & 0xFFFFFFFF, task.process)
        return StoppedCall(Step(action, group_resource(target)))

    return classify


def _own_group(action: Action) -> Classify:
    return lambda _sight, task, _arguments: StoppedCall(Step(action, group_resource(task.process)))


def _ask_for_parent(_sight: Sight, task: Task, _arguments: Arguments) -> StoppedCall | None:
    """A process whose parent has ended has another one."""
    parent = task.process.parent
    return StoppedCall(Step(Action.LOOK, process_resource(parent))) if parent is not None and parent.name else None


def _set_option(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    option, value = (each & 0xFFFFFFFF for each in arguments[:2])
    if option == _END_OF_PARENT and value:
        sight.wakes_unseen = True
        sight.cannot_control(task.process, "is signalled when its parent ends, and when that comes is not controlled")
    if option == _ADOPTS and value:
        sight.cannot_control(task.process, "adopts processes whose parents have ended, which is not followed")
    return None


STOPPED: Final[Mapping[str, Classify]] = {
    **dict.fromkeys(("kill", "tkill", "rt_sigqueueinfo"), _signal(1)),
    **dict.fromkeys(("tgkill", "rt_tgsigqueueinfo"), _signal(2)),
    "pidfd_send_signal": _signal_by_handle,
    "rt_sigaction": _handle,
    "rt_sigprocmask": _block,
    "setpgid": _on_group(Action.SET),
    **dict.fromkeys(("getpgid", "getsid"), _on_group(Action.READ)),
    "setsid": _own_group(Action.SET),
    "getpgrp": _own_group(Action.READ),
    "getppid": _ask_for_parent,
    "prctl": _set_option,
}
