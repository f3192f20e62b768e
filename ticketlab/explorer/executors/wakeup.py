"""Bells, by which one process wakes another: `ring` wakes whoever waits, or will; `wait` waits until somebody rings."""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from functools import partial


class EventWakeup:
    """Through an eventfd. Where there are eventfds, the kernel itself ends who waits when the leading process ends."""

    def __init__(self) -> None:
        self.file = os.eventfd(0)
        self.ring: Callable[[], object] = partial(os.eventfd_write, self.file, 1)
        self.wait: Callable[[], object] = partial(os.eventfd_read, self.file)

    def close(self) -> None:
        """Give the file back."""
        os.close(self.file)


class PipeWakeup:
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


Wakeup = EventWakeup | PipeWakeup


def make_wakeup(alive: int) -> Wakeup:
    """Return a bell of the kind that this system has; `alive` is a file that ends when the leading process does."""
    return EventWakeup() if hasattr(os, "eventfd") else PipeWakeup(alive)
