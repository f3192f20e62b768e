"""Explorations of PostgreSQL transactions find every ending that there is: tests.fuzz.postgres_schedules, reduced.

The judge runs every order of the statements on the server, and shares no code with the lab.
"""

from __future__ import annotations

import pytest

from tests.fuzz.postgres_judge import judge
from tests.fuzz.postgres_programs import THOUGHT_OF, draw
from tests.fuzz.postgres_schedules import compare_schedules
from ticketlab.stores.servers.postgresql import postgresql_server

PROGRAMS = [
    "two waiters on one row",
    "a key whose holder rolls back",
    "a waiter whose holder rolls back",
    "an upgrade at repeatable read",
    "a deadlock of two at repeatable read",
    "a deadlock of a row and an advisory lock",
    "a lost update refused at repeatable read",
    "write skew refused",
    "no wait",
    "a key at repeatable read",
    "a key at serializable",
]
"""In the first two the server lets two statements go on at once, which the lab has go on one after another."""


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_lab_finds_exactly_the_endings_that_there_are(name: str) -> None:
    compared = compare_schedules(THOUGHT_OF[name], postgresql_server().folder)
    assert (compared.differences, compared.refusals) == ((), ())


@pytest.mark.slow
def test_and_those_of_programs_that_are_drawn() -> None:
    drawn = (draw(number, 20) for number in range(20))
    of_two = [program for program in drawn if len(program.sessions) == 2]  # fewer schedules
    for program in of_two:
        compared = compare_schedules(program, postgresql_server().folder)
        assert (compared.differences, compared.refusals) == ((), ()), program


def test_the_judge_knows_deadlocks_and_what_is_refused() -> None:
    folder = postgresql_server().folder
    codes = {
        name: {
            answer.tag
            for ending in judge(THOUGHT_OF[name], folder).endings
            for each in ending.answers
            for answer in each
            if answer.failed
        }
        for name in ("a deadlock of two", "write skew", "write skew refused", "no wait", "a key at repeatable read")
    }
    assert codes == {
        "a deadlock of two": {"40P01"},
        "write skew": set(),
        "write skew refused": {"40001"},
        "no wait": {"55P03"},
        "a key at repeatable read": {"23505"},
    }
