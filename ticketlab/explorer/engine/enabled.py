"""Who stands before which step, and whose attempt may succeed: who is enabled.

An attempt that fails closes its symbol, for everyone who would make the same one, until a step changes that resource.
So nothing polls: a lock with a hundred waiters costs one failed attempt for each time that it is taken, not a hundred.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import Final

from ticketlab.explorer.engine.columns import Allocate, AllocateBytes
from ticketlab.explorer.engine.registers import REGISTERS, VERSION
from ticketlab.explorer.engine.steps import StepTable

BYTE: Final = 256
ONE_LESS: Final = bytes((number - 1) % BYTE for number in range(BYTE))


class EnabledSet:
    """The participants of an execution, each before its next step (its *pending* one), or before none."""

    # Slots, since the attributes of State are too many for the form in which Python finds them fastest without.
    __slots__ = (
        "_able",
        "_as_of",
        "_everybody",
        "_numbered",
        "_ones",
        "_open_byte",
        "buyers",
        "open",
        "pending",
        "pending_bytes",
        "registers",
        "size",
        "table",
    )

    def __init__(
        self, table: StepTable, buyers: int, services: int, allocate: Allocate, allocate_bytes: AllocateBytes
    ) -> None:
        self.table = table
        self.buyers = buyers
        self.size = buyers + services
        self.registers = allocate(REGISTERS)
        self.pending = allocate(self.size)  # by participant: a symbol
        self.pending_bytes = allocate_bytes(self.size)  # the same, where symbols are few enough for a byte
        self.open = allocate_bytes(table.limit)  # by symbol: whether an attempt may succeed
        self._able: Sequence[int] = ()  # who was enabled in the version that this process looked at last
        self._as_of = -1
        self._everybody = range(self.size)
        self._numbered = int.from_bytes(bytes(range(1, self.size + 1)), "little") if self.size < BYTE else 0
        self._open_byte = memoryview(self.open)[:BYTE]  # of those that a byte can stand for
        self._ones = b"\1" * table.limit
        self.open[1 : table.limit] = self._ones[1:]  # 0 is no step

    def open_all(self) -> None:
        """Have every attempt be worth making."""
        known = len(self.table)
        self.open[1:known] = self._ones[1:known]

    def arrive(self, who: int, symbol: int) -> None:
        """Stand before an attempt, which may be known to fail."""
        self.pending[who] = symbol
        self.pending_bytes[who] = symbol % BYTE
        if not self.open[symbol]:
            self.registers[VERSION] += 1

    def place_buyers(self, symbols: Sequence[int]) -> None:
        """Have every buyer stand before a step, or before none; the symbols are a slice of a column."""
        self.pending[: self.buyers] = symbols
        self.pending_bytes[: self.buyers] = bytes(symbol % BYTE for symbol in symbols)
        self.registers[VERSION] += 1

    def enabled(self) -> Sequence[int]:
        """Return who may be chosen, ascending; of some it is not known yet whether their attempt would succeed."""
        version: int = self.registers[VERSION]
        if self._as_of != version:
            self._as_of = version
            if len(self.table.steps) > BYTE:
                self._able = list(compress(self._everybody, map(self.open.__getitem__, self.pending)))
            elif not self._numbered:
                self._able = list(compress(self._everybody, self._may_move()))
            else:
                self._able = self._numbers(self._may_move())
        return self._able

    def _may_move(self) -> bytes:
        """Return for each participant a byte, 1 where its symbol is open; symbols must be few enough for a byte."""
        return bytes(self.pending_bytes).translate(self._open_byte)

    def _numbers(self, may_move: bytes) -> Sequence[int]:
        """Return the places of the ones among zeros.

        All at once, without a number for each participant, so that a hundred cost about what two do; and a process
        that was not awake for long finds little of what it touches in a cache.
        """
        numbers = int.from_bytes(may_move, "little") * 255 & self._numbered  # from 1: 0 stands for who can not move
        return numbers.to_bytes(self.size, "little").translate(ONE_LESS, b"\0")
