"""The calling process as probes see it: whether a participant is at work in it, and what the files are that it touches.

There is one `HERE` in each process; a forked participant has its own copy. It acts only between `begin` and `end` of a
participant's call, in that participant's own thread, and outside the probes themselves: everybody else gets the
originals.
"""

from __future__ import annotations

import gc
import os
from _thread import get_ident
from collections.abc import Callable, Sequence
from functools import wraps
from time import time
from typing import Any, Final, ParamSpec, TypeVar, cast

from greenlet import getcurrent, greenlet

from ticketlab.core import mutants
from ticketlab.core.pacing import OUT_OF_SIGHT, moving, note
from ticketlab.probes.file_system.descriptors import Descriptors
from ticketlab.probes.file_system.resources import Resources
from ticketlab.probes.shared.registry import SharedObjects
from ticketlab.probes.standins import StandIn

_real_time = time
_MOST_GARBAGE: Final = 100_000  # objects, until Python looks for circles of them that nobody refers to any more

P = ParamSpec("P")
R = TypeVar("R")


class Here:
    """The calling process. `begins` and `ends` hold what probe families do as a participant's call begins and ends."""

    __slots__ = (
        "_inside",
        "_numbers",
        "acting",
        "began",
        "begins",
        "descriptors",
        "ends",
        "kept",
        "owner",
        "resources",
        "shared",
        "standins",
    )

    def __init__(self) -> None:
        self.acting = False
        self._inside = set[greenlet]()  # the participants that are in the middle of a call
        self.owner = 0
        self.began = 0.0  # in real time
        self._numbers: dict[greenlet, int] = {}
        self.begins: list[Callable[[], None]] = []
        self.ends: list[Callable[[], None]] = []
        self.kept: list[str] = []  # what of a function nothing can stand in for, and that it is not seen
        self.standins: Sequence[StandIn] = ()  # those of the search that goes on
        self.resources = Resources()
        self.descriptors = Descriptors(self.resources)
        self.shared = SharedObjects()

    def begin(self, who: int) -> None:
        """Have a participant begin its part of an execution."""
        if not self._inside and gc.get_count()[0] > _MOST_GARBAGE:
            gc.collect()  # now nobody takes a step by what ends then
        self.owner = get_ident()
        self._inside.add(getcurrent())
        self.began = _real_time()
        self._numbers[getcurrent()] = who
        for begin in self.begins:
            begin()
        for told in (*self.kept, *self.shared.blind):
            note(OUT_OF_SIGHT, told)
        self.acting = True

    def go_on(self) -> None:
        """Have the caller, a participant, be at work again after a probe; meanwhile others may have been."""
        self.acting, self.owner = True, get_ident()

    def finish(self) -> None:
        """Do, as a participant whose call is over, what its process would still do."""
        self.acting = False
        self.shared.end()
        self.go_on()

    def end(self) -> None:
        """Have it end; what it leaves open ends as it would with its process."""
        try:
            for end in self.ends:
                end()
        finally:
            self.rest()

    def rest(self) -> None:
        """Take no part."""
        self.acting = False
        self._inside.discard(getcurrent())

    @property
    def broken_off(self) -> bool:
        """Whether the caller is a participant whose execution was broken off, and that is on its way out."""
        return not self.acting and moving() is None and getcurrent() in self._inside

    @property
    def called(self) -> str:
        """How people call the participant that is at work."""
        return f"{self.shared.participant} {self.who}"

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
        mutator = mutants.mutator()
        try:
            result = probe(*args, **kwargs) if mutator is None else mutator.call(original, probe, args, kwargs)
        except Exception:
            HERE.go_on()
            raise
        HERE.acting, HERE.owner = True, get_ident()
        return result

    return cast("Callable[P, R]", standin)


PASSED_ON: Final = probed(len, len).__code__
"""The code of all that `probed` returns: what it calls for somebody else is no doing of the lab's."""


class BrokenOff(BaseException):
    """Ends a participant whose execution was broken off wherever it uses what is shared on its way out."""


def shared_probe(original: Callable[..., Any], probe: Callable[..., Any]) -> Callable[..., Any]:
    """Return what stands in for a function that changes shared objects; on the way out it does nothing any more."""
    standin = probed(original, probe)

    @wraps(original)
    def unless_broken_off(*args: Any, **kwargs: Any) -> Any:
        if HERE.broken_off:
            raise BrokenOff
        return standin(*args, **kwargs)

    return unless_broken_off


def of_known(original: Callable[..., Any], probe: Callable[..., Any]) -> Callable[..., Any]:
    """Return what stands in for a method of shared objects; one that a participant made itself is nobody else's."""

    def of_known(value: Any, *args: Any, **kwargs: Any) -> Any:
        found = HERE.shared.of(value) or HERE.shared.adopt_late(value, HERE.who)
        if found is None:
            return original(value, *args, **kwargs)
        found.touch()
        return probe(value, *args, **kwargs)

    return shared_probe(original, of_known)


def of_object(original: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Return what stands in for a method: that of the same name of what the lab takes the object for."""
    return of_known(original, lambda value, *args, **kwargs: getattr(HERE.shared.of(value), name)(*args, **kwargs))
