"""Explorations of small programs find what a judge of their own finds: programs on which they were once wrong."""

from __future__ import annotations

import pytest

from tests.fuzz.program_outcomes import Written, outcomes
from tests.fuzz.programs import disagreements, lab

TWO_LOCKS = (
    (("take", "b", "x", "l"), ("take", "c", "x", "x"), ("append", "y", "L")),
    (("take", "b", "x", "x"), ("take", "c", "x", "l")),
)
FOUND = {
    "any child that has ended is waited for": Written(
        "forks", ((("fork", 1), ("fork", 2), ("wait_any", "b")), (), ()), ()
    ),
    "a child that is killed before it moves, and reaped": Written(
        "forks", ((("fork", 1), ("kill", "c", 1), ("wait", "b", 1)), ()), ()
    ),
    "a child that is killed in the middle of what only it does": Written(
        "forks", ((("fork", 1), ("kill", "c", 1)), (("append", "y", "M"),)), ()
    ),
    "a pipe, and a child that is killed while it stands": Written(
        "forks", ((("pipe",), ("fork", 1), ("kill", "c", 1), ("receive", "a")), (("send", "b", "P"),)), ()
    ),
    "a signal to a child that has ended": Written(
        "forks", ((("fork", 1), ("read", "a", "x"), ("kill", "c", 1)), (("write", "x", "a", 1),)), (("x", "3\n"),)
    ),
    "the place in a file that processes share": Written(
        "forks", ((("keep", "x"), ("fork", 1)), (("next_letter", "c"),)), (("x", "3\n"),)
    ),
    "an flock that a child inherits": Written(
        "forks",
        (
            (("take", "b", "x", "l"), ("fork", 1), ("fork", 2), ("give", "c", "l")),
            (("append", "x", "L"),),
            (("give", "c", "l"), ("take", "b", "xn", "l")),
        ),
        (),
    ),
    "record locks that any close of the file gives up": Written(
        "python", ((("take", "b", "r", "x"), ("read", "a", "x"), ("append", "y", "L")), (("take", "b", "rn", "x"),)), ()
    ),
    "rings of record locks are refused": Written(
        "python",
        (
            (("take", "b", "r", "x"), ("take", "c", "r", "l")),
            (("take", "b", "r", "l"), ("take", "c", "r", "x")),
        ),
        (),
    ),
    "two locks in opposite order": Written("python", TWO_LOCKS, ()),
    "a shell's counter": Written("sh", ((("sh_read", "a", "x"), ("sh_write", "x", "a", 1)),) * 2, (("x", "3\n"),)),
}


@pytest.mark.parametrize("name", FOUND)
def test_the_lab_finds_what_the_judge_finds(name: str) -> None:
    assert disagreements(FOUND[name]) == []


def test_a_search_of_all_schedules_finds_the_same() -> None:
    counter = Written("python", ((("read", "a", "x"), ("append", "x", "L")),) * 2, (("x", "3\n"),))
    told = lab(counter, "dfs", 100)
    assert told.exhausted
    assert told.found == outcomes(counter) == lab(counter, "dpor", 100).found


def test_the_judge_knows_what_a_counter_comes_to() -> None:
    counter = Written("python", ((("read", "a", "x"), ("write", "x", "a", 1)),) * 2, (("x", "3\n"),))
    ends = {(outcome.files, *(said for _, _, said in outcome.processes)) for outcome in outcomes(counter)}
    assert {end for end in ends if "-2 0 0\n" not in end} == {  # -2: it reads what the other has emptied
        ((("x", "5\n"),), "3 0 0\n", "4 0 0\n"),
        ((("x", "5\n"),), "4 0 0\n", "3 0 0\n"),
        ((("x", "4\n"),), "3 0 0\n", "3 0 0\n"),
    }
    assert ((("x", "-1\n"),), "3 0 0\n", "-2 0 0\n") in ends
