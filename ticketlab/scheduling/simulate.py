"""Simulation: from event to event, by the rule in `discipline`.

A context switch may cost time: whenever the processor goes from one job to another, it runs nobody for so many ticks.
Once begun, a switch is brought to its end. The job that was switched to may then lose the processor at once, to a job
that has joined the queue meanwhile.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from ticketlab.core.spec import Spec
from ticketlab.scheduling.discipline import Discipline, QueuedJob
from ticketlab.scheduling.job import Job, check_length
from ticketlab.scheduling.policies import discipline_kind
from ticketlab.scheduling.schedule import IDLE, JobSchedule, Slice


def simulate(jobs: Sequence[Job], policy: Spec, switch_cost: int = 0) -> JobSchedule:
    """Return the schedule of jobs under a policy, given the cost of a context switch in ticks.

    Raises:
        UsageError: the policy is unknown, or the jobs run for too long.
    """
    check_length(jobs)
    kind = discipline_kind(policy)
    run = _Simulation(jobs, kind.make(policy), switch_cost)
    run.finish()
    arrivals = [job.arrival for job in jobs]
    way = kind.variants.get(policy.variant) if kind.variants else None
    summary = f"{kind.summary}; {way}" if way else kind.summary
    return JobSchedule(str(policy), summary, [job.name for job in jobs], arrivals, run.ends, run.slices)


class _Simulation:
    """One processor and its queue, at the time `_now`."""

    def __init__(self, jobs: Sequence[Job], discipline: Discipline, switch_cost: int) -> None:
        self._jobs = jobs
        self._discipline = discipline
        self._switch_cost = switch_cost
        self._entries = [QueuedJob(priority=job.priority) for job in jobs]
        self._bursts_begun = [0] * len(jobs)
        self._coming = [(job.arrival, number) for number, job in enumerate(jobs)]  # a heap: who joins the queue when
        heapq.heapify(self._coming)
        self._queue: list[int] = []
        self._joined = 0  # how often somebody joined the queue
        self._running = self._last = IDLE  # `_last` is who had the processor last
        self._switched_at = 0  # when the switch to the running job is over
        self._now = min((job.arrival for job in jobs), default=0)
        self._boosts = self._now // discipline.boost if discipline.boost else 0
        self.ends: list[int | None] = [None] * len(jobs)
        self.slices: list[Slice] = []

    def finish(self) -> None:
        """Go on from event to event until every job has ended."""
        spent = False  # whether the running job has used up its quantum
        while True:
            self._decide(spent)
            if self._running == IDLE and not self._coming:
                return
            until = self._next_event()
            self._note(until)
            spent = self._pass(until)

    def _decide(self, spent: bool) -> None:
        """Take the five steps of the rule."""
        if self._running != IDLE and not self._entries[self._running].left:
            self._leave()
            spent = False
        self._boost()
        while self._coming and self._coming[0][0] <= self._now:
            self._arrive(heapq.heappop(self._coming)[1])
        if self._running != IDLE and self._now >= self._switched_at:
            waiting = [self._entries[job] for job in self._queue]
            if spent or self._discipline.preempts(self._entries[self._running], waiting):
                self._join(self._running)
                self._running = IDLE
        if self._running == IDLE and self._queue:
            self._dispatch()

    def _leave(self) -> None:
        """Have the running job wait, or end, since its burst is over."""
        job, made = self._jobs[self._running], self._bursts_begun[self._running]
        if made < len(job.bursts):
            heapq.heappush(self._coming, (self._now + job.waits[made - 1], self._running))
        else:
            self.ends[self._running] = self._now
        self._running = IDLE

    def _boost(self) -> None:
        if self._discipline.boost and self._now // self._discipline.boost > self._boosts:
            self._boosts = self._now // self._discipline.boost
            for entry in self._entries:
                entry.level = entry.used = 0

    def _arrive(self, number: int) -> None:
        entry, made = self._entries[number], self._bursts_begun[number]
        entry.burst = entry.left = self._jobs[number].bursts[made]
        self._bursts_begun[number] = made + 1
        self._join(number)

    def _join(self, number: int) -> None:
        self._joined += 1
        self._entries[number].place = self._joined
        self._queue.append(number)

    def _dispatch(self) -> None:
        self._queue.sort(key=self._rank)
        self._running = self._queue.pop(0)
        self._discipline.dispatch(self._entries[self._running])
        switched = self._last not in (IDLE, self._running)
        self._switched_at = self._now + self._switch_cost if switched else self._now
        self._last = self._running

    def _rank(self, number: int) -> tuple[int, int, int]:
        return self._discipline.rank(self._entries[number])

    def _next_event(self) -> int:
        """Return when something may change next."""
        times = [self._coming[0][0]] if self._coming else []
        if self._running != IDLE:
            entry = self._entries[self._running]
            if self._now < self._switched_at:
                times.append(self._switched_at)
            else:
                left = self._discipline.until_spent(entry)
                times.append(self._now + (entry.left if left is None else min(left, entry.left)))
            if self._discipline.boost:
                times.append((self._boosts + 1) * self._discipline.boost)
        return min(times)

    def _note(self, until: int) -> None:
        """Take down what is the case until then."""
        self._queue.sort(key=self._rank)
        begun = [number for number, made in enumerate(self._bursts_begun) if made]
        away = {self._running, *self._queue}
        blocked = tuple(number for number in begun if number not in away and self.ends[number] is None)
        switching = self._running != IDLE and self._now < self._switched_at
        this = Slice(self._now, until, self._running, tuple(self._queue), blocked, switching)
        if self.slices and self.slices[-1][2:] == this[2:]:
            this = this._replace(start=self.slices.pop().start)
        self.slices.append(this)

    def _pass(self, until: int) -> bool:
        """Let time pass; return whether this used up the running job's quantum."""
        ran = until - self._now if self._running != IDLE and self._now >= self._switched_at else 0
        self._now = until
        if not ran:
            return False
        entry = self._entries[self._running]
        entry.left -= ran
        return self._discipline.spend(entry, ran)
