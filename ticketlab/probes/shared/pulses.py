"""How often something happened, for those who wait for it to happen: numbers in memory that participants share.

An event may be set and cleared again before who waited for it gets the turn: it has been woken all the same.
"""

from __future__ import annotations

from typing import ClassVar, Final

from ticketlab.core.errors import TicketlabError
from ticketlab.core.system.own_memory import own_memory

MOST_PULSES: Final = 4096
"""As many objects can have a pulse at a time."""


class Pulse:
    """A number that grows; it must be made before participants are forked."""

    _memory = memoryview(own_memory(8 * MOST_PULSES)).cast("q")
    _free: ClassVar = list(range(MOST_PULSES - 1, -1, -1))

    def __init__(self) -> None:
        try:
            self._place = self._free.pop()
        except IndexError:
            raise TicketlabError(f"more than {MOST_PULSES} events and queues are too many") from None
        self._memory[self._place] = 0

    def __del__(self) -> None:
        """Give the place back; a search makes a pulse for each object, and there may be many searches."""
        if hasattr(self, "_place"):
            self._free.append(self._place)

    @property
    def times(self) -> int:
        """How often it has happened."""
        times: int = self._memory[self._place]
        return times

    def happen(self, times: int = 1) -> None:
        """Have it happen once more, or so many times."""
        self._memory[self._place] += times
