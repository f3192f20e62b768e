"""Looks at what is known of a file or a folder: how much is in it, its times, its names; and lists of folders."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from ticketlab.core.file_names import LINKS, LIST
from ticketlab.core.steps import Access, Action, Step
from ticketlab.gate.calls.call import Made, StoppedCall
from ticketlab.gate.calls.family import Arguments, Classify
from ticketlab.gate.calls.paths import stat_of, with_path
from ticketlab.gate.descriptors import Sort, flags_of
from ticketlab.gate.processes import Task
from ticketlab.gate.sight import AT_FDCWD, Sight

_AT_SYMLINK_NOFOLLOW: Final = 0x100
_AT_EMPTY_PATH: Final = 0x1000
_SHELLS: Final = frozenset({"sh", "dash", "bash", "ash", "busybox", "ksh", "mksh", "zsh", "yash"})
_MAKE_FOLDERS: Final = ("mkdir", "mkdirat")
_OPEN: Final = ("open", "openat", "openat2", "creat")
_SOURCE: Final = ".py"
_PROCESSES: Final = "/proc"


def _follows(_arguments: Arguments) -> bool:
    return False


def examining(path: int = 0, folder: int | None = None, no_follow: Callable[[Arguments], bool] = _follows) -> Classify:
    """Return how calls are taken that say how much is in a file, when it was changed, and what one may do with it."""

    def make(sight: Sight, task: Task, arguments: Arguments, absolute: str) -> StoppedCall | None:
        place = sight.place(absolute)
        if place is None:
            return None

        after, _ = task.last_call

        def step(*, follows: bool) -> Step:
            there = (sight.place(absolute, follows=True) if follows else place) or place
            here = stat_of(absolute, follows=follows)
            if here is None or not _has_data(here):
                return there.step(Action.LOOK)
            name = sight.names.data(here, there)
            found = there.with_data(Action.READ, name)
            if stat.S_ISREG(here.st_mode):
                return found._replace(also=(*found.also, (Action.READ, LINKS + name)))
            if _asks_idly(task, task.process.text(arguments[path]), absolute, after):
                return found
            return found._replace(also=(*found.also, *_lists(name, there.path)))

        def found() -> Made:
            return Made(step(follows=not no_follow(arguments)))

        return StoppedCall(step(follows=True), found=found)

    return with_path(path, folder, make)


def _has_data(found: os.stat_result) -> bool:
    return stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)


def _lists(*names: str) -> tuple[Access, ...]:
    """Return what depends on the names in a folder, which may have several names itself: its list, times and counts."""
    return tuple((Action.LIST, LIST + name) for name in dict.fromkeys(names))


def _asks_idly(task: Task, text: str, absolute: str, after: str) -> bool:
    """Whether it is a shell that makes sure where it stands, or Python that looks whether its modules have changed.

    They do so all the time, and what Python's import reads is no file of the program's. Whoever has just failed to make
    a folder asks only whether it is one, as os.makedirs and mkdir(1) do.
    """
    process = task.process
    if after in _MAKE_FOLDERS:
        return True
    with suppress(OSError):
        program = os.path.basename(os.readlink(f"/proc/{process.pid}/exe"))
        here = text == "." or (text.startswith("/") and absolute.rstrip("/") == process.stands_in())
        if program in _SHELLS:
            return here
        if program.startswith("python") and text.startswith("/"):
            return here or any(name.endswith(_SOURCE) for name in os.listdir(absolute))
    return False


def examine_descriptor(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    """Return a call that says of a descriptor what `examining` ones say of a path."""
    file = sight.opened(task.process, arguments[0])
    if file is None or not file.name:
        return None
    if file.sort is Sort.FILE:
        names = () if _has_just_opened(task) else ((Action.READ, LINKS + file.name),)
        return StoppedCall(Step(Action.READ, file.name, also=names, path=file.shown))
    if file.sort is not Sort.FOLDER or flags_of(task.process.pid, arguments[0]) & os.O_NONBLOCK:
        return None  # it is opendir(3), which makes sure that it has a folder before it lists it
    return StoppedCall(Step(Action.READ, file.name, also=_lists(file.name, _path_now(sight, task, arguments[0]))))


def _has_just_opened(task: Task) -> bool:
    """Whether a thread asks as libraries do when they open a file, or begin to read it: only how much is in it.

    Python does so whenever it opens a file (right after that), and when it reads a whole one (after it has asked for
    the place). What is replaced beside a reader would have twice as many orders, all alike.
    """
    name, arguments = task.last_call
    return name in _OPEN or (name == "lseek" and not arguments[1] and arguments[2] & 0xFFFFFFFF == os.SEEK_CUR)


def _path_now(sight: Sight, task: Task, descriptor: int) -> str:
    """Return how people know a folder by now that is open: it may have been moved."""
    place = sight.place(sight.absolute(task.process, "", descriptor))
    return place.path if place is not None else ""


def _stat_at(flags: int) -> Classify:
    """Return how calls are taken that examine a name or, where their flags say so, a descriptor."""
    examine = examining(1, 0, lambda given: bool(given[flags] & _AT_SYMLINK_NOFOLLOW))

    def classify(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
        of_descriptor = arguments[flags] & _AT_EMPTY_PATH and arguments[0] & 0xFFFFFFFF != AT_FDCWD
        if of_descriptor and not task.process.text(arguments[1]):
            return examine_descriptor(sight, task, arguments)
        return examine(sight, task, arguments)

    return classify


def _list(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    file, process = sight.opened(task.process, arguments[0]), task.process
    if file is None or file.sort is not Sort.FOLDER:
        return None
    if file.path == _PROCESSES:
        sight.cannot_control(process, "lists all processes, and who comes and goes there is not seen")
    if not file.name:
        return None
    path = _path_now(sight, task, arguments[0])
    (action, resource), *also = _lists(file.name, path)
    step = Step(action, resource, also=(*also, *sight.place_in(file)), path=file.name)

    def found() -> Made:
        with suppress(OSError):
            sight.files.listed.setdefault(path, set()).update(os.listdir(f"/proc/{process.pid}/fd/{arguments[0]}"))
        return Made(step)

    return StoppedCall(step, found=found)


def _room(sight: Sight, task: Task) -> None:
    sight.cannot_control(task.process, "asks how much room a file system has, and who takes it is not seen")


def _ask_for_room(sight: Sight, task: Task, _arguments: Arguments, absolute: str) -> StoppedCall | None:
    """Take a question for room; of what is not there it asks only whether it is (mkdir(1), cp(1) and mv(1) do so)."""
    place = sight.place(absolute)
    if place is None:
        return None
    step = place.step(Action.LOOK)

    def found() -> Made:
        if stat_of(absolute) is not None:
            _room(sight, task)
        return Made(step)

    return StoppedCall(step, found=found)


def _ask_for_room_by_descriptor(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
    file = sight.opened(task.process, arguments[0])
    if file is not None and file.name and file.sort in (Sort.FILE, Sort.FOLDER):
        _room(sight, task)
    return None


STOPPED: Final[Mapping[str, Classify]] = {
    **dict.fromkeys(("stat", "getxattr", "listxattr"), examining()),
    **dict.fromkeys(("lstat", "lgetxattr", "llistxattr"), examining(no_follow=lambda _given: True)),
    "newfstatat": _stat_at(3),
    "statx": _stat_at(2),
    **dict.fromkeys(("getxattrat", "listxattrat"), _stat_at(2)),
    **dict.fromkeys(("fstat", "fgetxattr", "flistxattr"), examine_descriptor),
    **dict.fromkeys(("getdents64", "getdents"), _list),
    "statfs": with_path(0, None, _ask_for_room),
    "fstatfs": _ask_for_room_by_descriptor,
}
