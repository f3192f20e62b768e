"""Open files: what each descriptor of a participant's process stands for."""

from __future__ import annotations

import stat
from os import fstat, readlink
from typing import Final

from ticketlab.core.file_names import LINKS, FileName
from ticketlab.core.steps import Action, Step
from ticketlab.probes.file_system.resources import AnyPath, Resources

MOST_STEPS: Final = 4096

_fstat, _readlink = fstat, readlink


class OpenFile:
    """One opening of a file; several descriptors may share it, as `os.dup` makes them.

    `data` is the resource, `path` what it was opened as. `held` lists the locks that end with the opening.
    """

    __slots__ = ("appends", "data", "descriptors", "held", "path")

    def __init__(self, data: str, path: str, *, appends: bool = False) -> None:
        self.data = data
        self.path = path
        self.appends = appends
        self.descriptors = 1
        self.held: list[str] = []

    def step(self, action: Action) -> Step:
        """Return the step that does something to the data."""
        key = action, self.data, self.path
        try:
            return _STEPS[key]
        except KeyError:
            if len(_STEPS) > MOST_STEPS:
                _STEPS.clear()
            path = "" if self.path == self.data else self.path
            step = _STEPS[key] = Step(action, self.data, path=path, private=action is Action.FLUSH)
            return step

    @property
    def read(self) -> Step:
        """The step that reads."""
        return self.step(Action.READ)

    @property
    def write(self) -> Step:
        """The step that writes: wherever the file's end is, if it was opened so."""
        return self.step(Action.APPEND if self.appends else Action.WRITE)

    @property
    def links(self) -> str:
        """The resource that says how many names the file has."""
        return LINKS + self.data


_STEPS: dict[tuple[Action, str, str], Step] = {}


class Descriptors:
    """The open files of this process by descriptor."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._files: dict[int, OpenFile] = {}
        self._era = -1
        self.dropped: dict[str, int] = {}  # by data: how many record locks end when any descriptor of it is closed

    def begin(self) -> None:
        """Forget what was left open in an earlier execution."""
        era = self._resources.inodes.era
        if era != self._era:  # in one process, others may have begun this one before
            self._era = era
            self._files.clear()
            self.dropped.clear()

    def enter(
        self, descriptor: int, place: FileName, path: AnyPath, dir_fd: int | None, *, appends: bool
    ) -> OpenFile | None:
        """Take down a descriptor that was just opened; None if it is no ordinary file."""
        found = _fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            return None
        data = self._resources.data(found, place, path, dir_fd)
        file = self._files[descriptor] = OpenFile(data, place.path, appends=appends)
        return file

    def of(self, descriptor: int) -> OpenFile | None:
        """Return what a descriptor stands for; None if it is no file that others could touch."""
        return self._files.get(descriptor) or self._adopt(descriptor)

    def _adopt(self, descriptor: int) -> OpenFile | None:
        """Take in a file that was opened before the lab could see it."""
        try:
            found = _fstat(descriptor)
            path = _readlink(f"/proc/self/fd/{descriptor}") if stat.S_ISREG(found.st_mode) else ""
        except OSError:
            return None
        known = path.startswith("/") and not path.endswith(" (deleted)")
        place = self._resources.announced(path) if known else None
        if place is None:
            return None
        file = self._files[descriptor] = OpenFile(self._resources.data(found, place, path), place.path)
        return file

    def duplicate(self, descriptor: int, another: int) -> None:
        """Take down that a second descriptor shares an opening."""
        if file := self._files.get(descriptor):
            file.descriptors += 1
            self._files[another] = file

    def close(self, descriptor: int) -> OpenFile | None:
        """Forget a descriptor that is about to be closed; return its opening if that ends with it."""
        file = self._files.pop(descriptor, None)
        if file is None:
            return None
        file.descriptors -= 1
        return None if file.descriptors else file
