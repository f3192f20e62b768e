"""Standard streams that are closed, full, or not read to the end: the verdict is the exit code all the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli.command_line import ENVIRONMENT, ticketlab

RACE = ["race", "--store", "json", "--buyers", "2", "--latency", "none"]
OVERSOLD = """{"meta": {"model": "counter", "stock": 1}}
{"process": 1, "op": "buy", "arg": 1, "result": "ok", "invoke_ns": 0, "return_ns": 10}
{"process": 2, "op": "buy", "arg": 1, "result": "ok", "invoke_ns": 20, "return_ns": 30}
"""


def test_the_bare_command_says_what_to_try_and_gives_no_verdict(tmp_path: Path) -> None:
    done = ticketlab(cwd=tmp_path)
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 5)
    assert "ticketlab race" in done.stdout


@pytest.mark.parametrize("words", [["check", "history.jsonl"], ["check", "history.jsonl", "--json"]])
def test_an_anomaly_is_one_also_where_nobody_reads_on(words: Sequence[str], tmp_path: Path) -> None:
    (tmp_path / "history.jsonl").write_text(OVERSOLD)
    nobody, stdout = os.pipe()
    os.close(nobody)
    done = subprocess.run(
        [sys.executable, "-m", "ticketlab", *words], cwd=tmp_path, env=ENVIRONMENT, stdout=stdout,
        stderr=subprocess.PIPE, check=False,
    )  # fmt: skip
    os.close(stdout)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize("closed", [[0], [1], [2], [1, 2], [0, 1, 2]])
def test_what_would_go_to_a_closed_stream_goes_nowhere(closed: Sequence[int], tmp_path: Path) -> None:
    def close() -> None:
        for each in closed:
            os.close(each)

    def exit_code(*words: str) -> int:
        command = [sys.executable, "-m", "ticketlab", *words]
        return subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, check=False, preexec_fn=close).returncode

    assert exit_code(*RACE, "--strategy", "lock", "--folder", "books") == 0
    assert json.loads((tmp_path / "books" / "inventory.json").read_text())
    assert exit_code(*RACE, "--strategy", "lok") == 2


def test_a_complaint_that_nobody_can_read_keeps_its_exit_code(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "ticketlab", "race", "--store", "jsn"]
        assert subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, stderr=full, check=False).returncode == 2
