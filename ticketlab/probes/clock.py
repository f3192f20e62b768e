"""Time: sleeps and clocks in virtual time."""

from __future__ import annotations

import datetime
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from inspect import isabstract
from types import ModuleType
from typing import Any, Final

from ticketlab.core import pacing
from ticketlab.core.pacing import BLOCKED
from ticketlab.core.steps import Action, Step
from ticketlab.probes.here import HERE, probed
from ticketlab.probes.kind import ProbeKind
from ticketlab.probes.polling.spins import POLLING, outside_lab
from ticketlab.probes.standins import StandIn
from ticketlab.probes.waiting import SLEPT, wait_for

_NANO: Final = 1_000_000_000
_real: Final = datetime.datetime
_real_sleep: Final = time.sleep
_LATER: Final = 1e-6  # seconds; an event loop does nothing at the very moment for which it was told to
_OF_LOOP: Final = 1  # file that a loop has for itself; all others are somebody else's as well
_IN_LOOP: Final = "something in its event loop"


class LeadingClock:
    """What the clock on the wall shows where the leading process calls what is the user's: `reset` and conditions.

    It has to agree with the participants' clocks, and to show the same in every execution. A reading takes a little
    time, so that no two are alike, and a sleep takes its own.
    """

    def __init__(self) -> None:
        self._time: float | None = None

    @property
    def shows(self) -> bool:
        """Whether what is the user's is being called."""
        return self._time is not None and not HERE.acting

    @contextmanager
    def showing(self, beginning: float) -> Iterator[None]:
        """Show virtual time for a while, from `beginning` on, in seconds."""
        self._time = beginning
        try:
            yield
        finally:
            self._time = None

    def take(self, seconds: float) -> float:
        """Let time pass, and return what the clock shows then."""
        self._time = (self._time or 0.0) + seconds
        return self._time


LEADING: Final = LeadingClock()


def _standing_in(original: Callable[..., Any], probe: Callable[..., Any], lead: Callable[..., Any]) -> StandIn:
    """Return the stand-in of a call that `lead` answers for the leading process."""
    participants = probed(original, probe)

    @wraps(original)
    def standin(*args: Any) -> Any:
        return lead(*args) if LEADING.shows else participants(*args)

    return StandIn(original, standin)


def _sleep_leading(seconds: float, /) -> None:
    _real_sleep(seconds)
    LEADING.take(seconds)


def _sleep(seconds: float, /) -> None:
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    pacing.note(SLEPT, HERE.who)
    POLLING.sleeps(seconds, sys._getframe())
    pacing.sleep(seconds)


def _now(*, wall: bool) -> float:
    POLLING.looked(sys._getframe())
    return pacing.now(wall=wall)


def _seconds(*, wall: bool) -> Callable[[], float]:
    return lambda: _now(wall=wall)


def _nanoseconds(*, wall: bool) -> Callable[[], int]:
    return lambda: round(_now(wall=wall) * _NANO)


def _selecting(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return the probe of what an event loop of asyncio's waits by: if it waits for nothing but time, it sleeps."""

    def probe(selector: Any, timeout: float | None = None) -> Any:
        caller = outside_lab(sys._getframe())
        if caller is None or caller.f_globals.get("__name__") != "asyncio.base_events":
            return original(selector, timeout)
        ready = original(selector, 0 if len(selector.get_map()) <= _OF_LOOP else timeout)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if timeout is None:
            return wait_for(Step(Action.AWAIT, _IN_LOOP), lambda: original(selector, 0) or BLOCKED)
        pacing.note(SLEPT, HERE.who)
        pacing.sleep(timeout + _LATER)
        return original(selector, 0)

    return probe


class _AnyDatetime(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _real)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, _real)


class _Datetime(datetime.datetime, metaclass=_AnyDatetime):
    """`datetime.datetime` for modules of the user's: its clock is a participant's own, what it makes is ordinary."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return _real(*args, **kwargs)

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Any:
        """Return virtual time in a participant, and where what is the user's is called."""
        if HERE.acts():
            return _real.fromtimestamp(_now(wall=True), tz)
        return _real.fromtimestamp(LEADING.take(_LATER), tz) if LEADING.shows else _real.now(tz)

    @classmethod
    def utcnow(cls) -> Any:
        """Return virtual time in a participant."""
        return cls.now(datetime.UTC).replace(tzinfo=None)

    @classmethod
    def today(cls) -> Any:
        """Return virtual time in a participant."""
        return cls.now()


def _module() -> ModuleType:
    """Return the module that stands in for `datetime`; who pickles a time looks it up in the real one."""
    module = ModuleType("datetime", datetime.__doc__)
    vars(module).update({**vars(datetime), "datetime": _Datetime})
    return module


def _selectors() -> ModuleType:
    import selectors  # only a search of a plain function needs it

    return selectors


def _standins() -> Sequence[StandIn]:
    pairs: list[tuple[Any, Any]] = [
        (time.monotonic, _seconds(wall=False)),
        (time.monotonic_ns, _nanoseconds(wall=False)),
        (time.perf_counter, _seconds(wall=False)),
        (time.perf_counter_ns, _nanoseconds(wall=False)),
    ]
    kinds: list[Any] = [each for each in vars(_selectors()).values() if isinstance(each, type) and not isabstract(each)]
    waits = [(kind, kind.select) for kind in kinds if "select" in vars(kind)]
    return [
        _standing_in(time.sleep, _sleep, _sleep_leading),
        _standing_in(time.time, _seconds(wall=True), lambda: LEADING.take(_LATER)),
        _standing_in(time.time_ns, _nanoseconds(wall=True), lambda: round(LEADING.take(_LATER) * _NANO)),
        *(StandIn(original, probed(original, probe)) for original, probe in pairs),
        *(StandIn(select, probed(select, _selecting(select)), kind, "select") for kind, select in waits),
        StandIn(_real, _Datetime, users=True),
        StandIn(datetime, _module(), users=True),
    ]


KIND = ProbeKind(
    name="clock",
    summary="time.sleep, time.time and the other clocks, datetime.now, what event loops sleep by",
    standins=_standins,
    begin=POLLING.begin,
)
