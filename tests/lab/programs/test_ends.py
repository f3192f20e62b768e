"""What a program came to: the same if only process numbers differ, and another if anything else does."""

from __future__ import annotations

from pathlib import Path

from ticketlab.lab.programs.ends import end_of_run
from ticketlab.lab.programs.run import ProcessEnd, ProgramRun


def run_as(pid: int, says: str) -> ProgramRun:
    """Return the run of one process with a number, which says something."""
    end = ProcessEnd("1", 0, says, runs_command=True, in_python=True, signalled_by="", told=says)
    return ProgramRun(ends=[end], pids={str(pid): "{pid 1}"})


def test_a_process_number_is_a_whole_number_and_no_part_of_one(tmp_path: Path) -> None:
    assert end_of_run(run_as(27, "27 has 27"), tmp_path) == end_of_run(run_as(31, "31 has 31"), tmp_path)
    assert end_of_run(run_as(27, "sold 270"), tmp_path) == end_of_run(run_as(31, "sold 270"), tmp_path)
    assert end_of_run(run_as(27, "sold 1"), tmp_path) != end_of_run(run_as(27, "sold 2"), tmp_path)
