"""Queue disciplines: the one rule by which a processor is given to one of several jobs; each policy is a setting of it.

A job is *running*, *ready* (it waits in the queue) or *blocked* (it waits for something else). At every instant, in
this order:

1. If the running job's burst is over, the job leaves the processor.
2. If a boost is due, all jobs go back to the top level; in the queue they keep the order in which they joined.
3. Whoever has arrived, or waits no longer, joins the queue; of several at once, the one that is listed first.
4. The running job gives the processor up if it has used up its quantum, or if the discipline is preemptive and a job in
   the queue is of a higher level or, on the same level, has a smaller key. Then it joins the queue as well.
5. If the processor is free, the job with the highest level runs; of these, the one with the smallest key; of these, the
   one that joined the queue first.

A job that uses up its quantum falls a level at once, before all of this, if there is a lower one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(slots=True)
class QueuedJob:
    """What a discipline knows of a job.

    `place` says when it joined the queue, the smallest having been first. `level` counts from 0, the highest, and
    `used` is how much of its quantum the job has used up. `burst` is the length of the present burst, and `left` what
    is left of it.
    """

    place: int = 0
    level: int = 0
    used: int = 0
    burst: int = 0
    left: int = 0
    priority: int = 0


def _same_for_all(_job: QueuedJob) -> int:
    return 0


@dataclass(frozen=True, slots=True)
class Discipline:
    """The settings of the rule.

    `quanta` has the quantum of each level, the highest level first; if it is empty, nothing limits a turn. With
    `keeps`, a job that blocks or is preempted has the rest of its quantum the next time; else it has a whole one. After
    each `boost` ticks all jobs go back to the top; never, if it is 0.
    """

    key: Callable[[QueuedJob], int] = _same_for_all
    preemptive: bool = False
    quanta: tuple[int, ...] = ()
    keeps: bool = False
    boost: int = 0

    def rank(self, job: QueuedJob) -> tuple[int, int, int]:
        """Return what orders the queue: the job of the lowest rank runs."""
        return job.level, self.key(job), job.place

    def dispatch(self, job: QueuedJob) -> None:
        """Begin a turn."""
        if not self.keeps:
            job.used = 0

    def spend(self, job: QueuedJob, ticks: int) -> bool:
        """Take down that a job ran for so long; return whether this used up its quantum."""
        job.used += ticks
        if not self.quanta or job.used < self.quanta[job.level]:
            return False
        job.used = 0
        job.level = min(job.level + 1, len(self.quanta) - 1)
        return True

    def until_spent(self, job: QueuedJob) -> int | None:
        """Return how many ticks are left of the quantum; None if nothing limits it."""
        return self.quanta[job.level] - job.used if self.quanta else None

    def preempts(self, running: QueuedJob, ready: Iterable[QueuedJob]) -> bool:
        """Return whether a ready job takes the processor away from the running one."""
        if not self.preemptive:
            return False
        own = running.level, self.key(running)
        return any((job.level, self.key(job)) < own for job in ready)
