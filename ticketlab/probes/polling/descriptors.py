"""The descriptors of this process, and how far their files have been read or written."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence

Descriptor = tuple[int, int, int]
"""A descriptor, and the device and the inode of its file."""


def outputs_of_the_lab() -> frozenset[Descriptor]:
    """Return the descriptors that this process can only write to, to be asked before a participant begins.

    Others may have them as well, such as a test runner whose output goes to a file, and then move their places.
    """
    return frozenset((each, *_file_of(each)) for each in _listed() if _only_writes(each))


def _listed() -> Sequence[int]:
    return sorted(map(int, os.listdir("/proc/self/fd")))  # noqa: PTH208 - names are all that is needed


def _only_writes(descriptor: int) -> bool:
    try:
        return fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY
    except OSError:  # it only listed the others
        return False


def offsets_of_files(outputs: frozenset[Descriptor]) -> Sequence[tuple[int, int]]:
    """Return which descriptors are open, and how far each file has been read or written.

    How far the outputs and the standard outputs have been written is no memory of the loop: where they are files, all
    that the lab has started writes there as well.
    """
    standard = {_file_of(descriptor) for descriptor in (1, 2)}
    told = []
    for each in _listed():
        file = _file_of(each)
        told.append((each, -1 if file in standard or (each, *file) in outputs else _offset(each)))
    return told


def _file_of(descriptor: int) -> tuple[int, int]:
    try:
        found = os.fstat(descriptor)
    except OSError:  # it only listed the others
        return -1, -1
    return found.st_dev, found.st_ino


def _offset(descriptor: int) -> int:
    try:
        return os.lseek(descriptor, 0, os.SEEK_CUR)
    except OSError:  # it has none
        return -1
