"""How far a search came, as it is told."""

from __future__ import annotations

import pytest

from tests.explorer.policies.scripts import writing
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.policies.delay import DelayBounded
from ticketlab.explorer.policies.dpor import SourceSets
from ticketlab.explorer.policies.pct import PriorityChanges
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.search import search
from ticketlab.explorer.survey import HowFar, Survey, about


def surveyed(policy: Policy, executions: int) -> HowFar:
    survey = Survey("policy")
    with Inline(writing("xxx", "xxx", "x")) as executor:
        for execution in search(executor, policy, executions):
            survey.see(execution, policy)
    return survey.how_far(estimated=True)


def test_pct_tells_the_odds_that_it_promises() -> None:
    far = surveyed(PriorityChanges(2, seed=1), 102)
    assert far.promise is not None
    # The first execution does not know the length, and the last one may have been longer than all before.
    assert far.promise.executions == 100
    assert far.promise.odds == pytest.approx(1 - (1 - 1 / (3 * 7)) ** 100)
    assert "a bug of depth 2 would have been found with a probability of at least 0.99" in str(far.promise)


def test_delays_tell_the_odds_of_each_schedule_within_the_bound() -> None:
    far = surveyed(DelayBounded(1, seed=1), 52)
    assert far.promise is not None
    assert far.promise.odds == pytest.approx(1 - (1 - 1 / 8) ** 50)


def test_dpor_promises_nothing_until_it_ends_and_is_estimated() -> None:
    far = surveyed(SourceSets(), 50)
    assert far.promise is None
    assert far.classes is not None
    assert 70 <= far.classes <= 280  # 7! / (3! 3!) are 140
    assert far.drawn_by == "policy"
    assert far.sentences[0].endswith("orders of the steps that matter are estimated in all")


@pytest.mark.parametrize(
    ("classes", "told"),
    [(7.4, "about 7"), (140.2, "about 140"), (1_372.0, "about 1,400"), (1e15, "more than 10^15")],
)
def test_an_estimate_is_told_to_two_digits(classes: float, told: str) -> None:
    assert about(classes) == told
