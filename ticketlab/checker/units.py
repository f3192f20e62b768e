"""The unit-order method: counters whose sales all have one size, judged exactly in O(n log n).

**The question.** A section has `stock` tickets; every sale takes `size` of them. The *level* is the number of sales
that have taken effect. A search that returned `v` saw the level (stock - v) / size. A refusal of n tickets saw a level
of at least ceil((stock - n + 1) / size), since fewer than n tickets were left. The level never exceeds cap = stock //
size. A history is linearizable if every operation can be given a point within its closed interval (from invocation to
return) such that all of this holds in the order of the points, those of equal points being ordered at will. (Closed:
operations that share an instant are concurrent, as coarse clocks demand.) Sales that never returned may take a
point at any time after their invocation, or none.

**Slots and windows.** Let t[k] be the point of the k-th sale in order. A search with level l, invoked at a and returned
at b, has a point iff t[l] <= b and t[l+1] >= a: some instant of [a, b] must lie between the l-th sale and the next. A
refusal that needs level q, returned at b, has one iff t[q] <= b: levels never fall. As t ascends, this amounts to a
window for each slot k, U and D ascending with k:

    D[k] <= t[k] <= U[k],   D[k] = max of a over searches with level < k,   U[k] = min of b over reads with level >= k.

(With points that satisfy these, order what shares an instant by level, a sale before the reads of its level.)

**Matching.** A sale with interval [i, r] can take slot k iff the two intervals meet: i <= U[k] and D[k] <= r. As U and
D ascend, the slots that a sale can take are consecutive: a convex bipartite graph. If slots 1..m are matched, choose a
common instant for each pair and sort these instants: the k-th smallest is >= D[k], since the m - k + 1 instants of
slots k..m all are, and <= U[k] likewise. So instants in order can be handed to slots in order, and each still belongs
to one sale. Hence: linearizable iff for some m <= cap that reaches the highest level seen, slots 1..m can be matched,
each to one sale, with every known sale matched.

**Greedy** (Glover 1967): fill slots in ascending order, each with the available sale (i <= U[k]) that returns first. A
sale that may or may not have happened has no return, so it is used only where no known sale is available. Exchange: if
a solution fills slot k with x where greedy takes y, and y has slot k' > k, swap them: y is available at k, and x can
take k', as it was available before and returns no earlier than y. If y has no slot, it is an unknown sale and so is x;
put y in its place. So greedy fails only where no solution exists, and stops at the smallest m.

**Contradictions** (minimal in the sense of `explain`; the tests remove each operation). In this order:

1. More than cap known sales: any cap + 1 of them.
2. Slot k with U[k] before the k-th smallest invocation: the read that set U[k], alone.
3. D[k] > U[k]: the two reads that set them.
4. Greedy takes, at slot k, a sale that returned before D[k] (for k = cap + 1, D is infinite). Let j - 1 be the last
   slot whose sale did not return before D[k] (or j = 1). At slot j - 1 greedy would have preferred any sale that did,
   so all k - j + 1 such sales taken since were invoked after U[j-1]: they lie between the read that set U[j-1], at
   level p >= j - 1 (p = 0 if j = 1), and the search that set D[k], at level q <= k - 1 (q = cap at the end). Already
   q + 1 - p of them are too many, as they end above q. Without one of them, or one of the reads, the rest fits.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import accumulate
from operator import gt

from ticketlab.checker.columns import OPEN, Columns

_NEVER = -1  # earlier than any invocation


@dataclass(frozen=True, slots=True)
class Units:
    """One section of a history, sorted into what the method needs; all lists hold rows but the two of levels."""

    columns: Columns
    stock: int
    size: int
    sales: list[int]
    maybes: list[int]
    searches: list[int]
    search_levels: list[int]
    refusals: list[int]
    refusal_levels: list[int]

    @property
    def cap(self) -> int:
        """The highest level there is."""
        return self.stock // self.size


@dataclass(frozen=True, slots=True)
class TooMany:
    """More known sales than tickets: `sales` is any cap + 1 of them."""

    sales: list[int]


@dataclass(frozen=True, slots=True)
class TooFew:
    """`read` saw at least `level` sales when no more than `possible` can have taken effect, until the time `until`.

    `until` is None where no later sale exists, so that the level is never reached.
    """

    read: int
    level: int
    possible: int
    until: int | None


@dataclass(frozen=True, slots=True)
class Between:
    """`early` saw at least `low` sales; then `sales` took place; then `late` saw `high`, fewer than that makes.

    `early` is None where `low` is 0, and `late` is None where `high` is all that there is to sell.
    """

    early: int | None
    low: int
    sales: list[int]
    late: int | None
    high: int


UnitsViolation = TooMany | TooFew | Between


class _Windows:
    """The windows D[k] to U[k] of slots 0..last + 1, and the reads that set them.

    There are no more than one slot above the number of all sales, whatever the stock: it can never be filled, so a read
    that needs it, or any above it, contradicts alike.
    """

    def __init__(self, units: Units) -> None:
        self.units = units
        self.last = min(units.cap, len(units.sales) + len(units.maybes) + 1)
        invoke, back = units.columns.invoke, units.columns.back
        until = [OPEN] * (self.last + 2)
        since = [_NEVER] * (self.last + 2)
        top = 0
        for row, seen in zip(units.searches, units.search_levels, strict=True):
            level = min(seen, self.last)
            if back[row] < until[level]:
                until[level] = back[row]
            if invoke[row] > since[level + 1]:
                since[level + 1] = invoke[row]
            if level > top:
                top = level
        for row, seen in zip(units.refusals, units.refusal_levels, strict=True):
            level = min(seen, self.last)
            if back[row] < until[level]:
                until[level] = back[row]
            if level > top:
                top = level
        self.top = top
        self.until = list(accumulate(reversed(until), min))[::-1]
        self.since = list(accumulate(since, max))

    def early(self, slot: int) -> tuple[int, int]:
        """Return a read that set U[slot], and its level; the highest level if several did."""
        units, back, found = self.units, self.units.columns.back, (_NEVER, _NEVER)
        for rows, levels in ((units.searches, units.search_levels), (units.refusals, units.refusal_levels)):
            for row, level in zip(rows, levels, strict=True):
                if level >= slot and back[row] == self.until[slot] and level > found[1]:
                    found = row, level
        return found

    def late(self, slot: int) -> tuple[int, int]:
        """Return a search that set D[slot], and its level; the lowest level if several did."""
        units, invoke = self.units, self.units.columns.invoke
        rows = zip(units.search_levels, units.searches, strict=True)
        level, row = min((level, row) for level, row in rows if level < slot and invoke[row] == self.since[slot])
        return row, level


def judge(units: Units) -> list[UnitsViolation]:
    """Return what contradicts in a section: nothing iff it is linearizable.

    Levels must be within 0..cap (for refusals, at least 1); the caller has dealt with reads of which none can be.
    """
    windows = _Windows(units)
    findings: list[UnitsViolation] = []
    if len(units.sales) > units.cap:
        back = units.columns.back
        findings.append(TooMany(sorted(units.sales, key=back.__getitem__)[: units.cap + 1]))
    more = _too_few(units, windows) or _backwards(windows) or _crowded(units, windows)
    return [*findings, more] if more else findings


def _too_few(units: Units, windows: _Windows) -> TooFew | None:
    invoke, top, until = units.columns.invoke, windows.top, windows.until
    begun = sorted(invoke[row] for row in (*units.sales, *units.maybes))
    if len(begun) >= top and not any(map(gt, begun, until[1 : top + 1])):
        return None
    slot = next(k for k in range(1, top + 1) if k > len(begun) or begun[k - 1] > until[k])
    row, level = windows.early(slot)
    return TooFew(row, level, slot - 1, begun[slot - 1] if slot <= len(begun) else None)


def _backwards(windows: _Windows) -> Between | None:
    last = windows.last
    if not any(map(gt, windows.since[: last + 1], windows.until[: last + 1])):
        return None
    slot = next(k for k in range(1, last + 1) if windows.since[k] > windows.until[k])
    early, low = windows.early(slot)
    late, high = windows.late(slot)
    return Between(early, low, [], late, high)


def _crowded(units: Units, windows: _Windows) -> Between | None:
    """Match sales to slots; a section that is oversold anyway has as many slots without a window as it needs."""
    invoke, back = units.columns.invoke, units.columns.back
    rows = sorted(units.sales, key=invoke.__getitem__)
    begins = [invoke[row] for row in rows]
    begins.append(OPEN + 1)
    ends = [back[row] for row in rows]
    since, until, n = windows.since, windows.until, len(rows)
    oversold = n > units.cap
    heap: list[int] = []
    following = 0
    for slot in range(1, windows.last + 1):
        limit = until[slot]
        while begins[following] <= limit:
            heappush(heap, ends[following])
            following += 1
        if heap:
            if heappop(heap) < since[slot]:
                return _explain(units, windows, rows, slot)
        elif following == n and slot > windows.top:
            return None  # no sale is left to place, and nothing asks for a higher level
    if oversold or (not heap and following == n):
        return None
    return _explain(units, windows, rows, units.cap + 1)


def _explain(units: Units, windows: _Windows, rows: list[int], fails: int) -> Between:
    """Repeat the matching up to the slot where it fails, and read the contradiction off it (point 4 above)."""
    back, invoke = units.columns.back, units.columns.invoke
    deadline = windows.since[fails] if fails <= units.cap else OPEN
    heap: list[tuple[int, int]] = []
    following, first = 0, 1
    crowd: list[int] = []
    for slot in range(1, fails + 1):
        limit = windows.until[slot] if slot <= units.cap else OPEN
        while following < len(rows) and invoke[rows[following]] <= limit:
            heappush(heap, (back[rows[following]], rows[following]))
            following += 1
        if heap:
            end, row = heappop(heap)
            if end < deadline:
                crowd.append(row)
                continue
        first, crowd = slot + 1, []
    early, low = windows.early(first - 1) if first > 1 else (None, 0)
    late, high = windows.late(fails) if fails <= units.cap else (None, units.cap)
    return Between(early, low, crowd[: high - low + 1], late, high)
