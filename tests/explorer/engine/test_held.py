"""What a participant holds is what its steps took and have not given back, whatever they turned out to be."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.explorer.toys import Toy
from ticketlab.core.pacing import BLOCKED, UNCHANGED, at, block, note
from ticketlab.core.steps import Action, Step
from ticketlab.explorer.engine.execution_counters import Counters
from ticketlab.explorer.engine.held import HeldResources
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.policies.dpor import SourceSets
from ticketlab.explorer.search import search

TAKES, GIVES = Step(Action.ACQUIRE, "lock", excludes=True), Step(Action.RELEASE, "lock", excludes=True)


@given(st.lists(st.tuples(st.booleans(), st.booleans())))
def test_what_is_taken_back_never_was(entries: list[tuple[bool, bool]]) -> None:
    counters = SimpleNamespace(length=0, held=0)
    held, times = HeldResources(cast("Counters", counters)), 0
    for takes, is_taken_back in entries:
        counters.length += 1
        held.enter(1, TAKES if takes else GIVES)
        if is_taken_back:
            held.take_back()
        else:
            times = times + 1 if takes else max(0, times - 1)
        counters.length += 1  # a step of somebody else, who holds nothing
        held.take_back()
        assert counters.held == times
        assert held.by(1, "lock") == (times > 0)
        assert not held.by(2, "lock")


def _tried(take: bool) -> None:
    at(TAKES)
    if not take:
        note(UNCHANGED, "taken")


def _waited(take: bool) -> None:
    block(TAKES, lambda: None, _never)
    if not take:
        note(UNCHANGED, "timed out")


def _never() -> Any:
    raise AssertionError(BLOCKED)


@pytest.mark.parametrize("taking", [_tried, _waited])
@pytest.mark.parametrize("taken", [True, False])
def test_who_finishes_with_a_lock_keeps_it_however_it_was_had(taking: Callable[[bool], None], *, taken: bool) -> None:
    with Inline(Toy(lambda: taking(taken)), steps=10) as executor:
        (execution,) = search(executor, SourceSets())
    assert execution.kept == taken
