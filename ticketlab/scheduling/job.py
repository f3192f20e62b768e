"""Jobs: when each arrives, how long it runs, and what it waits for in between.

A job is written `NAME:ARRIVAL:BURSTS` or `NAME:ARRIVAL:BURSTS:pPRIORITY`. The bursts are times on the processor with
waits for input or output between them: `3+io2+4` runs for 3 ticks, waits for 2, and runs for 4.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ticketlab.core.errors import UsageError

MOST_TICKS: Final = 10_000
"""How long all jobs together may run, in ticks; round robin may need a turn for each."""
MOST_JOBS: Final = 1_000
_LATEST: Final = 1_000_000_000
_FORM: Final = "NAME:ARRIVAL:BURSTS, as A:0:5, A:0:3+io2+4 or, with a priority, A:0:5:p1"
_NUMBER: Final = re.compile(r"[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class Job:
    """A job; all times are in ticks.

    `bursts` are its times on the processor, and `waits` those for input or output, one between two bursts. The lower
    the number of its priority, the sooner it is served.
    """

    name: str
    arrival: int
    bursts: tuple[int, ...]
    waits: tuple[int, ...] = ()
    priority: int = 0

    def __str__(self) -> str:
        ran = "+".join(f"{burst}+io{wait}" for burst, wait in zip(self.bursts, self.waits, strict=False))
        bursts = "+".join(filter(None, (ran, str(self.bursts[-1]))))
        return f"{self.name}:{self.arrival}:{bursts}{f':p{self.priority}' if self.priority else ''}"


def parse_jobs(text: str) -> tuple[Job, ...]:
    """Read jobs that are separated by commas.

    Raises:
        UsageError: a job is not of the form that the module describes, or has the name of another; or they take too
            long, all together.
    """
    jobs = tuple(_parse_job(each.strip()) for each in text.split(","))
    names = [job.name for job in jobs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"two jobs are called {twice!r}: each needs a name of its own")
    check_length(jobs)
    return jobs


def check_length(jobs: Sequence[Job]) -> None:
    """Raise UsageError if the jobs are too many to be drawn, or run for too long, all together."""
    if len(jobs) > MOST_JOBS:
        raise UsageError(f"{len(jobs):,} jobs are too many to be drawn: at most {MOST_JOBS:,}")
    total = sum(sum(job.bursts) for job in jobs)
    if total > MOST_TICKS:
        raise UsageError(
            f"the jobs run for {total:,} ticks, and at most {MOST_TICKS:,} can be drawn: take longer ticks"
        )


def _parse_job(text: str) -> Job:
    name, *rest = text.split(":")
    if not name or not name.isprintable() or len(rest) not in (2, 3):
        raise UsageError(f"{text!r} is no job: write {_FORM}")
    arrival, bursts, *priority = rest
    parts = bursts.split("+")
    if len(parts) % 2 == 0 or any(part.startswith("io") != bool(place % 2) for place, part in enumerate(parts)):
        raise UsageError(f"the bursts of {text!r} are not runs with a wait between each two: write 5, or 3+io2+4")
    if priority and not priority[0].startswith("p"):
        raise UsageError(f"{priority[0]!r} in {text!r} is no priority: write p1 for the priority 1")
    return Job(
        name=name,
        arrival=_number(arrival, text, least=0),
        bursts=tuple(_number(part, text, least=1) for part in parts[::2]),
        waits=tuple(_number(part.removeprefix("io"), text, least=1) for part in parts[1::2]),
        priority=_number(priority[0].removeprefix("p"), text, least=0) if priority else 0,
    )


def _number(text: str, job: str, least: int) -> int:
    if not _NUMBER.fullmatch(text) or not least <= int(text) <= _LATEST:
        raise UsageError(f"{text!r} in {job!r} is not a whole number from {least} to {_LATEST:,}: write {_FORM}")
    return int(text)
