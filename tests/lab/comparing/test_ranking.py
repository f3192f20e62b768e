"""Ranks follow the medians of correct strategies, and nothing else."""

from __future__ import annotations

from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lab.comparisons import RIGHT, UNDECIDED, WRONG, measured, metrics
from ticketlab.core.verdict import Verdict
from ticketlab.lab.comparing.ranking import CellResult, median_curve, medians, peers, ranking, ranks, settled, spreads
from ticketlab.lab.comparing.recommendations import recommendations

RATES = st.lists(st.floats(1, 1e6), min_size=3, max_size=3)
VERDICTS = st.sampled_from([RIGHT, RIGHT, WRONG, UNDECIDED])
NAMES = ("lock", "flock", "filelock", "clerk", "clerk:socket", "none")


@st.composite
def groups(draw: st.DrawFn) -> list[CellResult]:
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
    fairness = st.floats(0.1, 1.0)
    return [measured(draw(RATES), draw(VERDICTS), strategy=name, fairness=draw(fairness)) for name in names]


@given(groups())
def test_only_what_is_correct_and_claims_to_be_has_a_rank(group: list[CellResult]) -> None:
    places = ranks(group)
    for each in group:
        correct = each.verdict.valid is True and each.cell.claims_safety
        assert (places[each.cell].rank is not None) == correct


@given(groups())
def test_ranks_count_from_one_and_follow_the_medians(group: list[CellResult]) -> None:
    places = ranks(group)
    ranked = sorted((each for each in group if places[each.cell].rank), key=lambda each: places[each.cell].rank or 0)
    assert [places[each.cell].rank for each in ranked] == list(range(1, len(ranked) + 1))
    rates = [each.rate for each in ranked]
    assert rates == sorted(rates, reverse=True)


@given(groups())
def test_ratios_are_to_the_fastest_correct_one(group: list[CellResult]) -> None:
    places = ranks(group)
    best = next((each for each in group if places[each.cell].rank == 1), None)
    for each in group:
        ratio = places[each.cell].ratio
        assert ratio == (None if best is None else pytest.approx(each.rate / best.rate))
        if places[each.cell].rank is not None:
            assert ratio is not None
            assert ratio <= 1


@given(groups(), st.permutations(range(len(NAMES))))
def test_the_order_of_measuring_does_not_matter(group: list[CellResult], order: list[int]) -> None:
    shuffled = [group[number] for number in order if number < len(group)]
    if len({each.rate for each in group}) == len(group):
        assert ranks(shuffled) == ranks(group)


@given(RATES, RATES)
def test_an_order_is_settled_by_spreads_apart_or_by_the_same_winner_in_every_round(
    one: list[float], other: list[float]
) -> None:
    apart = min(one) > max(other)
    always = all(a > b for a, b in zip(one, other, strict=True))
    assert settled(one, other) == (apart or always)
    assert not (settled(one, other) and settled(other, one))


def test_a_single_round_settles_only_what_lies_apart() -> None:
    assert settled([2.0], [1.0])
    assert not settled([1.0], [1.0])


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=9))
def test_a_median_lies_within_its_spread(rates: list[float]) -> None:
    rounds = [metrics(rate) for rate in rates]
    middle, (low, high) = medians(rounds)["sales_per_s"], spreads(rounds)["sales_per_s"]
    assert (middle, low, high) == (median(rates), min(rates), max(rates))


def test_the_curve_of_several_rounds_is_their_median_and_a_round_without_answers_does_not_count() -> None:
    assert median_curve([[1.0, 5.0], [], [2.0, 9.0], [3.0, 6.0]]) == [2.0, 6.0]
    assert median_curve([[], []]) == []


def test_only_the_same_store_and_as_many_buyers_are_peers() -> None:
    cells = [measured([1.0], store=store, buyers=buyers) for store in ("json", "sqlite") for buyers in (1, 8)]
    assert [len(group) for group in peers(cells).values()] == [1, 1, 1, 1]


@given(groups())
def test_advice_names_only_correct_strategies_each_by_its_law(group: list[CellResult]) -> None:
    ranked = ranking(group)
    picks = {each["pick"]: each for each in recommendations(group, {})}
    assert set(picks) == ({"fastest", "fairest", "simplest"} if ranked else set())
    if ranked:
        assert {each["strategy"] for each in picks.values()} <= {str(each.cell.strategy) for each in ranked}
        assert picks["fastest"]["ratio"] == 1
        most = max(each.metrics[0].fairness for each in ranked)
        assert picks["fairest"]["fairness"] >= most - 0.01
        assert len(picks["simplest"]["parts"]) == min(len(each.cell.parts or ()) for each in ranked)


def test_of_equally_fair_and_equally_simple_strategies_the_fastest_is_recommended() -> None:
    group = [
        measured([90.0], strategy="clerk", fairness=0.995),
        measured([50.0], strategy="flock", fairness=1.0),
        measured([70.0], strategy="lock", fairness=0.5),
    ]
    known = {("json:truncate", "clerk:queue"): "survives"}
    assert [(each["pick"], each["strategy"]) for each in recommendations(group, known)] == [
        ("fastest", "clerk"),
        ("fairest", "clerk"),
        ("simplest", "lock"),
    ]
    assert [each["crash_safety"] for each in recommendations(group, known)] == ["survives", "survives", "not tested"]


def test_nothing_correct_means_no_advice() -> None:
    assert recommendations([measured([1.0], WRONG), measured([2.0], Verdict((), "budget"), strategy="flock")], {}) == []
