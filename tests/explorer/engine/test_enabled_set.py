"""Who may move: the same by whichever of three ways it is worked out."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from ticketlab.core.steps import Action, Step
from ticketlab.explorer.engine.enabled_set import EnabledSet
from ticketlab.explorer.engine.state import BYTE, ExecutionState
from ticketlab.explorer.engine.steps import NONE, How, Manner, StepTable

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
