"""Programs with faults injected at each of their points: what a death leaves is told, and a victim is not blamed."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Final

import pytest

from ticketlab.core.errors import UsageError
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.programs.explore import explore_program, replay_program
from ticketlab.lab.programs.faults import faults_of_program
from ticketlab.lab.programs.program import Program
from ticketlab.lab.programs.results import ProgramExploration

IN_PLACE: Final = """
import fcntl, json
with open("guard", "w") as guard:
    fcntl.flock(guard, fcntl.LOCK_EX)
    with open("stock.json") as file:
        stock = json.load(file)
    with open("stock.json", "w") as file:
        json.dump({"sold": stock["sold"] + 1}, file)
"""
BY_RENAME: Final = """
import json, os, sys
if sys.argv[1] == "read":
    with open("stock.json") as file:
        print(json.load(file))
else:
    with open("stock.new", "w") as file:
        json.dump({"sold": 1}, file)
    os.rename("stock.new", "stock.json")
"""
BY_QUEUE: Final = """
import os, sys
if sys.argv[1] == "get":
    with open("mail") as mail:
        print(mail.readline())
else:
    with open("mail", "w") as mail:
        mail.write("a letter")
"""


def with_faults(folder: Path, source: str, faults: str, *arguments: str) -> ProgramExploration:
    """Explore two copies of a script under faults, or one with each of the arguments."""
    (folder / "stock.json").write_text('{"sold": 0}')
    (folder / "shop.py").write_text(dedent(source))
    words = [("python", "shop.py", *more) for more in ([each] for each in arguments)] or [("python", "shop.py")] * 2
    how = ExploreOptions(executor="program", faults=faults_of_program(faults), executions=2_000)
    return explore_program(Program(commands=tuple(words), folder=folder), how)


@pytest.mark.slow
def test_a_death_between_emptying_a_file_and_writing_it_is_told_and_replays(tmp_path: Path) -> None:
    found = with_faults(tmp_path, IN_PLACE, "kill")
    assert found.finding is not None
    assert found.verdict.anomalies[0].name == "exception"
    assert "JSONDecodeError" in found.verdict.anomalies[0].sentence
    assert any(note.what == "before" and "stock.json" in str(note.value) for note in found.finding.execution.notes)
    case = found.finding.case
    assert [str(fault) for fault in case.faults] == ["kill"]
    again = [replay_program(case) for _ in range(3)]
    assert [replay.execution.steps for replay in again] == [found.finding.execution.steps] * 3
    assert all(replay.verdict.anomalies[0].name == "exception" for replay in again)


@pytest.mark.slow
def test_who_writes_beside_and_renames_survives_every_death_and_every_error(tmp_path: Path) -> None:
    found = with_faults(tmp_path, BY_RENAME, "kill,io-error", "read", "write")
    assert found.valid is True, found.verdict
    assert {str(point.fault) for point in found.injected} == {"kill", "io-error"}
    assert all(point.executions > 0 and point.anomalous == 0 for point in found.injected)
    assert found.left_behind == ["stock.new"]


def test_a_victim_is_not_blamed_for_its_own_failure(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("")
    found = with_faults(tmp_path, BY_QUEUE, "disk-full,short-write", "get", "put")
    assert found.valid is True, found.verdict


@pytest.mark.parametrize(
    ("fault", "why"), [("pause", "tried without it"), ("kill-server", "no such part"), ("hail", "hail")]
)
def test_what_cannot_strike_a_program_is_refused(fault: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        faults_of_program(fault)
