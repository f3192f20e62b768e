"""The seam for mutants: what takes a guard away, or weakens it, while the code that uses the guard stays as it is.

A guard is what keeps others out, or what looks again: a lock, a transaction, a compare-and-set, a second look. Whoever
offers one asks here what to do instead; without a mutator, nothing is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class GuardUse:
    """One use of a guard: its `kind` in words, and a `key` that tells it from others of the same participant.

    `take` takes it and may wait, `attempt` takes it without waiting and returns whether it was free, `give` gives it
    back before its time. `skipped` is what `take` returns.
    """

    kind: str
    key: object
    take: Callable[[], Any]
    attempt: Callable[[], bool] | None = None
    give: Callable[[], object] | None = None
    skipped: Any = None


class Mutator(Protocol):
    """What decides about guards."""

    def call(self, original: Callable[..., Any], probe: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Make a call of a function that a probe stands in for; return what comes of it."""

    def enter(self, use: GuardUse) -> Any:
        """Take a guard, or do not; return what `take` returns."""

    def leave(self, key: object, give: Callable[[], Any], skipped: Any = None) -> Any:
        """Give back a guard that may not have been taken; return what `give` returns."""

    def replace(self, kind: str, do: Callable[[], Any], instead: Callable[[], Any]) -> Any:
        """Do what a guard does in one call, or what the same call would do without it."""

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return a participant's call with what this has to know of it."""


_mutator: Mutator | None = None


def mutator() -> Mutator | None:
    """Return the mutator of this process, if there is one."""
    return _mutator


@contextmanager
def mutated_by(one: Mutator) -> Iterator[None]:
    """Install a mutator, also for the processes that are forked from this one, until the context ends."""
    global _mutator
    before, _mutator = _mutator, one
    try:
        yield
    finally:
        _mutator = before


def around(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return a participant's call as the mutator wants it, if there is one."""
    return call if _mutator is None else _mutator.around(call)
