"""What cannot be controlled, and is told: others may notice it in ways that nobody here sees or orders."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from typing import Final

from ticketlab.core.steps import Action, Step
from ticketlab.gate.calls.call import StoppedCall
from ticketlab.gate.calls.family import Arguments, Classify
from ticketlab.gate.descriptors import Sort, flags_of
from ticketlab.gate.processes import Process, Task
from ticketlab.gate.sight import Sight

_ITIMER, _ITIMERSPEC = 16, 16  # where in the struct the time stands, after the interval
_MAP_SHARED, _PROT_WRITE = 1, 2
_CLONE_FS, _CLONE_FILES = 0x200, 0x400
_CLONE_VM, _CLONE_VFORK, _CLONE_THREAD = 0x100, 0x4000, 0x10000


def tell_what_is_shared(sight: Sight, process: Process, flags: int) -> None:
    """Take down what a process shares with one that it starts, beside what all inherit (clone(2)).

    Whoever waits until the other one has become another program shares its memory with nobody.
    """
    if flags & _CLONE_THREAD:
        return
    if flags & _CLONE_VM and not flags & _CLONE_VFORK:
        sight.cannot_control(process, "shares its memory with a process that it starts: what they do there is not seen")
    if flags & (_CLONE_FILES | _CLONE_FS):
        sight.cannot_control(process, "shares its descriptors or its folder with a process that it starts")


def asks_for_signals(sight: Sight, process: Process) -> None:
    """Take down that a process has the kernel send a signal when something happens to a file."""
    sight.wakes_unseen = True
    sight.cannot_control(process, "asks for a signal when something happens to a file, and when is not controlled")


def _outside(sentence: str) -> Classify:
    def classify(sight: Sight, task: Task, _arguments: Arguments) -> StoppedCall | None:
        sight.cannot_control(task.process, sentence)
        return None

    return classify


def _map(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    descriptor = ctypes.c_int(arguments[4] & 0xFFFFFFFF).value
    if descriptor >= 0 and task.statement is not None and task.statement.maps(descriptor):
        return None  # the memory of a database's log, which SQLite locks rightly
    if descriptor >= 0 and not (arguments[3] & _MAP_SHARED and _may_write(task, descriptor, arguments[2])):
        return _map_to_read(sight, task, descriptor)
    if descriptor >= 0:
        sight.maps(task.process, descriptor)
    else:
        sight.cannot_control(task.process, "maps memory to share it with its children: what they do there is not seen")
    return None


def _may_write(task: Task, descriptor: int, rights: int) -> bool:
    """Whether memory is mapped to be written, or may be made so later (mprotect(2))."""
    return bool(rights & _PROT_WRITE or flags_of(task.process.pid, descriptor) & os.O_ACCMODE == os.O_RDWR)


def _map_to_read(sight: Sight, task: Task, descriptor: int) -> StoppedCall | None:
    """What others write into the file is read without a call, at any time from now on."""
    file = sight.opened(task.process, descriptor)
    if file is None or file.sort is not Sort.FILE or not file.name:
        return None
    sight.files.mapped.add(file.name)
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


def _read_signals(sight: Sight, task: Task, _arguments: Arguments) -> StoppedCall | None:
    sight.wakes_unseen = True
    sight.cannot_control(task.process, "reads signals from a descriptor, and when they come is not controlled")
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
_LOCKS: Final = _outside("uses a lock that is not controlled")
_PATHS: Final = _outside("changes what paths mean, which is not followed")
_KEYS: Final = _outside("uses the kernel's keys, which are not controlled")

STOPPED: Final[Mapping[str, Classify]] = {
    "mmap": _map,
    "io_uring_setup": _outside("uses io_uring, whose calls are not stopped"),
    **dict.fromkeys(("semget", "semop", "semtimedop", "semctl"), _SEMAPHORES),
    **dict.fromkeys(("msgget", "msgsnd", "msgrcv", "msgctl"), _MESSAGES),
    **dict.fromkeys(("mq_open", "mq_unlink", "mq_timedsend", "mq_timedreceive"), _POSIX),
    **dict.fromkeys(("shmget", "shmat", "shmctl"), _MEMORY),
    **dict.fromkeys(("futex_waitv", "futex_wait", "futex_wake", "futex_requeue"), _LOCKS),
    **dict.fromkeys(("ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "userfaultfd"), _OTHERS),
    **dict.fromkeys(("add_key", "request_key", "keyctl"), _KEYS),
    **dict.fromkeys(("chroot", "mount", "umount2", "pivot_root", "move_mount", "unshare", "setns"), _PATHS),
    "open_by_handle_at": _outside("opens a file without its name, which is not followed"),
    "io_setup": _outside("reads and writes without calls that are stopped"),
    **dict.fromkeys(("inotify_add_watch", "fanotify_mark"), _watch),
    **dict.fromkeys(("signalfd", "signalfd4"), _read_signals),
    "alarm": _alarm,
    "rt_sigtimedwait": _await_signal,
    "setitimer": _timer(1),
    **dict.fromkeys(("timer_settime", "timerfd_settime"), _timer(2)),
}
