"""Helper threads of queues: what a participant has sent must have arrived before the turn passes on.

A `multiprocessing.Queue` is fed by a thread of the sender's process: when `put` returns, the item may still be on its
way. It has arrived once the thread's buffer is empty and the thread waits for the next item.
"""

from __future__ import annotations

import threading
import time
from typing import Any


def await_feeders() -> None:
    """Wait until all that this process has put into queues is in their pipes."""
    for thread in threading.enumerate():
        if thread.name == "QueueFeederThread":
            _await(thread)


def _await(thread: threading.Thread) -> None:
    # A thread's arguments are kept while it runs: the buffer and the condition that says that it is not empty.
    buffer: Any
    waiting: Any
    buffer, waiting, *_ = getattr(thread, "_args", ((), None))
    while thread.is_alive() and (buffer or not waiting._waiters):
        time.sleep(0)
