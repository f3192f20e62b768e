"""The classic policies by name, each a setting of the one rule in `discipline`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from ticketlab.core.errors import UsageError, unknown_name
from ticketlab.core.spec import Kind, Option, Spec
from ticketlab.scheduling.discipline import Discipline, QueuedJob


@dataclass(frozen=True, kw_only=True)
class DisciplineKind(Kind):
    """A policy by name; `build(variant, **options)` makes its discipline."""

    build: Callable[..., Discipline]

    def make(self, spec: Spec) -> Discipline:
        """Build the discipline that a spec names; raises UsageError if it names it wrongly."""
        settings = self.settings(spec)
        return self.build(self.variant(spec), **settings)


# The keys are functions with names, since a policy of the explorer is pickled for the processes that it serves.
def _burst(job: QueuedJob) -> int:
    return job.burst


def _left(job: QueuedJob) -> int:
    return job.left


def _priority_of(job: QueuedJob) -> int:
    return job.priority


def _is_length(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0


def _feedback(_variant: str, quanta: str, boost: str) -> Discipline:
    lengths = quanta.split("-")
    if not all(map(_is_length, lengths)):
        raise UsageError(f"quanta of mlfq is {quanta!r}: write the ticks of each level, the highest first, as 1-2-4")
    return Discipline(preemptive=True, quanta=tuple(map(int, lengths)), keeps=True, boost=int(boost))


def _priority(variant: str, quantum: str) -> Discipline:
    if quantum != "none" and not _is_length(quantum):
        raise UsageError(f"quantum of priority is {quantum!r}: write a whole number of at least 1, or none")
    quanta = () if quantum == "none" else (int(quantum),)
    return Discipline(key=_priority_of, preemptive=variant == "preemptive", quanta=quanta)


FCFS: Final = DisciplineKind(
    name="fcfs",
    summary="first come, first served, without interruption",
    build=lambda _variant: Discipline(),
)
SJF: Final = DisciplineKind(
    name="sjf",
    summary="shortest job first: the job with the shortest next burst, without interruption",
    build=lambda _variant: Discipline(key=_burst),
)
SRTF: Final = DisciplineKind(
    name="srtf",
    summary="shortest remaining time first: by what is left of the burst; a shorter one interrupts",
    build=lambda _variant: Discipline(key=_left, preemptive=True),
)
ROUND_ROBIN: Final = DisciplineKind(
    name="rr",
    summary="round robin: each job in turn for one quantum",
    number="quantum",
    build=lambda variant: Discipline(quanta=(int(variant),)),
)
FEEDBACK: Final = DisciplineKind(
    name="mlfq",
    summary="multi-level feedback queue: a job that uses up its quantum falls a level; a higher level interrupts",
    options={
        "quanta": Option("1-2-4", "the quantum of each level in ticks, the highest first", text=True),
        "boost": Option("100", "after each so many ticks, all go back to the top"),
    },
    build=_feedback,
)
PRIORITY: Final = DisciplineKind(
    name="priority",
    summary="the smallest number first, which is the highest priority",
    variants={"preemptive": "a higher priority interrupts", "nonpreemptive": "without interruption"},
    options={"quantum": Option("none", "jobs of one priority take turns of so many ticks", text=True)},
    build=_priority,
)
DISCIPLINES: Final[Mapping[str, DisciplineKind]] = {
    kind.name: kind for kind in (FCFS, SJF, SRTF, ROUND_ROBIN, FEEDBACK, PRIORITY)
}
COMPARED: Final = ("fcfs", "sjf", "srtf", "rr:2", "mlfq", "priority", "priority:nonpreemptive")
"""The policies that `ticketlab schedule --compare` puts side by side."""


def discipline_kind(spec: Spec) -> DisciplineKind:
    """Return the kind that a spec names; raises UsageError if there is none."""
    if spec.name not in DISCIPLINES:
        raise unknown_name("policy", spec.name, DISCIPLINES)
    return DISCIPLINES[spec.name]
