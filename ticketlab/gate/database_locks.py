"""What the kernel says of SQLite's locks: who reads a database, who may change it, and whether it has a log.

SQLite locks single bytes of its files, at places that are part of its file format. With a rollback journal they lie far
behind the data of the database, with a write-ahead log in the first bytes of the shared memory's file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from enum import IntEnum
from typing import Final, NamedTuple

from ticketlab.core.file_names import BESIDE
from ticketlab.core.steps import NAME

_PENDING: Final = 0x40000000
_RESERVED, _SHARED = _PENDING + 1, _PENDING + 2
_LOG_WRITER: Final = 120
_LOG_READERS: Final = range(123, 128)
_LOG_LOCKS: Final = range(120, 128)  # 128 is locked by whoever has the database open
_READ_VERSION: Final = 18  # of the file's header; it is 2 if there is a log
_KINDS: Final = ("record lock on ", "lock on ", "place in ", NAME)
EVERY_CALL: Final = "calls on databases"
"""A point that has each call on a database be a step."""


class LockLevel(IntEnum):
    """What somebody has locked of a database; KEEPING also keeps new readers out."""

    NOTHING = 0
    READING = 1
    WRITING = 2
    KEEPING = 3


class DatabaseLocks(NamedTuple):
    """What a process has locked of a database, and what all others have at most."""

    mine: LockLevel
    others: LockLevel
    has_log: bool


class _Lock(NamedTuple):
    pid: int
    writes: bool
    start: int
    end: int

    def has(self, place: int) -> bool:
        return self.start <= place <= self.end


def calls_on(data: str) -> str:
    """Return the point that has each call on a database be a step: not everybody tells of its statements."""
    return f"calls on {data}"


class DatabaseUse:
    """Which databases somebody has told of in an execution, and what was done to files beside what was told."""

    def __init__(self) -> None:
        self.told: set[str] = set()
        self.called: set[str] = set()
        """What was read, changed or locked by calls that are part of nothing that was told."""
        self.statements = 0
        """How many statements have ended, or have gone on after a wait."""

    def untold(self) -> set[str]:
        """Return the points that have each call be a step, for the databases of which not everybody has told."""
        return {calls_on(data) for data in self.told if any(is_of_database(each, data) for each in self.called)}


def is_of_database(resource: str, data: str) -> bool:
    """Whether a resource is of a database's files: of its data, its journals, its locks or their names."""
    for kind in _KINDS:
        resource = resource.removeprefix(kind)
    if not resource.startswith(data):
        return False
    rest = resource.removeprefix(data)
    return not rest or rest.startswith(("#", "-mj", *BESIDE))


def has_log(file: str) -> bool:
    """Whether a database has a write-ahead log, by its header."""
    with suppress(OSError), open(file, "rb", buffering=0) as opened:
        header = opened.read(_READ_VERSION + 1)
        return len(header) > _READ_VERSION and header[_READ_VERSION] == 2
    return False


def locks_of(file: str, pid: int) -> DatabaseLocks:
    """Return what a process and all others have locked of a database."""
    logged = has_log(file)
    locks = list(_locks_on(f"{file}-shm" if logged else file))
    level = _level_in_log if logged else _level
    mine = [lock for lock in locks if lock.pid == pid]
    others = [lock for lock in locks if lock.pid != pid]
    return DatabaseLocks(level(mine), level(others), logged)


def _level(locks: list[_Lock]) -> LockLevel:
    if any(lock.writes and (lock.has(_PENDING) or lock.has(_SHARED)) for lock in locks):
        return LockLevel.KEEPING
    if any(lock.writes and lock.has(_RESERVED) for lock in locks):
        return LockLevel.WRITING
    return LockLevel.READING if any(lock.has(_SHARED) for lock in locks) else LockLevel.NOTHING


def _level_in_log(locks: list[_Lock]) -> LockLevel:
    if any(lock.writes and lock.has(_LOG_WRITER) for lock in locks):
        return LockLevel.WRITING
    reads = any(lock.has(place) for lock in locks for place in _LOG_READERS)
    return LockLevel.READING if reads else LockLevel.NOTHING


def _locks_on(file: str) -> Iterator[_Lock]:
    """Yield the record locks on a file, by the kernel's list."""
    try:
        inode = os.stat(file).st_ino
    except OSError:
        return
    with open("/proc/locks") as lines:
        for line in lines:
            words = line.split()
            if words[1] == "POSIX" and words[-3].endswith(f":{inode}"):
                end = 1 << 62 if words[-1] == "EOF" else int(words[-1])
                yield _Lock(int(words[-4]), words[3] == "WRITE", int(words[-2]), end)


def keeps_somebody(file: str, pid: int) -> bool:
    """Whether a process has locked a part of a file of a database that others may wait for."""
    if file.endswith("-shm"):
        return any(lock.pid == pid and any(map(lock.has, _LOG_LOCKS)) for lock in _locks_on(file))
    return not has_log(file) and any(lock.pid == pid for lock in _locks_on(file))
