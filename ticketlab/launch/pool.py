"""A pool of N workers, each of which takes one buyer after another; results come by callback."""

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
from ticketlab.core.pacing import paced_by
from ticketlab.core.system.lifeline import die_with_parent, outlive_parent, signals_blocked
from ticketlab.launch.job import RaceJob
from ticketlab.launch.launcher import Exit, LauncherKind, LocalLauncher
from ticketlab.launch.recorder import UP
from ticketlab.launch.services import GRACE_SECONDS, running_services, service_exits
from ticketlab.launch.track import track

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext
    from multiprocessing.pool import Pool

_job: RaceJob | None = None  # in a worker: the job that it was given when it started
_lab = 0  # in a worker: the process id of the lab


class PoolLauncher(LocalLauncher):
    """Starts N workers, which wait at the barrier; a buyer starts when a worker is free."""

    def __init__(self, variant: str) -> None:
        self._workers = int(variant)

    def context(self) -> BaseContext:
        """Return the fork context."""
        return multiprocessing.get_context("fork")

    def run(self, job: RaceJob, meanwhile: Callable[[], None]) -> list[Exit]:
        """Race, and return how each participant ended."""
        context = self.context()
        workers = min(self._workers, job.scenario.buyers)
        with running_services(job, context) as services, ExitStack() as stack:
            with signals_blocked():
                pool = stack.enter_context(context.Pool(workers, _start_worker, (job, os.getpid())))
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
    """Stop the pool, whatever its workers are doing.

    A worker that is busy with a buyer is killed. An idle one must not be: it holds the lock of the pool's queue. If
    somebody else has killed an idle worker, `terminate` waits for that lock for ever, so it runs in a thread that is
    abandoned after the grace period.
    """
    for buyer, worker in _workers_by_buyer(job).items():
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


def _start_worker(job: RaceJob, lab: int) -> None:
    global _job, _lab
    die_with_parent(lab)
    _job, _lab = job, lab
    job.start_barrier.wait()
    outlive_parent()


def _race(buyer: int) -> bool:
    """Be one buyer; the worker dies with the lab only meanwhile.

    An idle worker needs no such tie: it sees the end of its queue when the lab dies. It must have none: to the kernel a
    worker's parent is the thread that forked it, and the thread that replaces dead workers ends before the pool does.
    An idle worker that was killed then would hold the queue's lock, and the lab would wait for that lock for ever.
    """
    assert _job is not None, "a worker is given its job when it starts"
    die_with_parent(_lab)
    try:
        with _job.recorded(buyer - 1) as (recorder, pacer), paced_by(pacer):
            return _job.attend(buyer, recorder, lambda: None)
    finally:
        outlive_parent()


def _await_results(pool: Pool, job: RaceJob, services: list[BaseProcess]) -> list[Exit]:
    """Hand out the buyers, and wait until each has reported, its worker has died, or time is up."""
    buyers = range(1, job.scenario.buyers + 1)
    done: dict[int, bool] = {}
    all_done = Event()

    def report(buyer: int, finished: bool) -> None:
        done[buyer] = finished
        if len(done) == len(buyers):
            all_done.set()

    for buyer in buyers:
        pool.apply_async(_race, (buyer,), callback=partial(report, buyer))
    deadline, watchdog = monotonic() + job.timeout, job.watchdog()
    lost: dict[int, str] = {}
    while len(done.keys() | lost.keys()) < len(buyers) and (left := deadline - monotonic()) > 0:
        if watchdog and watchdog.stalled():
            break
        all_done.wait(watchdog.wait_seconds(left) if watchdog else min(left, 0.1))
        for buyer, worker in _workers_by_buyer(job).items():  # the pool replaces a dead worker, and forgets its buyer
            if buyer not in done and not _lives(worker) and _is_busy(job, buyer):
                lost[buyer] = f"its worker {worker} died"
        if not all(each.is_alive() for each in services):
            deadline = min(deadline, monotonic() + GRACE_SECONDS)
    return [_exit(buyer, done.get(buyer), lost.get(buyer, "")) for buyer in buyers]


def _workers_by_buyer(job: RaceJob) -> dict[int, int]:
    """Return the process id of each buyer's worker, for the buyers that have one."""
    heads = ((buyer, next(job.log.tail(buyer - 1).read(), None)) for buyer in range(1, job.scenario.buyers + 1))
    return {buyer: head[2] for buyer, head in heads if head is not None and head[0] == UP}


def _lives(worker: int) -> bool:
    multiprocessing.active_children()  # as a side effect this reaps the dead ones
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
    return Exit.of_buyer(buyer, "hung", "its purchase had not ended, or no worker had been free, when time was up")


KIND = LauncherKind(
    name="pool",
    summary="N worker processes, each of which takes one buyer after another",
    number="number of workers",
    build=PoolLauncher,
    together=False,
    pooled=True,
)
