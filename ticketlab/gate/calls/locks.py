"""Locks: on files, by descriptor and by record, and words in memory that processes wait for.

Whoever would have to wait is never left to wait in the kernel: a lock is tried from outside, on a copy of the
descriptor, and the call is answered when it can be had.
"""

from __future__ import annotations

import errno
import fcntl
import struct
import time
from collections.abc import Callable, Mapping
from typing import Final

from ticketlab.core.steps import Action, Step
from ticketlab.gate.calls.call import GO_ON, Made, Reply, StoppedCall
from ticketlab.gate.calls.family import Arguments, Classify
from ticketlab.gate.calls.uncontrolled import asks_for_signals
from ticketlab.gate.database_locks import keeps_somebody
from ticketlab.gate.descriptors import CHANNELS, Opened, Sort, shares_opening
from ticketlab.gate.processes import Process, Task
from ticketlab.gate.sight import Sight

_GETLK, _SETLK, _SETLKW = 5, 6, 7
_OFD_GETLK, _OFD_SETLK, _OFD_SETLKW = 36, 37, 38
_GETFL, _SETFL, _SET_ROOM, _ADD_SEALS, _GET_SEALS = 3, 4, 1031, 1033, 1034
_ASKS_FOR_SIGNALS: Final = (8, 10, 15, 1024, 1026)  # F_SETOWN, F_SETSIG, F_SETOWN_EX, F_SETLEASE, F_NOTIFY
_FLOCK: Final = struct.Struct("hhqqi4x")  # l_type, l_whence, l_start, l_len, l_pid
_UNLOCKED: Final = fcntl.F_UNLCK

_WAIT, _WAKE, _REQUEUE, _COMPARE_REQUEUE, _WAKE_OP, _WAIT_BITSET, _WAKE_BITSET = 0, 1, 3, 4, 5, 9, 10
_OPERATION: Final = 127
_BY_THE_WALL: Final = 256


def _lock_of(file: Opened) -> str:
    return f"lock on {file.name or file.path}"


def record_lock_of(file: Opened) -> str:
    """Return the resource of the locks that belong to a file and a process."""
    return f"record lock on {file.name or file.path}"


def _flock(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    file = sight.opened(task.process, arguments[0])
    operation = arguments[1] & 0xFFFFFFFF
    if file is None or file.sort not in (Sort.FILE, Sort.FOLDER):
        return None
    process, descriptor = task.process, arguments[0]
    if operation & fcntl.LOCK_UN:
        return StoppedCall(Step(Action.RELEASE, _lock_of(file)))

    def attempt() -> Reply | None:
        with sight.copy(process, descriptor) as copy:
            try:
                fcntl.flock(copy, operation | fcntl.LOCK_NB)
            except BlockingIOError:
                return Reply(-errno.EWOULDBLOCK) if operation & fcntl.LOCK_NB else None
        sight.files.locked.add(file.inode)
        return Reply(0)

    step = Step(Action.ACQUIRE, _lock_of(file))
    return StoppedCall(step, waits=not operation & fcntl.LOCK_NB, attempt=attempt)


def flags_of_opening(sight: Sight, task: Task, descriptor: int, action: Action) -> StoppedCall | None:
    """Return a call that asks for the flags of an open file, or sets some: all who share the opening notice it."""
    file, process = sight.opened(task.process, descriptor), task.process
    others = [each.pid for each in sight.processes.values() if each.name and each is not process]
    if file is None or not file.name:
        return None
    if file.name not in sight.files.shared_flags and not shares_opening(process.pid, descriptor, others):
        return None
    sight.files.shared_flags.add(file.name)  # the other one may have ended when it is asked again
    also = sight.place_in(file) if action is Action.SET else ()
    if file.sort in CHANNELS:  # who reads there and does not wait notices it
        also = ((action, file.name),)
    return StoppedCall(Step(action, f"flags of {file.name}", also=also))


def _fcntl(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    file, command = sight.opened(task.process, arguments[0]), arguments[1] & 0xFFFFFFFF
    if command in (_GETFL, _SETFL):
        return flags_of_opening(sight, task, arguments[0], Action.READ if command == _GETFL else Action.SET)
    if command in _ASKS_FOR_SIGNALS:
        asks_for_signals(sight, task.process)
        return None
    if file is None or not file.name:
        return None
    if command in (_ADD_SEALS, _GET_SEALS, _SET_ROOM):
        return StoppedCall(Step(Action.READ if command == _GET_SEALS else Action.TOUCH, file.name, path=file.shown))
    if file.sort is not Sort.FILE:
        return None
    return _record_lock(sight, task, arguments, file, command)


def _record_lock(sight: Sight, task: Task, arguments: Arguments, file: Opened, command: int) -> StoppedCall:
    process, descriptor = task.process, arguments[0]
    sight.recorded = True
    kind, whence, start, length, _ = _FLOCK.unpack(process.read(arguments[2], _FLOCK.size).ljust(_FLOCK.size, b"\0"))
    lock = record_lock_of(file)
    if command in (_GETLK, _OFD_GETLK):
        return StoppedCall(Step(Action.READ, lock))
    if kind == _UNLOCKED:
        return StoppedCall(Step(Action.RELEASE, lock))
    of_descriptor = command in (_OFD_SETLK, _OFD_SETLKW)

    def holder() -> int:
        """Return whose lock is in the way, as the kernel says; 0 if nobody's."""
        with sight.copy(process, descriptor) as copy:
            asked = _FLOCK.pack(kind, whence, start, length, 0)
            told = fcntl.fcntl(copy, _OFD_GETLK if of_descriptor else _GETLK, asked)
        found, _, _, _, owner = _FLOCK.unpack(told)
        return 0 if found == _UNLOCKED or (not of_descriptor and owner == process.pid) else int(owner)

    def attempt() -> Reply | None:
        sight.waits_for.pop(process.pid, None)
        if not (owner := holder()):
            return GO_ON
        if not of_descriptor and _closes_a_ring(sight, process.pid, owner):
            return Reply(-errno.EDEADLK)
        sight.waits_for[process.pid] = owner
        return None

    step = Step(Action.ACQUIRE, lock)
    if task.statement is not None and holder():
        task.statement.refused(lambda: holder() != 0)
    if command in (_SETLKW, _OFD_SETLKW):
        return StoppedCall(step, waits=True, attempt=attempt)
    return StoppedCall(step, found=lambda: Made(step, refused=holder() != 0))


def _closes_a_ring(sight: Sight, waiting: int, owner: int) -> bool:
    """Whether a process would wait for itself, which the kernel refuses."""
    seen = set()
    while owner not in seen:
        if owner == waiting:
            sight.outside["record locks were waited for in a ring: who is refused depends on who waits first"] = None
            return True
        seen.add(owner)
        owner = sight.waits_for.get(owner, 0)
    return False


def releases(sight: Sight, process: Process, file: Opened) -> list[str]:
    """Return the locks that a process may give up if it closes a descriptor of a file.

    A lock by flock belongs to an opening of the file, which several processes may share: the last one gives it up.
    """
    if file.sort not in (Sort.FILE, Sort.FOLDER):
        return []
    found = [_lock_of(file)] if file.inode in sight.files.locked else []
    return [*found, record_lock_of(file)] if sight.recorded and _keeps_somebody(sight, process, file) else found


def _keeps_somebody(sight: Sight, process: Process, file: Opened) -> bool:
    """Whether others may wait for what a process has locked of a file; SQLite keeps a lock while a log is open."""
    if file.name.removesuffix("-shm") in sight.databases.told and not sight.by_calls(file.name.removesuffix("-shm")):
        return keeps_somebody(file.path, process.pid)
    return holds_records(process, file)


def holds_records(process: Process, file: Opened) -> bool:
    """Whether a process has locked a part of a file, by the kernel's list of locks, or whoever shares its opening."""
    holders = ("POSIX", str(process.pid)), ("OFDLCK", "-1")
    with open("/proc/locks") as locks:
        return any(
            (words[1], words[-4]) in holders and words[-3].endswith(f":{file.inode}")
            for words in (line.replace("->", "").split() for line in locks)
        )


def _futex(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    address, operation, value, timeout = arguments[0], arguments[1] & _OPERATION, arguments[2], arguments[3]
    process = task.process
    word = sight.memory.word(process, address)
    if operation in (_WAKE, _WAKE_BITSET, _WAKE_OP, _REQUEUE, _COMPARE_REQUEUE):
        return StoppedCall(Step(Action.RELEASE, word), found=_waking(sight, word, value))
    if operation not in (_WAIT, _WAIT_BITSET):
        sight.outside["a lock in memory with priorities was used, and who waits for it is not seen"] = None
        return None
    expected, waited = value & 0xFFFFFFFF, False
    until = process.seconds(timeout)
    if operation == _WAIT_BITSET:  # which takes a time of the clock, and not how long
        clock = time.CLOCK_REALTIME if arguments[1] & _BY_THE_WALL else time.CLOCK_MONOTONIC
        until = process.until(timeout, clock)

    def attempt() -> Reply | None:
        nonlocal waited
        if process.number(address) != expected:
            return GO_ON if not waited else Reply(0)
        if waited and sight.woken[word] > 0:
            sight.woken[word] -= 1
            return Reply(0)
        waited = True
        return None

    step = Step(Action.ACQUIRE, word)
    # who waits for a thread to end waits so, unless that is over already, which nobody sees: it is no step of its own
    joins = sight.memory.is_own(process, address)
    return StoppedCall(step, waits=True, attempt=attempt, until=until, expired=Reply(-errno.ETIMEDOUT), inner=joins)


def _waking(sight: Sight, word: str, count: int) -> Callable[[], Made]:
    def found() -> Made:
        sight.woken[word] = min(sight.woken[word] + count, 1 << 30)
        return Made(Step(Action.RELEASE, word))

    return found


STOPPED: Final[Mapping[str, Classify]] = {
    "flock": _flock,
    "fcntl": _fcntl,
    "futex": _futex,
}
