"""Who may move: the same by whichever of three ways it is worked out."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.explorer.toys import racing
from ticketlab.core.pacing import Action, Step
from ticketlab.explorer.engine.enabled import EnabledSet
from ticketlab.explorer.engine.state import BYTE, ExecutionEnd, ExecutionState
from ticketlab.explorer.engine.steps import NONE, How, Manner, StepTable
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.policies.replay import LenientReplay, ReplaySchedule

SIZES = [1, 2, 100, BYTE - 1, BYTE, 300]


@given(st.sampled_from(SIZES), st.sampled_from([2, BYTE, BYTE + 1]), st.randoms(use_true_random=False))
def test_whoever_stands_before_an_open_step_may_move(size: int, symbols: int, random: Random) -> None:
    table = StepTable()
    for number in range(1, symbols):
        table.add(Step(Action.ACQUIRE, f"lock {number}"), How(Manner.ATTEMPTED))
    state = ExecutionState(table, [1] * size, 0, 10)
    state.reset()
    for symbol in range(1, symbols):
        state.open[symbol] = random.randrange(2)
    for who in range(size):
        state.arrive(who, random.randrange(symbols))
    may = [who for who, symbol in enumerate(state.pending) if symbol != NONE and state.open[symbol]]
    assert list(EnabledSet(state).refresh()) == may


@pytest.mark.parametrize("who", [-1, 2, 255, 256, 1 << 64])
def test_a_schedule_that_names_a_stranger_diverges_or_passes_it_over(who: int) -> None:
    with Inline(racing(2, 1)[0]) as executor:
        one, other = executor.run(ReplaySchedule([0, who])), executor.run(LenientReplay([0, who, 1]))
    assert one is not None
    assert one.ending is ExecutionEnd.DIVERGED
    assert other is not None
    assert other.schedule[:2] == (0, 1)
