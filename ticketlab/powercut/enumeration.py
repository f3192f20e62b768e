"""Every disk state of a family that a recovery can tell apart.

A recovery that is run on one state tells which choices it has looked at; by all others it cannot be swayed. So its
verdict holds for all states that agree in the choices it has looked at. The states that are left are those that differ
in one of these: in the first, or not in the first but in the second, and so on. Each of these parts is explored in the
same way. The parts do not overlap and nothing is left out, so the search is exhaustive, though most states are never
laid out. (For persistent memory: Gorjiara et al., "Jaaru: Efficiently Model Checking Persistent Memory Programs",
ASPLOS 2021.) States that have lost fewer choices come first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from ticketlab.powercut.choices import DiskFamily

Chosen = tuple[int, ...]
LooksAt = Callable[[Chosen], Collection[int]]
"""Judges one state of a family, and returns the numbers of the choices that its recovery looked at."""


@dataclass(slots=True)
class Covered:
    """How much of a family was covered: how many states were judged, and how many parts were left when it ended."""

    judged: int = 0
    left: int = 0


def cover(family: DiskFamily, judge: LooksAt, goes_on: Callable[[], bool]) -> Covered:
    """Have states judged until every state of the family is covered, or it does not go on."""
    newest, counts = family.newest, [choice.ways for choice in family.choices]
    parts: deque[Mapping[int, int]] = deque([{}])
    covered = Covered()
    while parts and goes_on():
        fixed = parts.popleft()
        looked = judge(_complete(newest, fixed))
        covered.judged += 1
        kept = dict(fixed)
        for place in sorted(set(looked) - fixed.keys()):
            parts += [kept | {place: value} for value in range(counts[place]) if value != newest[place]]
            kept[place] = newest[place]
    covered.left = len(parts)
    return covered


def _complete(newest: Sequence[int], fixed: Mapping[int, int]) -> Chosen:
    return tuple(fixed.get(place, value) for place, value in enumerate(newest))
