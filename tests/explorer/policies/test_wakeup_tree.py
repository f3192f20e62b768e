"""Wakeup trees: which ways are kept, beside which others, and which are answered."""

from __future__ import annotations

from typing import Any

from ticketlab.explorer.analysis.ways import Way, WayStep
from ticketlab.explorer.policies.wakeup_tree import Branch, is_explored, keep_way, left_to_try

SIZE = 4


def commute(one: Any, other: Any) -> bool:
    return bool(one[-1] != other[-1] or one[0] == other[0] == "r")


def way(*steps: str) -> Way:
    """Return a way: `0wx` is a write of x by participant 0; what the last step will be is not known."""
    made: list[WayStep] = []
    for node, step in enumerate(steps):
        who, what = int(step[0]), step[1:]
        clock = [0] * SIZE
        for each in made:
            if each.who == who or (node < len(steps) - 1 and not commute(each.what, what)):
                clock = [max(pair) for pair in zip(clock, each.clock, strict=True)]
        before = list(clock)
        clock[who] = node + 1
        made.append(WayStep(who, what, node, clock) if node < len(steps) - 1 else WayStep(who, None, node, before))
    return made


def test_a_way_that_begins_otherwise_goes_beside_and_one_that_begins_alike_forks() -> None:
    kept = keep_way((), way("0wx", "1wx"))
    assert [branch.movers for branch in kept] == [(0, 1)]
    kept = keep_way(kept, way("2wx", "1wx"))
    assert [branch.movers for branch in kept] == [(0, 1), (2, 1)]
    kept = keep_way(kept, way("0wx", "2wx", "1wx"))
    assert [branch.movers for branch in kept] == [(0,), (2, 1)]
    assert [branch.movers for branch in kept[0].then] == [(1,), (2, 1)]
    assert kept[0].first_sequence() == [(0, ()), (1, kept[0].then[1:])]


def test_a_way_is_answered_by_what_it_begins_with_up_to_the_order_of_steps_that_commute() -> None:
    kept = keep_way((), way("0wx", "1wx"))
    assert keep_way(kept, way("2wy", "0wx", "1rx", "3wx")) is kept  # with 2's step before or after
    kept = keep_way((), way("1wy"))
    assert keep_way(kept, way("0wx", "1wy", "2wx")) is kept
    assert keep_way(kept, way("0ry", "1wy", "2wx")) is not kept


def test_whoever_is_explored_begins_a_way_unless_a_step_of_it_comes_before() -> None:
    assert is_explored(way("0wx", "1wy", "2wx"), {1: "wy"}, commute)
    assert not is_explored(way("0ry", "1wy", "2wx"), {1: "wy"}, commute)
    assert not is_explored(way("0wx", "2wx"), {1: "wy"}, commute)  # what 2 will do is not known
    assert is_explored(way("0wx", "1wy"), {1: "wy"}, commute)
    assert not is_explored(way("0wx", "1wx"), {1: "wx"}, commute)


def test_what_begins_with_a_step_that_was_explored_is_not_left_to_try() -> None:
    kept = keep_way(keep_way((), way("0wx", "1wy")), way("2wy", "1wy"))
    assert left_to_try(kept, 1, "wy", commute) == (Branch((2, 1), ("wy", None)),)
