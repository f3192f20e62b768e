"""`ticketlab report` draws what was saved, and refuses what it cannot draw in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command_line import refused, ticketlab

RACE = ("race", "--store", "json", "--strategy", "none", "--buyers", "4")


def test_a_race_writes_its_page_and_its_run_can_be_drawn_again(tmp_path: Path) -> None:
    done = ticketlab(*RACE, "--html", "page.html", cwd=tmp_path)
    assert done.returncode == 1
    assert (tmp_path / "page.html").read_text().startswith("\n<!doctype html>".lstrip())
    again = ticketlab("report", cwd=tmp_path)
    assert (again.returncode, again.stdout) == (0, "")
    assert 'id="timelines"' in (tmp_path / "report.html").read_text()


def test_every_form_is_written_and_none_over_another(tmp_path: Path) -> None:
    ticketlab(*RACE, cwd=tmp_path)
    forms = ["--html", "a.html", "--svg", "a.svg", "--trace", "a.json", "--markdown", "a.md"]
    assert ticketlab("report", *forms, cwd=tmp_path).returncode == 0
    assert json.loads((tmp_path / "a.json").read_text())["traceEvents"]
    assert (tmp_path / "a.svg").read_text().startswith("<svg ")
    again = ticketlab("report", *forms, cwd=tmp_path)
    assert again.returncode == 2
    assert "a.html exists already" in again.stderr
    assert ticketlab("report", *forms, "--force", cwd=tmp_path).returncode == 0


def test_a_story_s_page_has_every_race_s_timeline_and_says_what_cannot_run(tmp_path: Path) -> None:
    ticketlab("race", "--store", "json", "--buyers", "3", "--html", "page.html", cwd=tmp_path)
    html = (tmp_path / "page.html").read_text()
    assert html.count("<option") == 11  # each of five races can be chosen, and stand beside another; or no other does


def test_an_existing_page_is_refused_before_the_race(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("mine")
    done = ticketlab(*RACE, "--html", "page.html", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert (tmp_path / "page.html").read_text() == "mine"


RESULT = (
    '{"format": "ticketlab/result", "version": 3, "kind": "exploration", "command": "", "valid": true, "anomalies": '
)
RESULT += '%s, "environment": {}, "executions": 1, "anomalous": 0, "exhausted": true}'


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "is damaged: it is not JSON"),
        ("[1]", "is not a result of ticketlab"),
        ('{"format": "ticketlab/result", "version": 9}', "of version 9"),
        (RESULT % '[{"name": "a", "evidence": {}, "sentence": 5}]', "sentence is 5: a text is needed"),
    ],
)
def test_a_damaged_or_foreign_result_is_one_line(content: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(content)
    done = refused("report", "result.json", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize("content", ["{", '{"format": "ticketlab/timelines", "version": 9}', "7"])
def test_a_damaged_timeline_is_one_line(content: str, tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(RESULT % "[]")
    (tmp_path / "timeline.json").write_text(content)
    done = refused("report", ".", cwd=tmp_path)
    assert done.returncode == 2
    assert "the timeline timeline.json" in done.stderr
    assert done.stderr.count("\n") == 1


def test_nothing_to_draw_is_said(tmp_path: Path) -> None:
    done = ticketlab("report", cwd=tmp_path)
    assert done.returncode == 2
    assert "cannot read the result" in done.stderr
    (tmp_path / "result.json").write_text(RESULT % "[]")
    done = ticketlab("report", "result.json", "--trace", "t.json", cwd=tmp_path)
    assert done.returncode == 2
    assert "has no timeline" in done.stderr


@pytest.mark.slow
def test_an_exploration_and_its_case_are_drawn_step_by_step(tmp_path: Path) -> None:
    ticketlab("explore", "--store", "json", "--strategy", "none", "--html", "found.html", cwd=tmp_path)
    (case,) = (tmp_path / ".ticketlab" / "cases").iterdir()
    assert ticketlab("report", "--html", "kept.html", cwd=tmp_path).returncode == 0
    assert ticketlab("report", str(case), "--html", "case.html", cwd=tmp_path).returncode == 0
    for name in ("found", "kept", "case"):
        html = (tmp_path / f"{name}.html").read_text()
        assert "Step by step" in html
        assert "<b>read</b> inventory.json" in html
        assert 'id="timelines"' not in html


def test_a_comparison_is_drawn_with_its_ratios_and_advice(tmp_path: Path) -> None:
    words = ["--stores", "json", "--strategies", "lock,none", "--buyers", "2", "--rounds", "1", "--seconds", "0.05"]
    ticketlab("compare", *words, "--html", "page.html", cwd=tmp_path)
    html = (tmp_path / "page.html").read_text()
    assert "of fastest" in html
    assert "Recommendations from these metrics" in html
