"""The part of a race that takes place beside one worker: its buyers, a process for each.

These functions run one after another in a `Host`, whose process keeps the race in between. At most so many buyers are
there at once: those that come first wait for the start, and each of the others begins when one has ended.
"""

from __future__ import annotations

import os
import selectors
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from time import monotonic, monotonic_ns, sleep
from typing import Final

from ticketlab.core.pacing import paced_by
from ticketlab.core.system.fork import ForkedProcess
from ticketlab.core.system.lifeline import die_with_parent, signals_blocked
from ticketlab.launch.barrier import StartBarrier
from ticketlab.launch.children import exit_text, kill
from ticketlab.launch.job import RaceJob
from ticketlab.launch.launcher import Exit
from ticketlab.launch.limits import allow_open_files
from ticketlab.launch.log import Event, EventLog
from ticketlab.launch.process import check_all_start

_HUNG: Final = "its purchase had not ended when time was up"


@dataclass(slots=True)
class PartInRace:
    """The buyers of one worker, while they race."""

    job: RaceJob
    waiting: deque[int]  # who has not begun yet
    running: dict[int, ForkedProcess] = field(default_factory=dict)

    def begin(self, *, at_once: bool) -> None:
        """Start the next buyer: at the start barrier, or past it."""
        buyer = self.waiting.popleft()
        process = ForkedProcess(self.job.race if not at_once else self._race_at_once, buyer, os.getpid())
        with signals_blocked():
            process.start()
        self.running[buyer] = process

    def _race_at_once(self, buyer: int, host: int) -> None:
        die_with_parent(host)
        with self.job.recorded(buyer - 1) as (recorder, pacer), paced_by(pacer):
            done = self.job.attend(buyer, recorder, lambda: None)
        if not done:
            raise SystemExit(1)


@dataclass(frozen=True, slots=True)
class PartRaced:
    """How each buyer of one worker ended, and its events in the time of the worker's clock."""

    exits: Sequence[Exit]
    events: dict[int, list[Event]]


_part: PartInRace | None = None


def get_ready(job: RaceJob, buyers: Sequence[int], at_once: int) -> None:
    """Start the first buyers of a race, and return when each is at the start barrier."""
    global _part
    allow_open_files(min(at_once, len(buyers)))
    with job.store.session():  # loads the store's driver once, and not in each buyer's process
        pass
    here = replace(job, log=EventLog(job.scenario.buyers), start_barrier=StartBarrier())
    _part = part = PartInRace(here, deque(buyers))
    while part.waiting and len(part.running) < at_once:
        part.begin(at_once=False)
    everybody = list(part.running.values())
    here.start_barrier.await_all(len(everybody), job.start_seconds, lambda: check_all_start(here, everybody))


def race_part(start_ns: int) -> PartRaced:
    """Release the buyers at a time of this machine's clock, and return how each ended; kill who has not in time."""
    part = _part
    assert part is not None, "the buyers are ready"
    job, barrier, buyers = part.job, part.job.start_barrier, [*part.running, *part.waiting]
    sleep(max(0.0, (start_ns - monotonic_ns()) / 1e9))
    barrier.release()
    exits: list[Exit] = []
    deadline = monotonic() + job.timeout
    with selectors.DefaultSelector() as selector:
        for buyer, process in part.running.items():
            selector.register(process.sentinel, selectors.EVENT_READ, buyer)
        while part.running and (left := deadline - monotonic()) > 0:
            for key, _ in selector.select(left):
                selector.unregister(key.fileobj)
                exits.append(_exit(key.data, part.running.pop(key.data)))
                if part.waiting:
                    part.begin(at_once=True)
                    newest = next(reversed(part.running))
                    selector.register(part.running[newest].sentinel, selectors.EVENT_READ, newest)
    kill(list(part.running.values()))
    exits += [Exit.of_buyer(buyer, "hung", _HUNG) for buyer in (*part.running, *part.waiting)]
    events = {buyer: list(job.log.records(buyer - 1)) for buyer in buyers}
    barrier.close()
    job.log.close()
    return PartRaced(exits, events)


def _exit(buyer: int, process: ForkedProcess) -> Exit:
    process.join()
    if process.exitcode:
        return Exit.of_buyer(buyer, "crashed", exit_text(process.exitcode))
    return Exit.of_buyer(buyer, "finished")
