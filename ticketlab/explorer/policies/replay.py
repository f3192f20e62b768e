"""Replay: one given schedule is followed step by step, and past its end without preemption."""

from __future__ import annotations

from collections.abc import Sequence

from ticketlab.explorer.engine.clock import TICK
from ticketlab.explorer.engine.policy_columns import Number, PerStep
from ticketlab.explorer.engine.state import NOBODY, ExecutionState
from ticketlab.explorer.policies.policy import Policy


class ReplaySchedule(Policy):
    """One execution, in which the participant moves that the schedule names at each step.

    Past the schedule's end, the participant that moved last goes on while it can, then the lowest-numbered one. So a
    schedule may be given by its beginning alone. An execution whose schedule names a participant that cannot move has
    diverged. `when` is the virtual time of each step, if virtual time orders the steps.
    """

    planned = PerStep()  # the choices that are given
    planned_steps = Number()  # how many they are

    def __init__(self, schedule: Sequence[int], when: Sequence[int] = ()) -> None:
        self.clocked = bool(when)
        self._schedule = tuple(schedule)
        self._when = tuple(when)
        self._begun = False

    def begin(self, state: ExecutionState) -> bool:
        """Lay out the schedule, once."""
        if self._begun:
            return False
        self._begun = True
        planned = self._schedule[: len(self.planned)]
        for place, who in enumerate(planned):
            self.planned[place] = who if 0 <= who < state.size else state.size  # a number that nobody has
        self.planned_steps[0] = len(planned)
        return True

    def choose(self, enabled: Sequence[int], state: ExecutionState) -> int:
        """Follow the plan, then go on without preemption."""
        place = state.counters.length
        if place < self.planned_steps[0]:
            planned: int = self.planned[place]
            if planned not in enabled:
                return NOBODY
            if place < len(self._when):
                state.clock.wake[planned] = self._when[place] - TICK
            return planned
        return go_on(enabled, state)


class RunOn(Policy):
    """One schedule without preemption; the policy declares no columns, so it leaves no trace in the state."""

    def begin(self, state: ExecutionState) -> bool:
        """Prepare nothing: there is always another execution."""
        return True

    def choose(self, enabled: Sequence[int], state: ExecutionState) -> int:
        """Let the participant that moved last move on."""
        return go_on(enabled, state)


class LenientReplay(ReplaySchedule):
    """One execution that follows a schedule as far as possible: whoever cannot move at its turn is passed over."""

    skipped = Number()  # how many of the choices have been passed over

    def __init__(self, schedule: Sequence[int], *, clocked: bool = False) -> None:
        super().__init__(schedule)
        self.clocked = clocked

    def begin(self, state: ExecutionState) -> bool:
        """Lay out the schedule, once."""
        self.skipped[0] = 0
        return super().begin(state)

    def choose(self, enabled: Sequence[int], state: ExecutionState) -> int:
        """Follow the plan from where it was left, passing over whoever cannot move."""
        place = state.counters.length
        while place + self.skipped[0] < self.planned_steps[0]:
            planned: int = self.planned[place + self.skipped[0]]
            if planned in enabled:
                return planned
            if not state.open[state.pending[enabled[0]]]:
                break  # nobody is enabled: these are only asked to attempt once more
            self.skipped[0] += 1
        return go_on(enabled, state)


def go_on(enabled: Sequence[int], state: ExecutionState) -> int:
    """Return the participant that moved last, if it can go on, else the lowest-numbered one that can move.

    If time orders steps, those who sleep come after all who do not.
    """
    if state.clock.orders:
        first, now = min(state.clock.wake[who] for who in enabled), state.clock.now()
        enabled = [who for who in enabled if state.clock.wake[who] <= max(first, now)]
    place = state.counters.length
    if place:
        last: int = state.who[place - 1]
        if last in enabled:
            if state.slept[last] != place + 1 or len(enabled) == 1:
                return last
            return enabled[enabled[0] == last]
    return enabled[0]
