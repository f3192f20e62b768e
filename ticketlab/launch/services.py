"""The strategy's service processes, such as a clerk: started before the buyers, stopped after the last of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from ticketlab.launch.children import exit_text, kill, start
from ticketlab.launch.launcher import Exit

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

    from ticketlab.launch.job import RaceJob

GRACE_SECONDS: Final = 5.0
"""How long a service that was told to stop may take, and how long buyers may go on once a service has died."""


@contextmanager
def running_services(job: RaceJob, context: BaseContext) -> Iterator[list[BaseProcess]]:
    """Run the strategy's services, each in a process of its own; stop them at the end, and kill those that go on."""
    make: Any = context  # BaseContext has Process in all its subclasses, and not in its type
    numbers = range(len(job.strategy.services()))
    services: list[BaseProcess] = [
        make.Process(target=job.serve, args=(each, os.getpid()), daemon=False) for each in numbers
    ]
    try:
        start(services, context)
        yield services
        if all(each.is_alive() for each in services):
            job.strategy.stop_services()
        deadline = monotonic() + GRACE_SECONDS
        for each in services:
            each.join(max(0.0, deadline - monotonic()))
    finally:
        kill(services)


def service_exits(job: RaceJob, services: list[BaseProcess]) -> list[Exit]:
    """Return the exits of those services that ended badly."""
    first = job.scenario.buyers
    return [
        Exit(f"clerk {number + 1}", first + number, "crashed", exit_text(each.exitcode))
        for number, each in enumerate(services)
        if each.exitcode
    ]
