"""The schedule of an execution whose policy keeps a ready queue, as jobs that share a processor."""

from __future__ import annotations

from collections.abc import Sequence

from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.steps import NONE
from ticketlab.scheduling.schedule import JobSchedule, Slice


def served_schedule(execution: Execution, policy: str, summary: str, names: Sequence[str]) -> JobSchedule | None:
    """Return who ran, was ready or was blocked at each step; None if the policy keeps no ready queue.

    Whoever could have moved was ready, unless it slept; all others who had not ended were blocked. Time is counted in
    steps, so a sleep is as long as others made steps meanwhile.
    """
    if not execution.awake_since:
        return None
    movers, length = execution.trace.who, len(execution.trace)
    came = {arrival.who: arrival.node for arrival in reversed(execution.trace.arrivals)}  # the first of each counts
    last = {who: node for node, who in enumerate(movers)}
    arrivals = [came.get(who, 0) if came.get(who, 0) <= _first(movers, who) else 0 for who in range(len(names))]
    ends = [last.get(who, -1) + 1 if symbol == NONE else None for who, symbol in enumerate(execution.trace.final)]
    awake = [0] * len(names)  # by participant: from which step on it was awake, looking back from the end
    slices: list[Slice] = []
    for node, enabled in reversed(list(enumerate(execution.trace.enabled()[:length]))):
        mover = movers[node]
        awake[mover] = execution.awake_since[node]
        there = [who for who, end in enumerate(ends) if arrivals[who] <= node and (end is None or node < end)]
        able = {who for who in enabled if awake[who] <= node}
        ready = tuple(who for who in there if who in able and who != mover)
        blocked = tuple(who for who in there if who not in able and who != mover)
        slices.append(Slice(node, node + 1, mover, ready, blocked))
    return JobSchedule(policy, summary, names, arrivals, ends, slices[::-1], unit="step")


def _first(movers: Sequence[int], who: int) -> int:
    return movers.index(who) if who in movers else len(movers)
