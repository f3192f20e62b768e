"""Every line under "Next:" works as it is printed, and keeps the settings of the run that it follows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command_line import ENVIRONMENT

QUICK = {"TICKETLAB_STORES": "json", "TICKETLAB_STRATEGIES": "none,flock", "TICKETLAB_ROUNDS": "1"}
NARROW = {"COLUMNS": "40", "PYTHONPATH": str(Path(__file__).parents[2])}
ANSWERS = {0, 1, 3}
"""A line may find something, or may not be able to decide; it must be no wrong usage, and nothing may break."""
HELD = "--hold 50ms --pay 0-10ms --abandon 0.5"
COMMANDS = (
    "ticketlab runs",
    "ticketlab race --store private --strategy none --buyers 3 --stock 'my stock.json'",
    f"ticketlab race --store sqlite --strategy atomic --buyers 2 {HELD}",
    "ticketlab race --store private --strategy none --buyers 2 --faults pause:1:10ms --stall-timeout 900ms",
    "ticketlab race --store manager --strategy clerk --buyers 2 --faults kill-service --stall-timeout 200ms",
    "ticketlab race --store sqlite --strategy flock:data-file --buyers 1 --latency none",
    "ticketlab race --store sqlite --strategy clerk:socket,server=pool --buyers 1 --launcher threads",
    "ticketlab race --store manager --buyers 2",
    "ticketlab explore --store private --strategy none --buyers 2",
    "ticketlab explore --store json --strategy lock --buyers 2 --faults kill --cases 'my cases'",
    "ticketlab explore --store json --strategy none --buyers 2 --executor processes",
    "ticketlab runs",
)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("next")
    (folder / "my stock.json").write_text('{"format": "ticketlab/stock", "version": 1, "sections": {"floor": 2}}')
    done = subprocess.run(
        [sys.executable, "-m", "tests.cli.next_lines"],
        input=json.dumps(COMMANDS),
        cwd=folder,
        env=ENVIRONMENT | NARROW | QUICK | {"TICKETLAB_SECONDS": "0.01"},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert isinstance(found, list)
    return found


def lines(told: list[dict[str, Any]], start: str) -> list[str]:
    return [line.partition("   #")[0] for each in told if each["line"].startswith(start) for line, *_ in each["next"]]


@pytest.mark.slow
def test_every_line_works_as_it_is_printed(told: list[dict[str, Any]]) -> None:
    assert [(each["line"], each["text"]) for each in told if each["code"] not in ANSWERS] == []
    assert [(each["line"], each["next"]) for each in told if not each["next"]] == []
    failed = [(line, text) for each in told for line, code, text in each["next"] if code not in ANSWERS]
    assert failed == []


@pytest.mark.slow
def test_a_line_keeps_holds_faults_and_what_else_was_set(told: list[dict[str, Any]]) -> None:
    """The private store is raced for, since it goes wrong at any time and not by luck."""
    held = "--hold 0.05s --pay 0-0.01s --abandon 0.5"
    assert lines(told, "ticketlab race --store sqlite --strategy atomic") == [
        f"ticketlab race --store sqlite --strategy none --buyers 2 {HELD}",
        f"ticketlab explore --store sqlite --strategy atomic {held}",
        f"ticketlab race --store sqlite --strategy atomic --buyers 2 {HELD}",
    ]
    evidence, fixes, again = lines(told, "ticketlab race --store private --strategy none --buyers 2")
    assert fixes == "ticketlab race --store private --buyers 2 --faults pause:1:10ms --stall-timeout 0.9"
    assert again == fixes.replace("--store private", "--store private --strategy none")
    assert evidence == f"{again} --evidence"
    _, fixes, again = lines(told, "ticketlab race --store private --strategy none --buyers 3")
    assert fixes == "ticketlab race --store private --buyers 3 --stock 'my stock.json'"
    (replay,) = lines(told, "ticketlab explore --store json --strategy none")
    assert replay.endswith(" --executor processes")


def test_no_line_is_printed_that_cannot_work(told: list[dict[str, Any]]) -> None:
    """An unsynchronized buyer has no clerk to kill, and no search controls a pool of servers."""
    evidence, again = lines(told, "ticketlab race --store manager --strategy clerk")
    assert evidence == f"{again} --evidence"
    assert "--faults kill-service" in again
    assert not any("explore" in line for line in lines(told, "ticketlab race --store sqlite --strategy clerk:socket"))
