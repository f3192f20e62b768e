"""Memory that the lab shares with the processes that it forks, told apart from what functions under test share."""

from __future__ import annotations

import mmap
from typing import Final
from weakref import WeakSet

_OWN: Final = WeakSet[mmap.mmap]()


def own_memory(size: int) -> mmap.mmap:
    """Return so many bytes that all processes see which are forked from this one."""
    memory = mmap.mmap(-1, size)
    _OWN.add(memory)
    return memory


def is_own(memory: mmap.mmap) -> bool:
    """Whether such memory is the lab's own."""
    return any(each is memory for each in _OWN)


def own_addresses() -> frozenset[int]:
    """Return where such memory begins, as far as it is still there."""
    import ctypes

    return frozenset(ctypes.addressof(ctypes.c_char.from_buffer(memory)) for memory in list(_OWN))
