"""A thread for each buyer, all in the lab's process."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from dataclasses import replace
from threading import Event, Semaphore, Thread, local
from time import monotonic
from typing import TYPE_CHECKING, Literal, TypeVar

from ticketlab.core.errors import TicketlabError
from ticketlab.core.pacing import Blocked, Pacer, Step, paced_by
from ticketlab.launch.job import Exit, LauncherKind, RaceJob, running_services, service_exits

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

T = TypeVar("T")


class ThreadLauncher:
    """Starts one thread a buyer. A thread cannot be killed: one that hangs is reported, and left behind."""

    def __init__(self, variant: str) -> None:
        pass

    def context(self) -> BaseContext:
        """Return the fork context, for the staff."""
        return multiprocessing.get_context("fork")

    def run(self, job: RaceJob, meanwhile: Callable[[], None]) -> list[Exit]:
        """Race, and say how each buyer ended."""
        buyers = range(1, job.scenario.buyers + 1)
        together = replace(job, memory_mb=0)  # all buyers are one process
        pacer, ready, gun = PerThread(), Semaphore(0), Event()
        done: dict[int, bool] = {}

        def arrive() -> None:
            ready.release()
            gun.wait()

        def race(buyer: int) -> None:
            with job.recorded(buyer - 1) as (recorder, own):
                pacer.install(own)
                done[buyer] = together.attend(buyer, recorder, arrive)
            ready.release()  # who fails before the gate must not be waited for

        with running_services(job, self.context()) as services, paced_by(pacer):
            threads = [Thread(target=race, args=(buyer,), daemon=True) for buyer in buyers]
            for thread in threads:
                thread.start()
            meanwhile()
            deadline = monotonic() + job.start_seconds
            for _ in buyers:
                if not ready.acquire(timeout=max(0.0, deadline - monotonic())):
                    raise TicketlabError(f"not all threads were ready after {job.start_seconds:g} s (see --timeout)")
            job.start_barrier.await_all(len(services), job.start_seconds, lambda: None)
            job.start_barrier.release()
            gun.set()
            deadline, watchdog = monotonic() + job.timeout, job.watchdog()
            for thread in threads:
                while thread.is_alive() and (left := deadline - monotonic()) > 0 and not watchdog.over():
                    thread.join(watchdog.tick(left))
        return [_exit(buyer, done.get(buyer)) for buyer in buyers] + service_exits(job, services)


class PerThread:
    """A pacer that hands each thread on to the one installed for it."""

    may_wait = True

    def __init__(self) -> None:
        self._own = local()

    def install(self, pacer: Pacer) -> None:
        """Set the calling thread's pacer."""
        self._own.pacer = pacer

    def at(self, step: Step) -> None:
        """Pass the point as the thread's pacer does."""
        self._own.pacer.at(step)

    def block(self, step: Step, attempt: Callable[[], T | Literal[Blocked.BLOCKED]], wait: Callable[[], T]) -> T:
        """Wait as the thread's pacer does."""
        pacer: Pacer = self._own.pacer
        return pacer.block(step, attempt, wait)

    def sleep(self, seconds: float) -> None:
        """Sleep as the thread's pacer does."""
        self._own.pacer.sleep(seconds)

    def now(self, *, wall: bool) -> float:
        """Ask the thread's pacer."""
        pacer: Pacer = self._own.pacer
        return pacer.now(wall=wall)

    def note(self, what: str, value: int | str) -> None:
        """Note as the thread's pacer does."""
        self._own.pacer.note(what, value)

    def for_fork(self) -> Pacer:
        """Pace a fork as the thread's pacer says."""
        pacer: Pacer = self._own.pacer
        return pacer.for_fork()


def _exit(buyer: int, finished: bool | None) -> Exit:
    if finished is None:
        return Exit.of_buyer(buyer, "hung", "it was still at it when time was up, and a thread cannot be killed")
    return Exit.of_buyer(buyer, "finished") if finished else Exit.of_buyer(buyer, "crashed", "by an exception")


KIND = LauncherKind(
    name="threads",
    summary="a thread for each buyer, in one process",
    build=ThreadLauncher,
)
