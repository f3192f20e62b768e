"""The memory that processes of a program share, and the words in it that are their locks: what these are called."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from ticketlab.gate.names import FileNames
from ticketlab.gate.processes import Process

_SHARED: Final = "s"
_LOCK: Final = "/dev/shm/sem."  # noqa: S108 - where sem_open(3) puts what it makes
_GONE: Final = " (deleted)"

MemoryFile = tuple[int, int]
"""The device and the inode of the file that memory is of, whether it has a name or not."""
Namer = Callable[[Process, str], str]
"""Gives a name to something that a process makes."""


class MemoryNames:
    """Names of shared memory that the same schedule gives again, by the file that it is of and the place in it."""

    def __init__(self, names: FileNames, name_made: Namer, numbered: Callable[[str], str]) -> None:
        self._names, self._name_made, self._numbered = names, name_made, numbered
        self.files: dict[MemoryFile, str] = {}
        self._semaphores = set[str]()
        self._words: dict[int, dict[int, str]] = {}  # by process and address
        self._named: dict[tuple[MemoryFile, int], str] = {}

    def enter(self, pid: int, above: int) -> None:
        """Take in a process that has been forked by another, and knows the same words."""
        self._words[pid] = dict(self._words.get(above, {}))

    def forget(self, pid: int) -> None:
        """Forget what a process has at its addresses."""
        self._words[pid] = {}

    def maps(self, process: Process, descriptor: int) -> str:
        """Take in a file that a process maps; return what the memory is called if anything may be done there."""
        try:
            found = os.stat(f"/proc/{process.pid}/fd/{descriptor}")
            path = os.readlink(f"/proc/{process.pid}/fd/{descriptor}")
        except OSError:
            return ""
        what, file = "lock" if path.startswith(_LOCK) else "memory", (found.st_dev, found.st_ino)
        if file not in self.files:
            self.files[file] = self._name_made(process, what)
        if what == "lock":
            return ""
        place = self._names.place(path.removesuffix(_GONE))
        return place.path if place is not None and place.in_folder else self.files[file]

    def gets_name(self, path: str) -> None:
        """Take down that a file gets a name, by its path, if that is a semaphore's."""
        if path.startswith(_LOCK) and not os.path.lexists(path):
            self._semaphores.add(path)

    def remove_left(self) -> None:
        """Remove the names of semaphores that an execution has left: nobody else would."""
        for path in self._semaphores:
            with suppress(OSError):
                os.unlink(path)

    def name_word(self, process: Process, address: int, name: str) -> None:
        """Call a word, which has just been made, by a name."""
        if (known := _place_of(process, address)) is not None:
            self._named[known] = self._numbered(name)
        self._words[process.pid].pop(address, None)

    def word(self, process: Process, address: int) -> str:
        """Return what a word is called."""
        known = self._words[process.pid]
        if address not in known:
            known[address] = self._look_up(process, address)
        return known[address]

    def is_own(self, process: Process, address: int) -> bool:
        """Whether a word is in memory that no other process has."""
        return self.word(process, address) == memory_of(process)

    def _look_up(self, process: Process, address: int) -> str:
        key = _place_of(process, address)
        if key is None:
            return memory_of(process)
        if key in self._named:
            return self._named[key]
        file, place = key
        if file not in self.files:
            self.files[file] = self._name_made(process, "memory")
        return f"{self.files[file]}+{place}" if place else self.files[file]


def memory_of(process: Process) -> str:
    """Return what all words in a process's own memory are called."""
    return f"memory of {process.name}"


def _place_of(process: Process, address: int) -> tuple[MemoryFile, int] | None:
    """Return the file that memory is of, and the place in it; None if it is not shared."""
    with open(f"/proc/{process.pid}/maps") as maps:
        for line in maps:
            span, rights, offset, device, inode, *_ = line.split()
            start, end = (int(each, 16) for each in span.split("-"))
            if start <= address < end:
                if rights[3] != _SHARED:
                    return None
                major, minor = (int(each, 16) for each in device.split(":"))
                return (os.makedev(major, minor), int(inode)), address - start + int(offset, 16)
    return None
