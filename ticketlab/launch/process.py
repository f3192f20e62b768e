"""A process for each buyer, started by fork, forkserver or spawn."""

from __future__ import annotations

import multiprocessing
import os
import selectors
from collections.abc import Callable, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

from ticketlab.core.errors import TicketlabError
from ticketlab.core.fork import ForkedProcess
from ticketlab.launch.job import (
    GRACE_SECONDS,
    Exit,
    LauncherKind,
    Process,
    RaceJob,
    exit_text,
    kill,
    running_services,
    service_exits,
    start,
)
from ticketlab.launch.recorder import CRASH, singly

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext


class ProcessLauncher:
    """Starts one process a buyer; all wait at the gate until the last one is there."""

    def __init__(self, variant: str) -> None:
        self._context: Any = multiprocessing.get_context(variant)
        self._bare = variant == "fork" and hasattr(os, "pidfd_open")

    def context(self) -> BaseContext:
        """Return the chosen start method's context."""
        context: BaseContext = self._context
        return context

    def run(self, job: RaceJob, meanwhile: Callable[[], None]) -> list[Exit]:
        """Race, and say how each buyer ended."""
        with running_services(job, self._context) as services:
            buyers = [self._process(job.race, number) for number in range(1, job.scenario.buyers + 1)]
            try:
                start(buyers, self._context)
                meanwhile()
                job.start_barrier.await_all(
                    len(buyers) + len(services), job.start_seconds, lambda: _check(job, [*services, *buyers])
                )
                job.start_barrier.release()
                hung = _await_exits(buyers, services, job)
            finally:
                kill(buyers)
        return [_exit(number, each, each in hung) for number, each in enumerate(buyers, 1)] + service_exits(
            job, services
        )

    def _process(self, target: Callable[[int], None], number: int) -> Process:
        if self._bare:
            return ForkedProcess(target, number)
        process: Process = self._context.Process(target=target, args=(number,))
        return process


def _check(job: RaceJob, everybody: Sequence[Process]) -> None:
    for each in everybody:
        if each.exitcode is not None:
            raise TicketlabError(f"a participant could not start ({exit_text(each.exitcode)}){_last_words(job)}")


def _last_words(job: RaceJob) -> str:
    for participant in range(job.log.participants):
        for record in singly(job.log.records(participant)):
            if record[0] == CRASH:
                return f": {record[2]}"
    return ""


def _await_exits(buyers: Sequence[Process], services: Sequence[Process], job: RaceJob) -> set[Process]:
    """Wait for every buyer, but no longer than the time-out; return those that did not come."""
    deadline, watchdog = monotonic() + job.timeout, job.watchdog()
    waiting = set(buyers)
    with selectors.DefaultSelector() as selector:
        for each in (*buyers, *services):
            selector.register(each.sentinel, selectors.EVENT_READ, each)
        while waiting and (left := deadline - monotonic()) > 0 and not watchdog.over():
            for key, _ in selector.select(watchdog.tick(left)):
                selector.unregister(key.fileobj)
                if key.data in waiting:
                    waiting.remove(key.data)
                    key.data.join()
                else:  # without its clerk a buyer may wait for ever
                    deadline = min(deadline, monotonic() + GRACE_SECONDS)
    return waiting


def _exit(buyer: int, process: Process, hung: bool) -> Exit:
    if hung:
        return Exit.of_buyer(buyer, "hung", "it was still at it when time was up")
    if process.exitcode:
        return Exit.of_buyer(buyer, "crashed", exit_text(process.exitcode))
    return Exit.of_buyer(buyer, "finished")


KIND = LauncherKind(
    name="process",
    summary="a process for each buyer",
    variants={
        "fork": "copies of the lab's process",
        "forkserver": "copies of a clean server process",
        "spawn": "new interpreters",
    },
    build=ProcessLauncher,
)
