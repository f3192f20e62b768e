"""The estimate of the number of classes: exact where the tree is narrow, near where it is wide."""

from __future__ import annotations

from math import factorial

import pytest

from tests.explorer.policies.scripts import executions, writing
from tests.explorer.toys import Toy, locked, racing
from ticketlab.explorer.analysis.class_estimate import MOST_CLASSES, ClassEstimate
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.policies.dpor import SourceSets
from ticketlab.explorer.policies.random import RandomWalk
from ticketlab.explorer.search import search


def estimated(toy: Toy, learnt: int | None = None) -> float:
    estimate = ClassEstimate()
    for execution in executions(toy, SourceSets(), learnt):
        estimate.see(execution.trace)
    found = estimate.classes()
    assert found is not None
    return found


@pytest.mark.parametrize(
    "toy", [writing("x", "x"), writing("xy", "yx"), writing("xx", "x", "y"), locked(3, 2)[0], racing(2, 1)[0]]
)
def test_a_narrow_tree_is_counted_exactly_once_everything_was_seen(toy: Toy) -> None:
    assert estimated(toy) == len(executions(toy, SourceSets()))


def test_one_execution_is_enough_where_participants_do_the_same_whatever_comes_before() -> None:
    assert estimated(writing("xy", "yx"), 1) == len(executions(writing("xy", "yx"), SourceSets()))
    assert estimated(locked(3, 2)[0], 1) == factorial(3)


@pytest.mark.parametrize(("toy", "classes"), [(writing(*["x"] * 7), factorial(7)), (locked(9, 9)[0], factorial(9))])
def test_a_wide_tree_is_estimated_within_a_factor_of_two(toy: Toy, classes: int) -> None:
    assert classes / 2 <= estimated(toy, 30) <= classes * 2


def test_what_is_beyond_all_measure_is_said_to_be_so_much() -> None:
    assert estimated(writing(*["xx"] * 20), 5) == MOST_CLASSES


def test_nothing_is_estimated_of_nothing() -> None:
    assert ClassEstimate().classes() is None


def test_it_learns_from_any_policy_and_from_participants_that_read_what_others_wrote() -> None:
    toy, _ = racing(4, 3)
    exact = len(executions(toy, SourceSets()))
    estimate = ClassEstimate()
    with Inline(toy) as executor:
        for execution in search(executor, RandomWalk(1), 100):
            estimate.see(execution.trace)
    assert exact / 2 <= (estimate.classes() or 0) <= exact * 2
