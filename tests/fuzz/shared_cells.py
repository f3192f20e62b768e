"""What the participants of a random program share: cells, locks and queues that processes share as well."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from typing import Any

from .independent_programs import is_lock, is_queue, reported

QUEUE = 12  # places in a queue: more than any program sends
FREE = -1


class Shared:
    """Cells, locks and queues in one array of numbers: by name, the place where each begins."""

    def __init__(self, names: Sequence[str]) -> None:
        self.places: dict[str, int] = {}
        size = 0
        for name in names:
            self.places[name] = size
            size += QUEUE + 1 if is_queue(name) else 2
        self.numbers = multiprocessing.RawArray("q", max(size, 1))
        self.names = tuple(names)

    def reset(self) -> None:
        """Put everything to where it was before the first execution."""
        for place in range(len(self.numbers)):
            self.numbers[place] = 0
        for name in self.names:
            if is_lock(name):
                self.numbers[self.places[name]] = int(name[1:]) if name[0] == "s" else FREE

    def read(self, name: str) -> int:
        """Return a cell."""
        return int(self.numbers[self.places[name]])

    def write(self, name: str, value: int) -> None:
        """Change a cell."""
        self.numbers[self.places[name]] = value

    def acquire(self, lock: str, who: int) -> bool:
        """Take a lock if it can be had."""
        place = self.places[lock]
        holder = int(self.numbers[place])
        if lock[0] == "w" and self.numbers[place + 1]:
            return False
        if lock[0] == "s":
            self.numbers[place] = holder - 1 if holder else 0
            return holder > 0
        if holder != FREE and (lock[0] in "mw" or holder != who):
            return False
        self.numbers[place] = who
        self.numbers[place + 1] += 1
        return True

    def share(self, lock: str) -> bool:
        """Take a lock beside others that share it, if nobody has it alone."""
        place = self.places[lock]
        free = int(self.numbers[place]) == FREE
        self.numbers[place + 1] += free
        return free

    def release(self, lock: str) -> None:
        """Give a lock back."""
        place = self.places[lock]
        if lock[0] == "s":
            self.numbers[place] += 1
            return
        self.numbers[place + 1] -= 1
        if not self.numbers[place + 1]:
            self.numbers[place] = FREE

    def send(self, queue: str, value: int) -> None:
        """Put a value at the end of a queue."""
        place = self.places[queue]
        self.numbers[place] += 1
        self.numbers[place + self.numbers[place]] = value

    def receive(self, queue: str) -> int | None:
        """Take the first of a queue, if there is one."""
        place = self.places[queue]
        length = self.numbers[place]
        if not length:
            return None
        first = int(self.numbers[place + 1])
        for each in range(1, length):
            self.numbers[place + each] = self.numbers[place + each + 1]
        self.numbers[place] = length - 1
        return first

    def last(self) -> tuple[Any, ...]:
        """Return cells and queues, as outcomes have them."""
        return tuple(self._value(name) for name in reported(self.names))

    def _value(self, name: str) -> Any:
        place = self.places[name]
        if not is_queue(name):
            return self.numbers[place]
        return tuple(self.numbers[place + 1 : place + 1 + self.numbers[place]])
