"""What operations come to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketlab.lab.racing.metrics import jain, percentile


@given(st.lists(st.floats(0.001, 1e6), min_size=1, max_size=50), st.floats(0.01, 100))
def test_fairness_lies_between_one_nth_and_one_and_knows_no_unit(shares: list[float], scale: float) -> None:
    index = jain(shares)
    assert 1 / len(shares) - 1e-9 <= index <= 1 + 1e-9
    assert jain([share * scale for share in shares]) == pytest.approx(index)


def test_fairness_of_equals_is_one_and_of_one_who_has_all_one_nth() -> None:
    assert jain([3.0] * 7) == pytest.approx(1.0)
    assert jain([5.0, 0.0, 0.0, 0.0]) == pytest.approx(0.25)


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=200), st.floats(0.01, 1.0))
def test_a_percentile_is_the_smallest_value_that_covers_its_share(values: list[int], share: float) -> None:
    ordered = sorted(values)
    found = percentile(ordered, share)
    assert sum(value <= found for value in ordered) >= share * len(ordered) - 1e-9
    smaller = [value for value in ordered if value < found]
    assert not smaller or len(smaller) < share * len(ordered)
