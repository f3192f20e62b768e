"""Calls on files and names: what they read and change, from their arguments, and what they turn out to do."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from typing import Final

from ticketlab.core.file_names import LIST, FileName
from ticketlab.core.steps import Access, Action, Step
from ticketlab.gate.calls.call import Call, Made
from ticketlab.gate.calls.channels import on_channel
from ticketlab.gate.calls.told import told
from ticketlab.gate.descriptors import OpenFile, Sort, flags_of
from ticketlab.gate.inside.telling import PREFIX
from ticketlab.gate.processes import Task
from ticketlab.gate.sight import AT_FDCWD, Sight

Arguments = tuple[int, ...]
Classify = Callable[[Sight, Task, Arguments], Call | None]

_AT_REMOVEDIR: Final = 0x200
_AT_SYMLINK_NOFOLLOW: Final = 0x100
_AT_EMPTY_PATH: Final = 0x1000
_RENAME_NOREPLACE: Final = 1
_CREATES: Final = os.O_CREAT | os.O_TRUNC


# Data


def _data(action: Action) -> Classify:
    """Return how calls are taken whose first argument is a descriptor, and which do something to its data."""

    def classify(sight: Sight, task: Task, arguments: Arguments) -> Call | None:
        file = sight.opened(task.process, arguments[0])
        if file is None:
            return None
        if file.sort in (Sort.PIPE, Sort.SOCKET, Sort.EVENTS):
            return on_channel(sight, task, arguments[0], file, action)
        if not file.name or file.sort is not Sort.FILE:
            return None
        return Call(_data_step(task, arguments[0], file, action))

    return classify


def _data_step(task: Task, descriptor: int, file: OpenFile, action: Action) -> Step:
    if action is Action.WRITE and flags_of(task.process.pid, descriptor) & os.O_APPEND:
        action = Action.APPEND
    return Step(action, file.name, path=file.shown)


def _write(sight: Sight, task: Task, arguments: Arguments) -> Call | None:
    file = sight.opened(task.process, arguments[0])
    if file is not None and file.sort is Sort.OUTPUT:
        sight.output.append((task.process, task.process.read(arguments[1], min(arguments[2], 1 << 16))))
        return None
    call = _data(Action.WRITE)(sight, task, arguments)
    if call is not None:
        call.written = arguments[0], arguments[1], arguments[2]
    return call


def _read(sight: Sight, task: Task, arguments: Arguments) -> Call | None:
    """Reading moves on in the open file, whose place belongs to all processes that have inherited it."""
    call, file = _data(Action.READ)(sight, task, arguments), sight.opened(task.process, arguments[0])
    if call is not None and file is not None and file.sort is Sort.FILE:
        call.step = call.step._replace(also=sight.place_in(file))
    return call


def _seek(sight: Sight, task: Task, arguments: Arguments) -> Call | None:
    if arguments[2] & 0xFFFFFFFF == os.SEEK_END:
        return _read(sight, task, arguments)
    file = sight.opened(task.process, arguments[0])
    place = sight.place_in(file) if file is not None else ()
    return Call(Step(*place[0])) if place else None


def _copy(into_first: bool, second: int) -> Classify:
    """Return how calls are taken that copy from one descriptor to another."""

    def classify(sight: Sight, task: Task, arguments: Arguments) -> Call | None:
        one, other = (sight.opened(task.process, arguments[place]) for place in (0, second))
        target, source = (one, other) if into_first else (other, one)
        reads = (Action.READ, source.name) if source and source.name else None
        if target is not None and target.name:
            return Call(Step(Action.WRITE, target.name, also=(reads,) if reads else ()))
        return Call(Step(*reads)) if reads else None

    return classify


def _examine_descriptor(sight: Sight, task: Task, arguments: Arguments) -> Call | None:
    file = sight.opened(task.process, arguments[0])
    examined = file is not None and file.name and file.sort is Sort.FILE
    return Call(Step(Action.READ, file.name, path=file.shown)) if file and examined else None


def _list(sight: Sight, task: Task, arguments: Arguments) -> Call | None:
    file = sight.opened(task.process, arguments[0])
    if file is None or file.sort is not Sort.FOLDER or not file.name:
        return None
    return Call(Step(Action.LIST, LIST + file.name, path=file.name))


# Names


def _named(path: int, folder: int | None, make: Callable[[Sight, Task, Arguments, str], Call | None]) -> Classify:
    """Return how calls are taken that have a path at one place of their arguments, and its folder at another."""

    def classify(sight: Sight, task: Task, arguments: Arguments) -> Call | None:
        above = AT_FDCWD if folder is None else arguments[folder]
        absolute = sight.absolute(task.process, task.process.text(arguments[path]), above)
        return make(sight, task, arguments, absolute) if absolute else None

    return classify


def _stat(absolute: str, *, follows: bool = True) -> os.stat_result | None:
    try:
        return os.stat(absolute) if follows else os.lstat(absolute)
    except OSError:
        return None


def _open(flags: int) -> Callable[[Sight, Task, Arguments, str], Call | None]:
    def make(sight: Sight, _task: Task, arguments: Arguments, absolute: str) -> Call | None:
        return _opening(sight, absolute, arguments[flags])

    return make


def _opening(sight: Sight, absolute: str, flags: int) -> Call | None:
    place = sight.place(absolute)
    if place is None:
        return None
    follows = not flags & (os.O_NOFOLLOW | os.O_EXCL)

    def found() -> Made:
        return _opened(sight, absolute, flags, follows=follows)

    if not flags & _CREATES:
        return Call(place.step(Action.LOOK), found=found)
    step = place.step(Action.CREATE)
    here = _stat(absolute)
    if flags & os.O_TRUNC and here is not None and stat.S_ISREG(here.st_mode):
        step = step._replace(also=(*step.also, (Action.TRUNCATE, sight.names.data(here, place))))
    return Call(step, found=found)


def _opened(sight: Sight, absolute: str, flags: int, *, follows: bool) -> Made:
    """Return what opening a file is, now that it is its turn."""
    place = sight.place(absolute, follows=follows)
    assert place is not None, "a place does not become nobody's business"
    here = _stat(absolute)
    if here is None and flags & os.O_CREAT:
        return Made(place.step(Action.CREATE))
    if here is None or not flags & os.O_TRUNC or not stat.S_ISREG(here.st_mode):
        return Made(place.step(Action.LOOK))
    if flags & os.O_EXCL and flags & os.O_CREAT:
        return Made(place.step(Action.CREATE), refused=True)
    data = sight.names.data(here, place)
    return Made(place.with_data(Action.TRUNCATE if here.st_size else Action.READ, data))


def _open_how(sight: Sight, task: Task, arguments: Arguments, absolute: str) -> Call | None:
    return _opening(sight, absolute, task.process.number(arguments[2], 8))


def _creat(sight: Sight, _task: Task, _arguments: Arguments, absolute: str) -> Call | None:
    return _opening(sight, absolute, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)


def _look(sight: Sight, _task: Task, _arguments: Arguments, absolute: str) -> Call | None:
    place = sight.place(absolute)
    return None if place is None else Call(place.step(Action.LOOK))


def _access(path: int, folder: int | None) -> Classify:
    """Return how calls are taken that ask whether a name is there: by some of them a process tells something."""
    look = _named(path, folder, _look)

    def classify(sight: Sight, task: Task, arguments: Arguments) -> Call | None:
        text = task.process.text(arguments[path])
        return told(sight, task, text) if text.startswith(PREFIX) else look(sight, task, arguments)

    return classify


def _examine(no_follow: Callable[[Arguments], bool]) -> Callable[[Sight, Task, Arguments, str], Call | None]:
    """Return how calls are taken that say how much is in a file, and when it was changed."""

    def make(sight: Sight, _task: Task, arguments: Arguments, absolute: str) -> Call | None:
        place = sight.place(absolute)
        if place is None:
            return None

        def found() -> Made:
            here = _stat(absolute, follows=not no_follow(arguments))
            there = sight.place(absolute, follows=not no_follow(arguments)) or place
            if here is None or not stat.S_ISREG(here.st_mode):
                return Made(there.step(Action.LOOK))
            return Made(there.with_data(Action.READ, sight.names.data(here, there)))

        step = place.step(Action.LOOK)
        here = _stat(absolute)
        if here is not None and stat.S_ISREG(here.st_mode):
            step = place.with_data(Action.READ, sight.names.data(here, place))
        return Call(step, found=found)

    return make


def _stat_at(sight: Sight, task: Task, arguments: Arguments, *, flags: int) -> Call | None:
    text = task.process.text(arguments[1])
    if not text and arguments[flags] & _AT_EMPTY_PATH:
        return _examine_descriptor(sight, task, arguments)
    absolute = sight.absolute(task.process, text, arguments[0])
    examine = _examine(lambda given: bool(given[flags] & _AT_SYMLINK_NOFOLLOW))
    return examine(sight, task, arguments, absolute) if absolute else None


def _changing(action: Action) -> Callable[[Sight, Task, Arguments, str], Call | None]:
    """Return how calls are taken that make or unmake the name that a path is."""

    def make(sight: Sight, _task: Task, _arguments: Arguments, absolute: str) -> Call | None:
        return _change(sight, absolute, action)

    return make


def _change(sight: Sight, absolute: str, action: Action) -> Call | None:
    absolute = absolute.rstrip("/")
    place = sight.place(absolute)
    if place is None:
        return None
    step = place.step(action)

    def found() -> Made:
        here = _stat(absolute, follows=False)
        makes = action in (Action.MAKE_DIRECTORY, Action.CREATE, Action.LINK)
        if makes is (here is not None):
            return Made(step, refused=True)
        if action is Action.UNLINK and here is not None:
            if stat.S_ISDIR(here.st_mode):
                return Made(step, refused=True)
            sight.names.gone(here)
        if action is Action.REMOVE_DIRECTORY and here is not None:
            listed = (Action.LIST, LIST + sight.names.data(here, place))
            full = not stat.S_ISDIR(here.st_mode) or bool(os.listdir(absolute))
            return Made(step._replace(also=(*step.also, listed)), refused=full)
        return Made(step)

    return Call(step, found=found)


def _unlink_at(sight: Sight, _task: Task, arguments: Arguments, absolute: str) -> Call | None:
    return _change(sight, absolute, Action.REMOVE_DIRECTORY if arguments[2] & _AT_REMOVEDIR else Action.UNLINK)


def _moving(places: tuple[int | None, int, int | None, int], action: Action, flags: int | None = None) -> Classify:
    """Return how calls are taken that give a file another name; `places` are those of folder and path, from and to."""

    def classify(sight: Sight, task: Task, arguments: Arguments) -> Call | None:
        from_folder, from_path, to_folder, to_path = places
        old, new = (
            sight.absolute(
                task.process,
                task.process.text(arguments[path]),
                AT_FDCWD if folder is None else arguments[folder],
            ).rstrip("/")
            for folder, path in ((from_folder, from_path), (to_folder, to_path))
        )
        here, there = sight.place(old), sight.place(new)
        if here is None or there is None:
            return None
        keeps = flags is not None and bool(arguments[flags] & _RENAME_NOREPLACE)
        if action is Action.RENAME:
            return Call(_renaming(here, there), found=lambda: _renamed(sight, old, new, here, there, keeps=keeps))
        return Call(_linking(here, there), found=lambda: _linked(sight, old, new, here, there))

    return classify


def _renaming(here: FileName, there: FileName) -> Step:
    also: tuple[Access, ...] = (*there.looks, *here.looks, (Action.UNLINK, here.name), there.entry)
    if here.entry != there.entry:
        also = (*also, here.entry)
    return Step(Action.RENAME, there.name, also=also, path=f"{here.path} to {there.path}")


def _renamed(sight: Sight, old: str, new: str, here: FileName, there: FileName, *, keeps: bool) -> Made:
    step, replaced = _renaming(here, there), _stat(new, follows=False)
    if _stat(old, follows=False) is None or (keeps and replaced is not None):
        return Made(step, refused=True)
    sight.names.keep(old)
    if replaced is not None:
        sight.names.keep(new)
        sight.names.gone(replaced)
    return Made(step)


def _linking(here: FileName, there: FileName) -> Step:
    step = there.step(Action.LINK)
    return step._replace(also=(*step.also, *here.looks, (Action.LOOK, here.name)))


def _linked(sight: Sight, old: str, new: str, here: FileName, there: FileName) -> Made:
    step = _linking(here, there)
    if _stat(old) is None or _stat(new, follows=False) is not None:
        return Made(step, refused=True)
    sight.names.keep(old)
    return Made(step)


def _touching(action: Action) -> Callable[[Sight, Task, Arguments, str], Call | None]:
    """Return how calls are taken that change a file's times, mode or size by its name."""

    def make(sight: Sight, _task: Task, _arguments: Arguments, absolute: str) -> Call | None:
        place = sight.place(absolute)
        if place is None:
            return None
        here = _stat(absolute)
        if here is None:
            return Call(place.step(Action.LOOK))
        return Call(place.with_data(action, sight.names.data(here, place)))

    return make


def _change_folder(sight: Sight, task: Task, _arguments: Arguments) -> Call | None:
    process = task.process

    def forget() -> None:
        process.folder = ""

    process.folder = ""
    sight.after(task, forget)
    return None


def _symlink(to_folder: int | None, to_path: int) -> Classify:
    return _named(to_path, to_folder, _changing(Action.LINK))


CALLS: Final[Mapping[str, Classify]] = {
    **dict.fromkeys(("read", "readv"), _read),
    **dict.fromkeys(("pread64", "preadv", "preadv2"), _data(Action.READ)),
    "write": _write,
    **dict.fromkeys(("pwrite64", "writev", "pwritev", "pwritev2", "fallocate"), _data(Action.WRITE)),
    **dict.fromkeys(("fsync", "fdatasync"), _data(Action.FLUSH)),
    "ftruncate": _data(Action.TRUNCATE),
    "fchmod": _data(Action.TOUCH),
    "lseek": _seek,
    "fstat": _examine_descriptor,
    "sendfile": _copy(True, 1),
    "copy_file_range": _copy(False, 2),
    **dict.fromkeys(("getdents64", "getdents"), _list),
    "open": _named(0, None, _open(1)),
    "creat": _named(0, None, _creat),
    "openat": _named(1, 0, _open(2)),
    "openat2": _named(1, 0, _open_how),
    "access": _access(0, None),
    **dict.fromkeys(("faccessat", "faccessat2"), _access(1, 0)),
    "readlink": _named(0, None, _look),
    "readlinkat": _named(1, 0, _look),
    "stat": _named(0, None, _examine(lambda _given: False)),
    "lstat": _named(0, None, _examine(lambda _given: True)),
    "newfstatat": lambda sight, task, given: _stat_at(sight, task, given, flags=3),
    "statx": lambda sight, task, given: _stat_at(sight, task, given, flags=2),
    "unlink": _named(0, None, _changing(Action.UNLINK)),
    "unlinkat": _named(1, 0, _unlink_at),
    "mkdir": _named(0, None, _changing(Action.MAKE_DIRECTORY)),
    "mkdirat": _named(1, 0, _changing(Action.MAKE_DIRECTORY)),
    "rmdir": _named(0, None, _changing(Action.REMOVE_DIRECTORY)),
    "mknod": _named(0, None, _changing(Action.CREATE)),
    "mknodat": _named(1, 0, _changing(Action.CREATE)),
    "symlink": _symlink(None, 1),
    "symlinkat": _symlink(1, 2),
    "rename": _moving((None, 0, None, 1), Action.RENAME),
    "renameat": _moving((0, 1, 2, 3), Action.RENAME),
    "renameat2": _moving((0, 1, 2, 3), Action.RENAME, 4),
    "link": _moving((None, 0, None, 1), Action.LINK),
    "linkat": _moving((0, 1, 2, 3), Action.LINK),
    "truncate": _named(0, None, _touching(Action.TRUNCATE)),
    "chmod": _named(0, None, _touching(Action.TOUCH)),
    **dict.fromkeys(("utime", "utimes"), _named(0, None, _touching(Action.TOUCH))),
    **dict.fromkeys(("fchmodat", "fchmodat2", "utimensat", "futimesat"), _named(1, 0, _touching(Action.TOUCH))),
    **dict.fromkeys(("chdir", "fchdir"), _change_folder),
}
