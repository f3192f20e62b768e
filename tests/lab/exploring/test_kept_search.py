"""A search that stops anywhere and is gone on with comes to the same as one that did not stop."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticketlab.core.errors import UsageError
from ticketlab.core.inventory import Inventory
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.explorer.analysis.trace import Nondeterminism
from ticketlab.explorer.policies.random import RandomWalk
from ticketlab.explorer.results import Exploration, ExploreOptions
from ticketlab.lab.exploring.explore import explore_scenario
from ticketlab.lab.exploring.fault_search import BLOCK_EXECUTIONS
from ticketlab.lab.exploring.kept_search import SearchPause
from ticketlab.lab.plain.explore import explore_plain
from ticketlab.lab.plain.function import PlainFunction
from ticketlab.lab.plain.results import PlainExploration

POLICIES = ["dfs", "dpor", "random", "pct:3", "pos", "portfolio", "surw", "urw", "feedback", "delay:2"]
MOST = 150
lock = multiprocessing.Lock()
total, steps = multiprocessing.Value("i", 0), multiprocessing.Value("i", 0)


def stopping_after(executions: int) -> Callable[[], AbstractContextManager[Callable[[], bool]]]:
    """Return what listens, and hears before the next execution that the search shall stop."""
    asked = count(1)
    return lambda: nullcontext(lambda: next(asked) >= executions)


def visit() -> None:
    steps.value += 1
    with lock:
        total.value += 1


def miscount() -> int:
    seen: int = total.value
    total.value = seen + 1
    steps.value += 1
    return seen


def of_scenario(strategy: str, how: ExploreOptions, pause: SearchPause | None = None) -> Exploration:
    stock = Inventory({"main": 2})
    scenario = Scenario(store=Spec("json"), strategy=Spec.parse(strategy), buyers=3, inventory=stock)
    return explore_scenario(scenario, how, pause=pause)


def of_function(function: Callable[..., object], how: ExploreOptions, pause: SearchPause | None = None) -> Any:
    return explore_plain(PlainFunction(function=function, processes=3), how, pause=pause)


SEARCHES: dict[str, Callable[[ExploreOptions, SearchPause | None], Exploration | PlainExploration]] = {
    "wrong purchases": lambda how, pause: of_scenario("none", how, pause),
    "right purchases": lambda how, pause: of_scenario("flock", how, pause),
    "a right function": lambda how, pause: of_function(visit, how, pause),
    "a wrong function": lambda how, pause: of_function(miscount, how, pause),
}


def told(found: Exploration | PlainExploration) -> dict[str, Any]:
    """Return all that a result says but for how long it took."""
    return {key: value for key, value in found.to_json().items() if key not in ("seconds", "environment")}


@cache
def uninterrupted(what: str, how: ExploreOptions) -> dict[str, Any]:
    return told(SEARCHES[what](how, None))


@pytest.mark.thorough
@settings(max_examples=25, deadline=None)
@given(
    what=st.sampled_from(list(SEARCHES)),
    policy=st.sampled_from(POLICIES),
    executor=st.sampled_from(["inline", "inline", "processes"]),
    stops=st.lists(st.integers(1, MOST - 1), min_size=1, max_size=3).map(sorted),
    by_limit=st.booleans(),
)
def test_a_search_that_stopped_comes_to_what_one_that_did_not_comes_to(
    what: str, policy: str, executor: str, stops: list[int], by_limit: bool
) -> None:
    how = ExploreOptions(policy=Spec.parse(policy), executor=executor, executions=MOST, exhaust=True)
    whole, kept, done = uninterrupted(what, how), None, 0
    for stop in stops:
        if by_limit:
            pause = SearchPause(begun=kept)
            part = SEARCHES[what](replace(how, executions=max(stop, done + 1)), pause)
        else:
            pause = SearchPause(stopping_after(max(1, stop - done)), begun=kept)
            part = SEARCHES[what](how, pause)
        if pause.kept is None:
            assert told(part) == whole
            return
        kept, done = pause.kept, pause.executions
        assert part.executions == done
    found = told(SEARCHES[what](how, SearchPause(begun=kept)))
    assert found == whole


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["random", "pct:3"])
@pytest.mark.parametrize("stop", [BLOCK_EXECUTIONS - 1, BLOCK_EXECUTIONS, BLOCK_EXECUTIONS + 1])
def test_a_search_may_stop_between_two_blocks(policy: str, stop: int) -> None:
    how = ExploreOptions(policy=Spec.parse(policy), executions=BLOCK_EXECUTIONS + 5, exhaust=True)
    pause = SearchPause()
    SEARCHES["right purchases"](replace(how, executions=stop), pause)
    assert pause.kept is not None
    found = SEARCHES["right purchases"](how, SearchPause(begun=pause.kept))
    assert told(found) == uninterrupted("right purchases", how)


def kept_search(policy: str = "dpor", what: str = "a right function") -> bytes:
    pause = SearchPause()
    how = ExploreOptions(policy=Spec.parse(policy), executor="inline", executions=3, exhaust=True)
    SEARCHES[what](how, pause)
    assert pause.kept is not None
    return pause.kept


def test_a_search_that_came_to_its_end_is_not_kept() -> None:
    for executions in (6, 7):
        pause = SearchPause()
        found = of_scenario("flock", ExploreOptions(executions=executions), pause)
        assert found.exhausted
        assert pause.kept is None


@pytest.mark.slow
@pytest.mark.parametrize("function", [miscount, lambda: None])
def test_a_search_of_another_program_is_refused(function: Callable[..., object]) -> None:
    pause = SearchPause(begun=kept_search())
    with pytest.raises(Nondeterminism, match="the program is no longer the one whose search was kept"):
        of_function(function, ExploreOptions(executor="inline"), pause)


def test_what_happens_later_than_the_first_steps_is_compared_as_well() -> None:
    def work(later: Any) -> Callable[[], None]:
        def work() -> None:
            with lock:
                total.value += 1
                later.value += 1

        return work

    pause = SearchPause()
    how = ExploreOptions(policy=Spec("random"), executor="inline", executions=3)
    of_function(work(steps), how, pause)
    assert pause.kept is not None
    with pytest.raises(Nondeterminism, match="no longer the one whose search was kept"):
        of_function(work(total), replace(how, executions=9), SearchPause(begun=pause.kept))


def test_a_search_with_faults_is_not_kept() -> None:
    pause = SearchPause()
    how = ExploreOptions(executor="processes", executions=3, faults=kill())
    of_scenario("flock", how, pause)
    assert pause.kept is None
    with pytest.raises(UsageError, match="a search with faults, or of a program, cannot be gone on with"):
        of_scenario("flock", how, SearchPause(begun=b"kept"))


def kill() -> Any:
    from ticketlab.lab.exploring.fault_options import chosen_faults

    stock = Inventory({"main": 2})
    return chosen_faults("kill", Scenario(store=Spec("json"), strategy=Spec("flock"), buyers=3, inventory=stock))


class OfPlugin(RandomWalk):
    """A policy that is not the lab's own."""


def test_a_search_by_a_policy_of_a_plugin_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    from ticketlab.explorer.policies.random import KIND

    monkeypatch.setattr("ticketlab.lab.exploring.fault_search.policy_kind", lambda _: replace(KIND, build=_build))
    pause = SearchPause()
    found = of_scenario("flock", ExploreOptions(policy=Spec("random"), executions=3), pause)
    assert found.executions == 3
    assert pause.kept is None


def _build(_variant: str, seed: int) -> OfPlugin:
    return OfPlugin(seed)


class Harmful:
    """Runs a command where it is read, as a pickle may."""

    def __reduce__(self) -> Any:
        return Path.touch, (Path("harm"),)


@pytest.mark.slow
def test_nothing_but_the_lab_s_own_values_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for data in (pickle.dumps(Harmful()), pickle.dumps((["x"], pickle.dumps(Harmful())))):
        with pytest.raises((UsageError, Nondeterminism)):
            of_function(visit, ExploreOptions(executor="inline"), SearchPause(begun=data))
    assert not Path("harm").exists()


@pytest.mark.slow
@pytest.mark.parametrize("cut", [1, 100, 1000])
def test_a_damaged_search_is_refused_in_one_line(cut: int) -> None:
    data = kept_search()[:-cut]
    with pytest.raises(UsageError, match="the kept search is damaged"):
        of_function(visit, ExploreOptions(executor="inline"), SearchPause(begun=data))
