"""Virtual time: whoever is due first moves, after a delay before each of its steps.

The delays stand for what a network or a disk takes. They are given, or drawn from a seed: exponentially distributed, as
the gaps between independent events are. Equal times go to the lower-numbered participant.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import Final

from ticketlab.core.spec import Option
from ticketlab.explorer.engine.registers import LENGTH
from ticketlab.explorer.engine.state import ExecutionState
from ticketlab.explorer.policies.draws import WORD, draw
from ticketlab.explorer.policies.policy import PolicyKind

SEED: Final = 0
SEEN: Final = 1  # register: how many steps have been taken in
MICROSECOND: Final = 1_000  # virtual time counts nanoseconds


class TimedDelays:
    """One execution by given delays in nanoseconds: a participant's k-th comes before its k-th step, none past the end.

    Marks say whose next step has its delay already; the plan counts everybody's steps.
    """

    clocked = True

    def __init__(self, delays: Sequence[Sequence[int]]) -> None:
        self._delays = [list(own) for own in delays]
        self._begun = False

    def begin(self, state: ExecutionState) -> bool:
        """Start the clock, once."""
        if self._begun:
            return False
        self._begun = True
        self._start(state)
        return True

    def _start(self, state: ExecutionState) -> None:
        state.own[SEEN] = 0
        for who in range(state.size):
            state.marks[who] = state.plan[who] = 0

    def choose(self, enabled: Sequence[int], state: ExecutionState) -> int:
        """Pick whoever is due first."""
        own, marks, clock = state.own, state.marks, state.clock
        for node in range(own[SEEN], state.registers[LENGTH]):
            mover = state.who[node]
            marks[mover] = 0
            state.plan[mover] += 1
        own[SEEN] = state.registers[LENGTH]
        for who in enabled:
            if not marks[who]:
                marks[who] = 1
                clock.sleep(who, self._delay(who, state.plan[who], state))
        return min(enabled, key=clock.wake.__getitem__)

    def _delay(self, who: int, step: int, state: ExecutionState) -> int:
        own = self._delays[who] if who < len(self._delays) else ()
        return own[step] if step < len(own) else 0


class RandomDelays(TimedDelays):
    """Delays drawn from a seed with the given mean, in nanoseconds: never exhausted."""

    def __init__(self, mean: int, seed: int) -> None:
        super().__init__(())
        self._mean = mean
        self._seed = seed
        self._executions = 0

    def begin(self, state: ExecutionState) -> bool:
        """Start the clock, with the next execution's seed."""
        self._executions += 1
        state.own[SEED] = draw(draw(self._seed, 1), self._executions)
        self._start(state)
        return True

    def _delay(self, who: int, step: int, state: ExecutionState) -> int:
        number = draw(draw(state.own[SEED], who), step)
        return round(-self._mean * log((number + 1) / WORD))


KIND = PolicyKind(
    name="timed",
    summary="whoever is due first by virtual time, after random delays",
    options={"mean": Option("1000", "mean delay before a step, in microseconds")},
    build=lambda _variant, seed, mean: RandomDelays(int(mean) * MICROSECOND, seed),
)
