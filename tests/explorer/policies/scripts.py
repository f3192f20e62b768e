"""Programs of steps that never wait, for what policies promise about their schedules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

from tests.explorer.toys import Cells, Toy
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.policies.dfs import DepthFirst
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.search import search


def writing(*scripts: str) -> Toy:
    """Return a program in which each participant writes the cells that its script names, a letter each."""
    cells = Cells(**dict.fromkeys("".join(scripts), 0))

    def write(script: str) -> None:
        for cell in script:
            cells.write(cell, 1)

    return Toy(*[partial(write, script) for script in scripts], shared=[cells])


def executions(toy: Toy, policy: Policy, limit: int | None = None) -> list[Execution]:
    with Inline(toy) as executor:
        return list(search(executor, policy, limit))


def every_schedule(toy: Toy) -> list[Execution]:
    return executions(toy, DepthFirst())


def counted(found: Sequence[Execution], by: Callable[[Execution], object]) -> Counter[object]:
    return Counter(map(by, found))


def schedule(execution: Execution) -> tuple[int, ...]:
    return execution.schedule


def order_on(cell: str) -> Callable[[Execution], tuple[int, ...]]:
    """Return what says who makes the steps on one cell, in order."""

    def told(execution: Execution) -> tuple[int, ...]:
        steps = zip(execution.schedule, execution.trace.steps, strict=True)
        return tuple(who for who, step in steps if step.resource == cell)

    return told


def partial_order(execution: Execution) -> tuple[tuple[int, ...], ...]:
    """Return who makes the steps on each cell, in order: what tells one partial order from the others."""
    cells = sorted({step.resource for step in execution.trace.steps})
    return tuple(order_on(cell)(execution) for cell in cells)
