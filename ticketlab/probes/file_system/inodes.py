"""What all participants know of each other: their process numbers, and what the files are called that they opened.

It is in memory that they share, so it must be there before they are forked. Only whoever has the turn writes. A file is
known by device and inode, and called by the path that it was first opened with in the execution; if that path meant
another file before, a number tells them apart. So two names of one file are one resource, and the same schedule gives
the same names in every execution.
"""

from __future__ import annotations

import marshal
from collections import Counter
from os import stat_result
from typing import Final

from ticketlab.core.errors import TicketlabError
from ticketlab.core.system.own_memory import own_memory

ROOM: Final = 1 << 20
MOST_PARTICIPANTS: Final = 256  # participants
ERA: Final = 0  # word: how many executions there have been
USED: Final = 1  # word: how many bytes of the list are used
LINKED: Final = 2  # word: whether there are symbolic links
PIDS: Final = 3  # word: how many process numbers follow

Inode = tuple[int, int]


class Inodes:
    """The names of the files of one execution, by device and inode."""

    def __init__(self) -> None:
        self._memory = own_memory(ROOM)
        self._words = memoryview(self._memory)[: 8 * (4 + MOST_PARTICIPANTS)].cast("q")
        self._list = memoryview(self._memory)[8 * (4 + MOST_PARTICIPANTS) :]
        self._era = self._read = 0
        self._names: dict[Inode, str] = {}
        self._uses: Counter[str] = Counter()

    def restart(self) -> None:
        """Forget all names, as the leading process, before an execution."""
        self._words[ERA] += 1
        self._words[USED] = 0

    @property
    def era(self) -> int:
        """A number that differs from one execution to the next."""
        era: int = self._words[ERA]
        return era

    @property
    def linked(self) -> bool:
        """Whether a path may lead through symbolic links; once there has been one, there may always be."""
        return bool(self._words[LINKED])

    def link(self) -> None:
        """Take down that there are symbolic links."""
        self._words[LINKED] = 1

    def enter(self, who: int, pid: int) -> None:
        """Take down a participant's process number."""
        if who > MOST_PARTICIPANTS:
            raise TicketlabError(f"{who} participants are too many: at most {MOST_PARTICIPANTS} can take part")
        self._words[PIDS] = max(self._words[PIDS], who)
        self._words[PIDS + who] = pid

    def pids(self) -> dict[str, int]:
        """Return the participants by the digits of their process numbers."""
        return {str(self._words[PIDS + who]): who for who in range(1, 1 + self._words[PIDS]) if self._words[PIDS + who]}

    def name(self, found: stat_result, path: str) -> str:
        """Return what a file is called, which is the given path if nobody has named it in this execution."""
        inode = found.st_dev, found.st_ino
        if known := self.known(found):
            return known
        uses = self._uses[path]
        self._write(inode, path if not uses else f"{path}#{uses + 1}")
        return self._names[inode]

    def known(self, found: stat_result) -> str | None:
        """Return what a file is called if somebody has opened it in this execution."""
        self._catch_up()
        return self._names.get((found.st_dev, found.st_ino))

    def gone(self, found: stat_result) -> None:
        """Take down that a file has lost its last name, since its number may be given to another file."""
        self._catch_up()
        if (found.st_dev, found.st_ino) in self._names:
            self._write((found.st_dev, found.st_ino), "")

    def _write(self, inode: Inode, name: str) -> None:
        message = marshal.dumps((*inode, name))
        start = self._words[USED]
        end = start + 4 + len(message)
        if end > len(self._list):
            raise TicketlabError("one execution opens more files than there is room for")
        self._list[start : start + 4] = len(message).to_bytes(4, "little")
        self._list[start + 4 : end] = message
        self._words[USED] = end
        self._catch_up()

    def _catch_up(self) -> None:
        """Take in what others wrote."""
        words = self._words
        if words[USED] == self._read and words[ERA] == self._era:
            return
        if words[ERA] != self._era:
            self._era, self._read = words[ERA], 0
            self._names.clear()
            self._uses.clear()
        while self._read < words[USED]:
            start = self._read + 4
            self._read = start + int.from_bytes(self._list[start - 4 : start], "little")
            device, number, name = marshal.loads(self._list[start : self._read])  # noqa: S302 - our own wrote it
            if name:
                self._names[device, number] = name
                self._uses[name.partition("#")[0]] += 1
            else:
                self._names.pop((device, number), None)
