"""The first execution of a search that went wrong, as a value with which it can be run again elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ticketlab.core.errors import TicketlabError
from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.executors.executor import Executor
from ticketlab.explorer.search import run_schedule
from ticketlab.explorer.workload import FaultPoints

Failed = tuple[int, Execution, FaultPoints, list[Anomaly]]
"""The number of an execution, the execution, the faults that were planned for it, and what went wrong in it."""


class FirstFailure(NamedTuple):
    """The first execution that went wrong, as it can be run again; `number` counts from 1."""

    number: int
    schedule: tuple[int, ...]
    when: tuple[int, ...]
    faults: FaultPoints
    anomalies: list[Anomaly]

    @classmethod
    def of(cls, failed: Failed) -> FirstFailure:
        """Return what it takes to run an execution again."""
        number, execution, faults, anomalies = failed
        return cls(number, execution.schedule, tuple(execution.when), faults, anomalies)

    def run_again(self, executor: Executor, judge: Callable[[Execution], list[Anomaly]]) -> Failed:
        """Run it on an executor; raises TicketlabError if something else goes wrong there, or nothing."""
        execution = run_schedule(executor, self.schedule, fault_points=self.faults, when=self.when)
        there = [anomaly.name for anomaly in self.anomalies]
        if there != [anomaly.name for anomaly in judge(execution)]:
            raise TicketlabError(
                f"a schedule that went wrong in another process ({', '.join(there)}) does not do so here: the outcome "
                "depends on more than the schedule"
            )
        return self.number, execution, self.faults, self.anomalies
