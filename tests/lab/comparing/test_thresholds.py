"""Lines to hold: their grammar, and what is held to them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lab.comparisons import WRONG, document
from ticketlab.core.errors import UsageError
from ticketlab.core.metrics import METRICS, Metric
from ticketlab.lab.comparing.baseline import compare_with
from ticketlab.lab.comparing.thresholds import evaluate, evaluate_change, regression, threshold

SPACE = st.sampled_from(["", " ", "  "])
SIGNS = st.sampled_from([">=", "<=", ">", "<"])
NUMBERS = st.one_of(st.integers(0, 10**6).map(str), st.decimals(0, 1000, places=3).map(str))


@given(st.sampled_from(METRICS), SIGNS, NUMBERS, SPACE, SPACE)
def test_a_threshold_reads_as_it_is_written(metric: Metric, sign: str, number: str, one: str, two: str) -> None:
    found = threshold(f"{one}{metric.name}{two}{sign}{one}{number}{two}")
    assert (found.metric, found.sign, found.value) == (metric, sign, float(number))


@given(st.sampled_from(METRICS), SIGNS, st.sampled_from("+-"), NUMBERS, SPACE)
def test_a_regression_reads_as_it_is_written(metric: Metric, sign: str, plus: str, number: str, space: str) -> None:
    found = regression(f"{metric.field}{space}{sign}{plus}{number}{space}%")
    assert (found.metric, found.sign) == (metric, sign)
    assert found.value == pytest.approx(float(plus + number) / 100)


@given(st.text(max_size=20))
def test_whatever_is_written_is_read_or_refused(text: str) -> None:
    for read in (threshold, regression):
        with suppress(UsageError):  # one of ours, and no other error
            assert read(text).text == text.strip()


@pytest.mark.parametrize(
    ("text", "value"),
    [("p99<2s", 2000), ("p99<=1.5 ms", 1.5), ("max<10us", 0.01), ("waiting<50%", 0.5), ("memory<1GB", 1000),
     ("start<200ms", 0.2), ("sales/s>=1000/s", 1000), ("sales>1", 1), ("p99.9<1", 1)],
)  # fmt: skip
def test_units_are_understood(text: str, value: float) -> None:
    assert threshold(text).value == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "at its end: the name of a metric is needed"),
        (">=1", "at character 1, '>=1': the name of a metric is needed"),
        ("fairnes>=0.8", "at character 1, 'fairnes>=0.8': unknown metric 'fairnes': did you mean 'fairness'?"),
        ("fairness", "at its end: one of >= <= > < is needed"),
        ("fairness=0.8", "at character 9, '=0.8': one of >= <= > < is needed"),
        ("fairness>=", "at its end: a number is needed"),
        ("fairness>=much", "at character 11, 'much': a number is needed"),
        ("p99>+20%", "at character 5, '+20%': a change is for --fail-if"),
        ("p99<5 parsecs", "at character 7, 'parsecs': p99 is given in us, µs, ms, s"),
    ],
)
def test_a_threshold_that_does_not_parse_is_pointed_at(text: str, complaint: str) -> None:
    with pytest.raises(UsageError) as refusal:
        threshold(text)
    assert complaint in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("p99>20%", "at character 5, '20%': a change is needed: a sign, a number and %"),
        ("p99>+20", "at character 5, '+20': a change is needed"),
        ("p99>+20%!", "at character 9, '!': nothing more is expected here"),
        ("p98>+20%", "at character 1, 'p98>+20%': unknown metric 'p98'"),
    ],
)
def test_a_regression_that_does_not_parse_is_pointed_at(text: str, complaint: str) -> None:
    with pytest.raises(UsageError) as refusal:
        regression(text)
    assert complaint in str(refusal.value)


def test_every_ranked_strategy_is_held_to_a_threshold_and_no_other() -> None:
    rows = document({"lock": 900.0, "flock": 500.0, "none": 100.0}, {"none": WRONG})["rows"]
    assert evaluate(threshold("sales/s>=500"), rows).met is True
    missed = evaluate(threshold("sales/s>=600"), rows)
    assert missed.met is False
    assert missed.misses == ["flock on json (process, 2 buyers) has sales/s 500"]


def test_a_threshold_that_nothing_could_be_held_to_is_undecided() -> None:
    rows = document({"none": 100.0}, {"none": WRONG})["rows"]
    assert evaluate(threshold("sales/s>=1"), rows).met is None


@given(st.floats(1, 1e5), st.floats(1, 1e5), st.floats(0, 200))
def test_a_regression_is_missed_where_the_change_is_larger(before: float, after: float, percent: float) -> None:
    against = compare_with("main", document({"lock": after}), document({"lock": before}))
    change = after / before - 1
    assert evaluate_change(regression(f"sales/s>+{percent:.3f}%"), against).met == (
        not change > round(percent, 3) / 100
    )
    assert evaluate_change(regression(f"sales/s<-{percent:.3f}%"), against).met == (
        not change < -round(percent, 3) / 100
    )


def test_something_that_came_from_nothing_has_grown_beyond_all_bounds() -> None:
    then, now = document({"lock": 9.0}), document({"lock": 9.0})
    now["rows"][0]["metrics"]["retries"] = 5
    missed = evaluate_change(regression("retries>+1000%"), compare_with("main", now, then))
    assert missed.met is False
    assert "retries changed from nothing, from 0 to 5" in missed.misses[0]


def test_a_change_that_could_not_be_measured_is_undecided() -> None:
    against = compare_with("main", document({"lock": 9.0}), document({"flock": 9.0}))
    assert evaluate_change(regression("p99>+20%"), against).met is None
