"""Replay: one given schedule, step by step, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from ticketlab.explorer.engine.clock import TICK
from ticketlab.explorer.engine.declared import Number, PerStep
from ticketlab.explorer.engine.state import NOBODY, ExecutionState
from ticketlab.explorer.policies.policy import Policy


class ReplaySchedule(Policy):
    """One execution: whoever the schedule names at each step; `when` is when each was made where time orders steps.

    Past its end the participant that moved last goes on while it can, then the lowest-numbered one: the continuation
    without preemptions, so a schedule may be given by its beginning. A schedule that names somebody who can not move
    diverges.
    """

    planned = PerStep()  # the choices that are given
    planned_steps = Number()  # how many they are
    skipped = Number()  # how many of them have been passed over

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
            self.planned[place] = who if 0 <= who < state.size else state.size  # which is nobody's number
        self.planned_steps[0], self.skipped[0] = len(planned), 0
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
        """Need nothing."""
        return True

    def choose(self, enabled: Sequence[int], state: ExecutionState) -> int:
        """Let whoever moves move on."""
        return go_on(enabled, state)


class LenientReplay(ReplaySchedule):
    """One execution that follows a schedule where it can: who can not move at its turn is passed over."""

    def __init__(self, schedule: Sequence[int], *, clocked: bool = False) -> None:
        super().__init__(schedule)
        self.clocked = clocked

    def choose(self, enabled: Sequence[int], state: ExecutionState) -> int:
        """Follow the plan from where it was left, skipping who can not move."""
        place = state.counters.length
        while place + self.skipped[0] < self.planned_steps[0]:
            planned: int = self.planned[place + self.skipped[0]]
            if planned in enabled:
                return planned
            if not state.open[state.pending[enabled[0]]]:
                break  # nobody can move, and some are only asked to attempt once more
            self.skipped[0] += 1
        return go_on(enabled, state)


def go_on(enabled: Sequence[int], state: ExecutionState) -> int:
    """Return whoever moved last, if it still can, else the lowest-numbered participant that can.

    Where time orders steps, who sleeps comes after all who do not.
    """
    if state.clock.orders:
        first, now = min(state.clock.wake[who] for who in enabled), state.clock.now()
        enabled = [who for who in enabled if state.clock.wake[who] <= max(first, now)]
    place = state.counters.length
    if place:
        last: int = state.who[place - 1]
        if last in enabled:
            return last
    return enabled[0]
