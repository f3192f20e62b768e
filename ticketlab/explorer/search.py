"""Run a policy's executions one after another, on any executor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ticketlab.core.errors import UsageError
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.analysis.trace import Nondeterminism, Trace, same_standing, same_start
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.explorer.executors.executor import Executor
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.policies.replay import ReplaySchedule
from ticketlab.explorer.workload import NOTHING, FaultPoints, Place


@dataclass(slots=True)
class SearchedSoFar:
    """How many executions of a policy were yielded, and what the first of them was, if it is to be run again."""

    count: int = 0
    first: Trace | None = None
    when: Sequence[int] = ()
    """The virtual times of its steps, if virtual time ordered them."""


def search(
    executor: Executor,
    policy: Policy,
    limit: int | None = None,
    without: frozenset[Place] = NOTHING,
    fault_points: FaultPoints = (),
    so_far: SearchedSoFar | None = None,
) -> Iterator[Execution]:
    """Yield a policy's executions, without redundant ones, until the policy is exhausted or `limit` have been yielded.

    A policy that proves something relies on it that the program repeats itself. So before the search ends, the first
    schedule is run again: what earlier executions left behind in the participants may have changed its steps. If others
    have run executions of the policy before, `so_far` says how far they came.

    Raises:
        UsageError: the limit is below 1.
        Nondeterminism: the policy's schedule could not be followed, or led to other steps than before.
    """
    if limit is not None and limit < 1:
        raise UsageError(f"{limit} executions explore nothing: at least 1 is needed")
    so_far = so_far or SearchedSoFar()
    while limit is None or so_far.count < limit:
        execution = executor.run(policy, without, fault_points)
        if execution is None:
            if so_far.first is not None and policy.proves and not fault_points:
                run_again(executor, so_far.first, without)
            return
        cut_short = execution.ending is ExecutionEnd.STUCK and len(execution.trace) < policy.repeated
        if execution.ending is ExecutionEnd.DIVERGED or cut_short:  # who is stuck now was not before: no deadlock
            raise Nondeterminism(_where_it_differs(execution))
        policy.redundant += execution.redundant
        if not execution.redundant:
            so_far.count += 1
            if so_far.first is None:
                so_far.first, so_far.when = execution.trace, execution.when
            since = policy.awake_since(len(execution.trace))
            yield replace(execution, awake_since=since) if since else execution


def run_again(executor: Executor, first: Trace, without: frozenset[Place] = NOTHING, when: Sequence[int] = ()) -> None:
    """Check that the schedule of an execution leads to the same steps again; raises Nondeterminism if it does not."""
    again = executor.run(ReplaySchedule(first.who, when), without)
    if again is not None:
        same_start(again.trace, first, len(first))
        same_standing(again.trace, first, len(first))


def _where_it_differs(execution: Execution) -> str:
    """Say with which step a repeated execution began to differ, as far as it is known."""
    made, schedule = execution.steps, execution.schedule
    after = f"after step {len(made)} ({made[-1]} by participant {schedule[-1] + 1})" if made else "at the first step"
    return (
        f"{after} the schedule names a participant that cannot move: something beside the schedule decides what the "
        "program does"
    )


def run_schedule(
    executor: Executor,
    schedule: Sequence[int],
    without: frozenset[Place] = NOTHING,
    fault_points: FaultPoints = (),
    when: Sequence[int] = (),
) -> Execution:
    """Run one schedule, go on past its end without preemption, and return the execution.

    `when` is the virtual time of each step, if virtual time orders the steps; see `ReplaySchedule`.
    """
    (execution,) = search(executor, ReplaySchedule(schedule, when), without=without, fault_points=fault_points)
    return execution
