"""Graphs: an order of all nodes, or the components that have none, and the shortest cycle of a component.

Everything but the shortest cycle takes linear time (the order a logarithm more): Kahn's sort (1962) peels off what no
cycle leads to; Tarjan's algorithm (1972) finds the strongly connected components of the rest.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from heapq import heapify, heappop, heappush

from ticketlab.checker.budget import BudgetSpent, Meter
from ticketlab.checker.transactions.graph import FREE, Edge

Out = Sequence[Sequence[Edge]]
CycleStep = tuple[int, Edge]


def topological(out: Out, size: int, kinds: int) -> tuple[list[int], list[int]]:
    """Return the nodes in an order that all edges of some kinds agree with, and the nodes for which there is none.

    Of nodes that may come next, the one with the smallest number comes first, and one from `size` on at once.
    """
    kinds |= FREE
    before = [0] * len(out)
    for edges in out:
        for target, kind, _ in edges:
            if kind & kinds:
                before[target] += 1
    ready = [node if node < size else -node for node, count in enumerate(before) if not count]
    heapify(ready)
    order: list[int] = []
    while ready:
        node = abs(heappop(ready))
        order.append(node)
        for target, kind, _ in out[node]:
            if kind & kinds:
                before[target] -= 1
                if not before[target]:
                    heappush(ready, target if target < size else -target)
    return order, [node for node, count in enumerate(before) if count]


def components(out: Out, nodes: Iterable[int], kinds: int) -> list[list[int]]:
    """Return the strongly connected components of several nodes, within some nodes and by some kinds of edges."""
    kinds |= FREE
    inside = set(nodes)
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    found: list[list[int]] = []
    for root in sorted(inside):
        if root in index:
            continue
        index[root] = low[root] = len(index)
        stack.append(root)
        work = [(root, iter(out[root]))]
        while work:
            node, edges = work[-1]
            for target, kind, _ in edges:
                if not kind & kinds or target not in inside:
                    continue
                if target not in index:
                    index[target] = low[target] = len(index)
                    stack.append(target)
                    work.append((target, iter(out[target])))
                    break
                low[node] = min(low[node], index[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    found.append(_popped(stack, node, inside))
    return [each for each in found if len(each) > 1]


def _popped(stack: list[int], root: int, inside: set[int]) -> list[int]:
    """Take a finished component off the stack, and out of the nodes that are still to be visited."""
    place = len(stack) - 1
    while stack[place] != root:
        place -= 1
    component = stack[place:]
    del stack[place:]
    inside.difference_update(component)
    return component


def shortest_cycle(
    out: Out, component: Collection[int], starts: Iterable[int], kinds: int, meter: Meter
) -> tuple[list[CycleStep], bool]:
    """Return the shortest cycle through one of the starts, as steps (node, edge), and whether it is certain to be.

    Every start is on a cycle of the component. A `FREE` edge has no length. The first start is searched without a
    limit; if the meter is spent on others, the shortest cycle so far is returned.
    """
    inside = set(component)
    best: list[CycleStep] = []
    length = len(inside) + 1
    try:
        for start in starts:
            found = _cycle_through(out, start, inside, kinds | FREE, length, meter.spend if best else _free)
            if found:
                best = found
                length = _length(found)
                if length == 2:
                    break
    except BudgetSpent:
        return best, False
    return best, True


def _cycle_through(
    out: Out, start: int, inside: set[int], kinds: int, limit: int, spend: Callable[[], None]
) -> list[CycleStep]:
    """Return the shortest cycle through a node that is shorter than a limit, or an empty list (0-1 breadth first)."""
    distance = {start: 0}
    came: dict[int, CycleStep] = {}
    last: CycleStep | None = None
    queue = deque([(0, start)])
    while queue:
        reached, node = queue.popleft()
        if reached >= limit:
            break
        if reached > distance[node]:
            continue
        spend()
        for edge in out[node]:
            target, kind, _ = edge
            step = reached + (kind != FREE)
            if not kind & kinds or target not in inside or step >= distance.get(target, limit):
                if target == start and kind & kinds and 1 < step < limit:
                    last, limit = (node, edge), step
                continue
            distance[target] = step
            came[target] = node, edge
            if kind == FREE:
                queue.appendleft((step, target))
            else:
                queue.append((step, target))
    return _back(came, start, last) if last else []


def _back(came: dict[int, CycleStep], start: int, last: CycleStep) -> list[CycleStep]:
    steps = [last]
    while steps[-1][0] != start:
        steps.append(came[steps[-1][0]])
    return steps[::-1]


def _length(steps: Sequence[CycleStep]) -> int:
    return sum(edge[1] != FREE for _, edge in steps)


def _free() -> None:
    """Spend nothing."""
