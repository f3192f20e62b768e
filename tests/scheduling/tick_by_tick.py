"""A second simulation, written from the words of docs/scheduling.md and from nothing else: one tick after another.

Where `ticketlab.scheduling` jumps from event to event with a heap and a sorted queue, this one asks at every tick who
is where, and finds the next job by looking at all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ticketlab.scheduling.job import Job


@dataclass
class Rules:
    """A policy in the words of the contract."""

    order: str = "arrival"  # or burst, left, priority
    interrupts: bool = False
    quanta: Sequence[int] = ()
    remembers: bool = False
    boost: int = 0
    cost: int = 0


@dataclass
class Life:
    """What one job is about."""

    job: Job
    todo: list[int] = field(default_factory=list)  # what is left of each burst
    sleeps: list[int] = field(default_factory=list)  # the waits that are still to come
    wakes: int = 0
    queued: tuple[int, int] | None = None  # (tick, order within the tick) of joining the queue
    done: int | None = None
    first: int | None = None
    waited: int = 0
    level: int = 0
    used: int = 0

    def size(self, order: str, bursts: dict[str, int]) -> int:
        """Return what the policy sorts by."""
        return {
            "arrival": 0,
            "burst": bursts[self.job.name],
            "left": self.todo[0] if self.todo else 0,
            "priority": self.job.priority,
        }[order]


def falls(life: Life, rules: Rules) -> bool:
    """Have a job that has just run fall a level if it has used up its quantum; return whether it has."""
    if not rules.quanta or life.used != rules.quanta[life.level]:
        return False
    life.used = 0
    life.level = min(life.level + 1, len(rules.quanta) - 1)
    return True


def leaves(life: Life, whole: dict[str, int], tick: int) -> None:
    """Have a job whose burst is over wait, or end."""
    life.todo.pop(0)
    if life.todo:
        life.wakes = tick + life.sleeps.pop(0)
        whole[life.job.name] = life.todo[0]
    else:
        life.done = tick


def by_ticks(jobs: Sequence[Job], rules: Rules) -> tuple[list[str], list[tuple[int, int, int]], int]:
    """Return who has the processor in each tick from 0 on, (finish, waiting, response) of each job, and the switches.

    A tick in which nobody runs is "-", and one that is spent on a switch "*".
    """
    lives = [Life(job, list(job.bursts), list(job.waits), wakes=job.arrival) for job in jobs]
    whole = {job.name: job.bursts[0] for job in jobs}  # the length of each job's present burst
    out: list[str] = []
    current: Life | None = None
    previous: Life | None = None
    switch_left = switches = tick = 0
    while any(life.done is None for life in lives):
        count = 0
        expired = False
        if current is not None and not switch_left:
            expired = falls(current, rules) if out and out[-1] == current.job.name else False
            if current.todo[0] == 0:
                leaves(current, whole, tick)
                current = None
        if rules.boost and tick and tick % rules.boost == 0:
            for life in lives:
                life.level = life.used = 0
        for life in lives:
            if life.done is None and life is not current and life.queued is None and life.wakes == tick:
                life.queued, count = (tick, count), count + 1
        waiting = [life for life in lives if life.queued is not None]
        if current is not None and not switch_left:
            mine = current.level, current.size(rules.order, whole)
            better = any((life.level, life.size(rules.order, whole)) < mine for life in waiting)
            if expired or (rules.interrupts and better):
                current.queued = tick, count
                waiting.append(current)
                current = None
        if current is None and waiting:
            current = min(waiting, key=lambda life: (life.level, life.size(rules.order, whole), life.queued))
            current.queued = None
            if not rules.remembers:
                current.used = 0
            if previous is not None and previous is not current:
                switches, switch_left = switches + 1, rules.cost
            previous = current
        for life in lives:
            life.waited += life.queued is not None or (life is current and switch_left > 0)
        if current is None:
            out.append("-")
        elif switch_left:
            switch_left -= 1
            out.append("*")
        else:
            current.first = tick if current.first is None else current.first
            current.todo[0] -= 1
            current.used += 1
            out.append(current.job.name)
        tick += 1
    times = [(life.done or 0, life.waited, (life.first or 0) - life.job.arrival) for life in lives]
    return out[:-1], times, switches
