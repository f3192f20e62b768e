"""What a process's open descriptors are of, looked up once for each: every call that closes one is stopped."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache
from itertools import count, islice
from typing import Final

from ticketlab.gate.kernel import read_proc

_URANDOM: Final = (os.makedev(1, 8), os.makedev(1, 9))


@cache
def pipes_device() -> int:
    """Return the device of all pipes that have no name."""
    ends = os.pipe()
    device = os.fstat(ends[0]).st_dev
    for end in ends:
        os.close(end)
    return device


class Sort(Enum):
    """What a descriptor is of."""

    FILE = "file"
    FOLDER = "folder"
    PIPE = "pipe"
    SOCKET = "socket"
    CHANCE = "chance"
    EVENTS = "events"  # of a kind that only its own process knows: an eventfd, a timer, an epoll
    OUTPUT = "output"
    OTHER = "other"


@dataclass(slots=True)
class Opened:
    """What a descriptor is of; `name` is the resource, "" if it is nobody's business."""

    sort: Sort
    name: str
    inode: int = 0
    path: str = ""  # the absolute path of a file or folder
    shown: str = ""  # the name by which a file was opened, if the resource has another


def sort_of(found: os.stat_result) -> Sort:
    """Return what a descriptor is of, by what the kernel says of it."""
    mode = found.st_mode
    if stat.S_ISREG(mode):
        return Sort.FILE
    if stat.S_ISDIR(mode):
        return Sort.FOLDER
    if stat.S_ISFIFO(mode):
        return Sort.PIPE
    if stat.S_ISSOCK(mode):
        return Sort.SOCKET
    if stat.S_ISCHR(mode):
        return Sort.CHANCE if found.st_rdev in _URANDOM else Sort.OTHER
    return Sort.EVENTS if not stat.S_IFMT(mode) else Sort.OTHER


def flags_of(pid: int, descriptor: int) -> int:
    """Return the flags with which a descriptor is open (O_APPEND, O_NONBLOCK); 0 if there is none."""
    return int(_about(pid, descriptor, b"flags:") or b"0", 8)


def pid_behind(pid: int, descriptor: int) -> int:
    """Return the number of the process that a descriptor stands for (pidfd_open(2)); 0 if it stands for none."""
    return int(_about(pid, descriptor, b"\nPid:") or 0)


def _about(pid: int, descriptor: int, name: bytes) -> bytes:
    """Return what the kernel tells of a descriptor by this name; nothing if it tells nothing."""
    return read_proc(f"/proc/{pid}/fdinfo/{descriptor}").partition(name)[2].partition(b"\n")[0].strip()


def descriptors_of(pid: int) -> list[int]:
    """Return the numbers of a process's descriptors."""
    try:
        return sorted(map(int, os.listdir(f"/proc/{pid}/fd")))
    except OSError:
        return []


def lowest_free(pid: int) -> int:
    """Return the number that a process's next descriptor gets."""
    return next(_free(pid))


def two_lowest_free(pid: int) -> list[int]:
    """Return the numbers that a process's next two descriptors get."""
    return list(islice(_free(pid), 2))


def _free(pid: int) -> Iterator[int]:
    taken = set(descriptors_of(pid))
    return (number for number in count() if number not in taken)
