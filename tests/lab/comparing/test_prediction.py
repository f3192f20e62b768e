"""Predictions: checked at the largest size before they are made, given as ranges, and refused if they do not fit."""

from __future__ import annotations

from dataclasses import replace
from math import log2
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lab.comparisons import UNDECIDED, WRONG, cell, measured
from ticketlab.core.errors import UsageError
from ticketlab.lab.comparing.cells import CellMatrix
from ticketlab.lab.comparing.prediction import PredictionPlan, parse_predicted, with_enough_sizes
from ticketlab.lab.comparing.queueing import Turn, simulate_race
from ticketlab.lab.comparing.ranking import CellResult

ORDERS = 10


def one_guard(
    buyers: int, service_s: float = 0.001, *, factors: tuple[float, ...] = (1, 1, 1), **which: Any
) -> CellResult:
    """Return a cell whose guard serves one buyer at a time, first come, first served; a factor slows each round."""
    found = measured([1 / service_s / factor for factor in factors], buyers=buyers, **which)
    queues = [simulate_race([Turn((service_s * factor,))], buyers, ORDERS) for factor in factors]
    return replace(found, orders=ORDERS, queues=queues)


def rows(cells: list[CellResult], *buyers: int) -> dict[tuple[str, str], dict[str, Any]]:
    found = PredictionPlan(buyers or (10_000,), ()).document(cells)
    return {(row["method"], row["metric"]): row for row in found["rows"]}


@pytest.mark.slow
def test_both_methods_agree_on_one_guard_and_are_checked_at_the_largest_size() -> None:
    found = rows([one_guard(buyers) for buyers in (1, 2, 4, 8)], 1_000, 1_000_000)
    for method in ("law", "queue"):
        row = found[method, "sales/s"]
        assert row["check"] == {
            "buyers": 8, "from": [1, 2, 4], "predicted": pytest.approx(1_000), "measured": pytest.approx(1_000),
            "error": pytest.approx(0, abs=1e-9),
        }  # fmt: skip
        assert [each["buyers"] for each in row["predicted"]] == [1_000, 1_000_000]
        assert all(each["low"] <= each["value"] <= each["high"] for each in row["predicted"])
        assert [each["value"] for each in row["predicted"]] == pytest.approx([1_000, 1_000])
    longest = [each["value"] for each in found["queue", "max"]["predicted"]]
    assert longest == pytest.approx([1_000, 1_000_000])  # ms


def test_the_range_holds_all_rounds_and_loses_the_error_with_every_step() -> None:
    slower = one_guard(8, 0.0011, factors=(0.9, 1, 1.2))
    row = rows([*(one_guard(buyers) for buyers in (1, 2, 4)), slower], 16, 64)["queue", "sales/s"]
    assert row["check"]["error"] == pytest.approx(0.1)
    for each, steps in zip(row["predicted"], (1, 3), strict=True):
        assert each["low"] == pytest.approx(1 / 0.0011 / 1.2 / 1.1**steps)
        assert each["high"] == pytest.approx(1 / 0.0011 / 0.9 * 1.1**steps)


def test_a_method_that_misses_the_largest_size_predicts_nothing_and_says_so() -> None:
    cliff = one_guard(8, 0.01)
    for (_, name), row in rows([*(one_guard(buyers) for buyers in (1, 2, 4)), cliff]).items():
        assert row["predicted"] == []
        assert row["check"]["error"] == pytest.approx(9)
        own = "it does not fit: off by 900 % at 8 buyers"
        assert row["reason"] == (own if name == "sales/s" else "the method's sales/s do not fit")


@pytest.mark.slow
def test_a_range_of_more_than_100_times_is_not_told() -> None:
    slower = one_guard(8, 0.0012)
    near, far = rows([*(one_guard(buyers) for buyers in (1, 2, 4)), slower], 1_000, 1_000_000)["queue", "max"][
        "predicted"
    ]
    assert near["high"] / near["low"] == pytest.approx(1.2 ** (2 * log2(1_000 / 8)))
    assert far == {"buyers": 1_000_000, "low": None, "value": None, "high": None}


def test_waits_that_fit_by_chance_are_not_predicted() -> None:
    """Twice as many sales in turns of the same length: waits are as predicted, and sales a second are not."""
    longer = measured([2_000] * 3, buyers=8)
    queues = [simulate_race([Turn((0.001, 0.001))], 8, 2 * ORDERS)] * 3
    cells = [*(one_guard(buyers) for buyers in (1, 2, 4)), replace(longer, orders=ORDERS, queues=queues)]
    row = rows(cells)["queue", "max"]
    assert row["check"]["error"] == pytest.approx(0)
    assert (row["reason"], row["predicted"]) == ("the method's sales/s do not fit", [])


@pytest.mark.parametrize(
    ("which", "reason"),
    [
        ({"strategy": "none"}, "it is not meant to be safe"),
        ({"verdict": WRONG}, "the books were not always right"),
        ({"verdict": UNDECIDED}, "the books were not always right"),
        ({"launcher": "pool:2"}, "its launcher does not run all buyers at once"),
        ({"factors": (float("inf"), 1)}, "a round sold nothing"),
    ],
)
def test_nothing_is_predicted_of_what_is_not_right_or_not_all_at_once(which: dict[str, Any], reason: str) -> None:
    for row in rows([one_guard(buyers, **which) for buyers in (1, 2, 4, 8)]).values():
        assert (row["reason"], row["predicted"], row["check"]) == (reason, [], None)


@given(st.sets(st.integers(1, 2_000), min_size=1, max_size=6).filter(lambda sizes: max(sizes) >= 4))
def test_too_few_sizes_are_filled_up_below_the_largest(sizes: set[int]) -> None:
    matrix = CellMatrix([cell(buyers=size) for size in sorted(sizes)], [])
    filled, added = with_enough_sizes(matrix, [1_000_000])
    found = [each.buyers for each in filled.cells]
    assert found == sorted(sizes | set(added))
    assert len(found) == max(4, len(sizes))
    assert not sizes & set(added)
    assert max(found) == max(sizes)


def test_sizes_are_spread_evenly_by_their_ratio() -> None:
    assert with_enough_sizes(CellMatrix([cell(buyers=64)], []), [100])[1] == [1, 4, 16]


@pytest.mark.parametrize(
    ("largest", "predicted", "complaint"),
    [(8, 8, "--predict 8: 8 buyers are measured"), (3, 100, "let --buyers reach 4 or more")],
)
def test_what_can_be_measured_or_not_checked_is_refused(largest: int, predicted: int, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        with_enough_sizes(CellMatrix([cell(buyers=largest)], []), [predicted])


@pytest.mark.parametrize("text", ["", "many", "0", "-1", "1000001", "10,,20", "1e6", "9" * 30])
def test_what_is_no_number_of_buyers_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a number of buyers up to 1,000,000"):
        parse_predicted(text)


def test_predicted_sizes_come_once_and_in_order() -> None:
    assert parse_predicted("1000000, 10000,10000") == [10_000, 1_000_000]
