"""Uniform random walk: each participant is picked with odds in proportion to how many steps it has left.

Zhao, Wolff, Mathur and Roychoudhury, "Selectively uniform concurrency testing" (ASPLOS 2025). A random walk that picks
everybody evenly is done with a short participant soon, and hardly ever sees it come late. If nobody waits for anything
and everybody makes as many steps as were counted, then a uniform random walk runs every interleaving with the same
odds: of the (a + b)! / (a! b!) interleavings of a and b steps, a share of a / (a + b) begins with the first
participant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ticketlab.explorer.engine.policy_columns import Number, PerParticipant
from ticketlab.explorer.engine.state import ExecutionState
from ticketlab.explorer.policies.draws import WORD, draw
from ticketlab.explorer.policies.policy import PolicyKind
from ticketlab.explorer.policies.random import RandomWalk


class UniformRandomWalk(RandomWalk):
    """Executions without end; how many steps a participant makes is taken to be the most that it has made so far.

    A participant whose steps are not known yet, or that makes more than it has made before, counts as having one left.
    """

    left = PerParticipant()  # steps
    seen = Number()  # how many steps of the execution have been looked at

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._most: Counter[int] = Counter()  # steps, by participant

    def begin(self, state: ExecutionState) -> bool:
        """Count the steps of the last execution, and say how many everybody has left."""
        self._count(state)
        super().begin(state)
        self.seen[0] = 0
        for who in range(state.size):
            self.left[who] = self._most[who]
        return True

    def choose(self, enabled: Sequence[int], state: ExecutionState) -> int:
        """Pick one of the enabled, with odds in proportion to the steps that it has left."""
        counters = state.counters
        for node in range(self.seen[0], counters.length):
            self.left[state.who[node]] -= 1
        self.seen[0] = counters.length
        if len(enabled) == 1:
            return enabled[0]
        weights = [max(1, self.left[who]) for who in enabled]
        return enabled[weighted(weights, self._number(state))]

    def _number(self, state: ExecutionState) -> int:
        """Draw a number below 2**32."""
        return draw(self.seed[0], state.counters.length + 7919 * state.counters.failures)

    def _count(self, state: ExecutionState) -> None:
        if self._executions:
            self._most |= Counter(state.who[: state.counters.length])


def weighted(weights: Sequence[int], number: int) -> int:
    """Return a place in a list of weights, for a number that `draw` returned: its odds are in proportion to its weight.

    Each place gets its share of the 2**32 numbers, to within one number.
    """
    rest = number * sum(weights) // WORD
    for place, weight in enumerate(weights):
        rest -= weight
        if rest < 0:
            return place
    raise AssertionError("the weights have a sum above the rest")


KIND = PolicyKind(
    name="urw",
    summary="with odds in proportion to the steps that are left: every interleaving is equally likely",
    build=lambda _variant, seed: UniformRandomWalk(seed),
)
