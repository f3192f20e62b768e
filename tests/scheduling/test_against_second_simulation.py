"""Two simulations of different make, from event to event and tick by tick, agree on drawn jobs under every policy."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.scheduling.tick_by_tick import Rules, by_ticks
from ticketlab.core.spec import Spec
from ticketlab.scheduling.job import Job, parse_jobs
from ticketlab.scheduling.schedule import IDLE, JobSchedule
from ticketlab.scheduling.simulate import simulate


@st.composite
def jobs(draw: st.DrawFn) -> tuple[Job, ...]:
    small = st.integers(1, 6)
    found = []
    for number in range(draw(st.integers(1, 5))):
        bursts = draw(st.lists(small, min_size=1, max_size=3))
        waits = draw(st.lists(small, min_size=len(bursts) - 1, max_size=len(bursts) - 1))
        found.append(
            Job("ABCDE"[number], draw(st.integers(0, 12)), tuple(bursts), tuple(waits), draw(st.integers(0, 3)))
        )
    return tuple(found)


def fixed(name: str, **rules: Any) -> st.SearchStrategy[tuple[str, Rules]]:
    return st.builds(lambda: (name, Rules(**rules)))


def with_quantum(name: str, **rules: Any) -> st.SearchStrategy[tuple[str, Rules]]:
    return st.integers(1, 4).map(lambda quantum: (f"{name}{quantum}", Rules(quanta=(quantum,), **rules)))


def feedback(quanta: list[int], boost: int) -> tuple[str, Rules]:
    name = f"mlfq:quanta={'-'.join(map(str, quanta))},boost={boost}"
    return name, Rules(interrupts=True, quanta=quanta, remembers=True, boost=boost)


POLICIES = {
    "fcfs": fixed("fcfs"),
    "sjf": fixed("sjf", order="burst"),
    "srtf": fixed("srtf", order="left", interrupts=True),
    "rr": with_quantum("rr:"),
    "priority": fixed("priority", order="priority", interrupts=True),
    "priority:nonpreemptive": fixed("priority:nonpreemptive", order="priority"),
    "priority:quantum": with_quantum("priority:quantum=", order="priority", interrupts=True),
    "mlfq": fixed("mlfq", interrupts=True, quanta=(1, 2, 4), remembers=True, boost=100),
    "mlfq of one's own": st.builds(
        feedback, st.lists(st.integers(1, 4), min_size=1, max_size=3), st.integers(1, 15) | st.just(1000)
    ),
}


def ticks_of(schedule: JobSchedule) -> list[str]:
    """Return who has the processor in each tick from 0 on."""
    ticks = ["-"] * schedule.slices[0].start
    for each in schedule.slices:
        name = "-" if each.job == IDLE else "*" if each.switching else schedule.names[each.job]
        ticks += [name] * (each.end - each.start)
    return ticks


@pytest.mark.parametrize("kind", POLICIES)
@given(data=st.data(), drawn=jobs(), cost=st.integers(0, 3))
@settings(max_examples=max(200, settings().max_examples))
def test_both_simulations_agree(kind: str, data: st.DataObject, drawn: tuple[Job, ...], cost: int) -> None:
    name, rules = data.draw(POLICIES[kind])
    rules.cost = cost
    schedule = simulate(drawn, Spec.parse(name), cost)
    ticks, times, switches = by_ticks(drawn, rules)
    assert ticks_of(schedule) == ticks
    assert [(each.finish, each.waiting, each.response) for each in schedule.times()] == times
    assert schedule.switches == switches


@given(jobs(), st.one_of(*POLICIES.values()), st.integers(0, 3))
def test_no_time_is_lost_or_made_up(drawn: tuple[Job, ...], policy: tuple[str, Rules], cost: int) -> None:
    schedule = simulate(drawn, Spec.parse(policy[0]), cost)
    for job, times, lane in zip(drawn, schedule.times(), schedule.lanes(), strict=True):
        assert times.turnaround == times.waiting + sum(job.bursts) + sum(job.waits)
        assert sum(end - start for state, start, end in lane if state == "running") == sum(job.bursts)
        assert sum(end - start for state, start, end in lane if state == "blocked") == sum(job.waits)
        assert lane[0][1] == job.arrival
        assert lane[-1][2] == times.finish
        assert all(one[2] == other[1] and one[0] != other[0] for one, other in pairwise(lane))


@given(jobs())
def test_jobs_are_read_back_from_what_they_print(drawn: tuple[Job, ...]) -> None:
    assert parse_jobs(",".join(map(str, drawn))) == drawn
