"""Round robin: the participants take turns of a quantum of steps each; a shorter quantum means more switches."""

from __future__ import annotations

from collections.abc import Sequence

from ticketlab.explorer.engine.state import ExecutionState
from ticketlab.explorer.policies.policy import PolicyKind
from ticketlab.explorer.policies.queues import ReadyQueue


class RoundRobin(ReadyQueue):
    """One execution in which nobody makes more than `quantum` steps at a stretch while others are ready."""

    def __init__(self, quantum: int) -> None:
        super().__init__()
        self._quantum = quantum

    def _goes_on(self, running: int, ready: Sequence[int], state: ExecutionState) -> bool:
        used: int = state.counters.length - self.dispatched_at[0]
        return used < self._quantum


KIND = PolicyKind(
    name="rr",
    summary="round robin: everybody in turn for so many steps",
    number="quantum in steps",
    build=lambda variant, _seed: RoundRobin(int(variant)),
    ends=True,
)
