"""Tests of programs as they are, as pytest runs them, and the same from Python."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import ticketlab
from ticketlab import Program
from ticketlab.lab.programs.cases import load_program_case
from ticketlab.lab.programs.explore import replay_program

TEST = """
import pytest
import ticketlab

@pytest.fixture
def tickets():
    return 2

@ticketlab.program_test("sh take.sh", copies=2, folder="shop")
def test_take(folder, outputs, tickets):
    left = int((folder / "count").read_text())
    assert left + len(outputs) == tickets

class TestLocked:
    @ticketlab.program_test("sh shop/locked.sh", "sh shop/locked.sh")
    def test_take(self, folder):
        assert (folder / "count").read_text() == "0\\n"

@ticketlab.program_test("shop/shop.py 2")
def test_nothing():
    pass

@ticketlab.program_test("true", copy=2)
def test_unknown():
    pass

@ticketlab.program_test("true", copies=2, folder="shop")
def test_alone():
    pass
"""
TAKE = "read n < count\necho $((n - 1)) > count\n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "count").write_text("2\n")
    (tmp_path / "take.sh").write_text(TAKE)
    (tmp_path / "locked.sh").write_text(f"exec 9>lock\nflock 9\n{TAKE}")
    return tmp_path


@pytest.mark.slow
def test_a_program_is_judged_by_its_test_and_its_case_replays(pytester: pytest.Pytester, shop: Path) -> None:
    pytester.makepyfile(test_shop=TEST)
    (pytester.path / "shop").symlink_to(shop)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(failed=4, passed=1)
    result.stdout.fnmatch_lines(
        [
            "test_shop.py::test_take: sh take.sh went wrong in * of * executions (dpor). The smallest:",
            "*process 1 * process 2*",
            "invariant broken: afterwards the invariant fails: assert (*",
            "The same schedule again: pytest test_shop.py::test_take --ticketlab-replay *.json",
            "there is no script shop/shop.py in *",
            "unknown setting of a program test 'copy': did you mean 'copies'?*",
            "*::test_alone is undecided: no two processes made steps whose order can make a difference*",
        ]
    )
    line = re.search(r"again: pytest (.*)", result.stdout.str())
    assert line is not None
    again = pytester.runpytest_inprocess("-p", "no:cacheprovider", *shlex.split(line[1]))
    again.stdout.fnmatch_lines(["sh take.sh goes wrong again under the saved schedule:*"])
    with pytest.raises(ticketlab.UsageError, match=r"the case is of the test test_shop\.py::test_take: pytest "):
        replay_program(load_program_case(pytester.path / shlex.split(line[1])[-1]))


@pytest.mark.slow
def test_a_program_is_explored_and_raced_from_python(shop: Path) -> None:
    found = ticketlab.explore(Program.of("sh locked.sh", copies=2, folder=shop, invariant="test -f count"))
    assert (found.valid, found.exhausted, found.processes) == (True, True, 2)
    raced = ticketlab.race(Program.of("sh locked.sh", folder=shop, invariant=lambda outputs: outputs == [""]), times=2)
    assert (raced.valid, raced.races) == (True, 2)
    with pytest.raises(ticketlab.UsageError, match="the invariant asks for 'books': there is folder, outputs"):
        Program.of("true", invariant=lambda books: books)
    with pytest.raises(ticketlab.UsageError, match="300 is no exit code"):
        Program.of("true", allow_exit=[300])
