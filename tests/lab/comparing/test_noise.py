"""Noise: identical measurements fail as seldom as is said, and a change clearly beyond the limit always fails."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import comb
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lab.comparisons import document
from ticketlab.lab.comparing.baseline import compare_with
from ticketlab.lab.comparing.noise import ERROR, beside, can_fail, change_interval, noise, rounds_to_fail
from ticketlab.lab.comparing.thresholds import ThresholdResult, evaluate_changes, regression

LINES = ("p99>+20%", "sales/s<-10%")


def measured(field: str, values: Sequence[float], reference: Sequence[float] = ()) -> dict[str, Any]:
    """Return a comparison of one cell, with these rounds of one metric."""
    found = document({"lock": 100.0}, rounds=len(values))
    (row,) = found["rows"]
    row["metrics"][field] = sorted(values)[len(values) // 2]
    row["samples"][field] = list(values)
    if reference:
        samples = row["samples"] | {field: list(reference)}
        found["references"] = [{"store": "json:in-place", "strategy": "flock", "buyers": 2, "samples": samples}]
    return found


def held(line: str, now: dict[str, Any], then: dict[str, Any]) -> ThresholdResult:
    (found,) = evaluate_changes([regression(line)], compare_with("main", now, then))
    return found


def field_of(line: str) -> str:
    return "p99_ms" if line.startswith("p99") else "sales_per_s"


@given(st.lists(st.floats(1, 1e6), min_size=7, max_size=7), st.sampled_from(LINES), st.floats(0, 0.5))
def test_at_most_one_of_all_ways_to_split_the_same_rounds_shows_a_change(
    values: list[float], line: str, limit: float
) -> None:
    """So if nothing has changed, at most one comparison in (n + m choose n) fails, whatever the distribution is."""
    shown = 0
    for chosen in combinations(range(7), 3):
        then = [values[place] for place in chosen]
        now = [values[place] for place in range(7) if place not in chosen]
        low, high = change_interval(now, then)
        shown += low > limit if ">" in line else high < -limit
    assert shown <= 1


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 200))
def test_a_comparison_may_fail_only_if_all_its_tests_together_keep_to_the_rate(
    then: int, wanted: int, tests: int
) -> None:
    now = rounds_to_fail(wanted)
    assert can_fail(then, now, tests) == (tests / comb(then + now, then) <= ERROR)
    assert now >= 4 * wanted


def test_five_rounds_are_enough_for_five_hundred_tests_and_one_round_for_none() -> None:
    assert can_fail(5, rounds_to_fail(5), 500)
    assert not can_fail(1, rounds_to_fail(1), 1)


NOISE = st.lists(st.floats(0.95, 1.05), min_size=20, max_size=20)


@given(NOISE, NOISE, st.sampled_from(LINES))
def test_twice_the_limit_is_found_within_noise_of_five_percent_and_the_same_is_not(
    now: list[float], then: list[float], line: str
) -> None:
    field, slower = field_of(line), 1.4 if line.startswith("p99") else 0.8
    baseline = measured(field, then[:5])
    assert held(line, measured(field, [slower * each for each in now]), baseline).met is False
    assert held(line, measured(field, now), baseline).met is True


@given(st.lists(st.floats(0.01, 1e4), min_size=5, max_size=5), st.lists(st.floats(1, 1e3), min_size=20, max_size=20))
def test_a_slowdown_that_every_round_shows_always_fails(then: list[float], factors: list[float]) -> None:
    now = [max(then) * 1.2001 * each for each in factors]
    assert held("p99>+20%", measured("p99_ms", now), measured("p99_ms", then)).met is False


def test_a_miss_inside_the_spread_of_the_rounds_is_none_and_the_noise_is_said() -> None:
    found = held("p99>+20%", measured("p99_ms", [10, 13, 14]), measured("p99_ms", [9, 10, 11]))
    assert (found.met, found.misses) == (True, [])
    (doubt,) = found.doubts
    assert doubt.startswith(
        "p99 rose by 30 % (limit 20 %): not shown, noise of ± 32 %: lock on json (process, 2 buyers), "
    )


def test_a_machine_that_has_become_slower_is_not_held_against_a_strategy() -> None:
    then = measured("p99_ms", [10, 10.1, 9.9], [1, 1.01, 0.99])
    slower = measured("p99_ms", [20, 20.2, 19.8], [2, 2.02, 1.98])
    found = held("p99>+20%", slower, then)
    assert found.met is True
    (machine,) = compare_with("main", slower, then)["references"]
    assert machine["changes"]["p99_ms"]["change"] == pytest.approx(1)
    assert "not shown, since the machine itself has changed; beside the reference, noise of ± 0 %" in found.doubts[0]
    blamed = held("p99>+20%", measured("p99_ms", [20, 20.2, 19.8], [1, 1.01, 0.99]), then)
    assert blamed.met is False


def test_a_result_without_its_rounds_is_judged_by_their_spread() -> None:
    then, now = measured("p99_ms", [9, 10, 11]), measured("p99_ms", [15, 16, 17])
    for row in (*then["rows"], *now["rows"]):
        low, _, high = row.pop("samples")["p99_ms"]
        row["spread"]["p99_ms"] = [low, high]
    assert held("p99>+20%", now, then).met is False
    assert held("p99>+40%", now, then).met is True


@pytest.mark.parametrize(
    ("values", "reference", "multiples"),
    [([2, 4], [1, 4], [2, 1]), ([2, 4, 6], [1, 2], [1, 6]), ([2, 4], [0, 4], None), ([2], [], None), ([], [1], None)],
)
def test_rounds_beside_a_reference(values: list[float], reference: list[float], multiples: list[float] | None) -> None:
    assert beside(values, reference) == multiples


def test_noise_is_half_the_width_of_the_interval() -> None:
    assert noise((-0.05, 0.15)) == pytest.approx(0.1)
