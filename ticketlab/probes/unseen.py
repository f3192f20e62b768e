"""What was done to files in a folder without a step: the kernel's own account, held against the steps.

C code that opens files by itself passes the probes by. The kernel tells all the same who was opened, written, made and
removed in a folder (inotify(7)); what it tells and no step names, the lab did not see. SQLite's files are seen if a
participant opened the database by the standard library's driver.
"""

from __future__ import annotations

import ctypes
import os
import re
import struct
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Self

from ticketlab.core.steps import NAME, Action, Step
from ticketlab.probes.file_system.resources import DATABASE

_ACCESS, _MODIFY, _OPEN, _FOLDER = 0x1, 0x2, 0x20, 0x40000000
_MOVED, _CREATE, _DELETE, _OVERFLOW = 0xC0, 0x100, 0x200, 0x4000
_NAMELESS: Final = re.compile(r"#\d+")
"""What the kernel calls a file that was opened with `O_TMPFILE`, which has no name, so that nobody else can open it."""
_EVENT: Final = struct.Struct("iIII")
_NAMED: Final = frozenset(
    {
        *(Action.CREATE, Action.RENAME, Action.LINK, Action.UNLINK),
        *(Action.MAKE_DIRECTORY, Action.REMOVE_DIRECTORY),
    }
)
_WRITTEN: Final = frozenset({Action.WRITE, Action.APPEND, Action.TRUNCATE, Action.CREATE, Action.TOUCH})


class Watch:
    """Watches a folder and those below it; of a system without inotify it knows nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = -1
        self._folders: dict[int, Path] = {}

    def __enter__(self) -> Self:
        init = getattr(ctypes.CDLL(None, use_errno=True), "inotify_init1", None)
        self._file = init(os.O_NONBLOCK | os.O_CLOEXEC) if init is not None else -1
        return self

    def __exit__(self, *_: object) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def restart(self) -> None:
        """Forget what was done so far, and take in the folders that there are now."""
        if self._file < 0:
            return
        add = ctypes.CDLL(None, use_errno=True).inotify_add_watch
        mask = _ACCESS | _MODIFY | _OPEN | _MOVED | _CREATE | _DELETE
        folders = [self.folder, *(path for path in self.folder.rglob("*") if path.is_dir())]
        self._folders = {add(self._file, bytes(each), mask): each for each in folders}
        self.events()

    def events(self) -> dict[str, int]:
        """Return what was done since then: by path from the folder, the kinds of what was done as one number."""
        found: dict[str, int] = defaultdict(int)
        while self._file >= 0:
            try:
                data = os.read(self._file, 1 << 16)
            except BlockingIOError:
                break
            place = 0
            while place < len(data):
                watch, mask, _, length = _EVENT.unpack_from(data, place)
                name = data[place + _EVENT.size : place + _EVENT.size + length].rstrip(b"\0")
                place += _EVENT.size + length
                if name and watch in self._folders:
                    path = self._folders[watch] / os.fsdecode(name)
                    if not (_NAMELESS.fullmatch(path.name) and not path.exists()):
                        found[str(path.relative_to(self.folder))] |= mask
        return found


def created_paths(events: dict[str, int]) -> set[str]:
    """Return the paths that came into being, by what was done to each."""
    return {path for path, done in events.items() if done & (_CREATE | _MOVED)}


def unseen(events: dict[str, int], steps: Iterable[Step]) -> dict[str, str]:
    """Return what was done to which path without a step: "written", "made or removed" or "opened"."""
    named, changed, written, databases = set[str](), set[str](), set[str](), set[str]()
    for step in steps:
        for action, resource in step.accesses:
            path = resource.removeprefix(NAME)
            named.add(path)
            if resource.startswith(DATABASE):
                databases.add(resource.removeprefix(DATABASE))
            if action in _NAMED:
                changed.add(path)
            if action in _WRITTEN or action is Action.RENAME or (step.action is Action.LOOK and step.path):
                written |= {path, step.path or path}  # a look with a path is one that emptied what was empty
    found = {}
    for path, done in events.items():
        if path in databases or any(path.startswith(f"{each}-") for each in databases):
            continue  # the statements say what was done, to the database and to the journal beside it
        if done & (_CREATE | _DELETE | _MOVED) and path not in changed:
            found[path] = "made or removed"
        elif done & _MODIFY and path not in written and not done & _FOLDER:
            found[path] = "written"
        elif path not in named and not done & _FOLDER:
            found[path] = "opened"
    return found
