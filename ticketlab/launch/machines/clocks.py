"""Clocks of several machines: how far each is from the lab's, and by how much that may be wrong.

Cristian, "Probabilistic clock synchronization" (Distributed Computing 3, 1989): the lab asks for the time of another
clock. The answer was given at some moment between the question and its arrival, so half the round trip bounds the error
of taking it for the time in the middle. Of several questions the quickest is the best. A clock may also run faster or
slower than the lab's, so it is asked before a race and after it, and the bounds hold for both.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic_ns
from typing import Final, NamedTuple

_QUESTIONS: Final = 20


class ClockOffset(NamedTuple):
    """How far a clock is ahead of the lab's: at least and at most, in nanoseconds."""

    least: int
    most: int

    @property
    def middle(self) -> int:
        """The offset that is wrong by `error` at most."""
        return (self.least + self.most) // 2

    @property
    def error(self) -> int:
        """By how much `middle` may be wrong, rounded up."""
        return (self.most - self.least + 1) // 2

    def here(self, there: int) -> int:
        """Return a time of the clock as a time of the lab's clock, which is wrong by `error` at most."""
        return there - self.middle

    def there(self, here: int) -> int:
        """Return a time of the lab's clock as one of the clock's."""
        return here + self.middle

    def spanning(self, other: ClockOffset) -> ClockOffset:
        """Return bounds that hold where either holds: the clock may have run from one to the other."""
        return ClockOffset(min(self.least, other.least), max(self.most, other.most))


def measure_offset(ask: Callable[[], int], clock: Callable[[], int] = monotonic_ns) -> ClockOffset:
    """Return how far the clock that `ask` reads is ahead of the lab's."""
    answers = [_answer(ask, clock) for _ in range(_QUESTIONS)]
    return min(answers, key=lambda offset: offset.most - offset.least)


def _answer(ask: Callable[[], int], clock: Callable[[], int]) -> ClockOffset:
    asked = clock()
    theirs = ask()
    answered = clock()
    return ClockOffset(theirs - answered, theirs - asked)
