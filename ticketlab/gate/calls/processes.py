"""Processes, time and chance: who starts, ends and waits for whom; sleeps; and numbers that are drawn."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from ticketlab.core.steps import Access, Action, Step
from ticketlab.gate.calls.call import GO_ON, Reply, StoppedCall
from ticketlab.gate.calls.chance import get_random
from ticketlab.gate.calls.family import Arguments, Classify
from ticketlab.gate.calls.locks import releases
from ticketlab.gate.calls.looks import examining
from ticketlab.gate.calls.outside import hanging_up
from ticketlab.gate.calls.signals import group_resource, handler_resource, process_resource
from ticketlab.gate.descriptors import CHANNELS
from ticketlab.gate.kernel import children_of, exit_code_of, is_ending, parent_of, state_of
from ticketlab.gate.processes import Process, Task
from ticketlab.gate.sight import Sight

_LONGEST_DEATH_MS: Final = 1_000
_WNOHANG: Final = 1
_P_PID, _P_PGID = 1, 2
_TIMER_ABSTIME: Final = 1
_CLOSE_RANGE_CLOEXEC: Final = 4


def children_resource(process: Process) -> str:
    """Return the resource that is whether any child of a process has ended."""
    return f"children of {process.name}"


def starting(task: Task) -> StoppedCall:
    """Return the step with which a participant begins."""
    return StoppedCall(Step(Action.START, f"process {task.name}"))


def ending(sight: Sight, task: Task, *, whole: bool) -> StoppedCall:
    """Return the step with which a thread, or its whole process, ends: locks are given up, and pipes are closed."""
    process = task.process
    if not whole and task.name != process.name:
        return StoppedCall(Step(Action.EXIT, f"thread {task.name}"), ends=True)
    with suppress(OSError):
        process.program = os.path.basename(os.readlink(f"/proc/{process.pid}/exe"))
    if any(other is not task and not other.serves for other in process.tasks):
        return StoppedCall(
            Step(Action.SIGNAL, process_resource(process)), ends=True
        )  # the others end wherever they are
    also = _closing(sight, process)
    if process.parent is not None:
        told = (Action.READ, handler_resource(process.parent, signal.SIGCHLD))
        also = (*also, _among_children(sight, process.parent), told)
    return StoppedCall(Step(Action.EXIT, process_resource(process), also=also), ends=True)


def _among_children(sight: Sight, parent: Process) -> Access:
    """Return what an end is to a parent: which child ends first matters only to who waits for any of them."""
    resource = children_resource(parent)
    return (Action.EXIT if resource in sight.points else Action.CLOSE, resource)


def _closing(
    sight: Sight, process: Process, *, by_exec: bool = False, within: range | None = None
) -> tuple[Access, ...]:
    """Return what happens when a process's descriptors are closed: locks are given up, and pipes have an end less."""
    found: list[Access] = []
    for file in sight.open_files(process, until_exec=by_exec, within=within):
        found += [(Action.RELEASE, lock) for lock in releases(sight, process, file)]
        if file.sort in CHANNELS and file.name:
            found.append((Action.CLOSE, file.name))
            found += hanging_up(sight, file.name)
    return tuple(dict.fromkeys(found))


def _exit_group(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    task.process.exits_with = arguments[0] & 255
    return ending(sight, task, whole=True)


def _exit(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    if task.name == task.process.name:
        task.process.exits_with = arguments[0] & 255
    return ending(sight, task, whole=False)


def _close(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    process, descriptor = task.process, arguments[0] & 0xFFFFFFFF
    file = sight.opened(process, descriptor)
    sight.closed(process, descriptor)
    if file is None or not file.name:
        return None
    if file.sort in CHANNELS:
        sight.after(task, sight.servers.settle)
        return StoppedCall(Step(Action.CLOSE, file.name, also=hanging_up(sight, file.name)))
    given_up = releases(sight, process, file)
    if not given_up:
        return None
    first, *others = given_up
    return StoppedCall(Step(Action.RELEASE, first, also=tuple((Action.RELEASE, each) for each in others)))


def _close_many(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    first, last, flags = (each & 0xFFFFFFFF for each in arguments[:3])
    at_once = not flags & _CLOSE_RANGE_CLOEXEC
    closed = _closing(sight, task.process, within=range(first, last + 1)) if at_once else ()
    sight.closed_many(task.process)
    return StoppedCall(Step(*closed[0], also=closed[1:])) if closed else None


def _duplicate(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    """A descriptor takes another's place, which is closed."""
    if arguments[0] == arguments[1]:
        return None
    return _close(sight, task, (arguments[1],))


def _exec(look: Classify) -> Classify:
    """Return how calls are taken by which a process becomes the program in a file, for which it looks."""

    def classify(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
        return _executing(sight, task, look(sight, task, arguments))

    return classify


def _executing(sight: Sight, task: Task, call: StoppedCall | None) -> StoppedCall | None:
    process = task.process
    sight.after(task, lambda: sight.became_another(process))
    closed = _closing(sight, process, by_exec=True)
    if call is None:
        return StoppedCall(Step(*closed[0], also=closed[1:])) if closed else None
    if closed:
        call = StoppedCall(call.step._replace(also=(*call.step.also, *closed)))
    return call


# Waiting for children


def _wait4(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    pid = ctypes.c_int(arguments[0] & 0xFFFFFFFF).value
    return _waiting(sight, task, pid if pid > 0 else None, arguments[2], by_group=pid not in (-1, max(pid, 1)))


def _waitid(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    pid = arguments[1] if arguments[0] == _P_PID else None
    return _waiting(sight, task, pid, arguments[3], by_group=arguments[0] == _P_PGID)


def _waiting(sight: Sight, task: Task, pid: int | None, options: int, *, by_group: bool) -> StoppedCall | None:
    process = task.process
    awaited = sight.processes.get(pid) if pid is not None else None
    resource = process_resource(awaited) if awaited is not None else children_resource(process)

    def attempt() -> Reply | None:
        wanted = _children(process, pid)
        if not wanted:
            return GO_ON  # the kernel says that there is none
        dead = [child for child in wanted if _is_dead(sight, child)]
        return GO_ON if dead or options & _WNOHANG else None

    children = (each for each in sight.processes.values() if by_group and each.parent is process)
    also = tuple((Action.READ, group_resource(each)) for each in children)
    return StoppedCall(Step(Action.WAIT_ON, resource, also=also), waits=not options & _WNOHANG, attempt=attempt)


def _children(process: Process, pid: int | None) -> list[int]:
    """Return the children of a process that it waits for: all, or the one with a number."""
    if pid is None:
        return children_of(process.pid)
    return [pid] if parent_of(pid) == process.pid else []


def _is_dead(sight: Sight, child: int) -> bool:
    """Whether a child has ended; how it did is noted, since nobody can ask once its parent has taken it."""
    known, state = sight.processes.get(child), state_of(child)
    if known is not None and known.killed_by and (state == "R" or is_ending(child)):
        known.is_dead(_LONGEST_DEATH_MS)  # a signal has woken it
        state = state_of(child)
    if state == "Z" and known is not None and known.exits_with is None:
        known.exits_with = exit_code_of(child)
    return state in ("Z", "")


# Time and chance


def _nanosleep(_sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    return _asleep(task, task.process.seconds(arguments[0]) or 0.0)


def _clock_nanosleep(_sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    process, address = task.process, arguments[2]
    if not arguments[1] & _TIMER_ABSTIME:
        return _asleep(task, process.seconds(address) or 0.0)
    with suppress(OSError):
        return _asleep(task, process.until(address, arguments[0]) or 0.0)
    return _asleep(task, 0.0)  # a clock that only the process itself can read


def _asleep(task: Task, seconds: float) -> StoppedCall:
    if task.statement is not None:  # it is SQLite that sleeps, before it tries again
        waits: StoppedCall | None = task.statement.asleep()
        return waits or StoppedCall(Step(Action.READ, f"clock of {task.name}", private=True), attempt=lambda: Reply(0))
    step = Step(Action.AWAIT, f"{seconds:.3g} s, by {task.name}", private=True)
    return StoppedCall(step, asleep=seconds, attempt=lambda: Reply(0))


STOPPED: Final[Mapping[str, Classify]] = {
    "exit_group": _exit_group,
    "exit": _exit,
    "close": _close,
    "close_range": _close_many,
    **dict.fromkeys(("dup2", "dup3"), _duplicate),
    "execve": _exec(examining(0)),
    "execveat": _exec(examining(1, 0)),
    "wait4": _wait4,
    "waitid": _waitid,
    "nanosleep": _nanosleep,
    "clock_nanosleep": _clock_nanosleep,
    "getrandom": get_random,
}
