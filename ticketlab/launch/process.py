"""A process for each buyer, started by fork, forkserver or spawn."""

from __future__ import annotations

import multiprocessing
import os
import selectors
from collections.abc import Callable, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

from ticketlab.core.errors import TicketlabError
from ticketlab.core.fork import Forked
from ticketlab.launch.job import (
    GRACE_SECONDS,
    Ending,
    LauncherKind,
    Party,
    Process,
    exit_text,
    kill,
    staff_endings,
    staffed,
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

    def run(self, party: Party, meanwhile: Callable[[], None]) -> list[Ending]:
        """Race, and say how each buyer ended."""
        with staffed(party, self._context) as staff:
            buyers = [self._process(party.race, number) for number in range(1, party.scenario.buyers + 1)]
            try:
                start(buyers, self._context)
                meanwhile()
                party.gate.await_arrivals(
                    len(buyers) + len(staff), party.start_seconds, lambda: _check(party, [*staff, *buyers])
                )
                party.gate.fire()
                hung = _await_exits(buyers, staff, party)
            finally:
                kill(buyers)
        return [_ending(number, each, each in hung) for number, each in enumerate(buyers, 1)] + staff_endings(
            party, staff
        )

    def _process(self, target: Callable[[int], None], number: int) -> Process:
        if self._bare:
            return Forked(target, number)
        process: Process = self._context.Process(target=target, args=(number,))
        return process


def _check(party: Party, everybody: Sequence[Process]) -> None:
    for each in everybody:
        if each.exitcode is not None:
            raise TicketlabError(f"a participant could not start ({exit_text(each.exitcode)}){_last_words(party)}")


def _last_words(party: Party) -> str:
    for participant in range(party.log.participants):
        for record in singly(party.log.records(participant)):
            if record[0] == CRASH:
                return f": {record[2]}"
    return ""


def _await_exits(buyers: Sequence[Process], staff: Sequence[Process], party: Party) -> set[Process]:
    """Wait for every buyer, but no longer than the time-out; return those that did not come."""
    deadline, vigil = monotonic() + party.timeout, party.vigil()
    waiting = set(buyers)
    with selectors.DefaultSelector() as selector:
        for each in (*buyers, *staff):
            selector.register(each.sentinel, selectors.EVENT_READ, each)
        while waiting and (left := deadline - monotonic()) > 0 and not vigil.over():
            for key, _ in selector.select(vigil.tick(left)):
                selector.unregister(key.fileobj)
                if key.data in waiting:
                    waiting.remove(key.data)
                    key.data.join()
                else:  # without its clerk a buyer may wait for ever
                    deadline = min(deadline, monotonic() + GRACE_SECONDS)
    return waiting


def _ending(buyer: int, process: Process, hung: bool) -> Ending:
    if hung:
        return Ending.of_buyer(buyer, "hung", "it was still at it when time was up")
    if process.exitcode:
        return Ending.of_buyer(buyer, "crashed", exit_text(process.exitcode))
    return Ending.of_buyer(buyer, "finished")


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
