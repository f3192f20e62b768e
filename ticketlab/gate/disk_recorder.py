"""The recorder of what a program does to the disk, for power cuts: one operation after another, as values.

A call that may change files or names is not decoded. Before the kernel performs it, the recorder notes which file or
which names it concerns; when it is done, the recorder looks what has changed there. So a call that fails or writes less
is seen for what it did, whatever it was. Only one thread moves at a time, so nobody else can have changed anything.
What has changed without a call was changed in memory that maps a file, and at a moment that nobody knows: that is told.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from ticketlab.core.disk import (
    TOP,
    Disk,
    DiskOperation,
    DiskWrite,
    RemoveEntry,
    Rename,
    Resize,
    SetEntry,
    Sync,
    SyncAll,
    ToldOutside,
)
from ticketlab.gate.descriptors import Sort, flags_of
from ticketlab.gate.kernel import read_proc
from ticketlab.gate.processes import Task
from ticketlab.gate.sight import Sight

_DATA: Final = frozenset(
    {"write", "writev", "pwrite64", "pwritev", "pwritev2", "fallocate", "ftruncate", "ioctl", "sendfile"}
)
_INTO_OTHER: Final = {"copy_file_range": 2, "splice": 2}
_NAMES: Final = frozenset(
    {
        *("rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "unlink", "unlinkat"),
        *("rmdir", "mkdir", "mkdirat", "mknod", "mknodat", "truncate", "creat", "chmod", "fchmod", "fchmodat"),
    }
)
_OPENS: Final = {"open": 1, "openat": 2}
_MAKES: Final = os.O_CREAT | os.O_TRUNC
_SYNCS: Final = ("fsync", "fdatasync")
_SYNC_ALL: Final = ("sync", "syncfs")
_MS_SYNC: Final = 4
_RENAMES: Final = "rename"
_MOVES: Final = ("rename", "link")
_DATA_ONLY, _WHOLE = os.O_DSYNC, os.O_SYNC
_INDEX: Final = "-shm"
"""What the index of SQLite's log has behind the database's name: it is shared memory, and made anew after a cut."""
_MOST_BYTES: Final = 64 << 20


class DiskRecorder:
    """What one execution of a program does to its folder; `begin` is called before it, and `finish` after it."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.opening = Disk()
        """What was there before, and forced to disk; folders and links that will be made are there without a name."""
        self.operations: list[DiskOperation] = []
        self.unseen: dict[str, None] = {}
        """What was changed in a way that the recorder cannot follow, in sentences."""
        self.names: dict[int, str] = {}
        """The last path of each node."""
        self._now = Disk()
        self._nodes: dict[tuple[int, int], int] = {}
        self._held: dict[int, int] = {}  # descriptors, so that the number of a removed file is not another's
        self._told: dict[str, int] = {}  # how long the files are into which the program prints

    def begin(self) -> None:
        """Take in the folder as it is before the execution."""
        self.close()
        self.opening, self._now, self.operations = Disk(), Disk(), []
        self._nodes, self.names, self.unseen, self._told = {}, {}, {}, {}
        found = os.stat(self._folder)
        self._nodes[found.st_dev, found.st_ino] = TOP
        self.names[TOP] = "."
        self._look_at_names("")
        for node in self._now.files:
            self._look_at_data(node)
        self.operations = []
        self.opening = self._now.copy()

    def close(self) -> None:
        """Give all descriptors back."""
        for descriptor in self._held.values():
            os.close(descriptor)
        self._held = {}

    def finish(self) -> None:
        """Look once more at everything: what has changed since was changed without a call."""
        self._look_for_unseen(self._now.files)

    # Calls

    def takes(self, sight: Sight, task: Task, name: str, arguments: tuple[int, ...]) -> None:
        """Note what a call concerns that the kernel is about to perform, and look when it is done."""
        if name in _OPENS:
            if arguments[_OPENS[name]] & _MAKES:
                sight.after_too(task, lambda: self._look_at_names(name))
        elif name in ("openat2", *_NAMES):
            sight.after_too(task, lambda: self._look_at_names(name))
        elif name in _DATA or name in _INTO_OTHER:
            self._data(sight, task, name, arguments)
        elif name in _SYNCS:
            if (node := self._node_of(task, arguments[0])) is not None:
                sight.after_too(task, lambda: self._force(node, data_only=name == "fdatasync"))
        elif name in _SYNC_ALL:
            sight.after_too(task, self._force_all)
        elif name == "msync" and arguments[2] & _MS_SYNC:
            mapped = self._mapped_at(task, arguments[0])
            if mapped is not None:
                sight.after_too(task, lambda: self._force(mapped, data_only=True))

    def _data(self, sight: Sight, task: Task, name: str, arguments: tuple[int, ...]) -> None:
        descriptor = arguments[_INTO_OTHER.get(name, 0)]
        opened = sight.opened(task.process, descriptor & 0xFFFFFFFF)
        if opened is not None and opened.sort is Sort.OUTPUT:
            output = opened.path
            self._told.setdefault(output, os.stat(output).st_size)
            sight.after_too(task, lambda: self._look_at_output(output))
            return
        node = self._node_of(task, descriptor)
        if node is None:
            return
        flags = flags_of(task.process.pid, descriptor & 0xFFFFFFFF)
        asked = arguments[5] if name == "pwritev2" else 0
        forces = flags & _DATA_ONLY or asked & 6  # RWF_DSYNC, RWF_SYNC

        def look() -> None:
            self._look_at_data(node, cut=name in ("ftruncate", "fallocate"))
            if forces:
                whole = flags & _WHOLE == _WHOLE or asked & 4
                self.operations.append(Sync(node, data_only=not whole))

        sight.after_too(task, look)

    def _node_of(self, task: Task, descriptor: int) -> int | None:
        """Return the node of a descriptor; None if it is of nothing in the folder."""
        try:
            found = os.stat(f"/proc/{task.process.pid}/fd/{descriptor & 0xFFFFFFFF}")
        except OSError:
            return None
        return self._nodes.get((found.st_dev, found.st_ino))

    def _mapped_at(self, task: Task, address: int) -> int | None:
        """Return the node of the file that is mapped at an address."""
        for line in read_proc(f"/proc/{task.process.pid}/maps", whole=True).decode(errors="replace").splitlines():
            span, _, _, device, inode, *_ = line.split()
            begin, end = (int(each, 16) for each in span.split("-"))
            if begin <= address < end:
                major, minor = (int(each, 16) for each in device.split(":"))
                return self._nodes.get((os.makedev(major, minor), int(inode)))
        return None

    # What has changed

    def _force(self, node: int, *, data_only: bool) -> None:
        self._look_for_unseen([node])
        self.operations.append(Sync(node, data_only))

    def _force_all(self) -> None:
        self._look_for_unseen(self._now.files)
        self.operations.append(SyncAll())

    def _look_for_unseen(self, nodes: Iterable[int]) -> None:
        for node in list(nodes):
            if node in self._now.files and self._look_at_data(node):
                self.unseen[f"{self.names[node]} is changed in memory that maps it, and when is not seen"] = None

    def _look_at_data(self, node: int, *, cut: bool = False) -> bool:
        """Take down how a file has changed, and return whether it has."""
        if self._is_index(node):
            return False
        before, after = self._now.files[node], self._content(node)
        if before == after:
            return False
        if len(after) < len(before) or (cut and len(after) > len(before)):
            self._do(Resize(node, len(after)))
            before = self._now.files[node]
        if before != after:
            begin = next((at for at, (old, new) in enumerate(zip(before, after, strict=False)) if old != new), None)
            begin = min(len(before), len(after)) if begin is None else begin
            end = len(after)
            while len(before) == len(after) and before[end - 1] == after[end - 1]:
                end -= 1
            self._do(DiskWrite(node, begin, after[begin:end]))
        return True

    def _look_at_output(self, path: str) -> None:
        """Take down what has been printed."""
        with open(path, "rb") as file:
            file.seek(self._told[path])
            told = file.read()
        if told:
            self._told[path] += len(told)
            self.operations.append(ToldOutside(told.decode(errors="replace")))

    def _is_index(self, node: int) -> bool:
        path = self.names[node]
        return path.endswith(_INDEX) and os.path.exists(f"{self._folder}/{path.removesuffix(_INDEX)}")

    def _content(self, node: int) -> bytes:
        descriptor = self._held.get(node)
        if descriptor is None:
            return self._now.files[node]
        size = os.fstat(descriptor).st_size
        if size > _MOST_BYTES:
            self.unseen[f"{self.names[node]} has more than {_MOST_BYTES >> 20} MiB, and is not followed"] = None
            return self._now.files[node]
        return os.pread(descriptor, size, 0)

    def _do(self, operation: DiskOperation) -> None:
        self.operations.append(operation)
        self._now.change(operation)

    def _look_at_names(self, call: str) -> None:
        """Take down how the names have changed."""
        found: dict[int, dict[str, int]] = {TOP: {}}
        made: list[int] = []
        self._walk(self._folder, TOP, found, made)
        removed = [
            (folder, name, node)
            for folder, entries in self._now.folders.items()
            for name, node in entries.items()
            if (folder in found or self._is_reachable(folder)) and found.get(folder, {}).get(name) != node
        ]
        set_now = [
            (folder, name, node)
            for folder, entries in found.items()
            for name, node in entries.items()
            if self._now.folders.get(folder, {}).get(name) != node
        ]
        self._tell(call, removed, set_now, made)
        for node in list(self._now.files):
            if call and (node in made or self._has_other_size(node)):
                self._look_at_data(node, cut=node not in made)
        for node in made if call.startswith(_MOVES) else ():
            self.unseen[
                f"{self.names[node]} had no name in the folder at first, and what was done then is not seen"
            ] = None
            self._do(Sync(node))

    def _has_other_size(self, node: int) -> bool:
        held = self._held.get(node)
        return held is not None and os.fstat(held).st_size != len(self._now.files[node])

    def _is_reachable(self, folder: int) -> bool:
        return folder == TOP or any(node == folder for _, node in self._now.walk())

    def _tell(
        self, call: str, removed: list[tuple[int, str, int]], set_now: list[tuple[int, str, int]], made: list[int]
    ) -> None:
        places = {(folder, name) for folder, name, _ in set_now}
        gone = [each for each in removed if each[:2] not in places]
        if call.startswith(_RENAMES) and len(gone) == len(set_now) == 1 and gone[0][2] == set_now[0][2]:
            (folder, name, node), (to_folder, to_name, _) = gone[0], set_now[0]
            over = self._now.folders[to_folder].get(to_name)
            self._do(Rename(folder, name, to_folder, to_name, node, over))
            return
        if call.startswith(_RENAMES) and (len(set_now) > 1 or (set_now and not gone)):
            self.unseen[f"{set_now[0][1]} is exchanged, or comes from outside the folder, by {call}"] = None
        for folder, name, node in gone:
            self._do(RemoveEntry(folder, name, node))
        for folder, name, node in set_now:
            if self._is_index(node):
                self._now.folders[folder][name] = node
                continue
            self._do(SetEntry(folder, name, node, new=node in made))

    def _walk(self, path: str, folder: int, found: dict[int, dict[str, int]], made: list[int]) -> None:
        with os.scandir(path) as entries:
            inside = sorted(entries, key=lambda each: each.name)
        for entry in inside:
            if folder == TOP and entry.name == "__pycache__":
                continue
            with suppress(FileNotFoundError):
                here = entry.stat(follow_symlinks=False)
                node = self._nodes.get((here.st_dev, here.st_ino))
                if node is None:
                    node = self._take_in(entry.path, here, made)
                within = os.path.relpath(entry.path, self._folder)
                self.names[node] = within
                self._now.modes[node] = self.opening.modes[node] = stat.S_IMODE(here.st_mode)
                found[folder][entry.name] = node
                if stat.S_ISDIR(here.st_mode):
                    found[node] = {}
                    self._walk(entry.path, node, found, made)

    def _take_in(self, path: str, here: os.stat_result, made: list[int]) -> int:
        """Take in a file, a folder or a link that is new."""
        node = self._nodes[here.st_dev, here.st_ino] = len(self._nodes)
        made.append(node)
        flags = os.O_NOFOLLOW
        if stat.S_ISDIR(here.st_mode):
            flags |= os.O_PATH
            self._now.folders[node], self.opening.folders[node] = {}, {}
        elif stat.S_ISLNK(here.st_mode):
            flags |= os.O_PATH
            self._now.links[node] = self.opening.links[node] = os.readlink(path)
        else:
            self._now.files[node] = b""
        try:
            if not flags & os.O_PATH and not stat.S_ISREG(here.st_mode):
                raise OSError("it is no file, folder or link")
            self._held[node] = os.open(path, os.O_RDONLY | flags)
        except OSError as error:
            self.unseen[f"{os.path.basename(path)} is not followed: {error.strerror or error}"] = None
        return node
