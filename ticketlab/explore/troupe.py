"""What both executors do between executions: who is left out, whom a fault strikes, and what is made anew."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ticketlab.core.faults import Fault
from ticketlab.core.pacing import paced_by
from ticketlab.explore.cast import NOTHING, Cast, Place, Strikes
from ticketlab.explore.schedule import State
from ticketlab.explore.turns import Idle


class Troupe(ABC):
    """The participants of a cast, employed by an executor; `faults` are those that may strike."""

    _state: State
    _staff: Sequence[Callable[[], None]]

    def __init__(self, cast: Cast, faults: Sequence[Fault]) -> None:
        self._cast = cast
        self._faults = faults
        self._strikes: Strikes = ()
        self._footprints: Mapping[int | None, tuple[str, ...]] = {}
        self.scripts: Sequence[Sequence[Any]] = cast.scripts
        self._without = NOTHING
        self._clean = False  # whether the last execution ran to its end, so that everybody waits to begin again

    @abstractmethod
    def _employ(self, staff: Sequence[Callable[[], None]]) -> None:
        """Start everybody, and let each come to where it waits to begin."""

    @abstractmethod
    def _close(self) -> None:
        """Send everybody home, and give back what was taken."""

    @property
    def size(self) -> int:
        """How many take part, staff included."""
        return self._state.size

    @property
    def different_staff(self) -> Sequence[int]:
        """Staff that differ: of those that do the same and wait for the same, only the first.

        What happens to one of the others happens to the first one in another schedule.
        """
        standing: dict[object, int] = {}
        for who, serve in enumerate(self._staff, self._state.buyers):
            standing.setdefault((serve, self._state.pending[who]), who)
        return list(standing.values())

    def expose(self, footprints: Mapping[int | None, tuple[str, ...]]) -> None:
        """Take in what others could notice of each participant's end; see `Struck`."""
        self._footprints = footprints
        self._clean = False

    def _arrange(self, without: frozenset[Place], strikes: Strikes) -> None:
        """Put everything to where it was before the first execution, in place or, where that cannot be, anew."""
        state = self._state
        if strikes != self._strikes:
            self._strikes = strikes
            state.strike((who, point, self._faults.index(fault)) for who, point, fault in strikes)
            if state.size > state.buyers:
                self._clean = False  # staff wait at a point already, and must come to it anew
        if not self._clean:
            self._close()
            with paced_by(Idle()):
                self._employ(self._cast.open())
        if without != self._without:
            self._without = without
            state.leave_out(without)
        self._cast.reset()
