"""Processes and threads of a program, seen from outside: by their memory, and by copies of descriptors."""

from __future__ import annotations

import ctypes
import math
import os
import select
import time
from dataclasses import dataclass, field
from typing import Any, Final

from ticketlab.core.errors import TicketlabError
from ticketlab.core.steps import Step

_PIDFD_GETFD: Final = 438  # on all processors
_LONGEST_TEXT: Final = 4096
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


@dataclass(eq=False, slots=True)
class Process:
    """A process of the program; `name` is its place in the tree of processes: "1", "1.2".

    `children` and `threads` count those that it has started. `ends` says how it ended: its exit code or, negative, the
    signal; None while it lives.
    """

    pid: int
    name: str
    parent: Process | None = None
    children: int = 0
    threads: int = 0
    forked: bool = True  # since its last exec
    ends: int | None = None
    exits_with: int | None = None  # what it says itself, before it ends
    folder: str = ""  # where it stands; "" if that has to be asked
    killed_by: str = ""  # who sent the last signal that may have ended it
    signals: set[int] = field(default_factory=set)  # that others have sent
    program: str = ""  # the file of the program that it ran when it ended
    serves: bool = False  # whether it only answers others
    server_due: str = ""  # "thread" or "process" if the next one that it starts only answers others
    tasks: list[Task] = field(default_factory=list)  # its threads that have been seen and have not ended
    handle: int = -1
    memory: int = -1

    def open(self) -> None:
        """Take hold of the process: its number may be another's later."""
        self.handle = os.pidfd_open(self.pid)

    def close(self) -> None:
        """Give everything back."""
        for descriptor in (self.handle, self.memory):
            if descriptor >= 0:
                os.close(descriptor)
        self.handle = self.memory = -1

    def forget_memory(self) -> None:
        """Take hold of its memory anew: what it had before belongs to whoever it shared it with (vfork(2))."""
        if self.memory >= 0:
            os.close(self.memory)
        self.memory = -1

    def starts_server(self, what: str) -> bool:
        """Whether the process has told that the next thread or process that it starts only answers others."""
        if self.server_due != what:
            return False
        self.server_due = ""
        return True

    def is_dead(self, milliseconds: float = 0) -> bool:
        """Whether the process has ended, waiting for that so long."""
        poll = select.poll()
        poll.register(self.handle, select.POLLIN)
        return bool(poll.poll(milliseconds))

    def read(self, address: int, size: int) -> bytes:
        """Read from its memory, as far as there is any."""
        for _ in range(2):
            if self.memory < 0:
                try:
                    self.memory = os.open(f"/proc/{self.pid}/mem", os.O_RDWR)
                except PermissionError:
                    raise TicketlabError(
                        "the kernel does not let the lab read a program's memory: ptrace is restricted here"
                    ) from None
                except OSError:
                    return b""
            try:
                if data := os.pread(self.memory, size, address):
                    return data
            except OSError:
                pass
            os.close(self.memory)  # it may have become another program meanwhile
            self.memory = -1
        return b""

    def write(self, address: int, data: bytes) -> None:
        """Write into its memory."""
        self.read(address, 1)
        os.pwrite(self.memory, data, address)

    def number(self, address: int, size: int = 4) -> int:
        """Read a whole number from its memory."""
        return int.from_bytes(self.read(address, size), "little")

    def text(self, address: int) -> str:
        """Read a text that ends with a zero."""
        page = 4096 - address % 4096  # what follows may not be there
        data = self.read(address, page)
        if b"\0" not in data:
            data += self.read(address + page, _LONGEST_TEXT)
        return os.fsdecode(data.partition(b"\0")[0])

    def seconds(self, address: int, unit: float = 1e9) -> float | None:
        """Read a time from its memory, in seconds and so many parts of one; None if the address is none."""
        if not address:
            return None
        data = self.read(address, 16).ljust(16, b"\0")
        return int.from_bytes(data[:8], "little", signed=True) + int.from_bytes(data[8:], "little") / unit

    def until(self, address: int, clock: int) -> float | None:
        """Read the time by a clock from its memory and return how long it is until then; None if the address is none.

        Some time has passed since the process asked, more on a busy machine, and the same schedule must come to the
        same times: so the rest is rounded up to tenths of a second.
        """
        seconds = self.seconds(address)
        return None if seconds is None else max(0.0, math.ceil(10 * (seconds - time.clock_gettime(clock))) / 10)

    def copy_of(self, descriptor: int) -> int:
        """Return a copy of one of its descriptors, which is the caller's to close; raises OSError if there is none."""
        copy: int = _LIBC.syscall(_PIDFD_GETFD, self.handle, descriptor, 0)
        if copy < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return copy

    def stands_in(self) -> str:
        """Return the folder in which it stands."""
        if not self.folder:
            self.folder = os.readlink(f"/proc/{self.pid}/cwd")
        return self.folder


@dataclass(eq=False, slots=True)
class Task:
    """A thread of the program, which is one participant; `number` counts them from 0 in the order of appearance."""

    thread: int
    process: Process
    name: str
    number: int
    serves: bool = False  # whether it only answers others, and so takes no part
    operation: Step | None = None  # what it has told it is doing: all its calls are part of that
    clock: int = 0  # where in memory it looks for its time; see `gate.inside.clock`
    statement: Any = None  # what it has told it asks of a database, see `calls.databases`
    last_call: tuple[str, tuple[int, ...]] = ("", ())  # that was stopped before the one that is considered
    has_started: str = ""  # the call by which it has started another one, until it comes to its next call
