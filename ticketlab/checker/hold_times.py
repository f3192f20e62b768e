"""Whether an order of operations with holds is possible in exact time: each hold ends exactly its length after it.

The search for an order (`search`, `timed_holds`) places holds and their lapses within intervals of their own. That a
lapse comes exactly the hold's length after the hold is a system of differences between instants, and has a solution
unless some cycle of it is negative (Bellman and Ford). This check of one order is sufficient only: if it fails, another
order may be possible.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ticketlab.checker.columns import OPEN

if TYPE_CHECKING:
    from ticketlab.checker.search import CallInterval

_Bound = tuple[int, int, int]
"""Two instants by number, and the least number of nanoseconds from the first to the second."""


def possible_in_time(clock_error_ns: int, order: Sequence[Sequence[CallInterval]]) -> bool:
    """Whether instants can be found for an order: groups of one operation and the reads that follow it.

    The first group has only reads. A hold may end by `clock_error_ns` earlier or later than its length says.
    """
    windows = list(_windows(order))
    changes = [group[0] if number else None for number, group in enumerate(order)]
    bounds = [(number, number + 1, 0) for number in range(len(order))]
    for number, change in enumerate(changes):
        if change is not None and change.call.op == "hold" and change.call.result != "soldout":
            bounds += _of_hold(clock_error_ns, changes, number, change)
    times = [low for low, _ in windows]
    for _ in range(len(times) + 1):
        later = [(second, times[first] + least) for first, second, least in bounds]
        moved = False
        for second, time in later:
            if time > times[second]:
                times[second], moved = time, True
        if not moved:
            return all(time <= high for time, (_, high) in zip(times, windows, strict=True))
    return False


def _windows(order: Sequence[Sequence[CallInterval]]) -> Iterator[tuple[int, int]]:
    """Yield the earliest and the latest instant of each group's operation, and of the end."""
    begin = 0
    for number, group in enumerate(order):
        first, reads = (group[:1], group[1:]) if number else ((), group)
        yield max([begin, *(o.invoke for o in first)]), min([OPEN, *(o.back for o in (*first, *reads))])
        begin = max((o.invoke for o in reads), default=0)
    yield begin, OPEN


def _of_hold(
    clock_error_ns: int, changes: Sequence[CallInterval | None], placed: int, hold: CallInterval
) -> Iterator[_Bound]:
    """Yield the bounds of a hold: it is used before its time is over, or ends exactly then, or stands at the end."""
    length, name = hold.call.arg[1], hold.call.result
    used = over = len(changes)
    for number in range(len(changes) - 1, placed, -1):
        change = changes[number]
        assert change is not None
        if change.call.op in ("confirm", "cancel") and change.call.arg == name:
            used = number
        elif change.lapse and change.row == hold.row:
            over = number
    if over < used:
        yield placed, over, length - clock_error_ns
    yield min(used, over), placed, -length - clock_error_ns
