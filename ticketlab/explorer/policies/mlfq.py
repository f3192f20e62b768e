"""Multi-level feedback queue: a job that uses up its quantum falls a level, to longer quanta and lower priority.

After Corbató, Merwin Daggett and Daley, "An experimental time-sharing system" (1962). Short jobs are served soon,
though the scheduler is not told which jobs are short. From time to time all jobs go back to the top, or a long one
could starve.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ticketlab.explorer.engine.policy_columns import Number, PerParticipant
from ticketlab.explorer.engine.state import ExecutionState
from ticketlab.explorer.policies.policy import PolicyKind
from ticketlab.explorer.policies.queues import ReadyQueue

LEVELS: Final = 3
BOOST: Final = 100  # after each so many steps, all go back to the top


class FeedbackQueue(ReadyQueue):
    """One execution of a feedback queue; the quantum of level l, counted from 0, is 2**l steps."""

    level = PerParticipant()
    boosts = Number()  # how often all have gone back to the top

    def begin(self, state: ExecutionState) -> bool:
        """Start with everybody at the top."""
        self.boosts[0] = 0
        self._to_the_top(state)
        return super().begin(state)

    def choose(self, enabled: Sequence[int], state: ExecutionState) -> int:
        """Let the highest level run, its members in turn."""
        boosts = state.counters.length // BOOST
        if boosts > self.boosts[0]:
            self.boosts[0] = boosts
            self._to_the_top(state)
        return super().choose(enabled, state)

    def _to_the_top(self, state: ExecutionState) -> None:
        for who in range(state.size):
            self.level[who] = 0

    def _goes_on(self, running: int, ready: Sequence[int], state: ExecutionState) -> bool:
        level = self.level[running]
        if state.counters.length - self.dispatched_at[0] >= 1 << level:
            self.level[running] = min(level + 1, LEVELS - 1)
            return False
        return all(self.level[who] >= level for who in ready)

    def _rank(self, who: int) -> tuple[int, int]:
        return self.level[who], self.place[who]


KIND = PolicyKind(
    name="mlfq",
    summary="multi-level feedback queue: who uses up its quantum falls a level",
    build=lambda _variant, _seed: FeedbackQueue(),
    ends=True,
)
