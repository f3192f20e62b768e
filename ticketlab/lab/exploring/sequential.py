"""A store and a strategy opened for business in this process: requests one after another, at full speed, unwatched."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from multiprocessing.context import ForkProcess
from types import TracebackType
from typing import Final, Self

from ticketlab.core.errors import UsageError
from ticketlab.core.inventory import Books, Outcome, Request
from ticketlab.core.lifeline import die_with_parent, undisturbed
from ticketlab.lab.exploring.explore import refuse_unsupported
from ticketlab.lab.exploring.scenario_workload import Rehearsal
from ticketlab.lab.plugins.registry import store_kind

PATIENCE: Final = 10.0  # seconds that staff may take to go home


class Shop(Rehearsal):
    """Performs the requests of any buyer of a scenario; a context manager, so that all is taken down at the end."""

    def __enter__(self) -> Self:
        refuse_unsupported(self.scenario, "shop")
        with ExitStack() as stack:
            staff = self.open()
            stack.callback(self.close)
            if staff and store_kind(self.scenario.store).in_process:
                raise UsageError(f"{self.scenario.strategy} has staff, which cannot share {self.scenario.store}")
            self._employ(staff, stack)
            # Staff must be there first: some strategies connect when they join.
            self._buyers = [stack.enter_context(self.join(1 + who)) for who in range(self.scenario.buyers)]
            self._open = stack.pop_all()
        return self

    def _employ(self, staff: Sequence[Callable[[], None]], stack: ExitStack) -> None:
        processes = []
        for serve in staff:
            process = multiprocessing.get_context("fork").Process(target=_serve, args=(serve,), daemon=True)
            with undisturbed():
                process.start()
            processes.append(process)
        if processes:
            stack.callback(self._dismiss, processes)

    def _dismiss(self, processes: list[ForkProcess]) -> None:
        self._strategy.dismiss()
        for process in processes:
            process.join(PATIENCE)
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


def _serve(serve: Callable[[], None]) -> None:
    die_with_parent()
    serve()
