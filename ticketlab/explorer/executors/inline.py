"""All participants in one process, as greenlets: the fastest way to run a schedule."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from types import TracebackType
from typing import Self

from greenlet import getcurrent, greenlet

from ticketlab.core.errors import TicketlabError
from ticketlab.core.pacing import paced_by
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.fault_pacer import Terminated
from ticketlab.explorer.engine.pacer import ExecutionAborted
from ticketlab.explorer.engine.state import NOBODY, ExecutionState
from ticketlab.explorer.engine.steps import StepTable
from ticketlab.explorer.executors.executor import ExecutorKind
from ticketlab.explorer.executors.stalls import Stalled, StallWatch, outside_control
from ticketlab.explorer.executors.workload_executor import Serve, WorkloadExecutor
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.policies.replay import RunOn


class Inline(WorkloadExecutor):
    """Runs the participants of a workload in this process; no fault may kill one, since all are one process.

    A participant that comes to a scheduling point asks the policy who moves, and switches straight to that greenlet, or
    goes on if it is picked itself. Greenlets, sessions and connections last from one execution to the next; only the
    store is reset.
    """

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            self._watch = StallWatch(self._stall_timeout, self._progress)
            undo.enter_context(self._watch.running())
            super().__enter__()
            self._watched = undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        with self._watched:
            super().__exit__(kind, error, where)

    def _watching(self) -> AbstractContextManager[object]:
        return self._watch

    def _progress(self) -> tuple[int, int, int]:
        """Return numbers that change whenever a participant moves."""
        counters = self._state.counters
        return counters.length, counters.failures, counters.version

    def _lay_out(self, scripts: Sequence[int], services: int) -> ExecutionState:
        return ExecutionState(StepTable(), scripts, services, self._steps)

    def _assemble(self, services: Sequence[Serve], undo: ExitStack) -> None:
        self._pacer = pacer = self._make_pacer(alone=False)
        buyers = [greenlet(lambda who=who: self._buy(who)) for who in range(len(self.scripts))]
        self._greenlets = buyers + [greenlet(lambda serve=serve: self._serve(serve)) for serve in services]
        pacer.switches = [one.switch for one in (*self._greenlets, getcurrent())]
        undo.callback(self._end_all)
        for buyer in buyers:
            buyer.switch()
        if services:
            with paced_by(pacer):
                self._settle()

    def _settle(self) -> None:
        """Let the services go on until each waits for buyers, so that all executions start alike."""
        state, pacer = self._state, self._pacer
        for who in range(state.buyers, state.size):
            pacer.me, pacer.pick = who, pacer.take_post
            pacer.switches[who]()
        self._scheduler.settle(RunOn())
        pacer.pass_on()

    def _perform(self, policy: Policy) -> Execution:
        state, scheduler, pacer = self._state, self._scheduler, self._pacer
        scheduler.reset(policy)
        pacer.begin()
        pacer.me = first = scheduler.first()
        if first != NOBODY:
            try:
                with self._watching(), paced_by(pacer):
                    pacer.switches[first]()
            except Stalled:
                raise outside_control(state, pacer.me, self._name, self._stall_timeout) from None
        return Execution.of(state, pacer.records, pacer.notes)

    def _end_all(self) -> None:
        for one in self._greenlets:
            if one:  # has begun, and has not ended
                with suppress(Stalled), self._watching():
                    one.throw(ExecutionAborted)

    def _buy(self, who: int) -> None:
        pacer, script = self._pacer, self.scripts[who]
        try:
            with self._workload.join(who + 1) as perform:
                pacer.switches[-1]()
                while True:
                    pacer.run_script(who, perform, script)
                    pacer.pass_on()
        except ExecutionAborted:
            return
        except Terminated:
            self._leave(who)

    def _serve(self, serve: Serve) -> None:
        try:
            serve()
        except ExecutionAborted:
            return
        except Exception:
            if not any(self._state.faults.injected):
                raise
            self._leave(self._pacer.me)  # a clerk that cannot go on after a fault ends, as it would outside the lab
            return
        raise TicketlabError("a service ended while buyers were still buying")

    def _leave(self, who: int) -> None:
        """Finish for good, and give the turn to the others."""
        self._scheduler.finish(who)
        with suppress(ExecutionAborted):
            self._pacer.pass_on()


KIND = ExecutorKind(
    name="inline",
    summary="all participants in this process: the fastest way to run a schedule",
    build=lambda _variant, workload, **settings: Inline(workload, **settings),
    real_processes=False,
)
