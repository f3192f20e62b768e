"""How far a search came, as it is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.explorer.policies.scripts import writing
from ticketlab.core.faults import Fault, FaultKind
from ticketlab.core.inventory import Inventory
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.policies.delay import DelayBounded
from ticketlab.explorer.policies.dpor import SourceSets
from ticketlab.explorer.policies.pct import PriorityChanges
from ticketlab.explorer.policies.policy import Policy, Promise
from ticketlab.explorer.results import ExploreOptions
from ticketlab.explorer.search import search
from ticketlab.explorer.survey import HowFar, Survey, about
from ticketlab.lab.exploring.explore import explore_scenario


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


def test_blocks_of_a_policy_promise_together_what_each_of_them_would_have_missed() -> None:
    survey = Survey("pct:2")
    with Inline(writing("xxx", "xxx", "x")) as executor:
        for seed in range(3):
            policy = PriorityChanges(2, seed)
            for execution in search(executor, policy, 52):
                survey.see(execution, policy)
    promise = survey.how_far(estimated=False).promise
    assert promise is not None
    assert promise.executions == 150
    assert promise.odds == pytest.approx(1 - (1 - 1 / (3 * 7)) ** 150)


def test_nothing_is_promised_if_the_last_execution_was_longer_than_all_that_the_policy_knows() -> None:
    survey, policy = Survey("pct:2"), PriorityChanges(2, seed=1)
    for letters, executions in (("xxx", 52), ("xxxx", 1)):
        with Inline(writing(letters, "xxx", "x")) as executor:
            for execution in search(executor, policy, executions):
                survey.see(execution, policy)
    assert survey.how_far(estimated=False).promise is None


def test_nothing_is_promised_of_executions_with_faults() -> None:
    scenario = Scenario(Spec("json"), Spec("lock"), 2, Inventory({"main": 1}))
    options = ExploreOptions(Spec.parse("pct:2"), executions=60, exhaust=True)
    assert explore_scenario(scenario, options).how_far.promise is not None
    faults = (Fault(FaultKind.PAUSE, 2.0),)
    assert explore_scenario(scenario, replace(options, faults=faults)).how_far.promise is None


def test_no_odds_are_told_as_certain() -> None:
    assert "at least 0.99 (" in str(Promise("a bug", 1.0, 10_000, "pct:2", 7))


def test_of_a_part_of_a_search_only_who_drew_how_many_is_counted() -> None:
    survey, policy = Survey("dpor", in_part=True), SourceSets()
    with Inline(writing("xx", "xx")) as executor:
        for execution in search(executor, policy):
            survey.see(execution, policy)
    assert survey.how_far(estimated=False) == HowFar(policy="dpor", by={"dpor": 6})


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
