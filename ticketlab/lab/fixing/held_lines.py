"""A lock that the lab holds around lines of a function, which stay as they are.

Python tells a trace function of each line before it runs. At the first line of the stretch the participant takes the
lock, and at the first line outside it, or where the function is left, it gives it back, as a `with lock:` around these
lines would have it. To take and to give back are steps like any other, so a search knows who waits for whom, and finds
a deadlock that the lock would bring.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from types import FrameType
from typing import Any, Literal

from ticketlab.core import pacing
from ticketlab.core.pacing import BLOCKED, Blocked
from ticketlab.core.steps import Action, Step
from ticketlab.core.system.own_memory import own_memory
from ticketlab.lab.fixing.stretches import CodePlace, Stretch
from ticketlab.lab.plain.function import PlainFunction
from ticketlab.probes.here import probed


def with_lock_held(plain: PlainFunction, stretch: Stretch) -> PlainFunction:
    """Return a function whose participants hold one lock on the lines of a stretch; it is free when they begin."""
    lock = _LinesLock(stretch)
    reset = before(plain.reset, lock.free) if plain.reset else lock.free
    return replace(plain, name=plain.title, function=_holding(plain.function, lock), reset=reset)


def before(function: Callable[..., Any], first: Callable[[], object]) -> Callable[..., Any]:
    """Return a function that calls another one first, and asks for the same parameters."""

    @wraps(function)
    def both(*args: Any, **kwargs: Any) -> Any:
        first()
        return function(*args, **kwargs)

    both.__module__ = __name__  # what it can come to is what the function can, and nothing of this module
    return both


def _holding(function: Callable[..., Any], lock: _LinesLock) -> Callable[..., Any]:
    @wraps(function)
    def holding(*args: Any, **kwargs: Any) -> Any:
        return _LineHolder(lock).call(function, *args, **kwargs)

    holding.__module__ = __name__
    return holding


class _LinesLock:
    """A lock in memory that all participants share, wherever they are."""

    def __init__(self, stretch: Stretch) -> None:
        self.stretch = stretch
        self._taken = own_memory(1)
        name = f"the lock {stretch.shown}"
        self._taking = Step(Action.ACQUIRE, name, excludes=True, in_memory=True)
        self._giving = Step(Action.RELEASE, name, in_memory=True)
        self.take = probed(_nothing, self._take)
        self.give = probed(_nothing, self._give)

    def free(self) -> None:
        """Take it away from whoever has it."""
        self._taken[0] = 0

    def _take(self) -> None:
        pacing.block(self._taking, self._attempt, self._attempt)

    def _attempt(self) -> Literal[True, Blocked.BLOCKED]:
        if self._taken[0]:
            return BLOCKED
        self._taken[0] = 1
        return True

    def _give(self) -> None:
        pacing.at(self._giving)
        self._taken[0] = 0


class _LineHolder:
    """One participant's call of a function; the lock is taken once, however often the function calls itself."""

    def __init__(self, lock: _LinesLock) -> None:
        self._lock = lock
        self._inside: list[FrameType] = []

    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        before = sys.gettrace()
        sys.settrace(self._on_call)
        try:
            return function(*args, **kwargs)
        finally:
            sys.settrace(before)
            self._inside.clear()

    def _on_call(self, frame: FrameType, _event: str, _arg: Any) -> Callable[..., Any] | None:
        code = frame.f_code
        if code.co_firstlineno != self._lock.stretch.place.first or place_of(frame) != self._lock.stretch.place:
            return None
        frame.f_trace_lines = True
        return self._on_line

    def _on_line(self, frame: FrameType, event: str, _arg: Any) -> Callable[..., Any]:
        stretch = self._lock.stretch
        stands_inside = event != "return" and stretch.first <= frame.f_lineno <= stretch.last
        if event in ("line", "return") and stands_inside != (frame in self._inside):
            if stands_inside:
                if not self._inside:
                    self._lock.take()
                self._inside.append(frame)
            else:
                self._inside.remove(frame)
                if not self._inside:
                    self._lock.give()
        return self._on_line


def place_of(frame: FrameType) -> CodePlace:
    """Return the function that a frame runs."""
    return CodePlace(frame.f_code.co_filename, frame.f_code.co_name, frame.f_code.co_firstlineno)


def _nothing() -> None:
    """Do nothing: whoever takes no part in a search holds no lock."""
