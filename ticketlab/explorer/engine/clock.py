"""Virtual time: how late it is, who sleeps until when, and when it passed for everybody at once.

Under a policy that is `clocked`, time orders the steps: each participant has its own, which a step moves on by a tick
and a sleep by as much as it takes. Under all others a step takes no time that matters, and a sleep ends at the latest
when nobody else can move.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ticketlab.core.errors import TicketlabError
from ticketlab.explorer.engine.columns import Allocate, Column, as_slice
from ticketlab.explorer.engine.registers import LEAPS, LENGTH, LETS, SKEW, TIME, WAITED

SECOND: Final = 1_000_000_000  # in ticks
TICK: Final = 2  # between two steps, so that a return fits between its operation's last step and the next one


def in_ticks(seconds: float) -> int:
    """Return a time in ticks."""
    return round(seconds * SECOND)


class Clock:
    """The virtual time of one execution; all times are in ticks."""

    __slots__ = ("_leapt_at", "_leapt_by", "_registers", "_zeros", "orders", "wake", "when")

    def __init__(self, registers: Column, size: int, bound: int, allocate: Allocate) -> None:
        self.orders = False  # whether time orders steps
        self.wake = allocate(size)  # by participant: before when it does not move
        self.when = allocate(bound)  # by step: when it was made, where time orders steps
        self._registers = registers
        self._leapt_at = allocate(bound)  # the steps at which time passed for everybody
        self._leapt_by = allocate(bound)  # and by how much
        self._zeros = as_slice(self.wake, [0] * size)

    def reset(self) -> None:
        """Start anew, with everybody awake."""
        registers = self._registers
        registers[TIME] = registers[SKEW] = registers[LEAPS] = registers[LETS] = registers[WAITED] = 0
        self.wake[: len(self.wake)] = self._zeros

    def now(self, *, wall: bool = False) -> int:
        """Return the time, by the clock that never jumps or by the one on the wall."""
        registers = self._registers
        now: int = registers[TIME] + registers[SKEW] if wall else registers[TIME]
        return now

    def stamp(self, who: int, node: int) -> None:
        """Take down when a participant makes a step: a tick after the step before, or after it woke."""
        registers = self._registers
        registers[TIME] = self.wake[who] = self.when[node] = max(registers[TIME], self.wake[who]) + TICK

    def sleep(self, who: int, ticks: int) -> None:
        """Let time pass for one participant; where it orders nothing, only until nobody can move."""
        since = self._registers[TIME]
        self.wake[who] = (max(since, self.wake[who]) if self.orders else since) + ticks

    def leap(self, ticks: int) -> None:
        """Let time pass for everybody, at the step made last; raises TicketlabError where it has too often."""
        registers = self._registers
        leaps = registers[LEAPS]
        if leaps == len(self._leapt_at):
            raise TicketlabError(f"time passed {leaps} times in {registers[LENGTH]} steps: allow more steps")
        self._leapt_at[leaps], self._leapt_by[leaps] = registers[LENGTH] - 1, ticks
        registers[LEAPS] = leaps + 1
        registers[TIME] += ticks

    def take(self, who: int, ticks: int) -> None:
        """Let time pass for one participant or, where each has not its own, for everybody."""
        if self.orders:
            self.sleep(who, ticks)
        else:
            self.leap(ticks)

    def wait(self, ticks: int) -> None:
        """Let time pass for everybody, because nobody can move until then."""
        self._registers[LETS] += 1
        self._registers[WAITED] += ticks
        self.leap(ticks)

    def jump(self, ticks: int) -> None:
        """Have the clock on the wall jump."""
        self._registers[SKEW] += ticks

    def sleepers(self) -> list[tuple[int, int]]:
        """Return until when whoever is asleep sleeps, and who it is."""
        now = self._registers[TIME]
        return [(until, who) for who, until in enumerate(self.wake) if until > now]

    @property
    def leaps(self) -> Sequence[tuple[int, int]]:
        """The steps at which time passed for everybody, and by how much."""
        made = self._registers[LEAPS]
        return list(zip(self._leapt_at[:made], self._leapt_by[:made], strict=True)) if made else ()
