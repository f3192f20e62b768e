"""What the files of a program are called: by the names that they have in its folder, and not by numbers.

A name, a file's data and the list of a folder's names are resources of their own, as for functions: see
`core.file_names`. A file is known by device and inode, and called by the path by which it was first met in the
execution; if that path meant another file before, a number tells them apart.
"""

from __future__ import annotations

import os
import posixpath
import re
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from ticketlab.core.file_names import FileName
from ticketlab.core.steps import Access, Action

_SYSTEM: Final = tuple(
    sorted(
        {
            *("/dev/", "/proc/", "/sys/", "/etc/", "/usr/", "/lib/", "/lib64/", "/bin/", "/sbin/", "/var/lib/"),
            *(f"{each.rstrip('/')}/" for each in (sys.prefix, sys.base_prefix)),
        }
        - {"/"}
    )
)
_OTHERS_MEMORY: Final = "/dev/shm/"  # noqa: S108 - where ordinary files stand as well
_PROGRAM: Final = (".py", ".pyc", "/__pycache__")
_MOST_LINKS: Final = 40  # as many as the kernel follows
TEMPORARY: Final = "$TMPDIR"
"""How the folder of temporary files is called: it stands elsewhere each time."""
_NUMBER: Final = re.compile(r"\d+")
_OWN_DESCRIPTOR: Final = re.compile(
    r"/proc/(?P<whose>self|thread-self|\d+)(?:/task/\d+)?/(?P<what>fd/\d+|cwd|root)(?=/|$)|/dev/(?P<short>fd/\d+|std\w+)"
)
_NEVER_NAMED: Final = re.compile(r"/#\d+$")
_STANDARD: Final = {"stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}

_Inode = tuple[int, int]


def without_number(removed: str) -> str:
    """Return the path of a removed file; one that has never had a name stands there by a number (O_TMPFILE)."""
    return _NEVER_NAMED.sub("/unnamed file", removed)


def behind_descriptor(pid: int, absolute: str) -> str:
    """Return the path to which one leads by what a process has open itself, or where it stands; else the path."""
    found = _OWN_DESCRIPTOR.match(absolute) if absolute.startswith(("/proc/", "/dev/")) else None
    if found is None or found["whose"] not in (None, "self", "thread-self", str(pid)):
        return absolute
    what = found["what"] or _STANDARD.get(found["short"], found["short"])
    with suppress(OSError):
        there = os.readlink(f"/proc/{pid}/{what}")
        if there.startswith("/") and not there.endswith(" (deleted)"):
            return f"{there}{absolute[found.end() :]}"
    return absolute


def is_of_system(absolute: str) -> bool:
    """Whether a path leads to what belongs to the system or to an interpreter."""
    return not absolute.startswith(_OTHERS_MEMORY) and (absolute.startswith(_SYSTEM) or absolute + "/" in _SYSTEM)


class FileNames:
    """The names of the files of one execution.

    `folder` is where the program stands, and `temporary` where temporary files are made; `outputs` is nobody's
    business. `pids` has the names of the program's processes by the digits of their numbers.
    """

    def __init__(self, folder: str, outputs: str, temporary: str, pids: Mapping[str, str]) -> None:
        self.folder = folder
        self._outputs = outputs + "/"
        self._temporary = temporary
        self._pids = pids
        self._by_inode: dict[_Inode, str] = {}
        self._removed: dict[_Inode, str] = {}
        self._uses: Counter[str] = Counter()
        self._places: dict[str, FileName | None] = {}

    def place(self, absolute: str) -> FileName | None:
        """Return the name that an absolute path seems to be, from its text; None if it is nobody's business."""
        try:
            return self._places[absolute]
        except KeyError:
            place = self._places[absolute] = None if self.is_nobodys(absolute) else self._seeming(absolute)
            return place

    def is_nobodys(self, absolute: str) -> bool:
        """Whether a path leads to what belongs to the system, to an interpreter or to the program itself."""
        if absolute.startswith(self._outputs):
            return True
        if absolute.startswith((_OTHERS_MEMORY, self.folder + "/")):
            return absolute.endswith(_PROGRAM) and absolute.startswith(self.folder)
        return is_of_system(absolute) or absolute.endswith(_PROGRAM)

    def _seeming(self, absolute: str) -> FileName:
        path = posixpath.normpath(absolute)
        if ".." in absolute:
            path = posixpath.join(os.path.realpath(posixpath.dirname(absolute)), posixpath.basename(absolute))
        if path == self.folder:
            return FileName(".", "", in_folder=True)
        above, _, last = path.rpartition("/")
        if above == self.folder:
            return FileName(self.repeatable(last), "", in_folder=True)
        if path.startswith(self._temporary):
            path, above = (each.replace(self._temporary, TEMPORARY, 1) for each in (path, above))
            return FileName(self.repeatable(path), self.repeatable(above))
        if not path.startswith(self.folder + "/"):
            return FileName(self.repeatable(path), self.repeatable(above) or "/")
        way = self._seeming(above)
        if os.path.islink(above) and (real := self._behind(above)):
            there = self._seeming(f"{real}/{last}")
            return FileName(there.path, there.folder, (*way.looks, (Action.LOOK, way.name), *there.looks))
        return FileName(f"{way.path}/{self.repeatable(last)}", way.path, (*way.looks, (Action.LOOK, way.name)))

    def _behind(self, folder: str) -> str:
        """Return the path of the folder to which a link leads; "" if it leads to none of the program's."""
        real, root = os.path.realpath(folder), os.path.realpath(self.folder)
        return f"{self.folder}{real.removeprefix(root)}" if real.startswith(f"{root}/") and os.path.isdir(real) else ""

    def forget_ways(self) -> None:
        """Take down that a link to a folder may lead elsewhere from now on."""
        self._places.clear()

    def followed(self, absolute: str) -> FileName | None:
        """Return the name that a path leads to now, with looks at the links on the way."""
        looks: tuple[Access, ...] = ()
        for _ in range(_MOST_LINKS):
            place = self.place(absolute)
            try:
                target = os.readlink(absolute)
            except OSError:
                break
            if place is not None:
                looks = (*looks, *place.looks, (Action.LOOK, place.name))
            absolute = posixpath.normpath(posixpath.join(posixpath.dirname(absolute), target))
        return FileName(place.path, place.folder, (*looks, *place.looks)) if looks and place is not None else place

    def data(self, found: os.stat_result, place: FileName) -> str:
        """Return what a file's data is called, or a folder."""
        inode = found.st_dev, found.st_ino
        known = self._by_inode.get(inode)
        if known is None:
            uses = self._uses[place.path]
            known = self._by_inode[inode] = place.path if not uses else f"{place.path}#{uses + 1}"
            self._uses[place.path] += 1
        return known

    def known(self, found: os.stat_result, *, removed: bool = False) -> str | None:
        """Return what a file is called that was met before; one that has lost its last name is known apart."""
        inode = found.st_dev, found.st_ino
        return self._removed.get(inode) if removed else self._by_inode.get(inode)

    @property
    def files(self) -> frozenset[str]:
        """What the files are called that were met."""
        return frozenset(self._by_inode.values()) | frozenset(self._removed.values())

    def keep(self, absolute: str) -> None:
        """Call the file that stands at a path by this path from now on, before it is moved or linked."""
        place = self.place(absolute)
        with suppress(OSError):
            if place is not None:
                self.data(os.lstat(absolute), place)

    def gone(self, found: os.stat_result) -> None:
        """Take down that a file is about to lose a name: after the last one, its number may be another file's."""
        if found.st_nlink == 1 and (name := self._by_inode.pop((found.st_dev, found.st_ino), None)) is not None:
            self._removed[found.st_dev, found.st_ino] = name

    def repeatable(self, text: str) -> str:
        """Return a text with the program's processes in place of their numbers, which differ between executions."""
        if not any(map(str.isdigit, text)):
            return text
        return _NUMBER.sub(lambda match: self._pids.get(match[0], match[0]), text)
