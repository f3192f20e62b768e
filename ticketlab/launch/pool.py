"""A pool of N workers that takes one buyer after another; results come by callback."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from multiprocessing.process import BaseProcess
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING

from ticketlab.core.errors import TicketlabError
from ticketlab.core.lifeline import die_with_parent, outlive_parent, signals_blocked
from ticketlab.core.pacing import paced_by
from ticketlab.launch.job import GRACE_SECONDS, Exit, LauncherKind, RaceJob, running_services, service_exits
from ticketlab.launch.log import Tail
from ticketlab.launch.recorder import UP
from ticketlab.launch.track import track

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext
    from multiprocessing.pool import Pool

_party: RaceJob | None = None  # a pool's worker is given its party once, when it starts


class PoolLauncher:
    """Starts N workers; they are up before the gun, and each buyer joins when a worker is free."""

    def __init__(self, variant: str) -> None:
        self._workers = int(variant)

    def context(self) -> BaseContext:
        """Return the fork context."""
        return multiprocessing.get_context("fork")

    def run(self, job: RaceJob, meanwhile: Callable[[], None]) -> list[Exit]:
        """Race, and say how each buyer ended."""
        context = self.context()
        workers = min(self._workers, job.scenario.buyers)
        with running_services(job, context) as services, ExitStack() as stack:
            with signals_blocked():
                pool = stack.enter_context(context.Pool(workers, _start_worker, (job,)))
            children = _workers(services)
            try:
                meanwhile()
                job.start_barrier.await_all(
                    workers + len(services), job.start_seconds, lambda: _check(children, services)
                )
                job.start_barrier.release()
                exits = _await_results(pool, job, services)
            finally:
                _stop(pool, job, services)
        return exits + service_exits(job, services)


def _stop(pool: Pool, job: RaceJob, services: list[BaseProcess]) -> None:
    """Stop the pool, whatever its workers are at.

    A worker that is busy with a buyer is killed; an idle one must not be, for it holds the lock of the pool's queue.
    Should one have been killed in that state by somebody else, `terminate` waits for that lock for ever: it is left to
    a thread, and after a while to itself.
    """
    for buyer, worker in _in_hand(job).items():
        if worker in _workers(services) and _is_busy(job, buyer):
            _kill(worker)
    stopping = Thread(target=pool.terminate, daemon=True)
    stopping.start()
    stopping.join(GRACE_SECONDS)
    for worker in _workers(services):
        _kill(worker)


def _kill(worker: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(worker, signal.SIGKILL)


def _workers(services: list[BaseProcess]) -> set[int]:
    others = {each.pid for each in services}
    pids = (child.pid for child in multiprocessing.active_children() if child.name.startswith("ForkPoolWorker"))
    return {pid for pid in pids if pid is not None and pid not in others}


def _check(children: set[int], services: list[BaseProcess]) -> None:
    if children - _workers(services):
        raise TicketlabError("a worker of the pool could not start")


def _start_worker(job: RaceJob) -> None:
    global _party
    die_with_parent()
    _party = job
    job.start_barrier.wait()
    outlive_parent()


def _race(buyer: int) -> bool:
    """Be one buyer, tied to the lab; an idle worker sees the end of its queue when the lab dies.

    It must not be tied: the thread that replaces dead workers ends before the pool does, and who is then killed while
    it holds the queue's lock leaves the lab waiting for that.
    """
    assert _party is not None, "a worker is given its party when it starts"
    lab = multiprocessing.parent_process()
    assert lab is not None, "a worker has a parent"
    die_with_parent(lab.pid)
    try:
        with _party.recorded(buyer - 1) as (recorder, pacer), paced_by(pacer):
            return _party.attend(buyer, recorder, lambda: None)
    finally:
        outlive_parent()


def _await_results(pool: Pool, job: RaceJob, services: list[BaseProcess]) -> list[Exit]:
    """Hand out the buyers, and wait until each has reported, its worker has died, or time is up."""
    buyers = range(1, job.scenario.buyers + 1)
    done: dict[int, bool] = {}
    everybody_home = Event()

    def report(buyer: int, finished: bool) -> None:
        done[buyer] = finished
        if len(done) == len(buyers):
            everybody_home.set()

    for buyer in buyers:
        pool.apply_async(_race, (buyer,), callback=partial(report, buyer))
    deadline, watchdog = monotonic() + job.timeout, job.watchdog()
    lost: dict[int, str] = {}
    while len(done.keys() | lost.keys()) < len(buyers) and (left := deadline - monotonic()) > 0 and not watchdog.over():
        everybody_home.wait(watchdog.tick(min(left, 0.1)))
        for buyer, worker in _in_hand(job).items():  # the pool puts a new worker in its place, and forgets its buyer
            if buyer not in done and not _lives(worker) and _is_busy(job, buyer):
                lost[buyer] = f"its worker {worker} died"
        if not all(each.is_alive() for each in services):
            deadline = min(deadline, monotonic() + GRACE_SECONDS)
    return [_exit(buyer, done.get(buyer), lost.get(buyer, "")) for buyer in buyers]


def _in_hand(job: RaceJob) -> dict[int, int]:
    """Return which worker took up which buyer."""
    heads = ((buyer, next(Tail(job.log, buyer - 1).read(), None)) for buyer in range(1, job.scenario.buyers + 1))
    return {buyer: head[2] for buyer, head in heads if head is not None and head[0] == UP}


def _lives(worker: int) -> bool:
    multiprocessing.active_children()  # which buries the dead
    try:
        os.kill(worker, 0)
    except ProcessLookupError:
        return False
    return True


def _is_busy(job: RaceJob, buyer: int) -> bool:
    part = track(buyer, job.log.records(buyer - 1))
    return not part.ended and not part.crash


def _exit(buyer: int, finished: bool | None, lost: str) -> Exit:
    if finished:
        return Exit.of_buyer(buyer, "finished")
    if lost or finished is False:
        return Exit.of_buyer(buyer, "crashed", lost or "exit by an exception")
    return Exit.of_buyer(buyer, "hung", "it was still at it, or still waiting for a worker, when time was up")


KIND = LauncherKind(
    name="pool",
    summary="N worker processes that take one buyer after another",
    number="number of workers",
    build=PoolLauncher,
)
