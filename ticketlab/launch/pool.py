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
from ticketlab.core.lifeline import die_with_parent, undisturbed
from ticketlab.core.pacing import paced_by
from ticketlab.launch.party import GRACE_SECONDS, Ending, LauncherKind, Party, staff_endings, staffed
from ticketlab.launch.recorder import UP
from ticketlab.launch.track import track

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext
    from multiprocessing.pool import Pool

_party: Party | None = None  # a pool's worker is given its party once, when it starts


class PoolLauncher:
    """Starts N workers; they are up before the gun, and each buyer joins when a worker is free."""

    def __init__(self, variant: str) -> None:
        self._workers = int(variant)

    def context(self) -> BaseContext:
        """Return the fork context."""
        return multiprocessing.get_context("fork")

    def run(self, party: Party, meanwhile: Callable[[], None]) -> list[Ending]:
        """Race, and say how each buyer ended."""
        context = self.context()
        workers = min(self._workers, party.scenario.buyers)
        with staffed(party, context) as staff, ExitStack() as stack:
            with undisturbed():
                pool = stack.enter_context(context.Pool(workers, _start_worker, (party,)))
            children = _workers(staff)
            try:
                meanwhile()
                party.gate.await_arrivals(workers + len(staff), party.start_seconds, lambda: _check(children, staff))
                party.gate.fire()
                endings = _await_results(pool, party, children, staff)
            finally:
                _stop(pool, party, staff)
        return endings + staff_endings(party, staff)


def _stop(pool: Pool, party: Party, staff: list[BaseProcess]) -> None:
    """Stop the pool, whatever its workers are at.

    A worker that is busy with a buyer is killed; an idle one must not be, for it holds the lock of the pool's queue.
    Should one have been killed in that state by somebody else, `terminate` waits for that lock for ever: it is left to
    a thread, and after a while to itself.
    """
    for worker in _workers(staff):
        if any(_is_busy(party, buyer) for buyer in _in_hand(party, worker)):
            _kill(worker)
    stopping = Thread(target=pool.terminate, daemon=True)
    stopping.start()
    stopping.join(1.0)
    for worker in _workers(staff):
        _kill(worker)


def _kill(worker: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(worker, signal.SIGKILL)


def _workers(staff: list[BaseProcess]) -> set[int]:
    others = {each.pid for each in staff}
    pids = (child.pid for child in multiprocessing.active_children() if child.name.startswith("ForkPoolWorker"))
    return {pid for pid in pids if pid is not None and pid not in others}


def _check(children: set[int], staff: list[BaseProcess]) -> None:
    if children - _workers(staff):
        raise TicketlabError("a worker of the pool could not start")


def _start_worker(party: Party) -> None:
    global _party
    die_with_parent()
    _party = party
    party.gate.arrive()


def _race(buyer: int) -> bool:
    assert _party is not None, "a worker is given its party when it starts"
    with _party.recorded(buyer - 1) as (recorder, pacer), paced_by(pacer):
        return _party.attend(buyer, recorder, lambda: None)


def _await_results(pool: Pool, party: Party, children: set[int], staff: list[BaseProcess]) -> list[Ending]:
    """Hand out the buyers, and wait until each has reported, its worker has died, or time is up."""
    buyers = range(1, party.scenario.buyers + 1)
    done: dict[int, bool] = {}
    everybody_home = Event()

    def report(buyer: int, finished: bool) -> None:
        done[buyer] = finished
        if len(done) == len(buyers):
            everybody_home.set()

    for buyer in buyers:
        pool.apply_async(_race, (buyer,), callback=partial(report, buyer))
    deadline = monotonic() + party.timeout
    lost: dict[int, str] = {}
    while len(done) + len(lost) < len(buyers) and (left := deadline - monotonic()) > 0:
        everybody_home.wait(min(left, 0.1))
        for dead in children - _workers(staff):  # the pool puts a new worker in its place, and forgets its buyer
            lost |= {buyer: f"its worker {dead} died" for buyer in _in_hand(party, dead) if buyer not in done}
        children |= _workers(staff)
        if not all(each.is_alive() for each in staff):
            deadline = min(deadline, monotonic() + GRACE_SECONDS)
    return [_ending(buyer, done.get(buyer), lost.get(buyer, "")) for buyer in buyers]


def _in_hand(party: Party, pid: int) -> list[int]:
    """Return the buyers that a worker took up."""
    heads = ((buyer, next(party.log.records(buyer - 1), None)) for buyer in range(1, party.scenario.buyers + 1))
    return [buyer for buyer, head in heads if head is not None and head[0] == UP and head[2] == pid]


def _is_busy(party: Party, buyer: int) -> bool:
    part = track(buyer, party.log.records(buyer - 1))
    return not part.ended and not part.crash


def _ending(buyer: int, finished: bool | None, lost: str) -> Ending:
    if finished:
        return Ending.of_buyer(buyer, "finished")
    if lost or finished is False:
        return Ending.of_buyer(buyer, "crashed", lost or "exit by an exception")
    return Ending.of_buyer(buyer, "hung", "it was still at it, or still waiting for a worker, when time was up")


KIND = LauncherKind(
    name="pool",
    summary="N worker processes that take one buyer after another",
    number="number of workers",
    build=PoolLauncher,
)
