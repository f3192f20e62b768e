"""All participants as threads of one process: one of them has the turn, and the others wait for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import Any

from ticketlab.core.errors import UsageError
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.pacer import ExecutionAborted
from ticketlab.explorer.engine.state import NOBODY
from ticketlab.explorer.executors.executor import ExecutorKind
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.executors.stalls import OutsideControl
from ticketlab.explorer.executors.workload_executor import Serve
from ticketlab.explorer.policies.policy import Policy


class Threads(Inline):
    """Runs each participant of a workload in a thread of its own.

    `run` raises OutsideControl if a thread stays away from scheduling points for longer than the stall timeout.
    """

    _together = False

    def _assemble(self, services: Sequence[Serve], undo: ExitStack) -> None:
        if services:
            raise UsageError("threads of one process cannot serve one another: use the executor inline")
        self._pacer = self._make_pacer(alone=False)
        self._batons = [threading.Semaphore(0) for _ in range(self.size + 1)]
        self._own = threading.local()
        self._own.place = NOBODY
        self._leaving = False
        self._error: BaseException | None = None
        self._pacer.switches = [self._switch(to) for to in range(self.size)] + [self._switch(NOBODY)]
        self._threads = [
            threading.Thread(target=self._live, args=(who,), daemon=True) for who in range(len(self.scripts))
        ]
        undo.callback(self._end_all)
        for who, thread in enumerate(self._threads):
            thread.start()
            self._pacer.switches[who]()

    def _watching(self) -> AbstractContextManager[object]:
        return nullcontext()  # the leading thread watches while it waits; see _await_turn

    def begin_together(self) -> None:
        """From now on, have all threads come to their first steps before one of them moves, in each execution.

        What one makes before its first step, such as a lock for a name, others may meet, and their first steps depend
        on who came first.
        """
        self._together = True

    def _perform(self, policy: Policy) -> Execution:
        if self._together:
            self._state.counters.learnt = False
        return super()._perform(policy)

    def _switch(self, to: int) -> Callable[[], Any]:
        """Return a function that hands the turn to a participant, and returns when the turn is back."""

        def switch() -> None:
            self._batons[to].release()
            self._wait()

        return switch

    def _wait(self) -> None:
        place = self._own.place
        if place == NOBODY:
            self._await_turn()
            error, self._error = self._error, None
            if error is not None:
                raise error
            return
        self._batons[place].acquire()
        if self._leaving:
            raise ExecutionAborted

    def _await_turn(self) -> None:
        """Wait, as the leading thread, for the end of an execution; see to it that somebody moves."""
        counters = self._state.counters
        before: tuple[int, int] | None = None
        while not self._batons[NOBODY].acquire(timeout=self._stall_timeout):
            now = counters.length, counters.version
            if now == before:
                raise OutsideControl(
                    f"participant {self._pacer.me + 1} has been outside control for more than {self._stall_timeout:g} "
                    "s: it waits for something without saying so, such as a lock that the lab could not find"
                )
            before = now

    def _live(self, who: int) -> None:
        self._own.place = who
        try:
            self._wait()
            self._buy(who)
        except ExecutionAborted:
            return
        except BaseException as error:
            self._error = error
            self._batons[NOBODY].release()

    def _end_all(self) -> None:
        self._leaving = True
        for who, thread in enumerate(self._threads):
            self._batons[who].release()
            thread.join(self._stall_timeout)


KIND = ExecutorKind(
    name="threads",
    summary="all participants as threads of one process",
    build=lambda _variant, workload, **settings: Threads(workload, **settings),
    real_processes=False,
)
