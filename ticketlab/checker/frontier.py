"""The frontier method: counters with orders of several sizes, cancellations and lost answers, judged by exact search.

**Configurations.** Time is swept from event to event (invocations before returns of the same instant, since closed
intervals that share one are concurrent). Between events, a configuration says which of the open operations have taken
effect; with the operations that have returned, all of which have, it fixes the number of tickets sold. The frontier is
the set of all configurations that some order of points so far leads to. When an operation returns, configurations in
which it has taken effect stay; from the others, further operations are let take effect until it has (the just-in-time
linearization of Lowe 2017). The history is linearizable iff the frontier never runs empty. What never returned never
forces anything: it stays open, to be used or not.

**Which sale goes first does not matter, up to an exchange.** Of open operations that change the count by the same
number, let the one that returns first take effect first; those that never return come last. If a solution lets x take
effect at p and y, which returns no later, at p' > p or never, both being open at p, swap their points: the count goes
the same way, y is open at p, and x may wait till p', since it returns no earlier than y, if it returns at all. So a
configuration branches over sizes, not over operations.

**Reads take effect as soon as they can.** A search or a refusal changes nothing, so a configuration in which a
satisfied read has taken effect can do all that one without it can. Where nothing is ever cancelled, the number sold
only grows: a configuration that has passed an open search's count without meeting it is dead, and is dropped at once.

**Not all orders need trying.** When x must take effect now, others need to go first only if the order can matter: if
some open read is yet unsatisfied (those sold-out answers aside which more sales can only help), or if x, or what is
open, could meet the bounds 0 and `stock` in one order and not in another. Otherwise all open operations commute, and x
is moved to the front of any solution.

Time and memory grow with the frontier, which stays small for few sizes and short overlaps and may explode otherwise
(the problem is NP-hard: meeting exact counts with several sizes is subset sum); hence the budget.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ticketlab.checker.budget import Meter
from ticketlab.checker.columns import OPEN

_FEW = 64
"""The tickets of one order are gone through one by one if they are no more; an order may be for any number."""


class CountChange(NamedTuple):
    """A sale (`delta` > 0 tickets sold) or a cancellation (< 0)."""

    row: int
    delta: int
    invoke: int
    back: int


class Read(NamedTuple):
    """A search, which saw exactly `low` tickets sold, or a refusal, which saw at least as many."""

    row: int
    low: int
    exact: bool
    invoke: int
    back: int


@dataclass(frozen=True, slots=True)
class Mixed:
    """One section of a history: what changed its count, and what looked at it."""

    stock: int
    changes: Sequence[CountChange]
    reads: Sequence[Read]

    def relaxed(self, firm: frozenset[int]) -> Mixed:
        """Return what remains where only these rows are certain: see the rule of `explain`."""
        changes = [c if c.row in firm else c._replace(back=OPEN) for c in self.changes]
        return Mixed(self.stock, changes, [r for r in self.reads if r.row in firm])

    def until(self, time: int) -> Mixed:
        """Return the part that was invoked no later than a time."""
        changes = [c for c in self.changes if c.invoke <= time]
        return Mixed(self.stock, changes, [r for r in self.reads if r.invoke <= time])


class Stuck(NamedTuple):
    """No configuration is left at this time, at the invocation or return of this row."""

    row: int
    time: int


def judge(mixed: Mixed, meter: Meter) -> Stuck | None:
    """Return where the section ceases to be linearizable, or None where it never does.

    Raises:
        BudgetSpent: the meter ran out.
    """
    sweep = _Sweep(mixed, meter)
    for time, returns, operation in _events(mixed):
        if returns:
            sweep.returned(operation)
        else:
            sweep.invoked(operation)
        if not sweep.frontier:
            return Stuck(operation.row, time)
    return None


def _events(mixed: Mixed) -> Iterator[tuple[int, int, CountChange | Read]]:
    operations: list[CountChange | Read] = [*mixed.changes, *mixed.reads]
    keys = [(o.invoke, 0, index) for index, o in enumerate(operations)]
    keys += [(o.back, 1, index) for index, o in enumerate(operations) if o.back != OPEN]
    keys.sort()
    return ((time, returns, operations[index]) for time, returns, index in keys)


class _Sweep:
    """The frontier: from the set of open operations that have taken effect (as bits) to the number of tickets sold."""

    def __init__(self, mixed: Mixed, meter: Meter) -> None:
        self.stock = mixed.stock
        self.meter = meter
        self.monotone = all(change.delta > 0 for change in mixed.changes)
        self.counted = self.monotone and all(change.delta <= _FEW for change in mixed.changes)
        self.frontier: dict[int, int] = {0: 0}
        self.bits: dict[int, int] = {}  # of the open operations, by row
        self.spare: list[int] = []
        self.width = 0
        self.classes: dict[int, list[tuple[int, int]]] = {}  # by delta: (return time, bit), the first to return first
        self.searches: dict[int, int] = {}  # by the number sold that they must meet: bits
        self.refusals: dict[int, int] = {}  # by the least number sold that explains them: bits
        self.up = self.down = 0  # tickets that open sales and open cancellations could move

    def invoked(self, operation: CountChange | Read) -> None:
        bit = self.bits[operation.row] = self._new_bit()
        if isinstance(operation, CountChange):
            insort(self.classes.setdefault(operation.delta, []), (operation.back, bit))
            self._count(operation.delta, 1)
            return
        low, exact = operation.low, operation.exact
        group = self.searches if exact else self.refusals
        group[low] = group.get(low, 0) | bit
        high = low if exact else self.stock
        self.meter.spend(1 + len(self.frontier) // 16)
        dead_above = self.monotone and exact
        after: dict[int, int] = {}
        for mask, sold in self.frontier.items():
            if low <= sold <= high:
                after[mask | bit] = sold
            elif not (dead_above and sold > high):
                after[mask] = sold
        self.frontier = after

    def returned(self, operation: CountChange | Read) -> None:
        bit = self.bits.pop(operation.row)
        self.meter.spend(1 + len(self.frontier) // 16)
        kept = {mask ^ bit: sold for mask, sold in self.frontier.items() if mask & bit}
        waiting = {mask: sold for mask, sold in self.frontier.items() if not mask & bit}
        if waiting:
            delta = operation.delta if isinstance(operation, CountChange) else 0
            for mask, sold in self._explore(waiting, bit, delta):
                kept[mask ^ bit] = sold
        self.frontier = kept
        self.spare.append(bit)
        if isinstance(operation, CountChange):
            self.classes[operation.delta].remove((operation.back, bit))
            self._count(operation.delta, -1)
        else:
            group = self.searches if operation.exact else self.refusals
            group[operation.low] ^= bit
            if not group[operation.low]:
                del group[operation.low]

    def _new_bit(self) -> int:
        if self.spare:
            return self.spare.pop()
        self.width += 1
        return 1 << (self.width - 1)

    def _count(self, delta: int, sign: int) -> None:
        if delta > 0:
            self.up += sign * delta
        else:
            self.down -= sign * delta

    def _explore(self, waiting: dict[int, int], bit: int, delta: int) -> Iterator[tuple[int, int]]:
        """Yield the configurations in which `bit` has just taken effect, from those in which it has not."""
        seen = set(waiting)
        stack = list(waiting.items())
        spend = self.meter.spend
        while stack:
            mask, sold = stack.pop()
            deltas = (delta,) if delta and self._commutes(mask, sold) else tuple(self.classes)
            for change in deltas:
                after = self._apply(mask, sold, change)
                if after < 0 or after in seen:
                    continue
                spend()
                seen.add(after)
                if after & bit:
                    yield after, sold + change
                else:
                    stack.append((after, sold + change))

    def _apply(self, mask: int, sold: int, delta: int) -> int:
        """Return the configuration after the first open operation of a class, and all reads it satisfies; or -1."""
        after = sold + delta
        if not 0 <= after <= self.stock:
            return -1
        for _, bit in self.classes[delta]:
            if not mask & bit:
                break
        else:
            return -1
        searches = self.searches
        if self.monotone and searches:
            if self.counted:
                for passed in range(sold + 1, after):
                    if searches.get(passed, 0) & ~mask:
                        return -1
            elif self._passes(mask, sold, after):
                return -1
        mask |= bit | searches.get(after, 0)
        for low, bits in self.refusals.items():
            if after >= low:
                mask |= bits
        return mask

    def _passes(self, mask: int, sold: int, after: int) -> bool:
        """Whether the count goes past an open search without meeting it (a function, as closures slow others down)."""
        return any(sold < met < after and bits & ~mask for met, bits in self.searches.items())

    def _commutes(self, mask: int, sold: int) -> bool:
        """Whether the order in which open operations take effect can make no difference from here on."""
        if self.monotone:
            return not any(bits & ~mask for low, bits in self.searches.items() if low > sold)
        if sold - self.down < 0 or sold + self.up > self.stock:
            return False
        groups = (*self.searches.values(), *self.refusals.values())
        return not any(bits & ~mask for bits in groups)
