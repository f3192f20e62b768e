"""`ticketlab schedule`: charts, queues and times as text, JSON, page and picture."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.cli.command_line import refused as run  # it starts nobody, so a fork of this process will do

EXAMPLE = """\
rr:2: round robin: each job in turn for one quantum
   0         5
A  ████░░░░░░████░░██
B    ░░████░░░░░░██
C      ░░░░██
█ running   ░ ready: waits for the processor

The ready queue, the next one first
time  runs  ready  blocked
0-1   A
1-2   A     B
2-4   B     C A
4-5   C     A B
5-7   A     B
7-8   B     A
8-9   A

         arrival  finish  waiting  turnaround  response
A              0       9        4           9         0
B              1       8        4           7         1
C              2       5        2           3         2
average                      3.33        6.33      1.00
5 context switches; times in ticks

Next:
  ticketlab schedule --compare   # all policies side by side
"""


def test_a_schedule_is_drawn_with_its_queue_and_its_times(tmp_path: Path) -> None:
    done = run("schedule", "--policy", "rr:2", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.rstrip() for line in done.stdout.splitlines()] == EXAMPLE.splitlines()


def test_all_policies_stand_side_by_side(tmp_path: Path) -> None:
    done = run("schedule", "--compare", cwd=tmp_path)
    rows = {line.split()[0]: line.split()[1:] for line in done.stdout.split("Averages")[1].splitlines() if line}
    assert rows["srtf"] == ["1.67*", "4.67*", "0.00*", "4"]
    assert rows["fcfs"] == ["3.33", "6.33", "3.33", "2*"]
    assert list(rows)[1:8] == ["fcfs", "sjf", "srtf", "rr:2", "mlfq", "priority", "priority:nonpreemptive"]


def test_policies_can_be_chosen_and_a_switch_can_cost_time(tmp_path: Path) -> None:
    words = ["--jobs", "A:0:3+io2+2:p2,B:1:3:p1", "--policy", "fcfs", "--policy", "priority", "--switch-cost", "1"]
    done = run("schedule", *words, "--json", cwd=tmp_path)
    found = json.loads(done.stdout)
    assert [each["policy"] for each in found["schedules"]] == ["fcfs", "priority"]
    assert found["command"].split()[:2] == ["ticketlab", "schedule"]
    priority = found["schedules"][1]
    assert [(each["job"], each["start"], each["end"]) for each in priority["turns"]] == [
        ("A", 0, 1), ("B", 2, 5), ("A", 6, 8), ("A", 10, 12),
    ]  # fmt: skip
    assert (priority["switches"], priority["idle"]) == (2, 2)
    assert [span["state"] for span in priority["jobs"][0]["spans"]] == [
        "running", "ready", "switching", "running", "blocked", "running",
    ]  # fmt: skip
    assert priority["queue"][1] == {
        "start": 1, "end": 2, "job": "B", "switching": True, "ready": ["A"], "blocked": [],
    }  # fmt: skip


def test_a_long_schedule_fits_the_terminal(tmp_path: Path) -> None:
    done = run("schedule", "--jobs", "A:5:4000,B:0:5000+io9+1", "--policy", "rr:7", cwd=tmp_path)
    assert "a column is" in done.stdout
    chart = done.stdout.split("\nThe ready queue")[0]
    assert max(map(len, chart.splitlines())) <= 120


def test_a_page_and_a_picture_are_written_and_not_replaced(tmp_path: Path) -> None:
    words = ["schedule", "--jobs", "a<b&'\":0:3,B:1:2", "--compare", "--html", "s.html", "--svg", "s.svg"]
    assert run(*words, cwd=tmp_path).returncode == 0
    picture = ElementTree.fromstring((tmp_path / "s.svg").read_text())
    texts = [each.text for each in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert texts.count("a<b&'\"") >= 7
    page = (tmp_path / "s.html").read_text()
    assert page.count("<svg class='gantt'") == 7
    assert "a<b" not in page
    again = run(*words, cwd=tmp_path)
    assert (again.returncode, again.stdout) == (2, "")
    assert run(*words, "--force", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--jobs", "A"), "'A' is no job: write NAME:ARRIVAL:BURSTS"),
        (("--policy", "round"), "unknown policy 'round'"),
        (("--policy", "rr"), "rr needs its quantum"),
        (("--compare", "--policy", "rr:2"), "--compare takes all policies"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(words: tuple[str, ...], message: str, tmp_path: Path) -> None:
    done = run("schedule", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_default_policy_that_is_meant_for_explorations_is_no_policy_here(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.ticketlab]\npolicy = "pct:3"\n')
    assert run("schedule", cwd=tmp_path).stdout.startswith("fcfs: ")
    assert run("schedule", "--compare", cwd=tmp_path).returncode == 0
    assert run("schedule", "--policy", "pct:3", cwd=tmp_path).returncode == 2
    (tmp_path / "pyproject.toml").write_text('[tool.ticketlab.schedule]\npolicy = ["rr:2", "srtf"]\n')
    found = json.loads(run("schedule", "--json", cwd=tmp_path).stdout)
    assert [each["policy"] for each in found["schedules"]] == ["rr:2", "srtf"]
    assert found["command"] == "ticketlab schedule --policy rr:2 --policy srtf"


@pytest.mark.parametrize("name", ["race", "explore", "schedule"])
def test_no_help_shows_the_sign_that_keeps_lines_apart(name: str, tmp_path: Path) -> None:
    done = run(name, "--help", cwd=tmp_path)
    assert "\\b" not in done.stdout
    assert "\n  ticketlab" not in done.stdout  # an example has a line of its own, which is indented
