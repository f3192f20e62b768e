"""Plans for one run, as plain values: when each buyer comes to its steps, or who moves at each step."""

from __future__ import annotations

from dataclasses import dataclass

from ticketlab.core.errors import UsageError


@dataclass(frozen=True, slots=True)
class Timing:
    """When buyers come to their steps, in virtual time: for each buyer, the delays before its steps in microseconds.

    A buyer's k-th delay comes before its k-th step; later steps have none. The buyer that is due first moves; of
    several that are due at the same time, the one with the lowest number. `Timing(((), ()))` is two buyers that come at
    the same moment. Buyers of the scenario that are not listed do not take part.
    """

    delays: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        if not self.delays:
            raise UsageError("a timing has no buyers: list the delays of at least 1")
        for buyer, own in enumerate(self.delays, 1):
            if any(delay < 0 for delay in own):
                raise UsageError(f"buyer {buyer} has the delay {min(own)}: 0 or more microseconds are needed")

    @property
    def buyers(self) -> int:
        """The number of buyers that take part."""
        return len(self.delays)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Which buyer moves at each step, by number from 1; a turn of a buyer that cannot move is skipped.

    After the last turn there is no further preemption: the buyer that moved last goes on while it can, then the one
    with the lowest number. So `Schedule(())` is one buyer after another.
    """

    turns: tuple[int, ...]

    def __post_init__(self) -> None:
        if any(turn < 1 for turn in self.turns):
            raise UsageError(f"a schedule names buyers by numbers from 1, and this one has {min(self.turns)}")


Plan = Timing | Schedule
