"""Jobs of an exploration: the part of it that one worker does, and what comes back.

A job is a block of executions of a policy that draws, or a subtree of one that searches a tree. It depends on nothing
but itself, so it may be done anywhere, and again if its worker has died.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ticketlab.explorer.executors.executor import Executor
from ticketlab.explorer.policies.subtree import Subtree, TreeSearch
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.exploring.explore import SearchTally, executor_for, search_all
from ticketlab.lab.exploring.first_failure import FirstFailure
from ticketlab.lab.exploring.scenario_workload import ScenarioWorkload
from ticketlab.lab.plugins.registry import policy_kind


@dataclass(frozen=True, slots=True)
class ExplorationJob:
    """A part of an exploration: by default all of it, as the options say, or a subtree of its tree.

    `make` makes the workload where the job is done. After `seconds` a subtree is paused.
    """

    make: Callable[[], ScenarioWorkload]
    options: ExploreOptions
    subtree: Subtree | None = None
    seconds: float | None = None

    def limited(self, executions: int) -> ExplorationJob:
        """Return the job with a bound on its executions."""
        return replace(self, options=replace(self.options, executions=executions), seconds=None)


@dataclass(frozen=True, slots=True)
class JobResult:
    """What came of a job. `tally` has no execution; `first` says how to make the first one that went wrong.

    `rest` is the subtree as the job has left it: paused, or with its given nodes alone.
    """

    tally: SearchTally
    first: FirstFailure | None
    gave_way: tuple[int, ...]
    left_behind: frozenset[str]
    rest: Subtree = field(default_factory=Subtree)
    paused: bool = False


def run_job(job: ExplorationJob) -> JobResult:
    """Do a job in a process that has nothing of the exploration yet."""
    workload = job.make()
    with executor_for(workload, job.options) as executor:
        result = run_on(executor, workload, job)
    return replace(result, left_behind=frozenset(workload.left_behind))  # known when the executor has ended


def run_on(executor: Executor, workload: ScenarioWorkload, job: ExplorationJob) -> JobResult:
    """Do a job on an executor."""
    options = job.options
    search: TreeSearch | None = None
    if job.subtree is not None:
        policy = policy_kind(options.policy).make(options.policy, options.seed)
        assert isinstance(policy, TreeSearch)
        policy.explore(job.subtree, job.seconds)
        search = policy
    tally = search_all(executor, workload, options, policy=search, in_part=True)
    first, tally.first, tally.last = tally.first, None, None
    return JobResult(
        tally=tally,
        first=FirstFailure.of(first) if first else None,
        gave_way=tuple(executor.gave_way),
        left_behind=frozenset(),
        rest=search.explored() if search else Subtree(),
        paused=search is not None and search.paused,
    )
