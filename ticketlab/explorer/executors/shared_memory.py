"""Memory that processes share: the columns of a state, the table of steps, and messages.

The memory is anonymous, so it is allocated before the processes are forked. Only the process that has the turn writes,
so nothing here needs a lock.
"""

from __future__ import annotations

import copyreg
import io
import marshal
import pickle
from collections.abc import Callable, Iterator, Sequence
from struct import Struct
from typing import Any, Final

from ticketlab.core.errors import TicketlabError
from ticketlab.core.steps import Action, Step
from ticketlab.core.system.own_memory import own_memory
from ticketlab.explorer.engine.column_memory import Column, N, in_buffer
from ticketlab.explorer.engine.steps import How, Manner, StepTable
from ticketlab.explorer.workload import RequestRecord

_WORD_BYTES: Final = 8
SMALL: Final = 1 << 14
BLOCK: Final = 1 << 18
ROW: Final = Struct("6q")
NOTE: Final = -1  # in place of a buyer


class SharedMemory:
    """Anonymous memory, given out in pieces: small ones side by side, so that a turn touches few pages."""

    def __init__(self) -> None:
        self._block = memoryview(bytearray())  # what is left of the last one for small pieces

    def column(self, length: int) -> Column:
        """Return a column of zeros."""
        column: Column = self.bytes(length * _WORD_BYTES).cast("q")
        return column

    def bytes(self, size: int) -> memoryview:
        """Return so many zero bytes."""
        if size > SMALL:
            return memoryview(own_memory(size))
        taken = -(-size // _WORD_BYTES) * _WORD_BYTES
        if taken > len(self._block):
            self._block = memoryview(own_memory(BLOCK))
        piece, self._block = self._block[:size], self._block[taken:]
        return piece

    def numbers(self, kind: type[N]) -> N:
        """Return numbers of a kind, all 0."""
        return in_buffer(kind, self.bytes)


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
        """Add a message; raises TicketlabError if there is no room for it."""
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
    """A table of steps in which all processes give a step the same symbol: its place in a list that they share."""

    def __init__(self, memory: SharedMemory, tell: Callable[[], None], size: int = 1 << 19) -> None:
        super().__init__()
        self._tell = tell
        self._list = Messages(memory, size, "names of steps")
        self._known = 0

    def enter(self, step: Step, how: How) -> int:
        """Return the symbol that another process gave a step, or give it the next one."""
        self.catch_up()
        if step not in self.numbers(how):
            also = [(action.value, name) for action, name in step.also]
            action, *rest = step._replace(also=())
            self._list.append(marshal.dumps((action.value, also, rest, int(how.manner), how.who)))
            self._tell()
            self.catch_up()
        return self.numbers(how)[step]

    def catch_up(self) -> None:
        """Take in what other processes have entered."""
        if self._list.used[0] != self._known:
            for message in self._list.read(self._known):
                does, also, rest, manner, who = marshal.loads(message)  # noqa: S302 - our own processes wrote it
                step = Step(Action(does), *rest)._replace(also=tuple((Action(done), name) for done, name in also))
                self.add(step, How(Manner(manner), who))
            self._known = len(self._list)


class RecordLog:
    """The records and notes of one execution, as rows of six numbers.

    Outcomes and notes are numbered, since few of them differ: each process numbers those that it meets in a list that
    all share, and only the leading process looks numbers up. Between two executions it starts the list anew if it has
    grown long; the `era` is how often it has.
    """

    def __init__(self, memory: SharedMemory, rows: int, size: int = 1 << 24) -> None:
        self._rows = memory.bytes(rows * ROW.size)
        self._counts = memory.column(3)  # bytes used, values, era
        self._values = Messages(memory, size, "outcomes and notes")
        self._long = size // 2
        self._mine: dict[Any, int] = {}
        self._era = 0
        self._known: list[Any] = []  # as the leading process has read them
        self._read = 0  # up to where it has

    def write(self, records: Sequence[RequestRecord], notes: Sequence[tuple[int, str, int | str]]) -> None:
        """Add a participant's records and notes of one execution; raises TicketlabError if there is no room."""
        used = self._counts[0]
        if self._era != self._counts[2]:
            self._era = self._counts[2]
            self._mine.clear()
        if used + (len(records) + len(notes)) * ROW.size > len(self._rows):
            raise TicketlabError("an execution has more records and notes than there is room for: allow more steps")
        for buyer, request, outcome, since, until, returned in records:
            # An exception equals nothing else, and would keep its frames alive.
            number = self._enter(outcome) if isinstance(outcome, BaseException) else self._number(outcome)
            ROW.pack_into(self._rows, used, buyer, request, number, since, until, returned)
            used += ROW.size
        for step, what, learnt in notes:
            ROW.pack_into(self._rows, used, NOTE, step, self._number((what, learnt)), 0, 0, 0)
            used += ROW.size
        self._counts[0] = used

    def _number(self, value: Any) -> int:
        # Equal values are not the same: True equals 1, and a tuple equals a named tuple.
        key = (type(value), value, *map(type, value)) if isinstance(value, tuple) else (type(value), value)
        try:
            return self._mine[key]
        except KeyError:
            number = self._mine[key] = self._enter(value)
            return number
        except TypeError:  # it has no hash
            return self._enter(value)

    def _enter(self, value: Any) -> int:
        self._values.append(_pickled(value))
        self._counts[1] += 1
        number: int = self._counts[1] - 1
        return number

    def take(self) -> tuple[list[RequestRecord], list[tuple[int, str, int | str]]]:
        """Return all records and notes, as the leading process, and make room for the next execution."""
        known, counts = self._known, self._counts
        if len(known) < counts[1]:
            known += [pickle.loads(message) for message in self._values.read(self._read)]  # noqa: S301 - our own wrote it
            self._read = len(self._values)
        records: list[RequestRecord] = []
        notes: list[tuple[int, str, int | str]] = []
        for who, place, number, since, until, returned in ROW.iter_unpack(self._rows[: counts[0]]):
            if who == NOTE:
                notes.append((place, *known[number]))
            else:
                records.append(RequestRecord(who, place, known[number], since, until, returned))
        counts[0] = 0
        if len(self._values) > self._long:
            self._values.clear()
            known.clear()
            counts[1] = self._read = 0
            counts[2] += 1
        return records, notes


class _PlainPickler(pickle.Pickler):
    """Pickles exceptions as they pickle themselves, though a library has their contexts and tracebacks sent along."""

    def reducer_override(self, value: Any) -> Any:
        """Leave out what `copyreg` has for an exception."""
        return value.__reduce_ex__(pickle.HIGHEST_PROTOCOL) if isinstance(value, BaseException) else NotImplemented


def _dumped(value: Any) -> bytes:
    if Exception not in copyreg.dispatch_table:  # tblib puts all exceptions there, and Dask imports tblib
        return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    buffer = io.BytesIO()
    _PlainPickler(buffer, pickle.HIGHEST_PROTOCOL).dump(value)
    return buffer.getvalue()


def _pickled(value: Any) -> bytes:
    try:
        message = _dumped(value)
        pickle.loads(message)  # noqa: S301 - its own copy
    except Exception:  # an exception of the code under test need not survive pickling
        return pickle.dumps(RuntimeError(f"{type(value).__name__}: {value}"))
    return message
