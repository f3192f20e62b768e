"""Time: sleeps last exactly so long, and readings of the clock are virtual; see `gate.calls.told`.

A reading makes no call. The gate keeps a thread's time in a row of the process's own memory, and moves it on when the
thread sleeps, has waited, or makes a step after others whose time is later. Each reading takes a microsecond more, so
that whoever measures how long something took gets a time above zero. Who reads again and again, and neither sleeps nor
waits, is waiting for a moment to come: its readings take longer and longer, so that it comes soon.
"""

from __future__ import annotations

import atexit
import posix
import time
from _thread import _local
from array import array

from .telling import is_quiet, tell, wraps

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from collections.abc import Callable
    from typing import Any, Final

_BEGINNING: Final = 1_767_225_600  # 2026-01-01, 00:00 UTC
"""What the clock on the wall shows when an execution begins, in seconds."""
_UP: Final = 100_000
"""What the clocks that never jump show then, in seconds."""
_SECOND: Final = 1_000_000_000  # ns
_READING: Final = 1_000  # ns, which a reading takes
_FREE, _DOUBLES, _MOST_DOUBLED = 4096, 512, 16  # readings in a row, and in how many more they take twice as long
_TOLD, _LAST, _COUNT = range(3)  # a row: the time by the gate, that of the last reading, and how many there were

_rows: Final = _local()
_kept: Final[list[Any]] = []
"""All rows: the gate writes to one as long as its thread makes calls."""


def _now() -> int | None:
    """Return how late it is by the calling thread's clock, in nanoseconds from the beginning; None if it is real."""
    try:
        row = _rows.row
    except AttributeError:
        row = _begin()
        if row is None:
            return None
    told, now = row[_TOLD], row[_LAST]
    if told > now:
        now, row[_COUNT] = told + _READING, 0
    else:
        count = row[_COUNT] = row[_COUNT] + 1
        now += _READING if count < _FREE else _READING << min((count - _FREE) // _DOUBLES, _MOST_DOUBLED)
    row[_LAST] = now
    return int(now)


def _begin() -> Any:
    """Have the gate keep the calling thread's time; return the row, or None if there is no gate."""
    row = array("q", [0, 0, 0])
    if not tell("clock", row.buffer_info()[0]):
        return None
    if not _kept:
        atexit.register(tell, "clock", 0)  # the row's memory is given back when the interpreter ends
    _kept.append(row)
    _rows.row = row
    return row


def _forget() -> None:
    """Have a new process ask for rows of its own."""
    _rows.__dict__.clear()


class _Builtin:
    """Stands for a built-in function: other than a function of Python's, it is no method where a class has it."""

    def __reduce__(self) -> str:
        return self.__name__  # type: ignore[attr-defined,no-any-return]  # what is pickled is where it stands


def _stand_in(original: Callable[..., Any], act: Callable[..., Any]) -> Any:
    kind = type("_Builtin", (_Builtin,), {"__call__": staticmethod(act)})
    return wraps(original)(kind())


def _clock(read: Callable[[], Any], start: int, unit: float) -> Callable[[], Any]:
    """Return what reads a clock that shows a number of seconds at the beginning, in seconds or nanoseconds."""
    if unit == 1:
        start *= _SECOND

        def nanoseconds() -> Any:
            now = _now()
            return read() if now is None else start + now

        return nanoseconds

    def seconds() -> Any:
        now = _now()
        return read() if now is None else start + now / unit

    return seconds


def _any_clock(read: Callable[[int], Any], unit: float) -> Callable[[int], Any]:
    def of(clock: int, /) -> Any:
        start = _STARTS.get(clock)
        now = None if start is None else _now()
        if start is None or now is None:
            return read(clock)
        return start * _SECOND + now if unit == 1 else start + now / unit

    return of


_NAMES: Final = {
    "CLOCK_REALTIME": _BEGINNING,
    "CLOCK_REALTIME_COARSE": _BEGINNING,
    "CLOCK_MONOTONIC": _UP,
    "CLOCK_MONOTONIC_RAW": _UP,
    "CLOCK_MONOTONIC_COARSE": _UP,
    "CLOCK_BOOTTIME": _UP,
}
_STARTS: Final = {getattr(time, name): start for name, start in _NAMES.items() if hasattr(time, name)}


def _of_now(convert: Callable[..., Any], place: int, now: Callable[[], Any]) -> Callable[..., Any]:
    """Return what takes the time of now if the argument at a place is not given."""

    def converted(*arguments: Any) -> Any:
        if len(arguments) < place or arguments[place:] not in ((), (None,)):
            return convert(*arguments)
        return convert(*arguments[:place], now())

    return converted


def _sleeping(sleep: Callable[[float], None]) -> Callable[[float], None]:
    def told(seconds: float, /) -> None:
        if type(seconds) not in (int, float) or not 0 <= seconds < 1e9 or is_quiet() or not tell("sleep", seconds):
            sleep(seconds)

    return told


def patch() -> None:
    """Have sleep tell how long it lasts, and clocks show virtual time."""
    posix.register_at_fork(after_in_child=_forget)
    acts: dict[str, Callable[..., Any]] = {"sleep": _sleeping(time.sleep)}
    for name, start in (("time", _BEGINNING), ("monotonic", _UP), ("perf_counter", _UP)):
        acts[name] = _clock(getattr(time, name), start, _SECOND)
        acts[f"{name}_ns"] = _clock(getattr(time, f"{name}_ns"), start, 1)
    acts["clock_gettime"] = _any_clock(time.clock_gettime, _SECOND)
    acts["clock_gettime_ns"] = _any_clock(time.clock_gettime_ns, 1)
    local = _of_now(time.localtime, 0, acts["time"])
    for name in ("gmtime", "ctime"):
        acts[name] = _of_now(getattr(time, name), 0, acts["time"])
    acts["localtime"] = local
    acts["asctime"] = _of_now(time.asctime, 0, local)
    acts["strftime"] = _of_now(time.strftime, 1, local)
    for name, act in acts.items():
        setattr(time, name, _stand_in(getattr(time, name), act))
