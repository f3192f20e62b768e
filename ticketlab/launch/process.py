"""A process for each buyer, started by fork, forkserver or spawn."""

from __future__ import annotations

import multiprocessing
import os
import selectors
from collections.abc import Callable, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

from ticketlab.core.errors import TicketlabError
from ticketlab.core.system.fork import ForkedProcess
from ticketlab.launch.children import Child, exit_text, kill, start
from ticketlab.launch.job import RaceJob
from ticketlab.launch.launcher import Exit, LauncherKind, LocalLauncher
from ticketlab.launch.recorder import CRASH, unbatched
from ticketlab.launch.services import GRACE_SECONDS, running_services, service_exits

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext


class ProcessLauncher(LocalLauncher):
    """Starts one process for each buyer."""

    def __init__(self, variant: str) -> None:
        self._context: Any = multiprocessing.get_context(variant)
        self._bare = variant == "fork" and hasattr(os, "pidfd_open")

    def context(self) -> BaseContext:
        """Return the chosen start method's context."""
        context: BaseContext = self._context
        return context

    def run(self, job: RaceJob, meanwhile: Callable[[], None]) -> list[Exit]:
        """Race, and return how each participant ended."""
        make = ForkedProcess if self._bare else self._multiprocessing
        with running_services(job, self._context) as services:
            buyers: list[Child] = [make(job.race, each, os.getpid()) for each in range(1, job.scenario.buyers + 1)]
            try:
                start(buyers, self._context)
                meanwhile()
                job.start_barrier.await_all(
                    len(buyers) + len(services), job.start_seconds, lambda: check_all_start(job, [*services, *buyers])
                )
                job.start_barrier.release()
                hung = _await_exits(buyers, services, job)
            finally:
                kill(buyers)
        exits = [_exit(number, each, each in hung) for number, each in enumerate(buyers, 1)]
        return exits + service_exits(job, services)

    def _multiprocessing(self, target: Callable[..., None], *args: int) -> Child:
        child: Child = self._context.Process(target=target, args=args)
        return child


def check_all_start(job: RaceJob, everybody: Sequence[Child]) -> None:
    """Raise TicketlabError if a participant has ended before the start."""
    for each in everybody:
        if each.exitcode is not None:
            raise TicketlabError(f"a participant could not start ({exit_text(each.exitcode)}){_last_error(job)}")


def _last_error(job: RaceJob) -> str:
    for participant in range(job.log.participants):
        for record in unbatched(job.log.records(participant)):
            if record[0] == CRASH:
                return f": {record[3]}"
    return ""


def _await_exits(buyers: Sequence[Child], services: Sequence[Child], job: RaceJob) -> set[Child]:
    """Wait for every buyer, but no longer than the time-out; return those that had not ended by then."""
    deadline, watchdog = monotonic() + job.timeout, job.watchdog()
    waiting = set(buyers)
    with selectors.DefaultSelector() as selector:
        for each in (*buyers, *services):
            selector.register(each.sentinel, selectors.EVENT_READ, each)
        while waiting and (left := deadline - monotonic()) > 0 and not (watchdog and watchdog.stalled()):
            for key, _ in selector.select(watchdog.wait_seconds(left) if watchdog else left):
                selector.unregister(key.fileobj)
                if key.data in waiting:
                    waiting.remove(key.data)
                    key.data.join()
                else:  # a service has ended; its buyers may wait for it for ever
                    deadline = min(deadline, monotonic() + GRACE_SECONDS)
    return waiting


def _exit(buyer: int, process: Child, hung: bool) -> Exit:
    if hung:
        return Exit.of_buyer(buyer, "hung", "its purchase had not ended when time was up")
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
