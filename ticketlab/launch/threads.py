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
from ticketlab.launch.job import Ending, LauncherKind, Party, staff_endings, staffed

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

    def run(self, party: Party, meanwhile: Callable[[], None]) -> list[Ending]:
        """Race, and say how each buyer ended."""
        buyers = range(1, party.scenario.buyers + 1)
        together = replace(party, memory_mb=0)  # all buyers are one process
        pacer, ready, gun = PerThread(), Semaphore(0), Event()
        done: dict[int, bool] = {}

        def arrive() -> None:
            ready.release()
            gun.wait()

        def race(buyer: int) -> None:
            with party.recorded(buyer - 1) as (recorder, own):
                pacer.install(own)
                done[buyer] = together.attend(buyer, recorder, arrive)
            ready.release()  # who fails before the gate must not be waited for

        with staffed(party, self.context()) as staff, paced_by(pacer):
            threads = [Thread(target=race, args=(buyer,), daemon=True) for buyer in buyers]
            for thread in threads:
                thread.start()
            meanwhile()
            deadline = monotonic() + party.start_seconds
            for _ in buyers:
                if not ready.acquire(timeout=max(0.0, deadline - monotonic())):
                    raise TicketlabError(f"not all threads were ready after {party.start_seconds:g} s (see --timeout)")
            party.gate.await_arrivals(len(staff), party.start_seconds, lambda: None)
            party.gate.fire()
            gun.set()
            deadline, vigil = monotonic() + party.timeout, party.vigil()
            for thread in threads:
                while thread.is_alive() and (left := deadline - monotonic()) > 0 and not vigil.over():
                    thread.join(vigil.tick(left))
        return [_ending(buyer, done.get(buyer)) for buyer in buyers] + staff_endings(party, staff)


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


def _ending(buyer: int, finished: bool | None) -> Ending:
    if finished is None:
        return Ending.of_buyer(buyer, "hung", "it was still at it when time was up, and a thread cannot be killed")
    return Ending.of_buyer(buyer, "finished") if finished else Ending.of_buyer(buyer, "crashed", "by an exception")


KIND = LauncherKind(
    name="threads",
    summary="a thread for each buyer, in one process",
    build=ThreadLauncher,
)
