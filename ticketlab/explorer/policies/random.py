"""Random walk: at each step, every participant that can move is equally likely to be picked.

A random walk finds shallow races soon. If a race needs one participant to stay behind for m steps, the odds of finding
it shrink like 2**-m; `pct` finds such races.
"""

from __future__ import annotations

from collections.abc import Sequence

from ticketlab.explorer.engine.policy_columns import Number
from ticketlab.explorer.engine.state import ExecutionState
from ticketlab.explorer.policies.draws import draw
from ticketlab.explorer.policies.policy import Policy, PolicyKind


class RandomWalk(Policy):
    """Executions without end; the n-th depends on the seed and on n alone."""

    seed = Number()  # of the execution

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._executions = 0

    def begin(self, state: ExecutionState) -> bool:
        """Draw the seed of the next execution."""
        self._executions += 1
        self.seed[0] = draw(draw(self._seed, 1), self._executions)
        return True

    def choose(self, enabled: Sequence[int], state: ExecutionState) -> int:
        """Pick one of the enabled, each with the same odds."""
        count = len(enabled)
        if count == 1:
            return enabled[0]
        counters = state.counters
        return enabled[draw(self.seed[0], counters.length + 7919 * counters.failures) * count >> 32]


KIND = PolicyKind(
    name="random",
    summary="at each step, everybody who can move is equally likely to be picked",
    build=lambda _variant, seed: RandomWalk(seed),
)
