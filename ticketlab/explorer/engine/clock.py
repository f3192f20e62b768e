"""Virtual time: how late it is, who sleeps until when, and when time passed for everybody at once.

Under a policy that is `clocked`, time orders the steps: each participant has a time of its own, which a step moves on
by a tick and a sleep by as long as it lasts. Under all other policies a step takes no time that matters, and a sleep
ends at the latest when nobody else can move.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ticketlab.core.errors import TicketlabError
from ticketlab.explorer.engine.counters import Counters
from ticketlab.explorer.engine.memory import Memory, as_slice

SECOND: Final = 1_000_000_000  # in ticks
TICK: Final = 2  # between two steps, so that a return fits between its operation's last step and the next one


def in_ticks(seconds: float) -> int:
    """Return a time in ticks."""
    return round(seconds * SECOND)


class Clock:
    """The virtual time of one execution; all times are in ticks.

    `time`, `skew` and `waited` are columns of length 1 and no counters: a time may be larger than a counter holds. A
    column refuses such a number, where a counter would cut it.
    """

    __slots__ = ("_counters", "_leapt_at", "_leapt_by", "_zeros", "orders", "skew", "time", "waited", "wake", "when")

    def __init__(self, counters: Counters, size: int, bound: int, memory: Memory) -> None:
        self.orders = False  # whether time orders steps
        self.wake = memory.column(size)  # by participant: it does not move before this time
        self.when = memory.column(bound)  # by step: when it was made, if time orders steps
        self.time = memory.column(1)  # what the clock shows that never jumps
        self.skew = memory.column(1)  # how far the clock on the wall has jumped ahead of it
        self.waited = memory.column(1)  # how much time passed because nobody could move
        self._counters = counters
        self._leapt_at = memory.column(bound)  # the steps at which time passed for everybody
        self._leapt_by = memory.column(bound)  # and by how much
        self._zeros = as_slice(self.wake, [0] * size)

    def reset(self) -> None:
        """Start anew, with everybody awake."""
        self.time[0] = self.skew[0] = self.waited[0] = 0
        self.wake[: len(self.wake)] = self._zeros

    def now(self, *, wall: bool = False) -> int:
        """Return the time, by the clock that never jumps or by the one on the wall."""
        now: int = self.time[0] + self.skew[0] if wall else self.time[0]
        return now

    def stamp(self, who: int, node: int) -> None:
        """Take down when a participant makes a step: a tick after the step before, or after it woke."""
        self.time[0] = self.wake[who] = self.when[node] = max(self.time[0], self.wake[who]) + TICK

    def sleep(self, who: int, ticks: int) -> None:
        """Let time pass for one participant; if time orders nothing, it sleeps only until nobody can move."""
        since = self.time[0]
        self.wake[who] = (max(since, self.wake[who]) if self.orders else since) + ticks

    def leap(self, ticks: int) -> None:
        """Let time pass for everybody, at the step made last; raises TicketlabError if it has too often."""
        counters = self._counters
        leaps = counters.leaps
        if leaps == len(self._leapt_at):
            raise TicketlabError(f"time passed {leaps} times in {counters.length} steps: allow more steps")
        self._leapt_at[leaps], self._leapt_by[leaps] = counters.length - 1, ticks
        counters.leaps = leaps + 1
        self.time[0] += ticks

    def take(self, who: int, ticks: int) -> None:
        """Let time pass for one participant or, unless each has a time of its own, for everybody."""
        if self.orders:
            self.sleep(who, ticks)
        else:
            self.leap(ticks)

    def wait(self, ticks: int) -> None:
        """Let time pass for everybody, because nobody can move until then."""
        self._counters.time_passes += 1
        self.waited[0] += ticks
        self.leap(ticks)

    def jump(self, ticks: int) -> None:
        """Have the clock on the wall jump."""
        self.skew[0] += ticks

    def sleepers(self) -> list[tuple[int, int]]:
        """Return who is asleep, as pairs: until when it sleeps, and who it is."""
        now = self.time[0]
        return [(until, who) for who, until in enumerate(self.wake) if until > now]

    @property
    def leaps(self) -> Sequence[tuple[int, int]]:
        """The steps at which time passed for everybody, and by how much."""
        made = self._counters.leaps
        return list(zip(self._leapt_at[:made], self._leapt_by[:made], strict=True)) if made else ()
