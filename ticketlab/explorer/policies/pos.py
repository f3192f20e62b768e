"""Partial order sampling: every step has a random priority, and a step gets a new one when a racing step is made.

Yuan, Yang and Gu, "Partial order aware concurrency sampling" (CAV 2018). A random walk spends most of its executions on
few partial orders, since it counts each order of steps that commute. Here, steps that commute keep the priorities that
they had, so their order is settled by one draw, and how long one of them waits does not matter.

Every schedule has odds above 0. One of k steps in which D priorities are drawn has odds of at least (D - k)! / D!,
since it is run if the priorities that its steps have when they are made are the highest of all D, in this order.
Without races D is k: so a step comes after m steps of another participant with which it commutes with odds of 1 / (m +
1), to which a random walk comes with odds of 2**-m.
"""

from __future__ import annotations

from collections.abc import Sequence

from ticketlab.explorer.engine.policy_columns import Number, PerParticipant
from ticketlab.explorer.engine.state import ExecutionState
from ticketlab.explorer.policies.draws import draw
from ticketlab.explorer.policies.policy import PolicyKind
from ticketlab.explorer.policies.random import RandomWalk


class PartialOrderSampling(RandomWalk):
    """Executions without end: of the steps that can be made, the one of highest priority is made.

    Priorities are independent and even. A step's is drawn when its participant comes to it, and drawn anew when a step
    is made that does not commute with it.
    """

    priorities = PerParticipant()  # of everybody's next step
    drawn = Number()  # how many priorities have been drawn in the execution
    seen = Number()  # how many of its steps have been looked at

    def begin(self, state: ExecutionState) -> bool:
        """Draw a priority for everybody's first step."""
        super().begin(state)
        self.seen[0] = self.drawn[0] = 0
        for who in range(state.size):
            self._draw(who)
        return True

    def choose(self, enabled: Sequence[int], state: ExecutionState) -> int:
        """Pick the participant whose next step has the highest priority."""
        length = state.counters.length
        for node in range(self.seen[0], length):
            self._redraw(node, enabled, state)
        self.seen[0] = length
        return max(enabled, key=self.priorities.__getitem__)

    def _redraw(self, node: int, enabled: Sequence[int], state: ExecutionState) -> None:
        symbols, pending, mover = state.table.symbols, state.pending, state.who[node]
        made = symbols[state.what[node]]
        self._draw(mover)
        for who in enabled:
            if who != mover and not made.commutes_with(symbols[pending[who]]):
                self._draw(who)

    def _draw(self, who: int) -> None:
        self.drawn[0] = drawn = self.drawn[0] + 1
        self.priorities[who] = draw(self.seed[0], drawn)


KIND = PolicyKind(
    name="pos",
    summary="by random priorities of steps, drawn anew when a racing step is made",
    build=lambda _variant, seed: PartialOrderSampling(seed),
)
