"""Buyers on the workers of a Dask cluster: a process for each, and many beside each worker.

Nothing is shared but messages. The start is a time, told to each worker in its own clock. The events of a worker's
buyers are read when they have ended, and mapped to the lab's clock.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from time import monotonic_ns
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, cast

from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.core.spec import Option
from ticketlab.core.text import pluralize
from ticketlab.launch.job import RaceJob
from ticketlab.launch.launcher import Exit, LauncherKind
from ticketlab.launch.log import Event
from ticketlab.launch.machines.clocks import ClockOffset, measure_offset
from ticketlab.launch.machines.cluster import connected
from ticketlab.launch.machines.host import do_apart, end_hosts
from ticketlab.launch.machines.part import PartRaced, get_ready, race_part
from ticketlab.launch.recorder import INVOKE, NOTED, request_fields, unbatched

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

    from distributed import Client

_HEAD_START_NS: Final = 300_000_000
"""How long before the start each worker is told of it."""
_LOOK_SECONDS: Final = 0.5
"""How often it is looked whether all workers are still there."""


class CollectedLog:
    """The events of all buyers in the lab's clock, once they have been collected."""

    def __init__(self, participants: int) -> None:
        self.participants = participants
        self._events: dict[int, list[Event]] = {}
        self._errors: dict[int, int] = {}

    def collect(self, participant: int, events: Sequence[Event], offset: ClockOffset) -> None:
        """Take a participant's events, in the time of another clock."""
        self._events[participant] = [
            event if event[0] == NOTED else (event[0], offset.here(event[1]), *event[2:]) for event in unbatched(events)
        ]
        self._errors[participant] = offset.error

    def records(self, participant: int) -> Iterator[Event]:
        """Yield a participant's events."""
        return iter(self._events.get(participant, ()))

    def error_ns(self, participant: int) -> int:
        """Return by how much the times of a participant's events may be wrong."""
        return self._errors.get(participant, 0)

    def close(self) -> None:
        """Give nothing back: there are only lists."""


class ToldStart:
    """A start that is a time and needs no barrier of the lab's."""

    released_ns = 0

    def close(self) -> None:
        """Give nothing back."""


class DaskLauncher:
    """Starts buyers beside the workers of a cluster; a context manager, which is connected from entering to leaving.

    At most `connections` buyers are there at once, over all workers: each has a connection to the store, and a server
    takes only so many.
    """

    def __init__(self, variant: str, cluster: str, connections: str) -> None:
        self._cluster = cluster
        if not connections.isdigit() or not int(connections):
            raise UsageError(f"connections={connections} of the launcher dask is no number of at least 1")
        self._connections = int(connections)
        self._race = uuid.uuid4().hex
        self._client: Client
        self._start = ToldStart()
        self.elsewhere = False
        self.notes: Sequence[str] = ()

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            self._client = undo.enter_context(connected(self._cluster))
            undo.callback(self._end_all)
            self.elsewhere = any(seen != _seen_files() for seen in self._client.run(_seen_files).values())
            self._ending = undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._ending.close()

    def _end_all(self) -> None:
        with suppress(Exception):  # a worker that has gone has nothing left to end
            self._client.run(end_hosts, self._race)

    def context(self) -> BaseContext:
        """Return the context of new interpreters: a lock that is made for a fork cannot be sent to another machine."""
        return multiprocessing.get_context("spawn")

    def make_barrier(self) -> Any:
        """Return what the start is told by."""
        return self._start

    def make_log(self, participants: int) -> Any:
        """Return an empty log."""
        return CollectedLog(participants)

    def run(self, job: RaceJob, meanwhile: Callable[[], None]) -> list[Exit]:
        """Race, and return how each buyer ended; those of a worker that is lost have crashed."""
        _refuse_what_cannot_travel(job)
        parts = self._parts(job.scenario.buyers)
        at_once = max(1, self._connections // len(parts))
        nothing = cast("Any", None)  # each worker makes a log and a barrier of its own
        sent = replace(job, log=nothing, start_barrier=nothing)
        ready = {worker: self._do(worker, get_ready, sent, buyers, at_once) for worker, buyers in parts.items()}
        meanwhile()
        present = self._await(ready)
        if not present:
            raise TicketlabError(f"every worker of {self._cluster} was lost before the start")
        before = {worker: self._offset(worker) for worker in present}
        start = monotonic_ns() + _HEAD_START_NS
        racing = {worker: self._do(worker, race_part, before[worker].there(start)) for worker in present}
        raced = self._await(racing)
        offsets = {worker: self._offset(worker).spanning(before[worker]) for worker in raced}
        # The start and an event may both be earlier than they seem, and no time of the race is negative.
        self._start.released_ns = start - 2 * max((offset.error for offset in offsets.values()), default=0)
        exits: list[Exit] = []
        for worker, buyers in parts.items():
            if worker in raced:
                exits += self._collected(job, raced[worker], offsets[worker])
            else:
                exits += _lost(job, worker, buyers, self._start.released_ns)
        self._note(parts, at_once, offsets)
        return sorted(exits, key=lambda each: each.participant)

    def _parts(self, buyers: int) -> dict[str, list[int]]:
        """Return the buyers of each worker; workers take turns."""
        workers = sorted(self._client.nthreads())
        return {worker: list(range(1 + n, 1 + buyers, len(workers))) for n, worker in enumerate(workers) if n < buyers}

    def _do(self, worker: str, call: Callable[..., Any], *args: Any) -> Any:
        return self._client.submit(
            do_apart, self._race, call, args, workers=[worker], allow_other_workers=False, pure=False, retries=0
        )

    def _offset(self, worker: str) -> ClockOffset:
        def ask() -> int:
            (answer,) = self._client.run(monotonic_ns, workers=[worker]).values()
            return int(answer)

        return measure_offset(ask)

    def _await(self, futures: dict[str, Any]) -> dict[str, Any]:
        """Wait until each worker has done its part, and return what came of it; a worker that is lost is left out."""
        from distributed import wait

        done: dict[str, Any] = {}
        waiting = dict(futures)
        while waiting:
            with self._client.as_current(), suppress(TimeoutError):
                wait(list(waiting.values()), timeout=_LOOK_SECONDS, return_when="FIRST_COMPLETED")
            there = self._client.nthreads()
            for worker, future in list(waiting.items()):
                if future.status == "finished":
                    done[worker] = future.result()
                elif future.status == "error":
                    _raise_unless_lost(future)
                elif worker in there:
                    continue
                del waiting[worker]
        return done

    def _collected(self, job: RaceJob, raced: PartRaced, offset: ClockOffset) -> Sequence[Exit]:
        log: Any = job.log
        for buyer, events in raced.events.items():
            log.collect(buyer - 1, events, offset)
        return raced.exits

    def _note(self, parts: dict[str, list[int]], at_once: int, offsets: dict[str, ClockOffset]) -> None:
        buyers, most = sum(map(len, parts.values())), at_once * len(parts)
        notes = [f"{pluralize(buyers, 'buyer')} raced beside {pluralize(len(parts), 'worker')} of {self._cluster}"]
        if most < buyers:
            notes.append(f"at most {most} of them were connected to the store at once (see connections=)")
        if offsets:
            error = max(offset.error for offset in offsets.values()) / 1e6
            notes.append(f"clocks were known to within {error:.3f} ms, so times count as uncertain by that much")
        self.notes = notes


def _lost(job: RaceJob, worker: str, buyers: Sequence[int], start_ns: int) -> list[Exit]:
    """Take it that each buyer of a lost worker asked for all that it would ask for, and was never answered."""
    log: Any = job.log
    for buyer in buyers:
        asked = [(INVOKE, start_ns, *request_fields(request)) for request in job.scenario.requests(buyer)]
        log.collect(buyer - 1, asked, ClockOffset(0, 0))
    return [Exit.of_buyer(buyer, "crashed", f"its worker {worker} was lost") for buyer in buyers]


def _raise_unless_lost(future: Any) -> None:
    error = future.exception()
    if isinstance(error, TicketlabError):
        raise error
    if type(error).__name__ not in ("KilledWorker", "HostDied", "CancelledError"):
        raise TicketlabError(f"a worker could not do its part of the race: {error}") from error


def _refuse_what_cannot_travel(job: RaceJob) -> None:
    if job.fault_injector is not None:
        raise UsageError("the launcher dask injects no faults: leave --faults out, or kill a worker")
    if job.scenario.hold:
        raise UsageError("holds expire by the clocks of buyers, and those of several machines differ: leave --hold out")
    if job.strategy.services():
        raise UsageError(
            f"{job.scenario.strategy} has clerks, which serve processes of one machine: use another launcher"
        )
    try:
        pickle.dumps((job.strategy, job.store))
    except (RuntimeError, TypeError, AttributeError, pickle.PicklingError) as error:
        raise UsageError(
            f"{job.scenario.strategy} on {job.scenario.store} hands out what only a fork of the lab inherits: "
            "use another launcher"
        ) from error


def _seen_files() -> tuple[str, int]:
    """Return what two processes have in common that see the same files: the machine, and what is mounted there."""
    try:
        with open("/proc/sys/kernel/random/boot_id") as machine:
            return machine.read().strip(), Path("/proc/self/ns/mnt").stat().st_ino
    except OSError:
        return os.uname().nodename, 0


KIND = LauncherKind(
    name="dask",
    summary="a process for each buyer, beside the workers of a Dask cluster",
    options={
        "cluster": Option("local:2", "the scheduler's address, as tcp://host:8786, or local:N", text=True),
        "connections": Option("80", "how many buyers may be connected to the store at once"),
    },
    build=DaskLauncher,
    capabilities=frozenset(),
    together=False,
)
