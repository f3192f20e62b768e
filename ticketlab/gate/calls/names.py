"""Calls that make, move and unmake names in folders: what each is to do, and whether it can."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import Final, NamedTuple

from ticketlab.core.file_names import LINKS, LIST, ORDER, FileName
from ticketlab.core.steps import MAKES, Access, Action, Step
from ticketlab.gate.calls.call import Made, StoppedCall
from ticketlab.gate.calls.family import Arguments, Classify
from ticketlab.gate.calls.paths import MakeCall, changes_program, stat_of, with_path
from ticketlab.gate.processes import Task
from ticketlab.gate.sight import AT_FDCWD, Sight

_AT_REMOVEDIR: Final = 0x200
_RENAME_NOREPLACE, _RENAME_EXCHANGE = 1, 2
_AT_EMPTY_PATH: Final = 0x1000


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
    before = stat_of(absolute, follows=False) if action is Action.UNLINK else None
    announced = step._replace(also=(*step.also, *_counts(sight, before, place))) if before is not None else step

    def found() -> Made:
        here = stat_of(absolute, follows=False)
        makes = action in (Action.MAKE_DIRECTORY, Action.CREATE, Action.LINK)
        if makes is (here is not None):
            return Made(step, refused=True)
        sight.names.forget_ways()
        if action is Action.UNLINK and here is not None:
            if stat.S_ISDIR(here.st_mode):
                return Made(step, refused=True)
            counted = _counts(sight, here, place)
            sight.names.gone(here)
            return Made(step._replace(also=(*step.also, *counted)))
        if action is Action.REMOVE_DIRECTORY and here is not None:
            listed = (Action.LIST, LIST + sight.names.data(here, place))
            full = not stat.S_ISDIR(here.st_mode) or bool(os.listdir(absolute))
            return Made(step._replace(also=(*step.also, listed)), refused=full)
        return Made(step)

    return StoppedCall(announced, found=found)


def _counts(sight: Sight, file: os.stat_result | None, place: FileName) -> tuple[Access, ...]:
    """Return what it is to those who look at a file that it gets a name, or loses one: how many it has."""
    if file is None or not stat.S_ISREG(file.st_mode):
        return ()
    return ((Action.SET, LINKS + sight.names.data(file, place)),)


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
        how = arguments[flags] if flags is not None else 0
        if there is not None and how & _AT_EMPTY_PATH and not task.process.text(arguments[from_path]):
            return _change(sight, new, action)  # a file that has no name yet is given by its descriptor
        if here is None or there is None:
            changes_program(sight, new)
            changes_program(sight, old)
            return _change(sight, new, action) if there is not None else None
        move = _Move(sight, old, new, here, there)
        if action is Action.RENAME:
            return StoppedCall(move.renaming(how), found=lambda: move.renamed(how))
        sight.memory.gets_name(new)
        return StoppedCall(move.linking(), found=move.linked)

    return classify


class _Move(NamedTuple):
    """A file that gets another name, or one more: from where to where, as paths and as names."""

    sight: Sight
    old: str
    new: str
    here: FileName
    there: FileName

    def _counts(self, absolute: str, place: FileName) -> tuple[Access, ...]:
        return _counts(self.sight, stat_of(absolute, follows=False), place)

    def renaming(self, flags: int) -> Step:
        """Return the step that moves the file; if another one stood there, that loses a name."""
        here, there = self.here, self.there
        also: tuple[Access, ...] = (*there.looks, *here.looks, (Action.UNLINK, here.name), there.entry)
        if here.entry != there.entry:
            also = (*also, here.entry)
        if not flags & _RENAME_EXCHANGE:
            also = (*also, *self._counts(self.new, there))
        return Step(Action.RENAME, there.name, also=also, path=f"{here.path} to {there.path}")

    def renamed(self, flags: int) -> Made:
        """Return what the step has turned out to be."""
        step, replaced = self.renaming(flags), stat_of(self.new, follows=False)
        if stat_of(self.old, follows=False) is None:
            return Made(step, refused=True)
        exchanges = bool(flags & _RENAME_EXCHANGE)
        if (flags & _RENAME_NOREPLACE and replaced is not None) or (exchanges and replaced is None):
            return Made(step, refused=True)
        self.sight.names.keep(self.old)
        self.sight.names.forget_ways()
        if replaced is not None:
            self.sight.names.keep(self.new)
            if not exchanges:
                self.sight.names.gone(replaced)
        return Made(step)

    def linking(self) -> Step:
        """Return the step that gives the file one more name."""
        step = self.there.step(Action.LINK)
        looks = (*self.here.looks, (Action.LOOK, self.here.name))
        return step._replace(also=(*step.also, *looks, *self._counts(self.old, self.here)))

    def linked(self) -> Made:
        """Return what the step has turned out to be."""
        step = self.linking()
        if stat_of(self.old) is None or stat_of(self.new, follows=False) is not None:
            return Made(step, refused=True)
        self.sight.names.keep(self.old)
        return Made(step)


def with_order_of_names(sight: Sight, call: StoppedCall) -> StoppedCall:
    """Return a call that notices the names that others put into its folder, if it is known that their order matters."""
    if call.step.action not in MAKES or ORDER + call.step.resource not in sight.points:
        return call
    orders = [ORDER + name.removeprefix(LIST) for action, name in call.step.accesses if action is Action.ENTER]
    noticed = tuple((Action.SET, order) for order in orders if order in sight.points)
    found = call.found

    def made() -> Made:
        assert found is not None
        was = found()
        return was._replace(step=_noticing(was.step, noticed))

    call.step, call.found = _noticing(call.step, noticed), made if found is not None else None
    return call


def _noticing(step: Step, noticed: tuple[Access, ...]) -> Step:
    return step._replace(also=(*step.also, *noticed)) if step.action in MAKES else step


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
    "linkat": _moving((0, 1, 2, 3), Action.LINK, 4),
}
