"""One queue of many buyers, simulated by discrete events from the turns that were measured.

A *turn* is what a buyer gets between two sales of others: the hand-over to it and its first sale, and those that it
makes before anybody else's. The turns of a race, one after another, fill all its time, whatever guards the books: a
lock, a transaction, a clerk or the store itself. So they need no trace, which would slow the race.

A simulated turn is one of the recorded turns, drawn with replacement (B. Efron, "Bootstrap Methods: Another Look at the
Jackknife", 1979), with all its sales and its place in the queue. So what belongs together stays together: a guard that
lets its holder in again has long turns, and one that is not first come, first served draws from within its queue.

Time goes from the end of a turn to the end of the next, as in D. V. Lindley, "The theory of queues with a single
server" (1952), for a server that is never idle.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil, inf
from random import Random
from typing import Final

from ticketlab.core.history import Operation

QUEUE_METRICS: Final = ("sales/s", "p50", "p99", "max")
"""What is told of a queue: its rate, and the ms from a buyer's order to the first sale of its turn."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn: its `sales` end so many seconds after the turn before it, in ascending order.

    `place` says whose it was among those that waited, by the time of their orders: 0 for the first, 1 for the last.
    """

    sales: tuple[float, ...]
    place: float = 0.0


@dataclass(frozen=True, slots=True)
class Queue:
    """The turns of a race in order, and the seconds from each turn's order to the end of its first sale."""

    turns: Sequence[Turn]
    waits_s: Sequence[float]

    @property
    def metrics(self) -> Mapping[str, float]:
        """The `QUEUE_METRICS`; empty if nothing was sold."""
        if not self.turns:
            return {}
        length = sum(turn.sales[-1] for turn in self.turns)
        return _metrics(sum(len(turn.sales) for turn in self.turns), length, sorted(self.waits_s))


def turns_of(operations: Iterable[Operation]) -> Queue:
    """Return the turns of a race by its sales; an order that sold nothing is part of the turn after it."""
    sold = [each for each in operations if each.return_ns is not None and each.sold]
    orders: dict[int, list[int]] = defaultdict(list)
    for each in sorted(sold, key=lambda each: -each.invoke_ns):
        orders[each.process].append(each.invoke_ns)
    queue = sorted((times.pop(), buyer) for buyer, times in orders.items())  # each buyer's next order
    found: list[tuple[list[float], float]] = []
    waits, holder, ended, answered = [], None, queue[0][0] if queue else 0, 0
    for each in sorted(sold, key=lambda each: each.return_ns or 0):
        at = bisect_left(queue, (each.invoke_ns, each.process))
        if each.process != holder:
            holder, ended = each.process, answered or ended
            last = bisect_right(queue, (ended, inf)) - 1
            found.append(([], min(1.0, at / max(1, last))))
            waits.append(((each.return_ns or 0) - each.invoke_ns) / 1e9)
        answered = each.return_ns or 0
        found[-1][0].append((answered - ended) / 1e9)
        del queue[at]
        if times := orders[each.process]:
            insort(queue, (times.pop(), each.process))
    return Queue([Turn(tuple(sales), place) for sales, place in found], waits)


def simulate_race(turns: Sequence[Turn], buyers: int, orders: int, seed: int = 0) -> Queue:
    """Return the race of so many buyers that all order at once, and again after each turn, so many tickets each."""
    random = Random(seed)
    left, since = [orders] * buyers, [0.0] * buyers
    queue, holder, now = list(range(buyers)), None, 0.0
    made, waits = [], []
    while queue:
        turn = random.choice(turns)
        buyer = queue.pop(round(turn.place * (len(queue) - 1)))
        if holder is not None and left[holder]:
            queue.append(holder)
        sales = turn.sales[: left[buyer]]
        waits.append(now + sales[0] - since[buyer])
        made.append(Turn(sales, turn.place))
        now += sales[-1]
        left[buyer] -= len(sales)
        holder, since[buyer] = buyer, now
        if not queue and left[buyer]:
            queue, holder = [buyer], None
    return Queue(made, waits)


def simulate_batch(turns: Sequence[Turn], buyers: int, seed: int = 0) -> Mapping[str, float]:
    """Return the `QUEUE_METRICS` of so many buyers that order at once, each for one turn.

    Whoever is chosen next, the k-th to be served waits for k - 1 turns and for its own first sale. So places in the
    queue make no difference, and waits come in ascending order.
    """
    drawn = Random(seed).choices(turns, k=buyers)
    ends = accumulate(turn.sales[-1] for turn in drawn)
    waits = [end - turn.sales[-1] + turn.sales[0] for end, turn in zip(ends, drawn, strict=True)]
    length = waits[-1] - drawn[-1].sales[0] + drawn[-1].sales[-1]
    return _metrics(sum(len(turn.sales) for turn in drawn), length, waits)


def _metrics(sales: int, length_s: float, waits_s: Sequence[float]) -> Mapping[str, float]:
    """Return the metrics of waits in ascending order."""
    shares = (0.5, 0.99, 1.0)
    waits = [1000 * waits_s[ceil(share * len(waits_s)) - 1] for share in shares]
    return dict(zip(QUEUE_METRICS, (sales / length_s if length_s else 0.0, *waits), strict=True))
