"""A thread for each buyer, all in the lab's process."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from dataclasses import replace
from threading import Event, Semaphore, Thread, local
from time import monotonic
from typing import TYPE_CHECKING, Literal, TypeVar

from ticketlab.core.errors import TicketlabError
from ticketlab.core.pacing import Blocked, Pacer, paced_by
from ticketlab.core.steps import Step
from ticketlab.launch.job import RaceJob
from ticketlab.launch.launcher import Exit, LauncherKind, LocalLauncher
from ticketlab.launch.services import running_services, service_exits

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

T = TypeVar("T")


class ThreadLauncher(LocalLauncher):
    """Starts one thread for each buyer. A thread cannot be killed: one that hangs is reported, and left behind."""

    def __init__(self, variant: str) -> None:
        pass

    def context(self) -> BaseContext:
        """Return the fork context, for the strategy's services."""
        return multiprocessing.get_context("fork")

    def run(self, job: RaceJob, meanwhile: Callable[[], None]) -> list[Exit]:
        """Race, and return how each participant ended."""
        buyers = range(1, job.scenario.buyers + 1)
        together = replace(job, memory_mb=0)  # all buyers share one process, and so its memory
        pacer, ready, released = PacerPerThread(), Semaphore(0), Event()
        done: dict[int, bool] = {}

        def wait() -> None:
            ready.release()
            released.wait()

        def race(buyer: int) -> None:
            with job.recorded(buyer - 1) as (recorder, own):
                pacer.install(own)
                done[buyer] = together.attend(buyer, recorder, wait)
            ready.release()  # a buyer that failed before it was ready must not be waited for

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
            released.set()
            deadline, watchdog = monotonic() + job.timeout, job.watchdog()
            for thread in threads:
                while thread.is_alive() and (left := deadline - monotonic()) > 0:
                    if watchdog and watchdog.stalled():
                        break
                    thread.join(watchdog.wait_seconds(left) if watchdog else left)
        return [_exit(buyer, done.get(buyer)) for buyer in buyers] + service_exits(job, services)


class PacerPerThread:
    """A pacer that passes each call on to the pacer of the calling thread."""

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
        """Return the time by the thread's pacer."""
        pacer: Pacer = self._own.pacer
        return pacer.now(wall=wall)

    def note(self, what: str, value: int | str) -> None:
        """Note as the thread's pacer does."""
        self._own.pacer.note(what, value)

    def made(self, step: Step) -> None:
        """Tell the thread's pacer."""
        self._own.pacer.made(step)

    def for_fork(self) -> Pacer:
        """Return the pacer that the thread's pacer has for a fork."""
        pacer: Pacer = self._own.pacer
        return pacer.for_fork()


def _exit(buyer: int, finished: bool | None) -> Exit:
    if finished is None:
        return Exit.of_buyer(
            buyer, "hung", "its purchase had not ended when time was up, and a thread cannot be killed"
        )
    return Exit.of_buyer(buyer, "finished") if finished else Exit.of_buyer(buyer, "crashed", "by an exception")


KIND = LauncherKind(
    name="threads",
    summary="a thread for each buyer, in one process",
    build=ThreadLauncher,
    capabilities=frozenset(),  # signals and limits apply to a whole process, which is the lab's
)
