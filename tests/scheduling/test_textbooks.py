"""Worked examples of textbooks, with the numbers that are printed there.

Silberschatz: Silberschatz, Galvin, Gagne, "Operating System Concepts", chapter on CPU scheduling: sections of the tenth
edition, and exercises of the eighth and ninth with the numbers of their published solutions. Tanenbaum: Tanenbaum, Bos,
"Modern Operating Systems", section 2.4. Stallings: Stallings, "Operating Systems: Internals and Design Principles",
section 9.2, table 9.5. OSTEP: Arpaci-Dusseau, "Operating Systems: Three Easy Pieces", chapters 7 and 8.
"""

from __future__ import annotations

import pytest

from ticketlab.core.spec import Spec
from ticketlab.scheduling.job import parse_jobs
from ticketlab.scheduling.schedule import JobSchedule
from ticketlab.scheduling.simulate import simulate


def scheduled(jobs: str, policy: str) -> JobSchedule:
    return simulate(parse_jobs(jobs.replace(" ", ",")), Spec.parse(policy))


def waiting(schedule: JobSchedule) -> list[int]:
    return [each.waiting for each in schedule.times()]


def turnaround(schedule: JobSchedule) -> list[int | None]:
    return [each.turnaround for each in schedule.times()]


def gantt(schedule: JobSchedule) -> str:
    return " ".join(f"{schedule.names[turn.job]} {turn.start}-{turn.end}" for turn in schedule.turns)


def average(schedule: JobSchedule, name: str) -> float:
    mean = schedule.to_json()["averages"][name]
    assert isinstance(mean, float)
    return mean


LONG_FIRST = "P1:0:24 P2:0:3 P3:0:3"
SHORTER = "P1:0:6 P2:0:8 P3:0:7 P4:0:3"
ARRIVING = "P1:0:8 P2:1:4 P3:2:9 P4:3:5"
RANKED = "P1:0:10:p3 P2:0:1:p1 P3:0:2:p4 P4:0:1:p5 P5:0:5:p2"
EXERCISE = "P1:0:10:p3 P2:0:1:p1 P3:0:2:p3 P4:0:1:p4 P5:0:5:p2"


@pytest.mark.parametrize(
    ("source", "jobs", "policy", "waits", "mean"),
    [
        ("Silberschatz 5.3.1", LONG_FIRST, "fcfs", [0, 24, 27], 17),
        ("Silberschatz 5.3.1, the other order", "P2:0:3 P3:0:3 P1:0:24", "fcfs", [0, 3, 6], 3),
        ("Silberschatz 5.3.2", SHORTER, "sjf", [3, 16, 9, 0], 7),
        ("Silberschatz 5.3.2, compared with", SHORTER, "fcfs", [0, 6, 14, 21], 10.25),
        ("Silberschatz 5.3.2, preemptive", ARRIVING, "srtf", [9, 0, 15, 2], 6.5),
        ("Silberschatz 5.3.2, nonpreemptive", ARRIVING, "sjf", [0, 7, 15, 9], 7.75),
        ("Silberschatz 5.3.3", LONG_FIRST, "rr:4", [6, 4, 7], 17 / 3),
        ("Silberschatz 5.3.4", RANKED, "priority", [6, 0, 16, 18, 1], 8.2),
        ("Silberschatz, exercise, FCFS", EXERCISE, "fcfs", [0, 10, 11, 13, 14], 9.6),
        ("Silberschatz, exercise, RR", EXERCISE, "rr:1", [9, 1, 5, 3, 9], 5.4),
        ("Silberschatz, exercise, SJF", EXERCISE, "sjf", [9, 0, 2, 1, 4], 3.2),
        ("Silberschatz, exercise, priority", EXERCISE, "priority:nonpreemptive", [6, 0, 16, 18, 1], 8.2),
    ],
)
def test_waiting_times_are_those_that_are_printed(
    source: str, jobs: str, policy: str, waits: list[int], mean: float
) -> None:
    schedule = scheduled(jobs, policy)
    assert waiting(schedule) == waits, source
    assert average(schedule, "waiting") == pytest.approx(mean), source


@pytest.mark.parametrize(
    ("source", "jobs", "policy", "chart"),
    [
        ("Silberschatz 5.3.2", ARRIVING, "srtf", "P1 0-1 P2 1-5 P4 5-10 P1 10-17 P3 17-26"),
        ("Silberschatz 5.3.3", LONG_FIRST, "rr:4", "P1 0-4 P2 4-7 P3 7-10 P1 10-30"),
        ("Silberschatz 5.3.4", RANKED, "priority", "P2 0-1 P5 1-6 P1 6-16 P3 16-18 P4 18-19"),
        (
            "Silberschatz 5.3.4, with round robin",
            "P1:0:4:p3 P2:0:5:p2 P3:0:8:p2 P4:0:7:p1 P5:0:3:p3",
            "priority:quantum=2",
            "P4 0-7 P2 7-9 P3 9-11 P2 11-13 P3 13-15 P2 15-16 P3 16-20 P1 20-22 P5 22-24 P1 24-26 P5 26-27",
        ),
    ],
)
def test_gantt_charts_are_those_that_are_printed(source: str, jobs: str, policy: str, chart: str) -> None:
    assert gantt(scheduled(jobs, policy)) == chart, source


STALLINGS = "A:0:3 B:2:6 C:4:4 D:6:5 E:8:2"
BATCH = "A:0:10:p2 B:0:6:p0 C:0:2:p3 D:0:4:p4 E:0:8:p1"  # Tanenbaum's highest priority is 5, and the lab's is 0
TENTHS = "P1:0:80 P2:4:40 P3:10:10"  # the book's times are 0.0, 0.4, 1.0; a tick is a tenth


@pytest.mark.parametrize(
    ("source", "jobs", "policy", "times", "mean"),
    [
        ("Stallings, FCFS", STALLINGS, "fcfs", [3, 7, 9, 12, 12], 8.6),
        ("Stallings, RR, q = 1", STALLINGS, "rr:1", [4, 16, 13, 14, 7], 10.8),
        ("Stallings, RR, q = 4", STALLINGS, "rr:4", [3, 15, 7, 14, 11], 10.0),
        ("Stallings, SPN", STALLINGS, "sjf", [3, 7, 11, 14, 3], 7.6),
        ("Stallings, SRT", STALLINGS, "srtf", [3, 13, 4, 14, 2], 7.2),
        ("Tanenbaum, in the order of arrival", "A:0:8 B:0:4 C:0:4 D:0:4", "fcfs", [8, 12, 16, 20], 14),
        ("Tanenbaum, shortest job first", "A:0:8 B:0:4 C:0:4 D:0:4", "sjf", [20, 4, 8, 12], 11),
        ("Tanenbaum, SJF is not optimal", "A:0:2 B:0:4 C:3:1 D:3:1 E:3:1", "sjf", [2, 6, 4, 5, 6], 4.6),
        ("Tanenbaum, five batch jobs, FCFS", BATCH, "fcfs", [10, 16, 18, 22, 30], 19.2),
        ("Tanenbaum, five batch jobs, SJF", BATCH, "sjf", [30, 12, 2, 6, 20], 14),
        ("Tanenbaum, five batch jobs, priority", BATCH, "priority", [24, 6, 26, 30, 14], 20),
        ("Silberschatz, exercise, FCFS 10.53", TENTHS, "fcfs", [80, 116, 120], 105.33),
        ("Silberschatz, exercise, SJF 9.53", TENTHS, "sjf", [80, 126, 80], 95.33),
        ("OSTEP 7.3, FIFO", "A:0:10 B:0:10 C:0:10", "fcfs", [10, 20, 30], 20),
        ("OSTEP 7.3, why FIFO is not that great", "A:0:100 B:0:10 C:0:10", "fcfs", [100, 110, 120], 110),
        ("OSTEP 7.4, SJF", "A:0:100 B:0:10 C:0:10", "sjf", [120, 10, 20], 50),
        ("OSTEP 7.4, with late arrivals", "A:0:100 B:10:10 C:10:10", "sjf", [100, 100, 110], 103.33),
        ("OSTEP 7.5, STCF", "A:0:100 B:10:10 C:10:10", "srtf", [120, 10, 20], 50),
        ("OSTEP 7.7, RR", "A:0:5 B:0:5 C:0:5", "rr:1", [13, 14, 15], 14),
    ],
)
def test_turnaround_times_are_those_that_are_printed(
    source: str, jobs: str, policy: str, times: list[int], mean: float
) -> None:
    schedule = scheduled(jobs, policy)
    assert turnaround(schedule) == times, source
    assert average(schedule, "turnaround") == pytest.approx(mean, abs=0.005), source


@pytest.mark.parametrize(("policy", "mean"), [("sjf", 5), ("rr:1", 1)])
def test_round_robin_responds_sooner_as_in_ostep_7_7(policy: str, mean: float) -> None:
    assert average(scheduled("A:0:5 B:0:5 C:0:5", policy), "response") == mean


def test_input_and_output_overlap_as_in_ostep_7_8() -> None:
    schedule = scheduled("A:0:10+io10+10+io10+10+io10+10+io10+10 B:0:50", "srtf")
    assert gantt(schedule).startswith("A 0-10 B 10-20 A 20-30 B 30-40 A 40-50 B 50-60")
    assert schedule.slices[-1].end == 100  # one after the other, they would need 140
    assert schedule.idle == 0


def test_a_short_job_comes_along_as_in_ostep_8_2() -> None:
    schedule = scheduled("A:0:180 B:100:20", "mlfq:quanta=10-10-10,boost=1000")
    assert gantt(schedule) == "A 0-100 B 100-120 A 120-200"  # two time slices, and B is done before the lowest level
