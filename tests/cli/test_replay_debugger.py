"""`ticketlab replay --pdb`: a replay stops at a step of one participant, and the others stay where they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command_line import ENVIRONMENT, ticketlab
from tests.cli.whole_lab import DEADLINE

SHOP = """
import json

def buy():
    with open("db.json") as file:
        books = json.load(file)
    if books["left"]:
        books["left"] -= 1
        with open("db.json", "w") as file:
            json.dump(books, file)
        return True

def reset():
    with open("db.json", "w") as file:
        json.dump({"left": 1}, file)
"""


def debugged(commands: str, *words: str, cwd: Path) -> tuple[int, str, str]:
    """Replay with the debugger, and return the exit code, what was printed and the errors."""
    done = subprocess.run(
        [sys.executable, "-m", "ticketlab", "replay", *words],
        input=commands,
        cwd=cwd,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def case_of_function(tmp_path: Path) -> str:
    (tmp_path / "shop.py").write_text(SHOP)
    words = ["explore", "shop.py:buy", "--reset", "shop.py:reset", "--serial"]
    assert ticketlab(*words, cwd=tmp_path).returncode == 1
    (case,) = (tmp_path / ".ticketlab" / "cases").iterdir()
    return str(case)


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_a_purchase_stops_while_the_others_stand_where_they_stood(executor: str, tmp_path: Path) -> None:
    assert ticketlab("explore", "--store", "json:rename", "--buyers", "2", cwd=tmp_path).returncode == 1
    (case,) = (tmp_path / ".ticketlab" / "cases").iterdir()
    words = [str(case), "--executor", executor, "--pdb"]
    code, told, errors = debugged("where\nshared\ncontinue\n", *words, "buyer=2,step=1", cwd=tmp_path)
    assert (code, errors) == (1, "")
    assert "buyer 2 is about to make step 2: read inventory.json" in told
    assert "buyer 1 stands before: " in told
    assert "inventory.json holds " in told
    assert "lost update" in told.rpartition("(Pdb)")[2]


def test_a_function_stops_at_its_own_line_and_goes_on_by_scheduling_points(
    case_of_function: str, tmp_path: Path
) -> None:
    commands = "p books\nshared\npoint\nnext\np books\nquit\n"
    code, told, errors = debugged(commands, case_of_function, "--pdb", "process=1,step=3", cwd=tmp_path)
    assert (code, errors) == (1, "")
    assert told.index('-> with open("db.json", "w") as file:') < told.index("(Pdb) {'left': 0}")
    assert "process 2 stands before: look for db.json" in told
    assert """db.json holds 11 bytes: b'{"left": 1}'""" in told
    assert "process 1 is about to make step " in told.partition("(Pdb)")[2]
    assert "torn read" in told.rpartition("(Pdb)")[2]


def test_at_the_end_of_the_input_the_replay_goes_on(case_of_function: str, tmp_path: Path) -> None:
    code, told, errors = debugged("", case_of_function, "--pdb", "process=1", cwd=tmp_path)
    assert (code, errors) == (1, "")
    assert told.count("(Pdb)") == 1


@pytest.mark.parametrize("step", ["2", "buyer=0", "buyer=1,step=x", "buyer=1,process=2", "customer=1", "step=2"])
def test_what_names_no_step_is_refused_in_one_line(step: str, case_of_function: str, tmp_path: Path) -> None:
    code, told, errors = debugged("", case_of_function, "--pdb", step, cwd=tmp_path)
    assert (code, told, errors.count("\n")) == (2, "", 1)
    assert f"--pdb '{step}' names no step: write buyer=2,step=3" in errors


def test_a_step_that_the_case_does_not_have_is_refused(case_of_function: str, tmp_path: Path) -> None:
    for step, told in (("process=1,step=99", "process 1 has no step 99: it makes "), ("process=9", "it makes 0 steps")):
        code, output, errors = debugged("", case_of_function, "--pdb", step, cwd=tmp_path)
        assert (code, output, errors.count("\n")) == (2, "", 1)
        assert told in errors
