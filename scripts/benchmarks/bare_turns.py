"""Bare turn-taking: what real processes can do that hand each other the turn, with nothing of a lab between.

Each buyer is a process that waits for its turn at an eventfd, takes a lock, reads a JSON file, writes it in place if a
ticket is left, gives the lock back and rings the next one in an order that the leading process has shuffled. Nothing is
recorded, chosen, checked or known. All are bound to one core, as the lab's are.
"""

from __future__ import annotations

import json
import mmap
import multiprocessing
import os
import random
import signal
import time
from pathlib import Path
from typing import Self

OPENING = b'{"remaining": 1, "ledger": []}'


class BareTurns:
    """So many buyers for one ticket; a context manager."""

    def __init__(self, folder: Path, buyers: int) -> None:
        self._file = str(folder / "bare.json")
        self._buyers = buyers

    def __enter__(self) -> Self:
        self._cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(self._cores)})
        self._wakeups = [os.eventfd(0) for _ in range(self._buyers + 1)]
        self._next = memoryview(mmap.mmap(-1, 8 * (self._buyers + 1))).cast("q")  # by buyer: whom it rings
        self._lock = multiprocessing.Lock()
        Path(self._file).write_bytes(OPENING)
        self._pids: list[int] = []
        for buyer in range(self._buyers):
            pid = os.fork()
            if pid == 0:
                self._take_turns(buyer)
            self._pids.append(pid)
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self._pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        for bell in self._wakeups:
            os.close(bell)
        os.sched_setaffinity(0, self._cores)

    def _take_turns(self, buyer: int) -> None:
        bells, following, lock, path = self._wakeups, self._next, self._lock, self._file
        while True:
            os.eventfd_read(bells[buyer])
            with lock:
                with open(path, encoding="utf-8") as file:
                    books = json.load(file)
                if books["remaining"] > 0:
                    books["remaining"] -= 1
                    books["ledger"].append(buyer)
                    with open(path, "r+", encoding="utf-8") as file:
                        json.dump(books, file)
                        file.truncate()
            os.eventfd_write(bells[following[buyer]], 1)

    def rate(self, executions: int) -> float:
        """Return executions a second."""
        order, leader = list(range(self._buyers)), self._buyers
        began = time.perf_counter()
        for _ in range(executions):
            with open(self._file, "r+b") as file:
                file.write(OPENING)
                file.truncate()
            random.shuffle(order)
            for who, following in zip(order, [*order[1:], leader], strict=True):
                self._next[who] = following
            os.eventfd_write(self._wakeups[order[0]], 1)
            os.eventfd_read(self._wakeups[leader])
        return executions / (time.perf_counter() - began)
