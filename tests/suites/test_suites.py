"""Programs of the suites: each bug is found by some policy in few executions, and no twin without it is convicted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.suites.index import LEFT_OUT, PROGRAMS
from tests.suites.program import SuiteProgram
from tests.suites.published import PUBLISHED
from ticketlab.core.spec import Spec
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.plain.explore import explore_plain

BUDGET = 300
POLICIES = ("random", "surw", "pct:3", "dpor")  # the one that finds most of them first


SOME = [one for one in PROGRAMS if not one.hard]
TWINS = [one for one in SOME if one.has_twin]


def sampled(programs: Sequence[SuiteProgram]) -> list[Any]:
    """Return parameters of which CI tries one in three, and `-m thorough` the others."""
    marks = (pytest.mark.slow, pytest.mark.thorough, pytest.mark.thorough)
    return [pytest.param(one, id=one.name, marks=marks[at % 3]) for at, one in enumerate(programs)]


@pytest.mark.parametrize("one", sampled(SOME))
def test_some_policy_finds_it(one: SuiteProgram) -> None:
    with one.searched(BUDGET) as found_at:
        assert any(found_at(policy, 1) for policy in POLICIES)


@pytest.mark.parametrize("one", sampled(TWINS))
def test_its_twin_is_not_convicted(one: SuiteProgram) -> None:
    how = ExploreOptions(Spec.parse("portfolio"), "threads", BUDGET, 1)
    result = explore_plain(one.plain(fixed=True), how)
    assert result.finding is None, [anomaly.sentence for anomaly in result.finding.anomalies]
    assert not result.unseen


def test_names_are_unique_and_of_both_suites() -> None:
    names = [one.name for one in PROGRAMS]
    assert len(set(names)) == len(names)
    assert sum(one.suite == "SCTBench" for one in PROGRAMS) >= 35
    assert sum(one.suite == "GoKer" for one in PROGRAMS) >= 35


def test_figures_are_of_programs_that_are_here() -> None:
    assert PUBLISHED.keys() <= {one.name for one in PROGRAMS}
    assert all(LEFT_OUT.values())


@pytest.mark.slow
def test_a_program_is_as_new_each_time() -> None:
    one = next(one for one in PROGRAMS if one.name == "CS/account")
    with one.searched(BUDGET) as found_at:
        assert found_at("random", 3) == found_at("random", 3)
