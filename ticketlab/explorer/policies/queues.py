"""Ready queues: what the classic schedulers of operating systems share."""

from __future__ import annotations

from collections.abc import Sequence

from ticketlab.explorer.engine.policy_columns import Number, PerParticipant
from ticketlab.explorer.engine.state import ExecutionState
from ticketlab.explorer.policies.policy import Policy


def awake(enabled: Sequence[int], state: ExecutionState) -> list[int]:
    """Return the enabled participants that are not asleep; if all are, those that wake first."""
    now, wake = state.clock.now(), state.clock.wake
    up = [who for who in enabled if wake[who] <= now]
    if up:
        return up
    first = min(wake[who] for who in enabled)
    return [who for who in enabled if wake[who] == first]


class ReadyQueue(Policy):
    """One execution, in which the participants share one processor; here, first come, first served.

    A participant is *running* (it moved last and may go on), *ready* (it waits in the queue) or *blocked* (it sleeps in
    virtual time, or stands before an attempt that fails). A participant that becomes ready joins the queue at its tail.
    The running one goes on until it blocks, finishes, or the scheduler takes the processor away; then the participant
    of lowest rank in the queue runs. One step takes one tick of virtual time.
    """

    clocked = True
    place = PerParticipant()  # in the queue, those who joined first having the lowest; 0 if not in it
    joined = Number()  # how often somebody joined the queue
    dispatched_at = Number()  # the length at which the running participant began to run

    def __init__(self) -> None:
        self._begun = False

    def begin(self, state: ExecutionState) -> bool:
        """Empty the queue, for the only execution."""
        if self._begun:
            return False
        self._begun = True
        self.joined[0] = self.dispatched_at[0] = 0
        for who in range(state.size):
            self.place[who] = 0
        return True

    def choose(self, enabled: Sequence[int], state: ExecutionState) -> int:
        """Let the running participant go on, or dispatch the head of the queue."""
        ready, place, length = awake(enabled, state), self.place, state.counters.length
        running = state.who[length - 1] if length else -1
        able = running in ready and not place[running]
        for who in ready:
            if not place[who] and who != running:
                self._join(who)
        if able:
            if self._goes_on(running, ready, state):
                return int(running)
            self._join(running)
        head = min((who for who in ready if place[who]), key=self._rank, default=ready[0])
        place[head] = 0
        self.dispatched_at[0] = length
        return head

    def _join(self, who: int) -> None:
        self.joined[0] += 1
        self.place[who] = self.joined[0]

    def _goes_on(self, running: int, ready: Sequence[int], state: ExecutionState) -> bool:
        return True

    def _rank(self, who: int) -> tuple[int, int]:
        return 0, self.place[who]
