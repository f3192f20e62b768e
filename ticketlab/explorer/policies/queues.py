"""Ready queues: what the classic schedulers of operating systems share.

Everybody is *running* (moved last and may go on), *ready* (waits in the queue), or *blocked* (asleep in virtual time,
or before an attempt that fails). Who becomes ready joins at the tail; who runs stays until it blocks, finishes, or the
scheduler takes the processor away. One step takes one tick of virtual time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ticketlab.explorer.engine.registers import LENGTH
from ticketlab.explorer.engine.state import ExecutionState

JOINED: Final = 0  # register: how often somebody joined the queue
DISPATCHED: Final = 1  # register: the length at which whoever runs began to


def awake(enabled: Sequence[int], state: ExecutionState) -> list[int]:
    """Return who of the enabled is not asleep; where all are, who wakes first."""
    now, wake = state.clock.now(), state.clock.wake
    up = [who for who in enabled if wake[who] <= now]
    if up:
        return up
    first = min(wake[who] for who in enabled)
    return [who for who in enabled if wake[who] == first]


class ReadyQueue:
    """First come, first served, to the end: one execution. Marks hold the place in the queue, 0 for not in it."""

    clocked = True

    def __init__(self) -> None:
        self._begun = False

    def begin(self, state: ExecutionState) -> bool:
        """Empty the queue, once."""
        if self._begun:
            return False
        self._begun = True
        state.own[JOINED] = state.own[DISPATCHED] = 0
        for who in range(state.size):
            state.marks[who] = state.plan[who] = 0
        return True

    def choose(self, enabled: Sequence[int], state: ExecutionState) -> int:
        """Let whoever runs go on, or dispatch the head of the queue."""
        ready, marks, length = awake(enabled, state), state.marks, state.registers[LENGTH]
        running = state.who[length - 1] if length else -1
        able = running in ready and not marks[running]
        for who in ready:
            if not marks[who] and who != running:
                self._join(who, state)
        if able:
            if self._goes_on(running, ready, state):
                return int(running)
            self._join(running, state)
        head = min((who for who in ready if marks[who]), key=lambda who: self._rank(who, state), default=ready[0])
        marks[head] = 0
        state.own[DISPATCHED] = length
        return head

    def _join(self, who: int, state: ExecutionState) -> None:
        state.own[JOINED] += 1
        state.marks[who] = state.own[JOINED]

    def _goes_on(self, running: int, ready: Sequence[int], state: ExecutionState) -> bool:
        return True

    def _rank(self, who: int, state: ExecutionState) -> tuple[int, int]:
        return 0, state.marks[who]
