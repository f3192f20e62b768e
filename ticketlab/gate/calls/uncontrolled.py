"""What cannot be controlled, and is told: others may notice it in ways that nobody here sees or orders."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from typing import Final

from ticketlab.core.steps import Action, Step
from ticketlab.gate.calls.call import StoppedCall
from ticketlab.gate.calls.family import Arguments, Classify
from ticketlab.gate.descriptors import Sort
from ticketlab.gate.processes import Task
from ticketlab.gate.sight import Sight

_ITIMER, _ITIMERSPEC = 16, 16  # where in the struct the time stands, after the interval
_MAP_SHARED, _PROT_WRITE = 1, 2


def _outside(sentence: str) -> Classify:
    def classify(sight: Sight, task: Task, _arguments: Arguments) -> StoppedCall | None:
        sight.cannot_control(task.process, sentence)
        return None

    return classify


def _map(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    descriptor = ctypes.c_int(arguments[4] & 0xFFFFFFFF).value
    if descriptor >= 0 and task.statement is not None and task.statement.maps(descriptor):
        return None  # the memory of a database's log, which SQLite locks rightly
    shared = arguments[3] & _MAP_SHARED and arguments[2] & _PROT_WRITE
    if descriptor >= 0 and not shared:
        return _map_to_read(sight, task, descriptor)
    if descriptor >= 0:
        sight.maps(task.process, descriptor)
    else:
        sight.cannot_control(task.process, "maps memory to share it with its children: what they do there is not seen")
    return None


def _map_to_read(sight: Sight, task: Task, descriptor: int) -> StoppedCall | None:
    """What others write into the file is read without a call, at any time from now on."""
    file = sight.opened(task.process, descriptor)
    if file is None or file.sort is not Sort.FILE or not file.name:
        return None
    sight.mapped.add(file.name)
    return StoppedCall(Step(Action.READ, file.name, path=file.shown))


def _timer(place: int) -> Classify:
    """Return how calls are taken that have the kernel send a signal later; at this place they say when."""

    def classify(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
        if any(task.process.read(arguments[place] + _ITIMER, _ITIMERSPEC)):
            sight.sets_timer(task.process)
        return None

    return classify


def _alarm(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    if arguments[0] & 0xFFFFFFFF:
        sight.sets_timer(task.process)
    return None


def _await_signal(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    if arguments[2]:
        sight.sets_timer(task.process)
    return None


def _watch(sight: Sight, task: Task, _arguments: Arguments) -> StoppedCall | None:
    sight.wakes_unseen = True
    sight.cannot_control(task.process, "watches files, and when it is told of them is not controlled")
    return None


_SEMAPHORES: Final = _outside("uses System V semaphores, which are not controlled")
_MESSAGES: Final = _outside("uses System V messages, which are not controlled")
_POSIX: Final = _outside("uses POSIX messages, which are not controlled")
_MEMORY: Final = _outside("maps System V memory: what processes do there is not seen")
_OTHERS: Final = _outside("looks into another process, and what it does there is not seen")
_KEYS: Final = _outside("uses the kernel's keys, which are not controlled")

STOPPED: Final[Mapping[str, Classify]] = {
    "mmap": _map,
    "io_uring_setup": _outside("uses io_uring, whose calls are not stopped"),
    **dict.fromkeys(("semget", "semop", "semtimedop"), _SEMAPHORES),
    **dict.fromkeys(("msgget", "msgsnd", "msgrcv"), _MESSAGES),
    **dict.fromkeys(("mq_open", "mq_unlink", "mq_timedsend", "mq_timedreceive"), _POSIX),
    **dict.fromkeys(("shmget", "shmat"), _MEMORY),
    **dict.fromkeys(("futex_waitv", "futex_wait", "futex_wake"), _outside("uses a lock that is not controlled")),
    **dict.fromkeys(("ptrace", "process_vm_readv", "process_vm_writev"), _OTHERS),
    **dict.fromkeys(("add_key", "request_key", "keyctl"), _KEYS),
    **dict.fromkeys(("chroot", "mount"), _outside("changes what paths mean, which is not followed")),
    "inotify_add_watch": _watch,
    "alarm": _alarm,
    "rt_sigtimedwait": _await_signal,
    "setitimer": _timer(1),
    **dict.fromkeys(("timer_settime", "timerfd_settime"), _timer(2)),
}
