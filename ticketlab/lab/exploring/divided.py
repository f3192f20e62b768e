"""An exploration that workers share: its jobs, and how their results are merged into what one process finds.

The result is that of one process, execution for execution: the same count, the same first failure, the same end at a
limit. Jobs are done in any order, and their results are counted in the order of the search. If the search ends at an
execution that goes wrong, whatever was counted after it does not count.

*Policies that draw.* A block of executions is a job: it depends on its seed alone (see `FaultSearch`).

*Tree searches.* See `divided_tree`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Final

from ticketlab.core.errors import UsageError
from ticketlab.core.spec import Spec
from ticketlab.explorer.executors.executor import Executor
from ticketlab.explorer.policies.subtree import Subtree, TreeSearch
from ticketlab.explorer.results import ExploreOptions, Progress
from ticketlab.lab.exploring.counted import CountedInOrder, DividedResult
from ticketlab.lab.exploring.divided_tree import JOB_SECONDS, DividedTree
from ticketlab.lab.exploring.fault_search import BLOCK_EXECUTIONS, seed_of_block
from ticketlab.lab.exploring.jobs import ExplorationJob, JobResult, run_job
from ticketlab.lab.exploring.scenario_workload import ScenarioWorkload
from ticketlab.lab.plugins.registry import policy_kind
from ticketlab.lab.workers.workers import Workers, WorkerTask

_AHEAD: Final = 2
"""How many blocks are handed out for each worker, so that none waits for the next one."""
_FIRST: Final = 100
"""So many executions are tried here at first: most searches that find something have found it by then."""


def divisible(options: ExploreOptions) -> ExploreOptions:
    """Return the options of a search that can be divided: a portfolio leaves all executions to its dpor.

    Raises UsageError if the policy neither draws nor searches a tree, or if faults are injected at every point in turn.
    """
    if options.policy.name == "portfolio":
        options = replace(options, policy=Spec("dpor"))
    kind = policy_kind(options.policy)
    if not kind.ends:
        return options
    if options.faults:
        raise UsageError(
            "--faults cannot be divided among workers with a policy that ends: name one that draws (pct:3)"
        )
    if not isinstance(kind.make(options.policy, options.seed), TreeSearch):
        raise UsageError(
            f"{options.policy} has too few executions for several workers: name dpor, dfs or one that draws"
        )
    return options


def divide(
    executor: Executor, workload: ScenarioWorkload, options: ExploreOptions, workers: Workers, progress: Progress
) -> DividedResult:
    """Search as `search_all` does, with workers, and return the same counts."""
    make = partial(ScenarioWorkload, workload.scenario, options.folder)
    counted = CountedInOrder(executor, workload, ExplorationJob(make, options), progress)
    with workers.running():
        if policy_kind(options.policy).ends:
            explore_tree(counted, workers)
        else:
            run_blocks(counted, workers)
    return counted.result()


def run_blocks(counted: CountedInOrder, workers: Workers) -> None:
    """Run the executions of a policy that draws, block by block."""
    options = counted.job.options
    begun = counted.job if options.executions <= BLOCK_EXECUTIONS else counted.job.limited(_FIRST)
    result = counted.run_here(begun)
    if begun is counted.job or (result.first and not options.exhaust):
        counted.count(begun, result)
        return
    handed: deque[tuple[ExplorationJob, WorkerTask[JobResult]]] = deque()
    blocks = count()
    while not counted.over:
        while len(handed) < _AHEAD * workers.size:
            seeded = replace(options, seed=seed_of_block(options.seed, next(blocks)))
            job = replace(counted.job, options=seeded).limited(BLOCK_EXECUTIONS)
            handed.append((job, workers.submit(run_job, job)))
        job, task = handed.popleft()
        workers.wait([task])
        counted.count(job, task.result())


def explore_tree(counted: CountedInOrder, workers: Workers, seconds: float = JOB_SECONDS) -> None:
    """Explore a tree; workers are asked only if this process is not done with it after so many seconds."""
    job = replace(counted.job, subtree=Subtree(), seconds=seconds)
    result = counted.run_here(job)
    counted.count(job, result)
    if not counted.over and result.paused:
        DividedTree(counted, workers, result.rest, seconds).explore()
    counted.tally.exhausted = policy_kind(job.options.policy).exhausts and not counted.over
