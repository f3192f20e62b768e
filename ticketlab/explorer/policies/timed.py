"""Virtual time: each step comes after a delay, and the participant that is due first moves.

The delays stand for the time that a network or a disk takes. They are given, or drawn from a seed with an exponential
distribution, which is that of the gaps between independent events. If two are due at once, the lower-numbered one
moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import Final

from ticketlab.core.spec import Option
from ticketlab.explorer.engine.policy_columns import Number, PerParticipant
from ticketlab.explorer.engine.state import ExecutionState
from ticketlab.explorer.policies.draws import WORD, draw
from ticketlab.explorer.policies.policy import Policy, PolicyKind

MICROSECOND: Final = 1_000  # virtual time counts nanoseconds


class TimedDelays(Policy):
    """One execution by given delays in nanoseconds: a participant's k-th comes before its k-th step; then none."""

    clocked = True
    delayed = PerParticipant()  # whether the next step has had its delay
    steps_made = PerParticipant()
    seen = Number()  # how many steps of the execution have been counted

    def __init__(self, delays: Sequence[Sequence[int]]) -> None:
        self._delays = [list(own) for own in delays]
        self._begun = False

    def begin(self, state: ExecutionState) -> bool:
        """Start the clock, for the only execution."""
        if self._begun:
            return False
        self._begun = True
        self._start(state)
        return True

    def _start(self, state: ExecutionState) -> None:
        self.seen[0] = 0
        for who in range(state.size):
            self.delayed[who] = self.steps_made[who] = 0

    def choose(self, enabled: Sequence[int], state: ExecutionState) -> int:
        """Pick the participant that is due first."""
        delayed, clock, length = self.delayed, state.clock, state.counters.length
        for node in range(self.seen[0], length):
            mover = state.who[node]
            delayed[mover] = 0
            self.steps_made[mover] += 1
        self.seen[0] = length
        for who in enabled:
            if not delayed[who]:
                delayed[who] = 1
                clock.sleep(who, self._delay(who, self.steps_made[who]))
        return min(enabled, key=clock.wake.__getitem__)

    def _delay(self, who: int, step: int) -> int:
        own = self._delays[who] if who < len(self._delays) else ()
        return own[step] if step < len(own) else 0


class RandomDelays(TimedDelays):
    """Executions without end, whose delays are drawn from a seed with the given mean, in nanoseconds."""

    seed = Number()  # of the execution

    def __init__(self, mean: int, seed: int) -> None:
        super().__init__(())
        self._mean = mean
        self._seed = seed
        self._executions = 0

    def begin(self, state: ExecutionState) -> bool:
        """Start the clock, and draw the seed of the next execution."""
        self._executions += 1
        self.seed[0] = draw(draw(self._seed, 1), self._executions)
        self._start(state)
        return True

    def _delay(self, who: int, step: int) -> int:
        number = draw(draw(self.seed[0], who), step)
        return round(-self._mean * log((number + 1) / WORD))


KIND = PolicyKind(
    name="timed",
    summary="whoever is due first by virtual time, after random delays",
    options={"mean": Option("1000", "mean delay before a step, in microseconds")},
    build=lambda _variant, seed, mean: RandomDelays(int(mean) * MICROSECOND, seed),
)
