"""Workers that are processes of this machine, each on a core of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, TypeVar

from ticketlab.core.errors import UsageError
from ticketlab.core.system.lifeline import die_with_parent, signals_blocked
from ticketlab.lab.artifacts.race_folder import remove_folders_of
from ticketlab.lab.workers.workers import Workers

T = TypeVar("T")


class ProcessWorkers(Workers):
    """So many processes; they are started when the first job is handed out, and die with this process."""

    def __init__(self, size: int) -> None:
        if size < 1:
            raise UsageError(f"{size} workers do nothing: at least 1 is needed")
        super().__init__()
        self.size = size
        self._cores = sorted(os.sched_getaffinity(0))
        # Not forked: a fork would have all that the lab has loaded, and fork slowly itself.
        self._context = get_context("spawn")
        self._pool: ProcessPoolExecutor | None = None
        self._started: set[int] = set()

    def start(self, call: Callable[..., T], args: tuple[Any, ...]) -> Future[T]:
        """Hand out a job to the first process that is free."""
        try:
            return self._submit(call, args)
        except BrokenExecutor:  # a process died since the last job was handed out
            self.replace()
            return self._submit(call, args)

    def _submit(self, call: Callable[..., T], args: tuple[Any, ...]) -> Future[T]:
        if self._pool is None:
            turns = self._context.Value("i", 0)
            self._pool = ProcessPoolExecutor(self.size, self._context, _take_core, (turns, self._cores, os.getpid()))
        with signals_blocked():  # which may start workers: an interrupt must not reach them before they are ready
            future = self._pool.submit(call, *args)
        self._started |= set(self._pool._processes or ())
        return future

    def replace(self) -> None:
        """Take new processes; the pool ended the others when it saw that one had died."""
        self._end(killing=True)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Have processes from the first job to the end."""
        try:
            yield
        finally:
            self._end(killing=bool(self._open) or sys.exc_info()[0] is not None)

    def _end(self, *, killing: bool) -> None:
        pool, self._pool = self._pool, None
        if pool is None:
            return
        if killing:
            for worker in dict(pool._processes or {}).values():  # nobody will ask for their results any more
                worker.kill()
        pool.shutdown(cancel_futures=True)
        if killing:
            remove_folders_of(self._started)


def _take_core(turns: Any, cores: Sequence[int], parent: int) -> None:
    """Give each worker a core of its own, which all processes of its explorations share."""
    die_with_parent(parent)
    with turns.get_lock():
        turn = turns.value
        turns.value += 1
    os.sched_setaffinity(0, {cores[turn % len(cores)]})
