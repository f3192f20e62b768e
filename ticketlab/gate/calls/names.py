"""Calls that make, move and unmake names in folders: what each is to do, and whether it can."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import Final

from ticketlab.core.file_names import LIST, FileName
from ticketlab.core.steps import Access, Action, Step
from ticketlab.gate.calls.call import Made, StoppedCall
from ticketlab.gate.calls.family import Arguments, Classify
from ticketlab.gate.calls.paths import MakeCall, changes_program, stat_of, with_path
from ticketlab.gate.processes import Task
from ticketlab.gate.sight import AT_FDCWD, Sight

_AT_REMOVEDIR: Final = 0x200
_RENAME_NOREPLACE: Final = 1


def _changing(action: Action) -> MakeCall:
    """Return how calls are taken that make or unmake the name that a path is."""

    def make(sight: Sight, _task: Task, _arguments: Arguments, absolute: str) -> StoppedCall | None:
        return _change(sight, absolute, action)

    return make


def _change(sight: Sight, absolute: str, action: Action) -> StoppedCall | None:
    absolute = absolute.rstrip("/")
    place = sight.place(absolute)
    if place is None:
        changes_program(sight, absolute)
        return None
    step = place.step(action)

    def found() -> Made:
        here = stat_of(absolute, follows=False)
        makes = action in (Action.MAKE_DIRECTORY, Action.CREATE, Action.LINK)
        if makes is (here is not None):
            return Made(step, refused=True)
        sight.names.forget_ways()
        if action is Action.UNLINK and here is not None:
            if stat.S_ISDIR(here.st_mode):
                return Made(step, refused=True)
            sight.names.gone(here)
        if action is Action.REMOVE_DIRECTORY and here is not None:
            listed = (Action.LIST, LIST + sight.names.data(here, place))
            full = not stat.S_ISDIR(here.st_mode) or bool(os.listdir(absolute))
            return Made(step._replace(also=(*step.also, listed)), refused=full)
        return Made(step)

    return StoppedCall(step, found=found)


def _unlink_at(sight: Sight, _task: Task, arguments: Arguments, absolute: str) -> StoppedCall | None:
    return _change(sight, absolute, Action.REMOVE_DIRECTORY if arguments[2] & _AT_REMOVEDIR else Action.UNLINK)


def _moving(places: tuple[int | None, int, int | None, int], action: Action, flags: int | None = None) -> Classify:
    """Return how calls are taken that give a file another name; `places` are those of folder and path, from and to."""

    def classify(sight: Sight, task: Task, arguments: Arguments) -> StoppedCall | None:
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
            changes_program(sight, new)
            changes_program(sight, old)
            return _change(sight, new, action) if there is not None else None
        keeps = flags is not None and bool(arguments[flags] & _RENAME_NOREPLACE)
        if action is Action.RENAME:
            return StoppedCall(
                _renaming(here, there), found=lambda: _renamed(sight, old, new, here, there, keeps=keeps)
            )
        return StoppedCall(_linking(here, there), found=lambda: _linked(sight, old, new, here, there))

    return classify


def _renaming(here: FileName, there: FileName) -> Step:
    also: tuple[Access, ...] = (*there.looks, *here.looks, (Action.UNLINK, here.name), there.entry)
    if here.entry != there.entry:
        also = (*also, here.entry)
    return Step(Action.RENAME, there.name, also=also, path=f"{here.path} to {there.path}")


def _renamed(sight: Sight, old: str, new: str, here: FileName, there: FileName, *, keeps: bool) -> Made:
    step, replaced = _renaming(here, there), stat_of(new, follows=False)
    if stat_of(old, follows=False) is None or (keeps and replaced is not None):
        return Made(step, refused=True)
    sight.names.keep(old)
    sight.names.forget_ways()
    if replaced is not None:
        sight.names.keep(new)
        sight.names.gone(replaced)
    return Made(step)


def _linking(here: FileName, there: FileName) -> Step:
    step = there.step(Action.LINK)
    return step._replace(also=(*step.also, *here.looks, (Action.LOOK, here.name)))


def _linked(sight: Sight, old: str, new: str, here: FileName, there: FileName) -> Made:
    step = _linking(here, there)
    if stat_of(old) is None or stat_of(new, follows=False) is not None:
        return Made(step, refused=True)
    sight.names.keep(old)
    return Made(step)


def _symlink(to_folder: int | None, to_path: int) -> Classify:
    return with_path(to_path, to_folder, _changing(Action.LINK))


STOPPED: Final[Mapping[str, Classify]] = {
    "unlink": with_path(0, None, _changing(Action.UNLINK)),
    "unlinkat": with_path(1, 0, _unlink_at),
    "mkdir": with_path(0, None, _changing(Action.MAKE_DIRECTORY)),
    "mkdirat": with_path(1, 0, _changing(Action.MAKE_DIRECTORY)),
    "rmdir": with_path(0, None, _changing(Action.REMOVE_DIRECTORY)),
    "mknod": with_path(0, None, _changing(Action.CREATE)),
    "mknodat": with_path(1, 0, _changing(Action.CREATE)),
    "symlink": _symlink(None, 1),
    "symlinkat": _symlink(1, 2),
    "rename": _moving((None, 0, None, 1), Action.RENAME),
    "renameat": _moving((0, 1, 2, 3), Action.RENAME),
    "renameat2": _moving((0, 1, 2, 3), Action.RENAME, 4),
    "link": _moving((None, 0, None, 1), Action.LINK),
    "linkat": _moving((0, 1, 2, 3), Action.LINK),
}
