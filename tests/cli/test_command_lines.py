"""The command lines that results carry say exactly what they are results of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ticketlab.cli.command_lines import check_line, explore_line, race_line, replay_line
from ticketlab.lab.comparing.cells import cell_matrix
from ticketlab.lab.exploring.crash_result import CrashResult


def test_a_cell_is_raced_again_by_one_round() -> None:
    (cell,) = cell_matrix(["sqlite:journal=delete"], ["lock"], ["pool:2"], ["3"]).cells
    assert race_line(cell, 4) == (
        "ticketlab race --store sqlite:journal=delete --strategy lock --launcher pool:2 "
        "--buyers 3 --tickets 12 --orders 4 --latency none --no-ledger"
    )


def test_a_row_of_a_crash_matrix_is_explored_again_with_its_own_faults() -> None:
    row = CrashResult("json", "flock", True, ["kill"], [], 2, {}, [], {}, [])
    again = "ticketlab explore --store json --strategy flock --buyers 2 --tickets 2 --faults kill"
    assert explore_line(row) == f"{again} --exhaust"
    assert explore_line(replace(row, executions=12_345)) == f"{again} --executions 12345 --exhaust"


def test_files_are_quoted_where_a_shell_needs_it() -> None:
    assert check_line(Path("my history.jsonl"), "counter", 3) == (
        "ticketlab check 'my history.jsonl' --model counter --stock 3"
    )
    assert check_line(Path("h"), None, None, 0.5, 10.0) == "ticketlab check h --budget-seconds 0.5 --budget-mb 10.0"
    assert replay_line(Path("case.json"), "processes") == "ticketlab replay case.json --executor processes"
    assert replay_line(Path("case.json")) == "ticketlab replay case.json"
