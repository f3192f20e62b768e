"""Virtual time: how late it is, who sleeps until when, and when time passed for everybody at once.

Under a policy that is `clocked`, time orders the steps: each participant has a time of its own, which a step moves on
by a tick and a sleep by as long as it lasts. Under all other policies a step takes no time that matters, and a sleep
ends at the latest when nobody else can move.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ticketlab.core.errors import TicketlabError
from ticketlab.explorer.engine.columns import Allocate, as_slice
from ticketlab.explorer.engine.counters import Counters
from ticketlab.explorer.engine.declared import Number

SECOND: Final = 1_000_000_000  # in ticks
TICK: Final = 2  # between two steps, so that a return fits between its operation's last step and the next one


def in_ticks(seconds: float) -> int:
    """Return a time in ticks."""
    return round(seconds * SECOND)


class Clock:
    """The virtual time of one execution; all times are in ticks.

    Its numbers are columns of length 1 and not counters: a time may be larger than the field of a structure holds, and
    a column refuses such a number, where a field would cut it.
    """

    __slots__ = (
        "_counters",
        "_leapt_at",
        "_leapt_by",
        "_leapt_times_column",
        "_passed_times_column",
        "_skew_column",
        "_time_column",
        "_waited_column",
        "_zeros",
        "orders",
        "wake",
        "when",
    )

    time = Number()
    """What the clock shows that never jumps."""
    skew = Number()
    """How far the clock on the wall has jumped ahead of it."""
    leapt_times = Number()
    """How often time passed for everybody at once."""
    passed_times = Number()
    """How often it passed because nobody could move."""
    waited = Number()
    """For how long it passed because nobody could move."""

    def __init__(self, counters: Counters, size: int, bound: int, allocate: Allocate) -> None:
        self.orders = False  # whether time orders steps
        self.wake = allocate(size)  # by participant: it does not move before this time
        self.when = allocate(bound)  # by step: when it was made, if time orders steps
        self._counters = counters
        self._time_column, self._skew_column, self._leapt_times_column = allocate(1), allocate(1), allocate(1)
        self._passed_times_column, self._waited_column = allocate(1), allocate(1)
        self._leapt_at = allocate(bound)  # the steps at which time passed for everybody
        self._leapt_by = allocate(bound)  # and by how much
        self._zeros = as_slice(self.wake, [0] * size)

    def reset(self) -> None:
        """Start anew, with everybody awake."""
        self.time = self.skew = self.leapt_times = self.passed_times = self.waited = 0
        self.wake[: len(self.wake)] = self._zeros

    def now(self, *, wall: bool = False) -> int:
        """Return the time, by the clock that never jumps or by the one on the wall."""
        return self.time + self.skew if wall else self.time

    def stamp(self, who: int, node: int) -> None:
        """Take down when a participant makes a step: a tick after the step before, or after it woke."""
        self.time = self.wake[who] = self.when[node] = max(self.time, self.wake[who]) + TICK

    def sleep(self, who: int, ticks: int) -> None:
        """Let time pass for one participant; if time orders nothing, it sleeps only until nobody can move."""
        since = self.time
        self.wake[who] = (max(since, self.wake[who]) if self.orders else since) + ticks

    def leap(self, ticks: int) -> None:
        """Let time pass for everybody, at the step made last; raises TicketlabError if it has too often."""
        leaps = self.leapt_times
        if leaps == len(self._leapt_at):
            raise TicketlabError(f"time passed {leaps} times in {self._counters.length} steps: allow more steps")
        self._leapt_at[leaps], self._leapt_by[leaps] = self._counters.length - 1, ticks
        self.leapt_times = leaps + 1
        self.time += ticks

    def take(self, who: int, ticks: int) -> None:
        """Let time pass for one participant or, unless each has a time of its own, for everybody."""
        if self.orders:
            self.sleep(who, ticks)
        else:
            self.leap(ticks)

    def wait(self, ticks: int) -> None:
        """Let time pass for everybody, because nobody can move until then."""
        self.passed_times += 1
        self.waited += ticks
        self.leap(ticks)

    def jump(self, ticks: int) -> None:
        """Have the clock on the wall jump."""
        self.skew += ticks

    def sleepers(self) -> list[tuple[int, int]]:
        """Return who is asleep, as pairs: until when it sleeps, and who it is."""
        now = self.time
        return [(until, who) for who, until in enumerate(self.wake) if until > now]

    @property
    def leaps(self) -> Sequence[tuple[int, int]]:
        """The steps at which time passed for everybody, and by how much."""
        made = self.leapt_times
        return list(zip(self._leapt_at[:made], self._leapt_by[:made], strict=True)) if made else ()
