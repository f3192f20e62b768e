"""Ready queues: participants share one processor, by the queue disciplines of operating systems.

`scheduling.discipline` has the rule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ticketlab.explorer.engine.policy_columns import Number, PerParticipant, PerStep
from ticketlab.explorer.engine.state import ExecutionState
from ticketlab.explorer.policies.policy import Policy, PolicyKind
from ticketlab.scheduling.discipline import Discipline, QueuedJob
from ticketlab.scheduling.policies import DisciplineKind


def awake(enabled: Sequence[int], state: ExecutionState) -> list[int]:
    """Return the enabled participants that are not asleep; if all are, those that wake first."""
    now, wake = state.clock.now(), state.clock.wake
    up = [who for who in enabled if wake[who] <= now]
    if up:
        return up
    first = min(wake[who] for who in enabled)
    return [who for who in enabled if wake[who] == first]


class ReadyQueue(Policy):
    """One execution, in which the participants share one processor by a queue discipline.

    A participant is *blocked* if it sleeps in virtual time, or stands before an attempt that fails. What `scheduling`
    calls a tick is a step here, and a job is all that a participant does.
    """

    clocked = True
    place = PerParticipant()  # in the queue, those who joined first having the lowest; 0 if not in it
    asleep_at = PerParticipant()  # one more than the length at which a participant slept last; 0 if it never did
    level = PerParticipant()
    used = PerParticipant()  # steps of the quantum
    joined = Number()  # how often somebody joined the queue
    counted = Number()  # how many steps have been counted against quanta
    boosts = Number()  # how often all have gone back to the top
    since = PerStep()  # the length from which on the participant that makes the step was awake

    def __init__(self, discipline: Discipline | None = None) -> None:
        self._discipline = discipline or Discipline()
        self._begun = False

    def begin(self, state: ExecutionState) -> bool:
        """Empty the queue, for the only execution."""
        if self._begun:
            return False
        self._begun = True
        self._start(state)
        return True

    def _start(self, state: ExecutionState) -> None:
        self.joined[0] = self.counted[0] = self.boosts[0] = 0
        for who in range(state.size):
            self.place[who] = self.level[who] = self.used[who] = self.asleep_at[who] = 0

    def choose(self, enabled: Sequence[int], state: ExecutionState) -> int:
        """Let the running participant go on, or dispatch the head of the queue."""
        ready, place, length = awake(enabled, state), self.place, state.counters.length
        running = state.who[length - 1] if length else -1
        if len(ready) < len(enabled):
            for who in {*enabled} - {*ready}:
                self.asleep_at[who] = length + 1
        spent = self._spend(running, length)
        self._boost(state)
        able = running in ready and not place[running]
        for who in ready:
            if not place[who] and who != running:
                self._join(who)
        if able:
            if not spent and not self._discipline.preempts(
                self._job(running), [self._job(who) for who in ready if who != running]
            ):
                self.since[length] = self.asleep_at[running]
                return int(running)
            self._join(running)
        head = min((who for who in ready if place[who]), key=self._rank, default=ready[0])
        place[head] = 0
        job = self._job(head)
        self._discipline.dispatch(job)
        self.used[head] = job.used
        self.since[length] = self.asleep_at[head]
        return head

    def awake_since(self, length: int) -> Sequence[int]:
        """Return for each step of the last execution before which step its participant was awake to make it."""
        return list(self.since[:length])

    def _spend(self, running: int, length: int) -> bool:
        """Count the last step against its participant's quantum, once; return whether this used it up."""
        if self.counted[0] == length:
            return False
        self.counted[0] = length
        job = self._job(running)
        spent = self._discipline.spend(job, 1)
        self.level[running], self.used[running] = job.level, job.used
        return spent

    def _boost(self, state: ExecutionState) -> None:
        if self._discipline.boost and state.counters.length // self._discipline.boost > self.boosts[0]:
            self.boosts[0] = state.counters.length // self._discipline.boost
            for who in range(state.size):
                self.level[who] = self.used[who] = 0

    def _join(self, who: int) -> None:
        self.joined[0] += 1
        self.place[who] = self.joined[0]

    def _job(self, who: int) -> QueuedJob:
        return QueuedJob(self.place[who], self.level[who], self.used[who])

    def _rank(self, who: int) -> tuple[int, int, int]:
        return self._discipline.rank(self._job(who))


def queue_policy(kind: DisciplineKind, queue: Callable[[Discipline], ReadyQueue] = ReadyQueue) -> PolicyKind:
    """Return the explorer's policy of a discipline's name, with its options."""
    return PolicyKind(
        name=kind.name,
        summary=kind.summary,
        options=kind.options,
        number=kind.number,
        build=lambda variant, _seed, **options: queue(kind.build(variant, **options)),
        ends=True,
    )
