"""What processes that are forked from the lab have in common from the beginning: open files, channels and memory.

No participant made these things, so they are named by what they are when the participants are forked. What is in
memory that was there before any execution is kept, and put back before each. Pipes that were empty are emptied; what
is in another channel is not put back.
"""

from __future__ import annotations

import fcntl
import os
import sys
import termios
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ticketlab.core.system.own_memory import own_addresses
from ticketlab.gate.descriptors import Sort, descriptors_of, sort_of

_SHARED: Final = "rw-s"
_MEMORY: Final = "/dev/shm/"  # noqa: S108 - where shm_open(3) and sem_open(3) put what they make
_LOCK: Final = f"{_MEMORY}sem."
_GONE: Final = " (deleted)"
_LARGEST: Final = 64 << 20


class _Span(NamedTuple):
    """A piece of this process's memory that others see."""

    start: int
    size: int
    file: tuple[int, int]  # device and inode
    path: str

    @property
    def is_lock(self) -> bool:
        """Whether it is a semaphore with a name."""
        return self.path.startswith(_LOCK)

    @property
    def is_memory(self) -> bool:
        """Whether it is no file that is kept: such a file is `reset`'s to lay out."""
        return self.path.startswith(_MEMORY) or self.path.endswith(_GONE)


@dataclass(frozen=True)
class Inherited:
    """What a process has that those forked from it share: `files` and `channels` by inode, `memory` by file."""

    files: frozenset[int] = frozenset()
    channels: dict[int, str] = field(default_factory=dict)
    memory: dict[tuple[int, int], str] = field(default_factory=dict)
    empty: frozenset[int] = frozenset()
    """The pipes in which nothing is, by inode."""
    outside: tuple[str, ...] = ()
    """What of it is not seen, in sentences."""
    _kept: tuple[tuple[int, bytes], ...] = ()

    @classmethod
    def of_this_process(cls, *, kept: bool = False) -> Inherited:
        """Return what the calling process has; what is in its memory is `kept` if asked."""
        files, channels, empty = set[int](), dict[int, str](), set[int]()
        for descriptor in descriptors_of(os.getpid()):
            with suppress(OSError):
                found = os.fstat(descriptor)
                sort = sort_of(found)
                if sort is Sort.FILE:
                    files.add(found.st_ino)
                elif sort in (Sort.PIPE, Sort.SOCKET):
                    channels.setdefault(found.st_ino, f"{sort.value} {descriptor}")
                if sort is Sort.PIPE and not _waiting(descriptor):
                    empty.add(found.st_ino)
        own = own_addresses()
        spans = [span for span in _spans() if span.start not in own]
        locks = dict.fromkeys(span.file for span in spans if span.is_lock)
        others = dict.fromkeys(span.file for span in spans if not span.is_lock)
        memory = {file: f"lock {number}" for number, file in enumerate(locks, 1)}
        memory |= {file: f"memory {number}" for number, file in enumerate(others, 1)}
        told = [f"{memory[file]} is memory that processes share: what they do there is not seen" for file in others]
        contents = tuple(_contents(spans)) if kept else ()
        return cls(frozenset(files), channels, memory, frozenset(empty), tuple(told), contents)

    def put_back(self) -> None:
        """Have all shared memory hold again what it held."""
        with open("/proc/self/mem", "r+b", buffering=0) as memory:
            for start, data in self._kept:
                with suppress(OSError):  # nobody has it any more
                    if os.pread(memory.fileno(), len(data), start) != data:
                        os.pwrite(memory.fileno(), data, start)

    def drain(self, pipe: int) -> bool:
        """Empty a pipe of this process again, given by its inode; return whether that is how it was."""
        for descriptor in descriptors_of(os.getpid()) if pipe in self.empty else ():
            with suppress(OSError):  # the end that is written to
                while os.fstat(descriptor).st_ino == pipe and (size := _waiting(descriptor)):
                    os.read(descriptor, size)
        return pipe in self.empty


def _waiting(pipe: int) -> int:
    """Return how many bytes are in a pipe."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def _spans() -> Iterator[_Span]:
    with open("/proc/self/maps") as maps:
        for line in maps:
            span, rights, _, device, inode, *path = line.split(maxsplit=5)
            if rights == _SHARED:
                start, end = (int(each, 16) for each in span.split("-"))
                major, minor = (int(each, 16) for each in device.split(":"))
                file = os.makedev(major, minor), int(inode)
                yield _Span(start, end - start, file, "".join(path).rstrip())


def _contents(spans: list[_Span]) -> Iterator[tuple[int, bytes]]:
    with open("/proc/self/mem", "rb", buffering=0) as memory:
        for span in spans:
            if span.is_memory and span.size <= _LARGEST:
                with suppress(OSError):  # behind the end of a file there is nothing
                    yield span.start, os.pread(memory.fileno(), span.size, span.start)
