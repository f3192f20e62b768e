"""Who is enabled: which participants stand before a step that they may make now.

An attempt that fails closes its symbol, for everyone who would make the same attempt, until a step changes the
resource. So nobody polls: a lock with a hundred waiters costs one failed attempt each time that it is taken, not a
hundred. Of an open attempt it is not known yet whether it would succeed.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import Final

from ticketlab.explorer.engine.state import BYTE, ExecutionState

ONE_LESS: Final = bytes((number - 1) % BYTE for number in range(BYTE))
_NUMBERED: Final = int.from_bytes(bytes(range(1, BYTE)), "little")


class EnabledSet:
    """The enabled participants, ascending, as one process last worked them out.

    `members` holds for as long as `as_of` equals the version that the execution's counters show.
    """

    __slots__ = (
        "_counters",
        "_open_byte",
        "_pending_bytes",
        "_state",
        "_symbols",
        "as_of",
        "members",
    )

    def __init__(self, state: ExecutionState) -> None:
        self.members: Sequence[int] = ()
        self.as_of = -1
        self._state = state
        self._counters, self._pending_bytes = state.counters, state.pending_bytes
        self._symbols = state.table.symbols
        self._open_byte = memoryview(state.open)[:BYTE]  # of those symbols that a byte can stand for

    def refresh(self) -> Sequence[int]:
        """Work out who is enabled now."""
        self.as_of = self._counters.version
        members: Sequence[int]
        present = self._counters.present
        if len(self._symbols) > BYTE:
            members = list(compress(range(present), map(self._state.open.__getitem__, self._state.pending)))
        elif present >= BYTE:
            members = list(compress(range(present), self._may_move(present)))
        else:
            members = _numbers(self._may_move(present))
        self.members = members
        return members

    def _may_move(self, present: int) -> bytes:
        """Return for each participant a byte, 1 if its symbol is open; the table has at most 256 symbols."""
        return bytes(self._pending_bytes[:present]).translate(self._open_byte)


def _numbers(may_move: bytes) -> Sequence[int]:
    """Return the places of the ones among zeros, of which there are less than 256.

    All are found at once, without a Python number for each participant, so that a hundred cost about as much as two;
    and a process that was not awake for long finds little of what it touches in a cache.
    """
    numbers = int.from_bytes(may_move, "little") * 255 & _NUMBERED  # from 1: 0 stands for who cannot move
    return numbers.to_bytes(len(may_move), "little").translate(ONE_LESS, b"\0")
