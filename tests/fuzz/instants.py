"""Holds judged by exact instants: a hold and its end are exactly as far apart as the hold lasts.

Every order is tried, and for each the instants are solved for: a system of differences, infeasible if its graph has a
negative cycle (Bellman and Ford). The judges relax this to intervals (docs/checking.md, "Honest limits"), so what is
right here has to be right there.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from tests.fuzz.search_orders import Call, TooHard
from tests.fuzz.second_judge import calls_of, parts
from ticketlab.core.history import History

MOST_ORDERS = 4_000
Edge = tuple[int, int, int]


def right_by_instants(history: History) -> bool:
    """Whether some order has instants for all that happened.

    Raises:
        TooHard: there are too many orders.
    """
    return all(_Orders(*calls_of(part)).any() for part in parts(history))


class _Orders:
    """All orders of the calls of one section."""

    def __init__(self, calls: Sequence[Call], state: Any) -> None:
        self.calls, self.state, self.tried = calls, state, 0
        self.place = {id(call): number for number, call in enumerate(calls, 1)}

    def any(self) -> bool:
        """Whether an order explains all that is needed."""
        return self._goes_on([], self.state)

    def _goes_on(self, order: list[Call], state: Any) -> bool:
        self.tried += 1
        if self.tried > MOST_ORDERS:
            raise TooHard
        if not self._has_instants(order):
            return False
        placed = {id(call) for call in order}
        if all(id(call) in placed for call in self.calls if call.needed):
            return True
        for call in self.calls:
            if id(call) in placed or (call.after is not None and id(call.after) not in placed):
                continue
            if any(self._goes_on([*order, call], each) for each in call.effect(state)):
                return True
        return False

    def _has_instants(self, order: Sequence[Call]) -> bool:
        """Whether the calls can have been at instants in this order; an edge (a, b, w) says that b is at most a + w."""
        edges: list[Edge] = []
        placed = {id(call) for call in order}
        ends = [call for call in self.calls if call.after is not None and id(call.after) in placed]
        for call in order:
            edges.append((self.place[id(call)], 0, -call.start))
            if call.end is not None and call.after is None:
                edges.append((0, self.place[id(call)], call.end))
        for call in ends:
            assert call.after is not None
            hold, end, length = self.place[id(call.after)], self.place[id(call)], call.start - call.after.start
            edges += [(hold, end, length), (end, hold, -length)]
        edges += [(self.place[id(later)], self.place[id(one)], 0) for one, later in pairwise(order)]
        if order:
            last = self.place[id(order[-1])]
            edges += [(self.place[id(call)], last, 0) for call in ends if id(call) not in placed]
        return _feasible(len(self.calls) + 1, edges)


def _feasible(nodes: int, edges: Sequence[Edge]) -> bool:
    """Whether no cycle of the graph is negative."""
    far = [0] * nodes
    for _ in range(nodes + 1):
        changed = False
        for start, end, weight in edges:
            if far[start] + weight < far[end]:
                far[end], changed = far[start] + weight, True
        if not changed:
            return True
    return False
