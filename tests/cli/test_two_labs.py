"""Labs at work in one folder at the same time: each does its own work, and every run is kept whole."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command_line import ENVIRONMENT
from tests.cli.whole_lab import DEADLINE
from ticketlab.lab.artifacts.case_files import load_case
from ticketlab.lab.artifacts.race_folder import IN_MEMORY
from ticketlab.lab.artifacts.result_files import read_document
from ticketlab.lab.artifacts.runs import runs
from ticketlab.lab.artifacts.timeline_files import read_diagrams

RACE = ["race", "--store", "json", "--strategy", "lock", "--buyers", "3", "--latency", "none", "--json"]
OFFICE = ["race", "--store", "sqlite", "--strategy", "clerk:socket", "--buyers", "3", "--latency", "none", "--json"]
EXPLORE = ["explore", "--store", "json", "--buyers", "2", "--json"]
REAL = [*EXPLORE, "--executor", "processes"]
COMPARE = [
    "compare",
    "--stores",
    "json",
    "--strategies",
    "none,lock",
    "--rounds",
    "1",
    "--seconds",
    "0.1",
    "--format",
    "json",
]


@pytest.mark.slow
def test_labs_in_one_folder_do_no_harm_to_each_other(tmp_path: Path) -> None:
    works = [RACE, OFFICE, EXPLORE, REAL, COMPARE] * 2
    labs = [
        subprocess.Popen(
            [sys.executable, "-m", "ticketlab", *words], cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )
        for words in works
    ]  # fmt: skip
    for words, lab in zip(works, labs, strict=True):
        output, errors = lab.communicate(timeout=DEADLINE)
        assert errors == ""
        assert lab.returncode == (1 if words[0] == "explore" else 0), words
        assert json.loads(output)["valid"] is (words[0] != "explore")
    kept = runs(tmp_path / ".ticketlab" / "runs")
    assert len(kept) == len(works)
    assert sorted(read_document(run)["kind"] for run in kept) == ["comparison"] * 2 + ["exploration"] * 4 + ["race"] * 4
    assert all(read_diagrams(run) for run in kept if read_document(run)["kind"] == "race")
    assert read_document(tmp_path / ".ticketlab" / "runs" / "latest")
    assert [load_case(path).anomalies for path in (tmp_path / ".ticketlab" / "cases").iterdir()]
    assert list((tmp_path / ".ticketlab" / "live").glob("race-*")) == []
    assert [folder for lab in labs for folder in IN_MEMORY.glob(f"race-{lab.pid}-*")] == []
