"""Shortest job first: the ready job with the fewest steps runs, which keeps the mean wait lowest."""

from __future__ import annotations

from ticketlab.explorer.engine.policy_columns import PerParticipant
from ticketlab.explorer.engine.state import ExecutionState
from ticketlab.explorer.policies.queues import ReadyQueue, queue_policy
from ticketlab.scheduling.discipline import Discipline, QueuedJob
from ticketlab.scheduling.policies import SJF


class ShortestJob(ReadyQueue):
    """Two executions, since the length of a job is known only after it ran.

    The first execution serves jobs in order of arrival and measures them; the second goes by the measured lengths.
    """

    job_length = PerParticipant()  # in steps, as measured; 0 while it is not known

    def __init__(self, discipline: Discipline) -> None:
        super().__init__(discipline)
        self._executions = 0

    def begin(self, state: ExecutionState) -> bool:
        """Take the lengths of the first execution for the second."""
        self._executions += 1
        if self._executions > 2:
            return False
        lengths = [0] * state.size
        if self._executions == 2:
            for who in state.who[: state.counters.length]:
                lengths[who] += 1
        self._start(state)
        for who, length in enumerate(lengths):
            self.job_length[who] = length
        return True

    def _job(self, who: int) -> QueuedJob:
        return QueuedJob(place=self.place[who], burst=self.job_length[who])


KIND = queue_policy(SJF, ShortestJob)
