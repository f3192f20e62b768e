"""What a process's open descriptors are of, looked up once for each: every call that closes one is stopped."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from functools import cache
from itertools import count, islice
from typing import Final

from ticketlab.gate.kernel import read_proc

_URANDOM: Final = (os.makedev(1, 8), os.makedev(1, 9))

_MASTERS: Final = os.makedev(5, 2)
_TERMINALS: Final = range(136, 144)  # the numbers of the drivers at whose devices programs in a terminal have their end
_SAME_OPEN_FILE: Final = 0
_NUMBER_OF_TERMINAL: Final = 0x80045430  # TIOCGPTN
_COMPARE: Final = {"x86_64": 312, "aarch64": 272}  # kcmp(2)


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
    TERMINAL = "terminal"  # either end of a pseudo-terminal
    CHANCE = "chance"
    EVENTS = "events"  # of a kind that only its own process knows: an eventfd, a timer, an epoll
    OUTPUT = "output"
    OTHER = "other"


CHANNELS: Final = frozenset({Sort.PIPE, Sort.SOCKET, Sort.TERMINAL})
"""What one process writes into for another one to read, and is closed at either end."""


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
        if os.major(found.st_rdev) in _TERMINALS or found.st_rdev == _MASTERS:
            return Sort.TERMINAL
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


def terminal_of(descriptor: int, found: os.stat_result) -> int:
    """Return the number of the pseudo-terminal of which a descriptor is either end."""
    if found.st_rdev != _MASTERS:
        return (os.major(found.st_rdev) - _TERMINALS.start << 20) + os.minor(found.st_rdev)
    return int.from_bytes(fcntl.ioctl(descriptor, _NUMBER_OF_TERMINAL, bytes(4)), sys.byteorder)


def is_same_opening(pid: int, descriptor: int, other_pid: int, other: int) -> bool:
    """Whether two descriptors are of the same opening of a file; if the kernel does not tell, they may be."""
    libc = ctypes.CDLL(None, use_errno=True)
    compared: int = libc.syscall(_COMPARE[os.uname().machine], pid, other_pid, _SAME_OPEN_FILE, descriptor, other)
    return compared == 0 or (compared < 0 and ctypes.get_errno() in (errno.ENOSYS, errno.EPERM))


def shares_opening(pid: int, descriptor: int, others: Iterable[int]) -> bool:
    """Whether another process has the same opening of a file."""
    try:
        inode = os.stat(f"/proc/{pid}/fd/{descriptor}").st_ino
    except OSError:
        return False
    for each in others:
        for beside in descriptors_of(each) if each != pid else ():
            with suppress(OSError):
                if os.stat(f"/proc/{each}/fd/{beside}").st_ino == inode and is_same_opening(
                    pid, descriptor, each, beside
                ):
                    return True
    return False


def awaited_signals(pid: int, descriptor: int) -> int:
    """Return the mask of the signals that are read from a descriptor (signalfd(2)); 0 if it is none of these."""
    try:
        with open(f"/proc/{pid}/fdinfo/{descriptor}") as file:
            return next((int(line.split()[1], 16) for line in file if line.startswith("sigmask:")), 0)
    except OSError:
        return 0
