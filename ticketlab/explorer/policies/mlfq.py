"""Multi-level feedback queue: who uses up its quantum falls a level, to longer quanta and lower priority.

After Corbató, Merwin Daggett and Daley, "An experimental time-sharing system" (1962): short jobs are served soon though
nobody says which are short. Every so often all go back to the top, or a long job could starve.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ticketlab.explorer.engine.registers import LENGTH
from ticketlab.explorer.engine.state import ExecutionState
from ticketlab.explorer.policies.policy import PolicyKind
from ticketlab.explorer.policies.queues import DISPATCHED, ReadyQueue

LEVELS: Final = 3
BOOST: Final = 100  # steps after which all go back to the top
BOOSTED: Final = 2  # register: how often they have


class FeedbackQueue(ReadyQueue):
    """One execution; the quantum of level l, from 0, is 2**l steps. The plan holds everybody's level."""

    def begin(self, state: ExecutionState) -> bool:
        """Start with everybody at the top."""
        state.own[BOOSTED] = 0
        return super().begin(state)

    def choose(self, enabled: Sequence[int], state: ExecutionState) -> int:
        """Serve the highest level in turn."""
        boosts = state.registers[LENGTH] // BOOST
        if boosts > state.own[BOOSTED]:
            state.own[BOOSTED] = boosts
            for who in range(state.size):
                state.plan[who] = 0
        return super().choose(enabled, state)

    def _goes_on(self, running: int, ready: Sequence[int], state: ExecutionState) -> bool:
        level = state.plan[running]
        if state.registers[LENGTH] - state.own[DISPATCHED] >= 1 << level:
            state.plan[running] = min(level + 1, LEVELS - 1)
            return False
        return all(state.plan[who] >= level for who in ready)

    def _rank(self, who: int, state: ExecutionState) -> tuple[int, int]:
        return state.plan[who], state.marks[who]


KIND = PolicyKind(
    name="mlfq",
    summary="multi-level feedback queue: who uses up its quantum falls a level",
    build=lambda _variant, _seed: FeedbackQueue(),
    ends=True,
)
