"""The counts of a divided search: results of jobs, added in the order in which one process would have come to them."""

from __future__ import annotations

from typing import NamedTuple

from ticketlab.explorer.executors.executor import Executor
from ticketlab.explorer.results import Progress
from ticketlab.lab.exploring.explore import SearchTally
from ticketlab.lab.exploring.first_failure import FirstFailure
from ticketlab.lab.exploring.jobs import ExplorationJob, JobResult, run_on
from ticketlab.lab.exploring.scenario_workload import ScenarioWorkload


class DividedResult(NamedTuple):
    """What came of a divided search: its counts, and who gave way in it."""

    tally: SearchTally
    gave_way: list[int]


class CountedInOrder:
    """The counts of a divided search; results are added in the order of the search."""

    def __init__(self, executor: Executor, workload: ScenarioWorkload, job: ExplorationJob, progress: Progress) -> None:
        self.job = job
        self.over = False  # whether what comes after does not count
        self.tally = SearchTally()
        self._executor, self._workload, self._progress = executor, workload, progress
        self._first: FirstFailure | None = None
        self._gave_way: set[int] = set()

    def run_here(self, job: ExplorationJob) -> JobResult:
        """Do a job in this process."""
        return run_on(self._executor, self._workload, job)

    def count(self, job: ExplorationJob, result: JobResult) -> None:
        """Count a job's result; if it goes beyond the limit, the job is done again up to there."""
        tally, options = self.tally, self.job.options
        room = options.executions - tally.executions
        if result.tally.executions > room:
            self.over = True
            if not room:
                return
            result = self.run_here(job.limited(room))
        if result.first is not None:
            number = tally.executions + result.first.number
            self._first = self._first or result.first._replace(number=number)
            self.over = self.over or not options.exhaust
        tally.add(result.tally)
        self._gave_way |= set(result.gave_way)
        self._workload.left_behind |= result.left_behind
        self._progress(tally.executions, tally.anomalous)

    def result(self) -> DividedResult:
        """Return the counts, once the first execution that went wrong has been run here, too."""
        if self._first is not None:
            self.tally.first = self._first.run_again(self._executor, self._workload.judge)
            self.tally.found_by = str(self.job.options.policy)
        return DividedResult(self.tally, sorted(self._gave_way))
