"""Sales of several sizes, nothing cancelled: an order is looked for depth first, search by search.

The frontier (see `frontier`) keeps all configurations at once, and with a hundred buyers there are too many. If nothing
is cancelled, the number sold only grows, so the searches themselves are in order: the one that saw 7 sold took effect
before the one that saw 9, and between them sales of 2 tickets did. An order is then a walk up through the numbers that
searches saw, which may not step over any of them. A sale may come next if nothing that remains had returned before it
was invoked; of sales of one size that may, the first to return goes first (the exchange of `frontier`). What has been
tried in vain is not tried again. The walk goes for the sale that returns first; so most histories that are right take
hardly more steps than they have sales. If it comes to no end, it begins anew, with some chance (from a fixed seed), and
for the large sales first: the small ones are the change that makes up any sum.

Two bounds, at each step, save most of what would be tried in vain: the sales that had returned when a search was
invoked count in what it saw, and so cannot be more than that; and what a search saw must have been invoked by then.

A walk that ends is an order, and so a proof. A walk that was tried in all its branches is one as well. To meet given
numbers with given sizes is strongly NP-hard (docs/checking.md has the proof), so in between there is a budget.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, count
from random import Random
from typing import Final, NamedTuple

from ticketlab.checker import frontier
from ticketlab.checker.budget import BudgetSpent, Meter
from ticketlab.checker.columns import OPEN
from ticketlab.checker.frontier import CountChange, Mixed, Read, Stuck

_NARROW: Final = 20
"""The configurations for each operation up to which the frontier goes on, before an order is looked for."""
_LEAST: Final = 20_000
_STEPS: Final = 400
"""The steps for each operation after which the walk is given up."""
_WALK: Final = 2
"""The steps for each operation after which the walk begins anew; every eight times, they double."""
_LEAST_STEPS: Final = 2_000
_WEIGHTS: Final = (8, 3, 1)
"""How much longer than usual a large sale may take, and yet be tried before a small one that returns first."""
_AHEAD: Final = 24
"""How many of the next searches the first bound looks at."""


def judge(mixed: Mixed, meter: Meter) -> Stuck | None:
    """Return where a section ceases to be linearizable, or None where it never does.

    Raises:
        BudgetSpent: the meter ran out.
    """
    if any(change.delta < 0 for change in mixed.changes):
        return frontier.judge(mixed, meter)
    size = len(mixed.changes) + len(mixed.reads)
    for attempt, most in ((frontier.judge, _LEAST + _NARROW * size), (order_or_stuck, _LEAST + _STEPS * size)):
        part = meter.part(most)
        try:
            return attempt(mixed, part)
        except BudgetSpent:
            meter.spend(part.configurations)  # raises if it was the whole budget that was spent
    return frontier.judge(mixed, meter)


def order_or_stuck(mixed: Mixed, meter: Meter) -> Stuck | None:
    """Judge a section without cancellations by an order alone; raises BudgetSpent."""
    out_of_bounds = next(_out_of_bounds(mixed), None)
    if out_of_bounds is not None:
        return out_of_bounds
    if _has_order(mixed, meter):
        return None
    everything: list[CountChange | Read] = [*mixed.changes, *mixed.reads]
    last = max((each for each in everything if each.back != OPEN), key=lambda each: each.back)
    return Stuck(last.row, last.back)


def _has_order(mixed: Mixed, meter: Meter) -> bool:
    """Whether there is an order: the walk begins anew, with other preferences, when it has come to no end for long."""
    size = len(mixed.changes) + len(mixed.reads)
    for attempt in count():
        part = meter.part(_LEAST_STEPS + (size * _WALK << attempt // 8))
        try:
            return _Walk(mixed, part, attempt).succeeds()
        except BudgetSpent:
            meter.spend(part.configurations)  # raises if it was the whole budget that was spent
    raise AssertionError("a budget ends")


def _out_of_bounds(mixed: Mixed) -> Iterator[Stuck]:
    """Yield reads that saw fewer tickets sold than had returned by then, or more than had been invoked."""
    returned = sorted((change.back, change.delta) for change in mixed.changes if change.back != OPEN)
    invoked = sorted((change.invoke, change.delta) for change in mixed.changes)
    sold = [0, *accumulate(delta for _, delta in returned)]
    asked = [0, *accumulate(delta for _, delta in invoked)]
    backs, invokes = [back for back, _ in returned], [invoke for invoke, _ in invoked]
    for read in mixed.reads:
        if read.exact and sold[bisect_left(backs, read.invoke)] > read.low:
            yield Stuck(read.row, read.invoke)
        if asked[bisect_right(invokes, read.back)] < read.low:
            yield Stuck(read.row, read.back)


class _Level(NamedTuple):
    """A number of tickets that searches saw sold, the last of them to be invoked, and what had to be sold by then."""

    sold: int
    invoke: int
    forced: int


class _Walk:
    """The search for an order.

    A state is the sales that were made: all before `first` in the order of their returns, and from there on those whose
    bits are set. With the number sold, it says which reads took effect.
    """

    def __init__(self, mixed: Mixed, meter: Meter, attempt: int = 0) -> None:
        self.meter = meter
        self.stock = mixed.stock
        self.sales = sorted(mixed.changes, key=lambda change: (change.back, change.invoke))
        self.known = sum(change.back != OPEN for change in self.sales)
        self.indices: dict[int, list[int]] = {}
        for index, change in enumerate(self.sales):
            self.indices.setdefault(change.delta, []).append(index)
        self.ranks = self._ranks(attempt)
        self.levels = self._levels(mixed.reads)
        self.numbers = [level.sold for level in self.levels]
        due = sorted((read.low, read.back) for read in mixed.reads)
        self.lows = [low for low, _ in due]
        backs = list(accumulate((back for _, back in reversed(due)), min))[::-1]
        self.due = [*backs, OPEN]  # by the place in `lows`: the first return of reads that need at least that much
        self.least = max(self.lows, default=0)

    def _ranks(self, attempt: int) -> list[float]:
        """Return in what order sales are tried: by their returns, or more and more the large ones first."""
        known = self.sales[: self.known]
        if not attempt or not known:
            return [change.back for change in self.sales]
        scale = sum(change.back - change.invoke for change in known) / len(known)
        weight = scale * _WEIGHTS[attempt % len(_WEIGHTS)] / max(change.delta for change in known)
        chance = Random(attempt)
        return [change.back - weight * change.delta + scale * chance.random() for change in self.sales]

    def _levels(self, reads: Sequence[Read]) -> list[_Level]:
        invoke: dict[int, int] = {}
        for read in reads:
            if read.exact:
                invoke[read.low] = max(invoke.get(read.low, 0), read.invoke)
        backs = [change.back for change in self.sales]
        levels, latest = [], 0
        for sold in sorted(invoke):
            latest = max(latest, invoke[sold])
            levels.append(_Level(sold, latest, bisect_left(backs, latest)))
        return levels

    def succeeds(self) -> bool:
        """Whether there is an order."""
        tried: set[tuple[int, int]] = set()
        stack = [iter([(0, 0, 0)])]
        while stack:
            state = next(stack[-1], None)
            if state is None:
                stack.pop()
                continue
            first, made, sold = state
            if (first, made) in tried or not self._may_be(first, made, sold):
                continue
            if first >= self.known and sold >= self.least:
                return True
            tried.add((first, made))
            self.meter.spend()
            stack.append(iter(self._following(first, made, sold)))
        return False

    def _may_be(self, first: int, made: int, sold: int) -> bool:
        """Whether the searches that saw this number can take effect now, and the next ones may yet."""
        place = bisect_left(self.numbers, sold)
        back = self.sales[first].back if first < len(self.sales) else OPEN
        if place < len(self.levels) and self.levels[place].sold == sold:
            if self.levels[place].invoke > min(back, self._due(sold)):
                return False
            place += 1
        checked, total = first, sold
        for level in self.levels[place : place + _AHEAD]:
            while checked < level.forced:  # sales that had returned when the search was invoked, and are not made yet
                if not made >> (checked - first) & 1:
                    total += self.sales[checked].delta
                checked += 1
            if total > level.sold:
                return False
        return True

    def _due(self, sold: int) -> int:
        """Return the first return of a read that needs more sold."""
        return self.due[bisect_right(self.lows, sold)]

    def _following(self, first: int, made: int, sold: int) -> list[tuple[int, int, int]]:
        """Return the states one sale on, that of the first by rank at first."""
        place = bisect_right(self.numbers, sold)
        most = min(self.stock, self.numbers[place] if place < len(self.numbers) else self.stock) - sold
        back = self.sales[first].back if first < len(self.sales) else OPEN
        limit = min(back, self._due(sold))
        found = []
        for delta, indices in self.indices.items():
            if delta > most:
                continue
            for index in indices[bisect_left(indices, first) :]:
                if not made >> (index - first) & 1 and self.sales[index].invoke <= limit:
                    found.append(index)
                    break
        found.sort(key=self.ranks.__getitem__)
        return [self._after(first, made, index, sold) for index in found]

    def _after(self, first: int, made: int, index: int, sold: int) -> tuple[int, int, int]:
        made |= 1 << (index - first)
        ones = (~made & (made + 1)).bit_length() - 1
        return first + ones, made >> ones, sold + self.sales[index].delta
