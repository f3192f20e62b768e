"""The portfolio ends as dpor does where that ends, and samples where it will not."""

from __future__ import annotations

import pickle
from collections import Counter

import pytest

from tests.explorer.policies.scripts import executions, writing
from tests.explorer.toys import Toy, locked, racing
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.policies.dpor import SourceSets
from ticketlab.explorer.policies.portfolio import Portfolio
from ticketlab.explorer.search import search
from ticketlab.explorer.survey import Survey


@pytest.mark.parametrize("toy", [racing(3, 2)[0], locked(5, 2)[0], writing("xyz", "yx", "zzy")])
def test_where_dpor_ends_its_executions_are_all(toy: Toy) -> None:
    found = [one.schedule for one in executions(toy, Portfolio(1))]
    assert found == [one.schedule for one in executions(toy, SourceSets())]


def test_where_dpor_will_not_end_others_take_turns_with_it() -> None:
    toy, policy = writing(*["xx"] * 8), Portfolio(1)
    by = Counter[str]()
    with Inline(toy) as executor:
        for _ in search(executor, policy, 525):
            by[policy.by] += 1
    assert by == {"dpor": 125, "pos": 100, "surw": 100, "feedback": 100, "pct:2": 100}


def test_dpor_covers_every_schedule_though_others_take_turns_with_it() -> None:
    toy = writing("xx", "xx", "xx")
    alone = [one.schedule for one in executions(toy, SourceSets())]
    policy = Portfolio(1, within=1)
    with Inline(toy) as executor:
        found = [(policy.by, execution.schedule) for execution in search(executor, policy)]
    assert [schedule for by, schedule in found if by == "dpor"] == alone
    assert {by for by, _ in found} == set(policy.names)
    assert len(alone) == 90


def test_a_copy_for_another_process_takes_nothing_along_that_was_learnt() -> None:
    policy = Portfolio(1, within=1)
    before = len(pickle.dumps(policy))
    with Inline(writing("xx", "xx", "xx")) as executor:
        assert len(list(search(executor, policy, 60))) == 60
    assert len(pickle.dumps(policy)) < before + 2_000


def test_the_result_says_who_drew_how_many() -> None:
    toy, policy, survey = writing(*["xx"] * 8), Portfolio(1), Survey("portfolio")
    with Inline(toy) as executor:
        for execution in search(executor, policy, 225):
            survey.see(execution, policy)
    far = survey.how_far(estimated=True)
    assert far.drawn_by == "dpor 65, pos 40, surw 40, feedback 40 and pct:2 40"
    assert far.promise is not None
    assert (far.promise.policy, far.promise.steps) == ("pct:2", 16)
    # 16 steps, 8 participants: each execution has odds of 1 / 128.
    assert far.promise.odds == pytest.approx(1 - (1 - 1 / 128) ** far.promise.executions)
