"""The schedule of an execution whose policy keeps a ready queue, as jobs that share a processor."""

from __future__ import annotations

from collections.abc import Sequence

from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.steps import NONE
from ticketlab.scheduling.schedule import Schedule, Slice


def served_schedule(execution: Execution, policy: str, summary: str, names: Sequence[str]) -> Schedule | None:
    """Return who ran, was ready or was blocked at each step; None if the policy keeps no ready queue.

    Time is counted in steps, so a sleep is as long as others made steps meanwhile. A participant that has not ended
    counts as ready after its last step if it could have gone on at the end.
    """
    if not execution.ready_since:
        return None
    length, able = len(execution.trace), execution.trace.enabled(len(execution.trace))[-1]
    final = execution.trace.final
    steps: list[list[int]] = [[] for _ in names]
    for node, who in enumerate(execution.trace.who):
        steps[who].append(node)
    ends = [None if final[who] != NONE else own[-1] + 1 if own else 0 for who, own in enumerate(steps)]
    arrivals = [execution.ready_since[own[0]] if own else 0 for own in steps]
    ready: list[list[int]] = [[] for _ in range(length)]
    blocked: list[list[int]] = [[] for _ in range(length)]
    for who, own in enumerate(steps):
        after = arrivals[who]
        for node in own:
            since = execution.ready_since[node]
            _fill(blocked, after, since, who)
            _fill(ready, since, node, who)
            after = node + 1
        if ends[who] is None:
            _fill(ready if who in able else blocked, after, length, who)
    slices = [
        Slice(node, node + 1, who, tuple(ready[node]), tuple(blocked[node]))
        for node, who in enumerate(execution.trace.who)
    ]
    return Schedule(policy, summary, names, arrivals, ends, slices, unit="step")


def _fill(nodes: list[list[int]], start: int, end: int, who: int) -> None:
    for node in range(start, end):
        nodes[node].append(who)
