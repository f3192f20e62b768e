"""The calling process as probes see it: whether a participant is at work in it, and what the files are that it touches.

There is one `HERE` in each process; a forked participant has its own copy. It acts only between `begin` and `end` of a
participant's call, in that participant's own thread, and outside the probes themselves: everybody else gets the
originals.
"""

from __future__ import annotations

import os
from _thread import get_ident
from collections.abc import Callable
from functools import wraps
from time import time
from typing import Any, ParamSpec, TypeVar, cast

from greenlet import getcurrent, greenlet

from ticketlab.probes.descriptors import Descriptors
from ticketlab.probes.resources import Resources

_real_time = time

P = ParamSpec("P")
R = TypeVar("R")


class Here:
    """The calling process. `begins` and `ends` hold what probe families do as a participant's call begins and ends."""

    __slots__ = ("_numbers", "acting", "began", "begins", "descriptors", "ends", "owner", "resources")

    def __init__(self) -> None:
        self.acting = False
        self.owner = 0
        self.began = 0.0  # in real time
        self._numbers: dict[greenlet, int] = {}
        self.begins: list[Callable[[], None]] = []
        self.ends: list[Callable[[], None]] = []
        self.resources = Resources()
        self.descriptors = Descriptors(self.resources)

    def begin(self, who: int) -> None:
        """Have a participant begin its part of an execution."""
        self.owner = get_ident()
        self.began = _real_time()
        self._numbers[getcurrent()] = who
        for begin in self.begins:
            begin()
        self.acting = True

    def end(self) -> None:
        """Have it end; what it leaves open ends as it would with its process."""
        try:
            for end in self.ends:
                end()
        finally:
            self.acting = False

    def rest(self) -> None:
        """Take no part."""
        self.acting = False

    @property
    def who(self) -> int:
        """The participant that is at work; several may be in one process, each in a greenlet of its own."""
        return self._numbers[getcurrent()]

    def acts(self) -> bool:
        """Whether the caller is a participant at work."""
        return self.acting and get_ident() == self.owner


HERE = Here()
os.register_at_fork(after_in_child=HERE.rest)  # a process that a participant forks for itself is no participant


def probed(original: Callable[..., Any], probe: Callable[P, R]) -> Callable[P, R]:
    """Return what stands in for a function: the probe for a participant at work, else the original.

    The probe itself calls the originals. Where it is broken off for good, the participant's clean-up is no longer
    anybody's step.
    """

    @wraps(original)
    def standin(*args: Any, **kwargs: Any) -> Any:
        if not HERE.acting or get_ident() != HERE.owner:
            return original(*args, **kwargs)
        HERE.acting = False
        try:
            result = probe(*args, **kwargs)
        except Exception:
            HERE.acting = True
            raise
        HERE.acting = True
        return result

    return cast("Callable[P, R]", standin)
