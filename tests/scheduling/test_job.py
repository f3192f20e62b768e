"""Jobs are read from text; what is none is refused with the form that would be right."""

from __future__ import annotations

import pytest

from ticketlab.core.errors import UsageError
from ticketlab.core.spec import Spec
from ticketlab.scheduling.job import MOST_JOBS, MOST_TICKS, Job, parse_jobs
from ticketlab.scheduling.simulate import simulate


def test_a_job_has_bursts_waits_and_a_priority() -> None:
    assert parse_jobs("A:0:5, B:1:3+io2+4:p7") == (
        Job("A", 0, (5,)),
        Job("B", 1, (3, 4), (2,), priority=7),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no job: write NAME:ARRIVAL:BURSTS"),
        ("A", "is no job"),
        ("A:0:5:p1:x", "is no job"),
        ("A\n:0:5", "is no job"),
        ("A:-1:5", "is not a whole number from 0"),
        ("A:0:0", "is not a whole number from 1"),
        ("A:0:99999999999", "is not a whole number from 1"),
        ("A:0:3+io2", "not runs with a wait between each two"),
        ("A:0:3+2", "not runs with a wait between each two"),
        ("A:0:io3", "not runs with a wait between each two"),
        ("A:0:3+4+5", "not runs with a wait between each two"),
        ("A:0:5:1", "is no priority"),
        ("A:0:5,A:1:5", "two jobs are called 'A'"),
        (f"A:0:{MOST_TICKS + 1}", "at most 10,000 can be drawn"),
        (",".join(f"{number}:0:1" for number in range(MOST_JOBS + 1)), "too many to be drawn"),
    ],
)
def test_what_is_no_job_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_jobs(text)


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ("lifo", "unknown policy 'lifo'"),
        ("rr", "rr needs its quantum"),
        ("rr:0", "rr needs its quantum"),
        ("mlfq:quanta=1-0", "write the ticks of each level"),
        ("mlfq:boost=0", "a whole number of at least 1 is needed"),
        ("priority:quantum=x", "write a whole number of at least 1, or none"),
        ("priority:fair", "unknown variant of priority"),
    ],
)
def test_what_is_no_policy_is_refused(policy: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        simulate(parse_jobs("A:0:5"), Spec.parse(policy))
