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
from ticketlab.lab.comparing.thresholds import ThresholdResult, evaluate, evaluate_changes, regression, threshold

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


@pytest.mark.slow
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
    met = evaluate(threshold("sales/s>=500"), rows)
    assert (met.met, met.closest) == (True, ["sales/s is 500 (limit: at least 500): flock on json (process, 2 buyers)"])
    missed = evaluate(threshold("sales/s>=600"), rows)
    assert missed.met is False
    assert missed.misses == ["sales/s is 500 (limit: at least 600): missed by flock on json (process, 2 buyers)"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("fairness>=0.9", "fairness is 0.9 (limit: at least 0.9)"),
        ("p99<5.001ms", "p99 is 5 ms (limit: less than 5.001 ms)"),
        ("waiting<50.001%", "waiting is 50.000 % (limit: less than 50.001 %)"),
        ("sales/s>999.9996", "sales/s is 1,000.0000 (limit: more than 999.9996)"),
    ],
)
def test_what_differs_looks_different(line: str, told: str) -> None:
    (sentence,) = evaluate(threshold(line), document({"lock": 1000.0})["rows"]).closest
    assert sentence == f"{told}: lock on json (process, 2 buyers)"


def test_a_threshold_that_nothing_could_be_held_to_is_undecided() -> None:
    rows = document({"none": 100.0}, {"none": WRONG})["rows"]
    assert evaluate(threshold("sales/s>=1"), rows).met is None


def changed(line: str, now: float, then: float) -> ThresholdResult:
    (found,) = evaluate_changes(
        [regression(line)], compare_with("main", document({"lock": now}), document({"lock": then}))
    )
    return found


@given(st.floats(1, 1e5), st.floats(1, 1e5), st.floats(0, 200))
def test_a_regression_is_missed_where_the_change_is_larger(before: float, after: float, percent: float) -> None:
    change = after / before - 1
    assert changed(f"sales/s>+{percent:.3f}%", after, before).met == (not change > round(percent, 3) / 100)
    assert changed(f"sales/s<-{percent:.3f}%", after, before).met == (not change < -round(percent, 3) / 100)


@pytest.mark.parametrize(
    ("line", "now", "told"),
    [
        ("sales/s>+20%", 103, "sales/s rose by 3 % (limit 20 %): "),
        ("sales/s<-10%", 97, "sales/s fell by 3 % (limit 10 %): "),
        ("sales/s<-10%", 103, "sales/s rose by 3 % (limit: a fall of 10 %): "),
        ("sales/s>+20%", 97, "sales/s fell by 3 % (limit: a rise of 20 %): "),
        ("sales/s>+20%", 100, "sales/s is as it was (limit: a rise of 20 %): "),
        ("sales/s>+20%", 131, "sales/s rose by 31 % (limit 20 %): missed by "),
        ("sales/s>+20%", 120.04, "sales/s rose by 20.04 % (limit 20 %): missed by "),
        ("sales/s<-10%", 85, "sales/s fell by 15 % (limit 10 %): missed by "),
        ("sales/s>-5%", 99, "sales/s fell by 1 % (a fall of 5 % is asked for): missed by "),
        ("sales/s<+5%", 110, "sales/s rose by 10 % (a rise of 5 % is asked for): "),
    ],
)
def test_a_sentence_says_what_was_asked_and_what_was_measured(line: str, now: float, told: str) -> None:
    found = changed(line, now, 100.0)
    (sentence,) = (*found.misses, *found.closest)
    assert sentence == f"{told}lock on json (process, 2 buyers), from 100 to {now:.0f}"
    assert found.met == ("missed" not in told)


def test_something_that_came_from_nothing_has_grown_beyond_all_bounds() -> None:
    then, now = document({"lock": 9.0}), document({"lock": 9.0})
    now["rows"][0]["metrics"]["retries"] = 5
    now["rows"][0]["samples"]["retries"] = [4, 5, 6]
    (missed,) = evaluate_changes([regression("retries>+1000%")], compare_with("main", now, then))
    assert missed.met is False
    assert missed.misses[0].startswith("retries rose from nothing (limit 1000 %): missed by lock on json")
    assert missed.misses[0].endswith("from 0 to 5")


def test_a_change_that_could_not_be_measured_is_undecided() -> None:
    against = compare_with("main", document({"lock": 9.0}), document({"flock": 9.0}))
    assert evaluate_changes([regression("p99>+20%")], against)[0].met is None


def test_a_baseline_of_too_few_rounds_convicts_nobody() -> None:
    against = compare_with("main", document({"lock": 1.0}), document({"lock": 9.0}, rounds=1))
    (found,) = evaluate_changes([regression("sales/s<-10%")], against)
    assert found.met is None
    told = "sales/s fell by 89 % (limit 10 %), but 1 round of main cannot tell a change from noise"
    assert found.reason == f"{told}: save it with --rounds 5"
