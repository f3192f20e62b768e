"""Memory that processes share: the columns of a state, the table of steps, messages, and bells to wake each other.

It is anonymous, so it must be there before the processes are forked. Only whoever has the turn writes, so nothing here
needs a lock.
"""

from __future__ import annotations

import marshal
import mmap
import os
import pickle
import select
from collections.abc import Iterator
from typing import Any, Final

from ticketlab.core.errors import TicketlabError
from ticketlab.core.pacing import Action, Step
from ticketlab.explore.schedule import Column
from ticketlab.explore.steps import StepTable

WORD: Final = 8


class SharedMemory:
    """One anonymous mapping, given out in pieces."""

    def __init__(self, size: int) -> None:
        self._map = mmap.mmap(-1, size)
        self._bytes = memoryview(self._map)
        self._used = 0

    def column(self, length: int) -> Column:
        """Return a column of zeros."""
        column: Column = self.bytes(length * WORD).cast("q")
        return column

    def bytes(self, size: int) -> memoryview:
        """Return so many zero bytes."""
        start = self._used
        self._used += -(-size // WORD) * WORD
        if self._used > len(self._bytes):
            raise TicketlabError(f"an exploration of this size needs more than {len(self._bytes)} bytes to share")
        return self._bytes[start : start + size]


class Messages:
    """Bytes that one process appends and others read, with a length before each message."""

    def __init__(self, memory: SharedMemory, size: int, what: str) -> None:
        self._bytes = memory.bytes(size)
        self.used = memory.column(1)
        self._what = what

    def __len__(self) -> int:
        used: int = self.used[0]
        return used

    def append(self, message: bytes) -> None:
        """Add a message; raises TicketlabError where there is no room for it."""
        start = self.used[0]
        end = start + 4 + len(message)
        if end > len(self._bytes):
            raise TicketlabError(f"the {self._what} need more than {len(self._bytes)} bytes: allow fewer steps")
        self._bytes[start : start + 4] = len(message).to_bytes(4, "little")
        self._bytes[start + 4 : end] = message
        self.used[0] = end

    def read(self, start: int = 0) -> Iterator[bytes]:
        """Yield the messages from a place on."""
        while start < self.used[0]:
            length = int.from_bytes(self._bytes[start : start + 4], "little")
            yield bytes(self._bytes[start + 4 : start + 4 + length])
            start += 4 + length

    def clear(self) -> None:
        """Start anew."""
        self.used[0] = 0


class SharedSteps(StepTable):
    """A table of steps whose entries all processes give the same symbols, in the order of a list that they share."""

    def __init__(self, memory: SharedMemory, size: int = 1 << 19) -> None:
        super().__init__()
        self._list = Messages(memory, size, "names of steps")
        self._known = 0

    def enter(self, step: Step, how: int) -> int:
        """Return the symbol that another process gave a step, or give it the next one."""
        self.catch_up()
        if step not in self.numbers(how):
            action, resource, part = step
            self._list.append(marshal.dumps((action.value, resource, part, how)))
            self.catch_up()
        return self.numbers(how)[step]

    def catch_up(self) -> None:
        """Take in what other processes have entered."""
        if self._list.used[0] != self._known:
            for message in self._list.read(self._known):
                action, resource, part, how = marshal.loads(message)  # noqa: S302 - our own processes wrote it
                self.add(Step(Action(action), resource, part), how)
            self._known = len(self._list)


class Board:
    """Who has the turn, what everybody is asked to do, the policy in force, and what came of the requests."""

    def __init__(self, memory: SharedMemory) -> None:
        self.registers = memory.column(4)  # the turn, the command, the version of the policy, whether there is trouble
        self.log = Messages(memory, 1 << 24, "records of one execution")
        self.policy = Messages(memory, 1 << 22, "delays of a policy")
        self.trouble = Messages(memory, 1 << 16, "errors")

    def report(self, error: BaseException) -> None:
        """Leave an error for the leading process."""
        self.trouble.append(f"{type(error).__name__}: {error}".encode()[:8192])

    def record(self, records: list[Any], notes: list[Any]) -> None:
        """Leave a participant's records of one execution."""
        plain = [tuple(record) for record in records]
        try:
            message = pickle.dumps((plain, notes), pickle.HIGHEST_PROTOCOL)
        except Exception:  # an exception of the code under test need not survive pickling
            plain = [(*record[:2], _portable(record[2]), *record[3:]) for record in plain]
            message = pickle.dumps((plain, notes), pickle.HIGHEST_PROTOCOL)
        self.log.append(message)


def _portable(outcome: Any) -> Any:
    try:
        pickle.loads(pickle.dumps(outcome))  # noqa: S301 - its own copy
    except Exception:
        return RuntimeError(f"{type(outcome).__name__}: {outcome}")
    return outcome


class EventBell:
    """Wakes one process, through an eventfd."""

    def __init__(self) -> None:
        self.file = os.eventfd(0)

    def ring(self) -> None:
        """Wake whoever waits, or will."""
        os.eventfd_write(self.file, 1)

    def wait(self) -> None:
        """Wait until somebody rings."""
        os.eventfd_read(self.file)

    def close(self) -> None:
        """Give the file back."""
        os.close(self.file)


class PipeBell:
    """The same through a pipe, where there is no eventfd; `alive` ends when the leading process does."""

    def __init__(self, alive: int) -> None:
        self.file, self._write = os.pipe()
        self._alive = alive

    def ring(self) -> None:
        """Wake whoever waits, or will."""
        os.write(self._write, b".")

    def wait(self) -> None:
        """Wait until somebody rings; end this process if the leading one has ended."""
        ready, _, _ = select.select([self.file, self._alive], [], [])
        if self.file not in ready:
            os._exit(1)
        os.read(self.file, 1)

    def close(self) -> None:
        """Give the files back."""
        os.close(self.file)
        os.close(self._write)
