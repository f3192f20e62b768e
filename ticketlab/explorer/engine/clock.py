"""Virtual time: how late it is, who sleeps until when, and when time passed for everybody at once.

Under a policy that is `clocked`, time orders the steps: each participant has a time of its own, which a step moves on
by a tick and a sleep by as long as it lasts. Under all other policies a step takes no time that matters, and a sleep
ends at the latest when nobody else can move.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ticketlab.core.errors import TicketlabError
from ticketlab.explorer.engine.column_memory import Memory, as_slice
from ticketlab.explorer.engine.execution_counters import Counters
from ticketlab.explorer.engine.steps import EVERYWHERE, Symbol

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

    __slots__ = (
        "_counters",
        "_leapt_at",
        "_leapt_by",
        "_noticing_at",
        "_visible_at",
        "_zeros",
        "local",
        "orders",
        "skew",
        "time",
        "waited",
        "wake",
        "when",
    )

    def __init__(self, counters: Counters, size: int, bound: int, resources: int, memory: Memory) -> None:
        self.orders = False  # whether time orders steps
        self.wake = memory.column(size)  # by participant: it does not move before this time
        self.when = memory.column(bound)  # by step: when it was made, if time orders steps
        self.time = memory.column(1)  # what the clock shows that never jumps
        self.skew = memory.column(1)  # how far the clock on the wall has jumped ahead of it
        self.waited = memory.column(1)  # how much time passed because nobody could move
        self._counters = counters
        self.local = memory.column(size)  # by participant: the time by its own clock, if it is ahead of the others'
        # By resource, for changers first and then for everybody: the latest local time of a step that these notice, and
        # of a step that notices what these do.
        self._visible_at, self._noticing_at = ([memory.column(resources) for _ in range(2)] for _ in range(2))
        self._leapt_at = memory.column(bound)  # the steps at which time passed for everybody
        self._leapt_by = memory.column(bound)  # and by how much
        self._zeros = as_slice(self.wake, [0] * size)

    def reset(self, resources: int) -> None:
        """Start anew, with everybody awake; so many resources are known."""
        self.time[0] = self.skew[0] = self.waited[0] = 0
        self.wake[: len(self.wake)] = self._zeros
        if self._counters.drifts:
            self.local[: len(self.local)] = self._zeros
            for column in (*self._visible_at, *self._noticing_at):
                column[:resources] = as_slice(column, [0] * resources)

    def now(self, *, wall: bool = False) -> int:
        """Return the time, by the clock that never jumps or by the one on the wall."""
        now: int = self.time[0] + self.skew[0] if wall else self.time[0]
        return now

    @property
    def latest(self) -> int:
        """The latest time that a participant's clock on the wall shows."""
        now = self.now(wall=True)
        return max(now, max(self.local) + self.skew[0]) if self._counters.drifts else now

    def stamp(self, who: int, node: int) -> None:
        """Take down when a participant makes a step: a tick after the step before, or after it woke."""
        self.time[0] = self.wake[who] = self.when[node] = max(self.time[0], self.wake[who]) + TICK

    def sleep(self, who: int, ticks: int) -> None:
        """Let time pass for one participant; if time orders nothing, it sleeps only until nobody can move."""
        since = self.time[0]
        self.wake[who] = max(since, self.wake[who] if self.orders else self.local[who]) + ticks

    def sleep_through(self, who: int, ticks: int) -> None:
        """Let time pass for one participant, also if others have it go on before nobody else can move."""
        self.drift(who, ticks)
        self.wake[who] = self.local[who]

    def now_of(self, who: int, *, wall: bool = False) -> int:
        """Return the time by a participant's own clock; see `drift`."""
        now = self.now(wall=wall)
        ahead: int = self.local[who] - self.time[0]
        return now + ahead if ahead > 0 else now

    def drift(self, who: int, ticks: int) -> None:
        """Let time pass for a participant that sleeps, if a sleep orders nothing: by its own clock alone.

        Nobody waits for a sleeper, so others may move before it wakes or after. Each participant's clock shows the
        earliest time that fits what it did and what happened before that: a step comes no earlier than the steps that
        happen before it (Lamport 1978), and a sleep ends no earlier than it must. So the clock that a step sees depends
        on nothing but the steps that happen before it, and looking at it orders nothing either.
        """
        self.local[who] = max(self.time[0], self.local[who]) + ticks
        self._counters.drifts = True

    def carry(self, who: int, made: Symbol) -> None:
        """Take a participant's time to the resource of the step that it makes, and the resource's time to it.

        A step on every resource may come after what others did, and depends on none of it: it takes the participant's
        time to everybody, and nobody's to the participant. When time passes because nobody can move, not even that:
        the others wake when their own time has come.
        """
        local, mine = self.local, self.local[who]
        if made.place == EVERYWHERE:
            if not made.passes_time:
                local[: len(local)] = as_slice(local, (max(one, mine) for one in local))
            return
        for place in made.resources:
            visible, notices = made.access(place)
            before = *self._visible_at[notices - 1 :], *self._noticing_at[:visible]
            mine = max(mine, *(column[place] for column in before))
        local[who] = mine
        for place in made.resources:
            visible, notices = made.access(place)
            noticing = self._noticing_at[notices - 1]
            noticing[place] = max(mine, noticing[place])
            if visible:
                seen = self._visible_at[visible - 1]
                seen[place] = max(mine, seen[place])

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
            self.leap(max(0, self.local[who] - self.time[0]) + ticks)

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
