"""The log of a race: memory without a name that all participants share, and that outlives each of them.

Every participant writes events to a region of its own, so nothing is locked and nobody waits. An event counts once its
length is there, and the length is written last: kill -9 in the middle of a write loses that event and no other. The
memory belongs to open file descriptors alone; it is freed when the last process that has them ends.
"""

from __future__ import annotations

import marshal
import mmap
import os
import tempfile
from collections.abc import Iterator
from multiprocessing.reduction import DupFd
from struct import Struct
from typing import Any, Final

from ticketlab.core.errors import TicketlabError

Event = tuple[Any, ...]

WINDOW: Final = 1 << 16
"""How much of its region a writer maps at a time, in bytes; no event is larger."""
REGION: Final = WINDOW * 1024
"""The address space of one participant; only the part that is used takes memory."""
MOST: Final = REGION - WINDOW
"""How many bytes a participant may write; the last window is kept for its last event."""

_LENGTH: Final = Struct("<I")
_NEXT_WINDOW: Final = 0xFFFFFFFF


class LogFull(TicketlabError):
    """A participant wrote more than its region holds."""


class EventLog:
    """Regions for a number of participants, numbered from 0; the log can be handed to a process that starts."""

    def __init__(self, participants: int) -> None:
        self.participants = participants
        self._file = _nameless_file()
        try:
            os.ftruncate(self._file, participants * REGION)
        except OSError as error:
            os.close(self._file)
            raise TicketlabError(f"cannot make the log of {participants} participants: {error.strerror}") from None

    def __getstate__(self) -> tuple[int, Any]:
        return self.participants, DupFd(self._file)

    def __setstate__(self, state: tuple[int, Any]) -> None:
        self.participants = state[0]
        self._file = state[1].detach()

    def writer(self, participant: int) -> EventWriter:
        """Return what appends to one region; a region has one writer at a time."""
        return EventWriter(self._file, participant)

    def records(self, participant: int) -> Iterator[Event]:
        """Yield what a participant has written so far, whether it still lives or not."""
        for window in range(REGION // WINDOW):
            content = os.pread(self._file, WINDOW, participant * REGION + window * WINDOW)
            offset = 0
            while (length := _LENGTH.unpack_from(content, offset)[0]) not in (0, _NEXT_WINDOW):
                offset += _LENGTH.size
                yield marshal.loads(content[offset : offset + length])  # noqa: S302 - written by our own buyers
                offset += length
            if length == 0:
                return

    def error_ns(self, participant: int) -> int:
        """Return 0: all participants have the same clock."""
        return 0

    def tail(self, participant: int) -> EventTail:
        """Return what reads one region while it grows."""
        return EventTail(self._file, participant)

    def close(self) -> None:
        """Give the memory back."""
        os.close(self._file)


class EventTail:
    """Reads a region while it grows."""

    def __init__(self, file: int, participant: int) -> None:
        self._file = file
        self._base = participant * REGION
        self._window = self._offset = 0

    def read(self) -> Iterator[Event]:
        """Yield the events that were written since the last call."""
        while length := self._length():
            if length == _NEXT_WINDOW:
                self._window, self._offset = self._window + 1, 0
                continue
            content = os.pread(self._file, length, self._place() + _LENGTH.size)
            self._offset += _LENGTH.size + length
            yield marshal.loads(content)  # noqa: S302 - written by our own buyers

    def _place(self) -> int:
        return self._base + self._window * WINDOW + self._offset

    def _length(self) -> int:
        (length,) = _LENGTH.unpack(os.pread(self._file, _LENGTH.size, self._place()))
        return int(length)


class EventWriter:
    """Appends events: tuples of numbers, strings, None and tuples of those."""

    def __init__(self, file: int, participant: int) -> None:
        self._file = file
        self._base = participant * REGION
        self._window = 0
        self._map()

    def _map(self) -> None:
        self._memory = mmap.mmap(self._file, WINDOW, offset=self._base + self._window * WINDOW)
        self._offset = 0

    def append(self, record: Event, *, last: bool = False) -> None:
        """Write an event; raises LogFull if the participant has no room left, except for its `last` one."""
        data = marshal.dumps(record)
        start = self._offset + _LENGTH.size
        end = start + len(data)
        if end + _LENGTH.size > WINDOW:
            self._turn_over(len(data), REGION if last else MOST)
            self.append(record, last=last)
            return
        self._memory[start:end] = data
        _LENGTH.pack_into(self._memory, self._offset, len(data))
        self._offset = end

    def _turn_over(self, size: int, most: int) -> None:
        if size + 2 * _LENGTH.size > WINDOW:
            raise LogFull(f"an event of {size} bytes is more than the {WINDOW} that fit")
        if (self._window + 1) * WINDOW >= most:
            raise LogFull(f"its log is over {MOST / (1 << 20):.0f} MiB")
        _LENGTH.pack_into(self._memory, self._offset, _NEXT_WINDOW)
        self._memory.close()
        self._window += 1
        self._map()

    def close(self) -> None:
        """Unmap the region; what was written stays in the log."""
        self._memory.close()


def _nameless_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("ticketlab-log", os.MFD_CLOEXEC)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
