"""Plans that a race is run by, as plain values: when each buyer comes to its steps, or who moves at each of them."""

from __future__ import annotations

from dataclasses import dataclass

from ticketlab.core.errors import UsageError


@dataclass(frozen=True, slots=True)
class Timing:
    """When buyers come to their steps, in virtual time: for each buyer, the delays before its steps in microseconds.

    A buyer's k-th delay comes before its k-th step; past the last one there is none. Whoever is due first moves, and of
    those due at once the lower-numbered. `Timing(((), ()))` is two buyers that come at the same moment. Buyers of the
    scenario beyond those listed stay away.
    """

    delays: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        if not self.delays:
            raise UsageError("a timing without buyers times nothing: list the delays of at least 1")
        for buyer, own in enumerate(self.delays, 1):
            if any(delay < 0 for delay in own):
                raise UsageError(f"buyer {buyer} has the delay {min(own)}: 0 or more microseconds are needed")

    @property
    def buyers(self) -> int:
        """How many buyers take part."""
        return len(self.delays)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Who moves at each step, by number from 1; who can not move at its turn is passed over.

    Past the end whoever moved last goes on while it can, then the lowest-numbered buyer: the continuation without
    preemptions, so `Schedule(())` is one buyer after another.
    """

    turns: tuple[int, ...]

    def __post_init__(self) -> None:
        if any(turn < 1 for turn in self.turns):
            raise UsageError(f"a schedule names buyers by numbers from 1, and this one has {min(self.turns)}")


Plan = Timing | Schedule
