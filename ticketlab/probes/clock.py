"""Time: sleeps and clocks in virtual time."""

from __future__ import annotations

import datetime
import sys
import time
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, Final

from ticketlab.core import pacing
from ticketlab.probes.here import HERE, probed
from ticketlab.probes.kind import ProbeKind
from ticketlab.probes.polling.spins import POLLING
from ticketlab.probes.standins import StandIn
from ticketlab.probes.waiting import SLEPT

_NANO: Final = 1_000_000_000
_real: Final = datetime.datetime


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
        """Return virtual time in a participant."""
        return _real.fromtimestamp(_now(wall=True), tz) if HERE.acts() else _real.now(tz)

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


def _standins() -> Sequence[StandIn]:
    pairs: list[tuple[Any, Any]] = [
        (time.sleep, _sleep),
        (time.time, _seconds(wall=True)),
        (time.time_ns, _nanoseconds(wall=True)),
        (time.monotonic, _seconds(wall=False)),
        (time.monotonic_ns, _nanoseconds(wall=False)),
        (time.perf_counter, _seconds(wall=False)),
        (time.perf_counter_ns, _nanoseconds(wall=False)),
    ]
    return [
        *(StandIn(original, probed(original, probe)) for original, probe in pairs),
        StandIn(_real, _Datetime, users=True),
        StandIn(datetime, _module(), users=True),
    ]


KIND = ProbeKind(
    name="clock",
    summary="time.sleep, time.time and the other clocks, datetime.now",
    standins=_standins,
    begin=POLLING.begin,
)
