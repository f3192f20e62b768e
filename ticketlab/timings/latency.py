"""Simulated latency: each read, write, commit or message takes a fixed time, or one drawn from a range."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final, Literal, TypeVar

from ticketlab.core.duration import SECONDS
from ticketlab.core.errors import UsageError, unknown_name
from ticketlab.core.pacing import Blocked, Pacer
from ticketlab.core.steps import Action, Step

T = TypeVar("T")

_GROUPS: Final[Mapping[str, frozenset[Action]]] = {
    "read": frozenset({Action.READ}),
    "write": frozenset({Action.WRITE, Action.TRUNCATE, Action.RENAME}),
    "commit": frozenset({Action.COMMIT}),
    "send": frozenset({Action.SEND}),
}
_LONGEST_SECONDS: Final = 3600.0
_NUMBER: Final = rf"(\d+(?:\.\d+)?)({'|'.join(SECONDS)}|)"
_RANGE: Final = re.compile(rf"{_NUMBER}(?:-{_NUMBER})?")


def time_range(text: str, what: str, example: str) -> tuple[float, float]:
    """Read `100ms` or `0-1s` as a lowest and a highest number of seconds; the last unit holds for both numbers.

    Raises:
        UsageError: the text is no duration, has no unit (only 0 needs none), runs backwards, or is over an hour.
    """
    found = _RANGE.fullmatch(text)
    if found is None:
        raise UsageError(f"{what} is not a duration: write {example}")
    low, low_unit, high, high_unit = found.groups()
    if high is None:
        high, high_unit = low, low_unit
    if not high_unit and float(high):
        raise UsageError(f"{what} has no unit: write {high}ms or {high}s at its end")
    lowest = float(low) * SECONDS[low_unit or high_unit or "s"]
    highest = float(high) * SECONDS[high_unit or "s"]
    if lowest > highest:
        raise UsageError(f"{what} runs backwards: the lower bound comes first")
    if highest > _LONGEST_SECONDS:
        raise UsageError(f"{what} is too long: an hour is the most")
    return lowest, highest


@dataclass(frozen=True, slots=True)
class Latency:
    """How long each group of steps takes (read, write, commit, send): a lowest and a highest number of seconds."""

    ranges: Mapping[str, tuple[float, float]]

    @classmethod
    def parse(cls, text: str) -> Latency:
        """Read `read=100ms,write=0-1s`; a unit at the end of a range holds for both of its numbers.

        Raises:
            UsageError: a group is unknown, or a duration is not a number with its unit.
        """
        ranges = {}
        for part in filter(None, text.split(",")):
            group, _, duration = part.partition("=")
            if group not in _GROUPS:
                raise unknown_name("kind of latency", group, _GROUPS)
            ranges[group] = time_range(duration, f"latency {part!r}", f"{group}=100ms or {group}=0-1s")
        return cls(ranges)

    def __str__(self) -> str:
        return ",".join(
            f"{group}={low:g}s" if low == high else f"{group}={low:g}-{high:g}s"
            for group, (low, high) in self.ranges.items()
        )

    def pace(self, seed: int, participant: int, below: Pacer) -> Pacer:
        """Return the pacer of one participant; its delays depend only on the seed and the participant's number."""
        return DelayingPacer(self, Random(f"latency/{seed}/{participant}"), below) if self.ranges else below


class DelayingPacer:
    """A pacer that sleeps before each step, then passes it on to the pacer `below`."""

    def __init__(self, latency: Latency, draw: Random, below: Pacer) -> None:
        self._latency = latency
        self._ranges = {action: bounds for group, bounds in latency.ranges.items() for action in _GROUPS[group]}
        self._draw = draw
        self._below = below
        self.may_wait = below.may_wait

    def _delay(self, step: Step) -> None:
        if not step.continuation and (bounds := self._ranges.get(step.action)) is not None:
            self._below.sleep(self._draw.uniform(*bounds))

    def at(self, step: Step) -> None:
        """Sleep, then pass the point."""
        self._delay(step)
        self._below.at(step)

    def block(self, step: Step, attempt: Callable[[], T | Literal[Blocked.BLOCKED]], wait: Callable[[], T]) -> T:
        """Sleep, then wait."""
        self._delay(step)
        return self._below.block(step, attempt, wait)

    def sleep(self, seconds: float) -> None:
        """Pass the call on."""
        self._below.sleep(seconds)

    def now(self, *, wall: bool) -> float:
        """Pass the call on."""
        return self._below.now(wall=wall)

    def note(self, what: str, value: int | str) -> None:
        """Pass the call on."""
        self._below.note(what, value)

    def made(self, step: Step) -> None:
        """Hand on."""
        self._below.made(step)

    def for_fork(self) -> Pacer:
        """Return a pacer that delays the child's steps too, by draws that go on from here."""
        return DelayingPacer(self._latency, self._draw, self._below.for_fork())
