"""What the resources are called: a name in a folder, a file's data, a folder's list of names, a lock on a file.

A path is taken apart into the folder that it leads to and the name there; a folder is known by its inode, so that a
link or a renamed folder leads to the same names. Paths in the working folder are given from there. Digits that are a
participant's process number become `{pid1}`, which does not change when processes are started anew.
"""

from __future__ import annotations

import os
import posixpath
import re
import stat
import sys
from os import PathLike, fsdecode, fspath, stat_result
from typing import Final

from ticketlab.core.file_names import FileName
from ticketlab.core.steps import Access, Action
from ticketlab.probes.file_system.inodes import Inodes

DATABASE: Final = "database "  # whoever opens one says so; nobody changes that
MOST_CACHED: Final = 4096
MOST_LINKS: Final = 40  # as many as the kernel follows
AnyPath = str | bytes | PathLike[str] | PathLike[bytes]

_NUMBER: Final = re.compile(r"\d+")
_UNTOUCHED: Final = tuple(
    sorted({"/dev/", "/proc/", "/sys/", "/etc/", *(f"{each}/" for each in (sys.prefix, sys.base_prefix))} - {"//"})
)
_PROGRAM: Final = (".py", ".pyc", "/__pycache__")
_OTHERS_MEMORY: Final = "/dev/shm/"  # noqa: S108 - where ordinary files stand as well

_stat, _fstat, _readlink, _getcwd = os.stat, os.fstat, os.readlink, os.getcwd  # the originals: stand-ins come later


class Resources:
    """Names for what a participant touches. `folder` is where it stands, in the file system's own words."""

    def __init__(self) -> None:
        self.inodes = Inodes()
        self.folder = ""
        self._pids: dict[str, int] = {}
        self._announced: dict[str, FileName | None] = {}
        self._nested: dict[str, tuple[int, int, FileName]] = {}
        self._moved = False

    def share(self, inodes: Inodes, folder: str) -> None:
        """Take a folder as the one that paths are given from, and names that all participants share."""
        self.inodes, self.folder = inodes, folder
        self._announced.clear()
        self._nested.clear()
        self._moved = False

    def moved(self) -> None:
        """Take down that relative paths no longer begin in the folder."""
        self._announced.clear()
        self._nested.clear()
        self._moved = True

    def renew(self) -> None:
        """Begin an execution: folders may be others than before, and participants may have new process numbers."""
        self._pids = self.inodes.pids()
        self._nested.clear()
        if len(self._announced) > MOST_CACHED:
            self._announced.clear()

    def announced(self, path: AnyPath, dir_fd: int | None = None) -> FileName | None:
        """Return the name that a path seems to stand for, from its text alone: nobody may look before its turn.

        None if it is none of the participants' business.
        """
        text = path if type(path) is str else fsdecode(fspath(path))
        if dir_fd is not None and not text.startswith("/"):
            text = f"{_readlink(f'/proc/self/fd/{dir_fd}')}/{text}"
        try:
            return self._announced[text]
        except KeyError:
            absolute = self._absolute(text)
            place = None if self._is_nobodys(absolute) else self._seeming(absolute)
            self._announced[text] = place
            return place

    def place(self, path: AnyPath, dir_fd: int | None = None, *, follows: bool = False) -> FileName:
        """Return the name that a path stands for at this moment; `follows` says whether it leads through a link there.

        If a folder on the way is missing, it is the missing folder's name.
        """
        text = path if type(path) is str else fsdecode(fspath(path))
        if dir_fd is not None and not text.startswith("/"):
            return self._in_open_folder(text, dir_fd)
        absolute = self._absolute(text)
        return self._followed(absolute) if follows else self._walk(absolute)

    def _followed(self, absolute: str) -> FileName:
        """Return the name that a path leads to, with looks at the links on the way."""
        place = self._walk(absolute)
        looks: tuple[Access, ...] = ()
        for _ in range(MOST_LINKS):
            try:
                target = _readlink(absolute)
            except OSError:
                break
            looks = (*looks, *place.looks, (Action.LOOK, place.name))
            absolute = posixpath.join(posixpath.dirname(absolute), target)
            place = self._walk(absolute)
        return FileName(place.path, place.folder, (*looks, *place.looks)) if looks else place

    def _absolute(self, text: str) -> str:
        return text if text.startswith("/") else f"{_getcwd() if self._moved else self.folder}/{text}"

    def _seeming(self, absolute: str) -> FileName:
        path = posixpath.normpath(absolute)
        if path == self.folder or path == "/":
            return FileName(".", "", in_folder=True)
        if path == posixpath.dirname(self.folder):
            return FileName("..", "..")  # a fresh folder is somewhere else each time
        above, _, last = path.rpartition("/")
        if above == self.folder:
            return FileName(self._repeatable(last), "", in_folder=True)
        if not above:
            return FileName(path, "/")
        way = self._seeming(above)
        return FileName(f"{way.path}/{self._repeatable(last)}", way.path, (*way.looks, (Action.LOOK, way.name)))

    def _is_nobodys(self, absolute: str) -> bool:
        """Whether a path leads to what belongs to the system, to Python or to the program itself."""
        if absolute.startswith((_OTHERS_MEMORY, self.folder + "/")):
            return False
        return absolute.startswith(_UNTOUCHED) or absolute.endswith(_PROGRAM)

    def _walk(self, absolute: str) -> FileName:
        """Return the name at the end of an absolute path."""
        above, _, last = absolute.rstrip("/").rpartition("/")
        if last in (".", ".."):
            return self._walk(os.path.realpath(absolute))
        if above == self.folder:
            return FileName(self._repeatable(last), "", in_folder=True)
        if f"{above}/{last}" == posixpath.dirname(self.folder):
            return FileName("..", "..")
        if not above:
            return FileName(f"/{last}", "/")
        try:
            found = _stat(above)
        except OSError:
            return self._followed(above) if self.inodes.linked else self._walk(above)
        cached = self._nested.get(absolute)
        if cached is not None and cached[:2] == (found.st_dev, found.st_ino):
            return cached[2]
        way = self._followed(above) if self.inodes.linked else self._walk(above)
        folder = self.data(found, way, above)
        looks = (*way.looks, (Action.LOOK, way.name))
        place = FileName(f"{folder.rstrip('/')}/{self._repeatable(last)}", folder, looks)
        self._nested[absolute] = found.st_dev, found.st_ino, place
        return place

    def _in_open_folder(self, text: str, dir_fd: int) -> FileName:
        above = _readlink(f"/proc/self/fd/{dir_fd}")
        if "/" in text.rstrip("/"):
            return self.place(f"{above}/{text}")
        folder = self.inodes.name(_fstat(dir_fd), self.called(above))
        path = self._repeatable(text.rstrip("/"))
        return FileName(f"{folder.rstrip('/')}/{path}" if folder != "." else path, "" if folder == "." else folder)

    def called(self, absolute: str) -> str:
        """Return what people call an absolute path."""
        if absolute == self.folder:
            return "."
        return self._repeatable(absolute.removeprefix(self.folder + "/"))

    def data(self, found: stat_result, place: FileName, path: AnyPath, dir_fd: int | None = None) -> str:
        """Return the resource that a file's data is, or a folder: the name that it was made with.

        It must be the same whoever comes first. So whoever moves or links a file that has no name yet gives it the one
        that it had before (see `names`), and who comes by a symbolic link gives it the name that this leads to.
        """
        known = self.inodes.known(found)
        return known or self.inodes.name(found, self._made_as(found, place, path, dir_fd))

    def _made_as(self, found: stat_result, place: FileName, path: AnyPath, dir_fd: int | None) -> str:
        try:
            here = _stat(path, dir_fd=dir_fd, follow_symlinks=False)
        except OSError:
            return place.path
        if here.st_ino != found.st_ino:
            return self.place(os.path.realpath(path)).path
        several = found.st_nlink > 1 and not stat.S_ISDIR(found.st_mode)
        return self._first_of_many(found, place.path) if several else place.path

    def _first_of_many(self, found: stat_result, path: str) -> str:
        """Return the first of the names of a file that was laid out with several."""
        names = [path]
        for above, _, files in os.walk(self.folder):
            for file in files:
                here = _stat(f"{above}/{file}", follow_symlinks=False)
                if (here.st_dev, here.st_ino) == (found.st_dev, found.st_ino):
                    names.append(self.place(f"{above}/{file}").path)
        return min(names)

    def _repeatable(self, text: str) -> str:
        """Return a text with the participants' process numbers by their names."""
        if not self._pids or text.isalpha():
            return text
        return _NUMBER.sub(self._as_pid, text)

    def _as_pid(self, match: re.Match[str]) -> str:
        who = self._pids.get(match[0])
        return match[0] if who is None else f"{{pid{who}}}"
