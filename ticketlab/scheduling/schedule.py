"""Schedules: who ran when, and what that meant for each job."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, NamedTuple

IDLE: Final = -1
"""In place of a job's number: the processor runs nobody."""


JobSpan = tuple[str, int, int]
"""A job is ready, running, blocked or being switched to: the state, and from when to when it lasts."""


class Slice(NamedTuple):
    """A time during which nothing changes.

    `job` is the number of the job that has the processor. If the processor is still `switching` to it, the job does not
    run yet. `ready` has the queue, the next one first, and `blocked` those who wait for something else.
    """

    start: int
    end: int
    job: int
    ready: tuple[int, ...] = ()
    blocked: tuple[int, ...] = ()
    switching: bool = False


class JobTimes(NamedTuple):
    """The times of one job: None for what it never came to.

    `waiting` is how long it was ready, or was being switched to, and did not run. `turnaround` runs from its arrival to
    its end, and `response` from its arrival to its first run.
    """

    arrival: int
    finish: int | None
    waiting: int
    turnaround: int | None
    response: int | None


@dataclass(frozen=True, slots=True)
class JobSchedule:
    """Who ran when: slices of time without a gap between them, and jobs by their names.

    `ends` has the end of each job, None for a job that has not ended. `unit` is what time is counted in.
    """

    policy: str
    summary: str
    names: Sequence[str]
    arrivals: Sequence[int]
    ends: Sequence[int | None]
    slices: Sequence[Slice]
    unit: str = "tick"

    @property
    def turns(self) -> Iterator[Slice]:
        """The times on the processor: slices in which a job runs, those of one stretch joined, without their queues."""
        turn: Slice | None = None
        for each in self.slices:
            if turn is not None and turn.job == each.job and turn.end == each.start:
                turn = turn._replace(end=each.end)
                continue
            if turn is not None:
                yield turn
            turn = None if each.job == IDLE or each.switching else Slice(each.start, each.end, each.job)
        if turn is not None:
            yield turn

    @property
    def switches(self) -> int:
        """How often the processor went from one job to another; the first job is no switch."""
        given = [each.job for each in self.slices if each.job != IDLE]
        return sum(one != other for one, other in pairwise(given))

    @property
    def idle(self) -> int:
        """How long the processor had nobody to run, from the first arrival on."""
        return sum(each.end - each.start for each in self.slices if each.job == IDLE)

    def lanes(self) -> list[list[JobSpan]]:
        """Return for each job its states in order, with the time for which each lasted."""
        lanes: list[list[JobSpan]] = [[] for _ in self.names]
        for each in self.slices:
            for job in each.ready:
                _extend(lanes[job], "ready", each)
            for job in each.blocked:
                _extend(lanes[job], "blocked", each)
            if each.job != IDLE:
                _extend(lanes[each.job], "switching" if each.switching else "running", each)
        return lanes

    def times(self) -> list[JobTimes]:
        """Return the times of each job."""
        return [
            _times(arrival, finish, lane)
            for arrival, finish, lane in zip(self.arrivals, self.ends, self.lanes(), strict=True)
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the schedule as it is printed and saved."""
        times = self.times()
        return {
            "policy": self.policy,
            "summary": self.summary,
            "unit": self.unit,
            "start": self.slices[0].start if self.slices else 0,
            "end": self.slices[-1].end if self.slices else 0,
            "switches": self.switches,
            "idle": self.idle,
            "averages": {
                name: _mean([getattr(each, name) for each in times]) for name in ("waiting", "turnaround", "response")
            },
            "jobs": [
                {
                    "name": name,
                    **own._asdict(),
                    "spans": [{"state": state, "start": start, "end": end} for state, start, end in lane],
                }
                for name, own, lane in zip(self.names, times, self.lanes(), strict=True)
            ],
            "turns": [{"job": self.names[turn.job], "start": turn.start, "end": turn.end} for turn in self.turns],
        }

    def queue_json(self) -> list[dict[str, Any]]:
        """Return who has the processor and who waits, slice by slice, as it is printed and saved."""
        return [self._moment(each) for each in self.slices]

    def _moment(self, each: Slice) -> dict[str, Any]:
        return {
            "start": each.start,
            "end": each.end,
            "job": None if each.job == IDLE else self.names[each.job],
            "switching": each.switching,
            "ready": [self.names[job] for job in each.ready],
            "blocked": [self.names[job] for job in each.blocked],
        }


def _extend(lane: list[JobSpan], state: str, during: Slice) -> None:
    if lane and lane[-1][0] == state and lane[-1][2] == during.start:
        lane[-1] = state, lane[-1][1], during.end
    else:
        lane.append((state, during.start, during.end))


def _times(arrival: int, finish: int | None, lane: Sequence[JobSpan]) -> JobTimes:
    waiting = sum(end - start for state, start, end in lane if state in ("ready", "switching"))
    first = next((start for state, start, _ in lane if state == "running"), None)
    turnaround = None if finish is None else finish - arrival
    return JobTimes(arrival, finish, waiting, turnaround, None if first is None else first - arrival)


def _mean(values: Sequence[int | None]) -> float | None:
    """Return the mean of the values that are there; None if there are none."""
    there = [value for value in values if value is not None]
    return sum(there) / len(there) if there else None
