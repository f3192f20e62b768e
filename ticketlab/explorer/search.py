"""Run a policy's executions one after another, on any executor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ticketlab.core.errors import UsageError
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.analysis.trace import Nondeterminism
from ticketlab.explorer.engine.state import Ending
from ticketlab.explorer.executors.executor import Executor
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.policies.replay import Replay
from ticketlab.explorer.workload import NOTHING, Place, Strikes


def search(
    executor: Executor,
    policy: Policy,
    limit: int | None = None,
    without: frozenset[Place] = NOTHING,
    strikes: Strikes = (),
) -> Iterator[Execution]:
    """Yield a policy's executions, redundant ones left out, until it is exhausted or `limit` have been yielded.

    Raises Nondeterminism where the policy's schedule could not be followed.
    """
    if limit is not None and limit < 1:
        raise UsageError(f"{limit} executions explore nothing: at least 1 is needed")
    count = 0
    while limit is None or count < limit:
        execution = executor.run(policy, without, strikes)
        if execution is None:
            return
        if execution.ending is Ending.DIVERGED:
            raise Nondeterminism(
                f"after {len(execution.trace)} steps the schedule names somebody who can not move: "
                "something beside the schedule decides what the program does"
            )
        if not execution.redundant:
            count += 1
            yield execution


def replay(
    executor: Executor,
    schedule: Sequence[int],
    without: frozenset[Place] = NOTHING,
    strikes: Strikes = (),
    when: Sequence[int] = (),
) -> Execution:
    """Run one schedule, and past its end without preemption; `when` is as for `Replay`."""
    (execution,) = search(executor, Replay(schedule, when), without=without, strikes=strikes)
    return execution
