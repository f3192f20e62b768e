"""Requests performed one after another in this process, at full speed and outside any schedule."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from multiprocessing.context import ForkProcess
from types import TracebackType
from typing import Final, Self

from ticketlab.core.errors import UsageError
from ticketlab.core.inventory import Books, Outcome, Request
from ticketlab.core.system.lifeline import die_with_parent, signals_blocked
from ticketlab.lab.exploring.explore import refuse_unsupported
from ticketlab.lab.exploring.scenario_workload import ScenarioWorkload
from ticketlab.lab.plugins.registry import store_kind

SERVICE_EXIT_SECONDS: Final = 10.0
"""How long a service process may take to end."""


class SequentialRunner(ScenarioWorkload):
    """Performs requests of any buyer of a scenario; a context manager, which closes everything at its end."""

    def __enter__(self) -> Self:
        refuse_unsupported(self.scenario, inline=False)
        with ExitStack() as stack:
            services = self.open()
            stack.callback(self.close)
            if services and store_kind(self.scenario.store).in_process:
                raise UsageError(
                    f"{self.scenario.strategy} has service processes, which cannot share {self.scenario.store}"
                )
            self._start_services(services, stack)
            # The services must run first: some strategies connect to them when a buyer joins.
            self._buyers = [stack.enter_context(self.join(1 + who)) for who in range(self.scenario.buyers)]
            self._open = stack.pop_all()
        return self

    def _start_services(self, services: Sequence[Callable[[], None]], stack: ExitStack) -> None:
        processes = []
        for serve in services:
            process = multiprocessing.get_context("fork").Process(target=_serve, args=(serve, os.getpid()), daemon=True)
            with signals_blocked():
                process.start()
            processes.append(process)
        if processes:
            stack.callback(self._stop_services, processes)

    def _stop_services(self, processes: list[ForkProcess]) -> None:
        self._strategy.stop_services()
        for process in processes:
            process.join(SERVICE_EXIT_SECONDS)
            process.kill()
            process.join()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._open.close()

    def perform(self, request: Request) -> Outcome:
        """Perform a request as the buyer that it names."""
        return self._buyers[request.buyer - 1](request)

    def books(self) -> Books:
        """Read the books afresh."""
        return self._store.books()


def _serve(serve: Callable[[], None], lab: int) -> None:
    die_with_parent(lab)
    serve()
