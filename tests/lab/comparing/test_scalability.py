"""The Universal Scalability Law: known parameters come back exactly, and no second way finds a better fit."""

from __future__ import annotations

from collections.abc import Mapping
from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketlab.lab.comparing.scalability import ScalabilityLaw, fit_scalability

SIZES = st.sets(st.integers(1, 2_000), min_size=3, max_size=7)
LAWS = st.builds(
    ScalabilityLaw,
    st.floats(1, 1e5),
    st.one_of(st.just(0.0), st.floats(1e-4, 2)),
    st.one_of(st.just(0.0), st.floats(1e-4, 0.1)),
)


@given(LAWS, SIZES)
def test_the_law_that_made_the_rates_is_found_again(law: ScalabilityLaw, sizes: set[int]) -> None:
    """Rates are rounded to floats, whose errors the equations of three close sizes may enlarge."""
    found = fit_scalability({size: law.at(size) for size in sizes})
    assert found is not None
    for size in sizes:
        assert isclose(found.at(size), law.at(size), rel_tol=1e-9)
    spread = fit_scalability({size: law.at(size) for size in (1, 4, 16, 64)})
    assert spread is not None
    assert spread.rate == pytest.approx(law.rate, rel=1e-9)
    assert spread.contention == pytest.approx(law.contention, rel=1e-9, abs=1e-12)
    assert spread.coherency == pytest.approx(law.coherency, rel=1e-9, abs=1e-12)


def relative_squares(rates: Mapping[int, float], law: ScalabilityLaw) -> float:
    return sum((rate / law.at(size) - 1) ** 2 for size, rate in rates.items())


def searched(rates: Mapping[int, float]) -> ScalabilityLaw:
    """Find the best law without any algebra: step in a, b and c by turns, with steps that shrink."""
    best = [1 / rates[min(rates)], 0.0, 0.0]
    largest = max(rates)
    scale = [best[0], best[0], best[0] / largest]

    def squares(each: list[float]) -> float:
        return relative_squares(rates, ScalabilityLaw(1 / each[0], each[1] / each[0], each[2] / each[0]))

    least = squares(best)
    directions = [(i, j, k) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)]
    step = 1.0
    while step > 1e-7:
        steps = ([x + step * d * s for x, d, s in zip(best, each, scale, strict=True)] for each in directions)
        better = min((each for each in steps if each[0] > 0 <= min(each)), key=squares)
        if squares(better) < least:
            best, least = better, squares(better)
        else:
            step /= 2
    return ScalabilityLaw(1 / best[0], best[1] / best[0], best[2] / best[0])


RATES = st.fixed_dictionaries({size: st.floats(100, 10_000) for size in (1, 3, 9, 27)})


@given(RATES)
def test_a_search_without_algebra_finds_nothing_better(rates: dict[int, float]) -> None:
    found = fit_scalability(rates)
    if found is None:
        assert searched(rates).rate > 1e6  # and no rate is the best
        return
    assert min(found.rate, found.contention, found.coherency) >= 0
    assert relative_squares(rates, found) <= relative_squares(rates, searched(rates)) * (1 + 1e-9) + 1e-12


def test_what_only_a_rate_without_bounds_fits_is_no_law() -> None:
    assert fit_scalability({1: 100.0, 3: 1582.0, 9: 132.0, 27: 100.0}) is None


def test_rates_that_grow_faster_than_buyers_get_the_closest_law_without_negative_parts() -> None:
    found = fit_scalability({1: 100.0, 2: 250.0, 4: 600.0, 8: 1500.0})
    assert found is not None
    assert (found.contention, found.coherency) == (0.0, 0.0)


def test_one_guard_is_contention_1_and_no_more_buyers_sell_more() -> None:
    found = fit_scalability(dict.fromkeys((1, 2, 4, 8), 500.0))
    assert found is not None
    assert found.contention == pytest.approx(1)
    assert found.at(1_000_000) == pytest.approx(500)
