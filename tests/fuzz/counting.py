"""What a section of a counter can have sold: sums and subset sums over its orders, by trying them all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.fuzz.search_orders import TooHard
from tests.fuzz.second_judge import open_end
from ticketlab.core.history import Operation

MOST_STATES = 20_000


@dataclass(frozen=True, slots=True)
class Sales:
    """The operations of one section, none of which failed, and the tickets that there were at first."""

    operations: Sequence[Operation]
    stock: int

    def _begun(self, op: str, last: int | None) -> list[int]:
        """Return the sizes of the orders that were carried out, or may have been, and had begun by then."""
        return [
            each.arg
            for each in self.operations
            if each.op == op
            and isinstance(each.arg, int)
            and (each.result == "ok" or open_end(each))
            and (last is None or each.invoke_ns <= last)
        ]

    def begun(self, last: int | None) -> int:
        """Return how many tickets all sales together took that had begun by then (None: ever)."""
        return sum(self._begun("buy", last))

    def reachable(self, last: int | None) -> set[int]:
        """Return every number of tickets that some of the orders that had begun by then leave, in some order."""
        moves = Counter([-size for size in self._begun("buy", last)] + self._begun("cancel", last))
        sizes = tuple(moves)
        start = (self.stock, (0,) * len(sizes))
        seen, waiting = {start}, [start]
        while waiting:
            left, used = waiting.pop()
            for place, size in enumerate(sizes):
                after = (left + size, (*used[:place], used[place] + 1, *used[place + 1 :]))
                if used[place] < moves[size] and 0 <= left + size <= self.stock and after not in seen:
                    seen.add(after)
                    waiting.append(after)
            if len(seen) > MOST_STATES:
                raise TooHard
        return {left for left, _ in seen}

    def most_sold(self, last: int | None) -> int:
        """Return the most tickets that can have been sold at once, by then (None: ever)."""
        return self.stock - min(self.reachable(last))

    def next_begin(self, after: int) -> int | None:
        """Return when the first sale begins that begins later than that; None where there is none."""
        later = [each.invoke_ns for each in self.operations if each.op == "buy" and each.invoke_ns > after]
        done = [each for each in self.operations if each.op == "buy" and (each.result == "ok" or open_end(each))]
        times = {each.invoke_ns for each in done}
        return min((time for time in later if time in times), default=None)

    def size_of_orders(self) -> int | None:
        """Return the size that all sales have; None where there are several, or none."""
        sizes = set(self._begun("buy", None))
        return sizes.pop() if len(sizes) == 1 else None
