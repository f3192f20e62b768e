"""All participants as asyncio tasks of one event loop: one of them goes on until it suspends."""

from __future__ import annotations

from ticketlab.core.errors import UsageError
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.pacer import ControlledPacer
from ticketlab.explorer.engine.task_pacer import TaskPacer
from ticketlab.explorer.executors.executor import ExecutorKind
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.policies.policy import Policy


class Tasks(Inline):
    """Runs each participant of a workload as a task; see `probes.asyncio_tasks` for their event loop."""

    def _make_pacer(self, *, alone: bool) -> ControlledPacer:
        if self._faults:
            raise UsageError("no fault can be injected into a task of an event loop: leave out faults")
        return TaskPacer(self._scheduler, atomic_accesses=False, alone=alone)

    def _perform(self, policy: Policy) -> Execution:
        self._state.counters.learnt = False  # who may go on depends on where all stand, so all come to their start
        return super()._perform(policy)


KIND = ExecutorKind(
    name="tasks",
    summary="all participants as asyncio tasks of one event loop",
    build=lambda _variant, workload, **settings: Tasks(workload, **settings),
    real_processes=False,
)
