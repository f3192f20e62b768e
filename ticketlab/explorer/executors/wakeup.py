"""Wake-ups between processes: `wait` waits until another process calls `wake`, unless one already has."""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from functools import partial


class EventWakeup:
    """A wake-up through an eventfd. Systems that have these also end waiting processes with the leading one."""

    def __init__(self) -> None:
        self.file = os.eventfd(0)
        self.wake: Callable[[], object] = partial(os.eventfd_write, self.file, 1)
        self.wait: Callable[[], object] = partial(os.eventfd_read, self.file)

    def close(self) -> None:
        """Give the file back."""
        os.close(self.file)


class PipeWakeup:
    """A wake-up through a pipe, for systems without eventfds; the file `alive` ends when the leading process does."""

    def __init__(self, alive: int) -> None:
        self.file, self._write = os.pipe()
        self._alive = alive

    def wake(self) -> None:
        """Wake the process that waits, or that will wait."""
        os.write(self._write, b".")

    def wait(self) -> None:
        """Wait until another process wakes this one; end this process if the leading one has ended."""
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
    """Return a wake-up of the kind that this system has; the file `alive` ends when the leading process does."""
    return EventWakeup() if hasattr(os, "eventfd") else PipeWakeup(alive)
