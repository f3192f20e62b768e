"""Calls on files and names: what they read and change, from their arguments, and what they turn out to do."""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from ticketlab.core.steps import Action, Step
from ticketlab.gate.calls.call import Made, Reply, StoppedCall
from ticketlab.gate.calls.chance import chance
from ticketlab.gate.calls.channels import on_channel
from ticketlab.gate.calls.family import Arguments, Classify
from ticketlab.gate.calls.locks import flags_of_opening
from ticketlab.gate.calls.looks import examining
from ticketlab.gate.calls.paths import MakeCall, changes_program, stat_of, with_path
from ticketlab.gate.calls.told import told
from ticketlab.gate.calls.uncontrolled import asks_for_signals
from ticketlab.gate.descriptors import CHANNELS, Opened, Sort, flags_of, lowest_free
from ticketlab.gate.inside.telling import PREFIX
from ticketlab.gate.processes import Task
from ticketlab.gate.sight import Sight

_PART: Final = struct.Struct("QQ")  # struct iovec: where it begins, and how much it is
_CREATES: Final = os.O_CREAT | os.O_TRUNC
_FILLED: Final = (0x541B, 0x5411)  # FIONREAD, TIOCOUTQ
_NON_BLOCKING: Final = 0x5421
_OWNERS: Final = (0x5452, 0x8901, 0x8902)  # FIOASYNC, FIOSETOWN, SIOCSPGRP
_FLAGS: Final = (0x40086602, 0x401C5820)  # FS_IOC_SETFLAGS, FS_IOC_FSSETXATTR
_CLONE_RANGE, _SHARE_EQUAL_PARTS = 0x4020940D, 0xC0189436
_TERMINALS: Final = ("/dev/ptmx", "/dev/pts/ptmx")
_ATTRIBUTES: Final = ("setxattr", "lsetxattr", "removexattr", "lremovexattr")


# Data


def _data(action: Action) -> Classify:
    """Return how calls are taken whose first argument is a descriptor, and which do something to its data."""

    def classify(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
        file = sight.opened(task.process, arguments[0])
        if file is None:
            return None
        if file.sort in CHANNELS or file.sort is Sort.EVENTS:
            return on_channel(sight, task, arguments[0], file, action)
        if not file.name or file.sort is not Sort.FILE:
            return None
        return StoppedCall(_data_step(task, arguments[0], file, action))

    return classify


def _data_step(task: Task, descriptor: int, file: Opened, action: Action) -> Step:
    if action is Action.WRITE and flags_of(task.process.pid, descriptor) & os.O_APPEND:
        action = Action.APPEND
    return _step_on(action, file.name, file.shown)


@lru_cache(maxsize=1024)
def _step_on(action: Action, name: str, shown: str) -> Step:
    return Step(action, name, path=shown)


def _write(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    file = sight.opened(task.process, arguments[0])
    if file is not None and file.sort is Sort.OUTPUT:
        sight.output.append((task.process, task.process.read(arguments[1], min(arguments[2], 1 << 16))))
        return None
    call = _write_on(sight, task, arguments)
    if call is not None:
        call.written = arguments[0], arguments[1], arguments[2]
    return call


def _write_vector(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    file, process = sight.opened(task.process, arguments[0]), task.process
    if file is None or file.sort is not Sort.OUTPUT:
        return _write_on(sight, task, arguments)
    parts = _PART.iter_unpack(process.read(arguments[1], _PART.size * min(arguments[2], 1024)))
    sight.output.append((process, b"".join(process.read(start, min(size, 1 << 16)) for start, size in parts if size)))
    return None


def _moving_on(action: Action) -> Classify:
    """Reading and writing move on in the open file, whose place belongs to all processes that have inherited it."""
    data = _data(action)

    def classify(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
        call, file = data(sight, task, arguments), sight.opened(task.process, arguments[0])
        if call is not None and file is not None and file.sort is Sort.FILE:
            call.step = call.step._replace(also=sight.place_in(file))
        return call

    return classify


_read_on, _write_on = _moving_on(Action.READ), _moving_on(Action.WRITE)


def _read(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    file = sight.opened(task.process, arguments[0])
    if file is not None and file.sort is Sort.CHANCE:
        return chance(sight, task, arguments[1], arguments[2])
    return _read_on(sight, task, arguments)


def _seek(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    if arguments[2] & 0xFFFFFFFF == os.SEEK_END:
        return _read(sight, task, arguments)
    file = sight.opened(task.process, arguments[0])
    place = sight.place_in(file) if file is not None else ()
    asks = arguments[2] & 0xFFFFFFFF == os.SEEK_CUR and not arguments[1]
    return StoppedCall(Step(Action.READ if asks else Action.SET, place[0][1])) if place else None


def _copy(into_first: bool, second: int) -> Classify:
    """Return how calls are taken that copy from one descriptor to another; they may wait for either."""

    def classify(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
        one, other = ((arguments[place], sight.opened(task.process, arguments[place])) for place in (0, second))
        (target, written), (source, taken) = (one, other) if into_first else (other, one)
        halves = ((target, written, Action.WRITE), (source, taken, Action.READ))
        whole: StoppedCall | None = None
        for descriptor, file, action in halves:
            half = _half_copy(sight, task, descriptor, file, action) if file is not None and file.name else None
            if whole is not None and half is not None:
                whole.step = whole.step._replace(also=(*whole.step.also, *half.step.accesses))
                whole.waits, whole.attempt = whole.waits or half.waits, _both(whole.attempt, half.attempt)
            whole = whole or half
        return whole

    return classify


def _half_copy(sight: Sight, task: Task, descriptor: int, file: Opened, action: Action) -> StoppedCall | None:
    """Return one half of a copy as a call of its own."""
    if file.sort in CHANNELS:
        return on_channel(sight, task, descriptor, file, action)
    step = _data_step(task, descriptor, file, action)
    return StoppedCall(step._replace(also=sight.place_in(file)))


def _both(one: Callable[[], Reply | None], other: Callable[[], Reply | None]) -> Callable[[], Reply | None]:
    """Return the attempt of a call that waits until two others can go on."""
    return lambda: other() if one() is not None else None


def _control(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    """Return a call that does to a descriptor what there is no call for."""
    file, command = sight.opened(task.process, arguments[0]), arguments[1] & 0xFFFFFFFF
    if command in _OWNERS:
        asks_for_signals(sight, task.process)
    if file is None or not file.name:
        return None
    if command == _NON_BLOCKING:
        return flags_of_opening(sight, task, arguments[0], Action.SET)
    if command in _FILLED:
        return StoppedCall(Step(Action.READ, file.name, path=file.shown))
    if file.sort not in (Sort.FILE, Sort.FOLDER):
        return None
    if command in _FLAGS:
        return StoppedCall(Step(Action.TOUCH, file.name, path=file.shown))
    source = task.process.number(arguments[2], 8) if command == _CLONE_RANGE else arguments[2]
    taken = sight.opened(task.process, source & 0xFFFFFFFF) if command != _SHARE_EQUAL_PARTS else None
    reads = ((Action.READ, taken.name),) if taken is not None and taken.name else ()
    return StoppedCall(Step(Action.WRITE, file.name, also=reads, path=file.shown))


# Names


def _open(flags: int) -> MakeCall:
    def make(sight: Sight, task: Task, arguments: Arguments, absolute: str) -> StoppedCall | None:
        if absolute in _TERMINALS:
            new = lowest_free(task.process.pid)
            sight.after(task, lambda: sight.opens_terminal(task.process, new))
        return _opening(sight, absolute, arguments[flags])

    return make


def _opening(sight: Sight, absolute: str, flags: int) -> StoppedCall | None:
    place = sight.place(absolute)
    if place is None:
        if flags & (os.O_WRONLY | os.O_RDWR | _CREATES):
            changes_program(sight, absolute)
        return None
    follows = not flags & (os.O_NOFOLLOW | os.O_EXCL)

    def found() -> Made:
        return _opened(sight, absolute, flags, follows=follows)

    here = stat_of(absolute)
    if here is not None and stat.S_ISFIFO(here.st_mode):  # who opens the other end notices it
        step = place.step(Action.CREATE if flags & _CREATES else Action.LOOK)
        return StoppedCall(step._replace(also=(*step.also, (Action.SET, place.path))))
    if not flags & _CREATES:
        return StoppedCall(place.step(Action.LOOK), found=found)
    step = place.step(Action.CREATE)
    if flags & os.O_TRUNC and here is not None and stat.S_ISREG(here.st_mode):
        step = step._replace(also=(*step.also, (Action.TRUNCATE, sight.names.data(here, place))))
    return StoppedCall(step, found=found)


def _opened(sight: Sight, absolute: str, flags: int, *, follows: bool) -> Made:
    """Return what opening a file is, now that it is its turn."""
    place = sight.place(absolute, follows=follows)
    assert place is not None, "a place does not become nobody's business"
    here = stat_of(absolute)
    if here is None and flags & os.O_CREAT:
        return Made(place.step(Action.CREATE))
    if here is None or not flags & os.O_TRUNC or not stat.S_ISREG(here.st_mode):
        return Made(place.step(Action.LOOK))
    if flags & os.O_EXCL and flags & os.O_CREAT:
        return Made(place.step(Action.CREATE), refused=True)
    data = sight.names.data(here, place)
    return Made(place.with_data(Action.TRUNCATE if here.st_size else Action.READ, data))


def _open_how(sight: Sight, task: Task, arguments: Arguments, absolute: str) -> StoppedCall | None:
    return _opening(sight, absolute, task.process.number(arguments[2], 8))


def _creat(sight: Sight, _task: Task, _arguments: Arguments, absolute: str) -> StoppedCall | None:
    return _opening(sight, absolute, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)


def _look(sight: Sight, _task: Task, _arguments: Arguments, absolute: str) -> StoppedCall | None:
    place = sight.place(absolute)
    return None if place is None else StoppedCall(place.step(Action.LOOK))


def _access(path: int, folder: int | None, rights: int) -> Classify:
    """Return how calls are taken that ask whether a name is there, or what one may do with the file.

    By some of them a process tells something.
    """
    look, examine = with_path(path, folder, _look), examining(path, folder)

    def classify(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
        text = task.process.text(arguments[path])
        if text.startswith(PREFIX):
            return told(sight, task, text)
        return (examine if arguments[rights] & 0xFFFFFFFF else look)(sight, task, arguments)

    return classify


def _touching(action: Action, *, for_opening: bool = False) -> MakeCall:
    """Return how calls are taken that change a file's times, mode or size by its name.

    `for_opening` says that they may decide whether somebody can open the file, who only looks for its name.
    """

    def make(sight: Sight, _task: Task, _arguments: Arguments, absolute: str) -> StoppedCall | None:
        place = sight.place(absolute)
        if place is None:
            return None
        here = stat_of(absolute)
        if here is None:
            return StoppedCall(place.step(Action.LOOK))
        step = place.with_data(action, sight.names.data(here, place))
        return StoppedCall(step._replace(also=(*step.also, (action, place.name))) if for_opening else step)

    return make


def _change_folder(sight: Sight, task: Task, arguments: Arguments, absolute: str) -> StoppedCall | None:
    process = task.process

    def forget() -> None:
        process.folder = ""

    process.folder = ""
    sight.after(task, forget)
    return _look(sight, task, arguments, absolute) if absolute else None


STOPPED: Final[Mapping[str, Classify]] = {
    "read": _read,
    **dict.fromkeys(("readv", "preadv2"), _read_on),  # preadv2 reads on as well if no place is given
    **dict.fromkeys(("pread64", "preadv"), _data(Action.READ)),
    "write": _write,
    "writev": _write_vector,
    "pwrite64": _write,
    **dict.fromkeys(("pwritev", "pwritev2"), _write_vector),
    "fallocate": _data(Action.WRITE),
    **dict.fromkeys(("fsync", "fdatasync"), _data(Action.FLUSH)),
    "ftruncate": _data(Action.TRUNCATE),
    **dict.fromkeys(("fchmod", "fchown", "fsetxattr", "fremovexattr"), _data(Action.TOUCH)),
    "vmsplice": _data(Action.WRITE),
    "splice": _copy(False, 2),
    "tee": _copy(False, 1),
    "lseek": _seek,
    "ioctl": _control,
    "sendfile": _copy(True, 1),
    "copy_file_range": _copy(False, 2),
    "open": with_path(0, None, _open(1)),
    "creat": with_path(0, None, _creat),
    "openat": with_path(1, 0, _open(2)),
    "openat2": with_path(1, 0, _open_how),
    "access": _access(0, None, 1),
    **dict.fromkeys(("faccessat", "faccessat2"), _access(1, 0, 2)),
    "readlink": with_path(0, None, _look),
    "readlinkat": with_path(1, 0, _look),
    "truncate": with_path(0, None, _touching(Action.TRUNCATE)),
    **dict.fromkeys(("chmod", "chown", "lchown"), with_path(0, None, _touching(Action.TOUCH, for_opening=True))),
    **dict.fromkeys(_ATTRIBUTES, with_path(0, None, _touching(Action.TOUCH))),
    **dict.fromkeys(("setxattrat", "removexattrat"), with_path(1, 0, _touching(Action.TOUCH))),
    **dict.fromkeys(("utime", "utimes"), with_path(0, None, _touching(Action.TOUCH))),
    **dict.fromkeys(("fchmodat", "fchmodat2", "fchownat"), with_path(1, 0, _touching(Action.TOUCH, for_opening=True))),
    **dict.fromkeys(("utimensat", "futimesat"), with_path(1, 0, _touching(Action.TOUCH))),
    "chdir": with_path(0, None, _change_folder),
    "fchdir": lambda sight, task, given: _change_folder(sight, task, given, ""),
}
