"""Noise: whether a change between two measurements can be told from the spread of their rounds.

A change is *shown* to be beyond a limit if every round of one measurement is beyond every round of the other by more
than the limit: if even the smallest ratio of a round now to a round then exceeds it. This is the rank test of Wilcoxon
(1945) and Mann and Whitney (1947) at its strictest, U = 0. It asks nothing of how rounds are distributed: if nothing
has changed, n rounds then and m rounds now come in each of the (n + m choose n) orders equally often, and at most one
of these shows a change.

Rounds of one measurement are minutes or days apart from those of the other, and meanwhile the machine may have become
busier. So each measurement also races the same reference in every round, and a change has to be shown both as it is
and beside the reference: with the value of each round divided by that of the reference in the same round.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb, inf
from typing import Final

ERROR: Final = 0.01
"""How often, at most, a comparison in which nothing has changed may show a change."""
MEASURED_AGAIN: Final = 4
"""Before a change counts, there are so many times the rounds that were asked for."""
_LEAST_ROUNDS: Final = 20
"""And never fewer rounds than these."""

Interval = tuple[float, float]
"""The smallest and the largest change of a round now from a round then, as shares: (-0.1, 0.2)."""


def change_interval(now: Sequence[float], then: Sequence[float]) -> Interval:
    """Return the changes that the rounds leave possible."""
    return _change(min(now), max(then)), _change(max(now), min(then))


def beside(values: Sequence[float], reference: Sequence[float]) -> list[float] | None:
    """Return each round's value as a multiple of the reference's; None if the reference's is unknown, or 0.

    If it is not known which rounds belong together, these are the smallest and the largest multiple.
    """
    if not values or not reference or not all(reference):
        return None
    if len(values) == len(reference):
        return [value / other for value, other in zip(values, reference, strict=True)]
    return [min(values) / max(reference), max(values) / min(reference)]


def noise(interval: Interval) -> float:
    """Return half the width of an interval, as a share: 0.1 for changes from -5 % to +15 %."""
    return (interval[1] - interval[0]) / 2


def rounds_to_fail(rounds: int) -> int:
    """Return how many rounds have to show a change before it counts, if so many rounds were asked for."""
    return max(MEASURED_AGAIN * rounds, _LEAST_ROUNDS)


def can_fail(then: int, now: int, tests: int) -> bool:
    """Whether so many rounds are enough for so many tests of one comparison, with `ERROR` for all of them together."""
    return tests <= ERROR * comb(then + now, now)


def _change(after: float, before: float) -> float:
    """Return a change as a share; what was 0 and is not has grown without bounds."""
    if before:
        return after / before - 1
    return inf if after else 0.0
