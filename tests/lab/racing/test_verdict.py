"""What a time-out says: a race that was still going on is undecided, one in which nobody moved has hung."""

from __future__ import annotations

from typing import Literal

import pytest

from ticketlab.core.history import Operation
from ticketlab.lab.racing.verdict import unfinished
from ticketlab.launch.launcher import Exit
from ticketlab.launch.track import Track

SECOND = 1_000_000_000


def answered_at(*seconds: float) -> list[Track]:
    operations = [Operation(1, "buy", 1, "ok", 0, round(each * SECOND), "main", (1,)) for each in seconds]
    return [Track(1, [*operations, Operation(1, "buy", 1, None, SECOND, None)]), Track(2)]


@pytest.mark.parametrize(
    ("how", "last", "reason"),
    [
        ("hung", 59.9, "answers still came when 1 buyer was stopped after 60 s (see --timeout)"),
        ("hung", 12.0, ""),
        ("crashed", 59.9, ""),
    ],
)
def test_a_race_is_unfinished_if_answers_came_until_the_end(
    how: Literal["hung", "crashed"], last: float, reason: str
) -> None:
    endings = [Exit.of_buyer(1, how), Exit.of_buyer(2, "finished")]
    assert unfinished(endings, answered_at(1.0, last), 60.0) == reason


def test_who_was_never_answered_has_hung() -> None:
    assert unfinished([Exit.of_buyer(1, "hung")], answered_at(), 60.0) == ""
