"""What one participant of an event loop has to do next: callbacks that are ready, timers, and where its tasks stand."""

from __future__ import annotations

import asyncio
import inspect
import linecache
from asyncio import Handle, Task, TimerHandle
from collections import deque
from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any, Final

from ticketlab.core.errors import TicketlabError

_ASYNCIO: Final = str(Path(asyncio.__file__).parent)
_LONGEST: Final = 50  # characters of a source line
_TIMEOUTS: Final = ("_on_timeout", "_release_waiter")
_SLEEP: Final = "_set_result_unless_cancelled"
START: Final = "the start"


class TaskLine:
    """The callbacks, timers and tasks of one participant, which a task that it starts has in common with it.

    `vain` counts how often in a row it went on and then stood where it had stood before.
    """

    def __init__(self, who: int) -> None:
        self.who = who
        self.ready: deque[Handle] = deque()
        self.tasks: list[Task[Any]] = []
        self.vain = 0
        self.gave_way = False
        self._place: tuple[object, ...] = ()
        self._timers: list[tuple[float, int, TimerHandle]] = []
        self._numbers = count()

    def add_timer(self, timer: TimerHandle) -> None:
        """Have a callback called at its time."""
        heappush(self._timers, (timer.when(), next(self._numbers), timer))

    def timer(self) -> TimerHandle | None:
        """Return the timer that ends first."""
        while self._timers and self._timers[0][2].cancelled():
            heappop(self._timers)
        return self._timers[0][2] if self._timers else None

    def take_timer(self) -> TimerHandle:
        """Take out the timer that ends first."""
        return heappop(self._timers)[2]

    @property
    def is_active(self) -> bool:
        """Whether it can go on at any time; it cannot if it waits for others, be it until a time-out."""
        return bool(self.ready) or self.sleeps > 0

    @property
    def sleeps(self) -> int:
        """How many of its tasks sleep."""
        return sum(_may_end(timer) for _, _, timer in self._timers)

    @property
    def has_choice(self) -> bool:
        """Whether more than one of its own tasks could go on now: one order of them is tried."""
        return self.sleeps + len({task for handle in self.ready if (task := task_of(handle)) is not None}) > 1

    def moved(self) -> bool:
        """Take down where its tasks stand now; return whether that is somewhere else than before."""
        before, self._place = self._place, tuple(_place(task) for task in self.tasks if not task.done())
        self.vain = self.vain + 1 if before == self._place else 0
        return not self.vain

    def trouble(self) -> TicketlabError | None:
        """Return what the lab said to one of its tasks that it cannot do."""
        raised = (getattr(task, "_exception", None) for task in self.tasks)
        return next((error for error in raised if isinstance(error, TicketlabError)), None)

    @property
    def awaits(self) -> object:
        """The object of asyncio's in one of whose methods the first task waits; None if there is none."""
        own = (each for each in _frames(self.tasks[0].get_coro()) if each.f_code.co_filename.startswith(_ASYNCIO))
        return next((each.f_locals.get("self") for each in own), None)

    @property
    def shown(self) -> str:
        """Where its first task stands, as people know it: file, line, and what is awaited there."""
        coroutine: Any = self.tasks[0].get_coro()
        if inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED:
            return START
        frames = list(_frames(coroutine))
        frame = [each for each in frames if not each.f_code.co_filename.startswith(_ASYNCIO)][-1]
        file, number = frame.f_code.co_filename, frame.f_lineno
        source = linecache.getline(file, number).strip()
        said = source if len(source) <= _LONGEST else source[: _LONGEST - 3] + "..."
        return f"{Path(file).name}:{number}" + (f" ({said})" if said else "")


def is_timeout(timer: TimerHandle) -> bool:
    """Whether a timer ends a wait for something else; others are sleeps."""
    return _name(timer) in _TIMEOUTS


def _may_end(timer: TimerHandle) -> bool:
    """Whether a timer is a sleep that nobody has cancelled."""
    if timer.cancelled() or is_timeout(timer):
        return False
    return not (ends_sleep(timer) and timer._args[0].done())


def ends_sleep(handle: Handle) -> bool:
    """Whether a callback does no more than to wake a task that slept."""
    return _name(handle) == _SLEEP


def _name(handle: Handle) -> str:
    return getattr(handle._callback, "__name__", "")  # type: ignore[attr-defined]


def task_of(handle: Handle) -> Task[Any] | None:
    """Return the task that a callback has go on, if it is one's."""
    task = getattr(handle._callback, "__self__", None)  # type: ignore[attr-defined]
    return task if isinstance(task, Task) else None


def _frames(awaited: Any) -> Iterator[FrameType]:
    """Yield the frames of a task that waits, from its coroutine to what that awaits, and so on."""
    while awaited is not None:
        for frame, inner in (("cr_frame", "cr_await"), ("gi_frame", "gi_yieldfrom"), ("ag_frame", "ag_await")):
            if getattr(awaited, frame, None) is not None:
                yield getattr(awaited, frame)
                awaited = getattr(awaited, inner)
                break
        else:
            return


def _place(task: Task[Any]) -> tuple[object, ...]:
    return tuple((frame.f_code, frame.f_lasti) for frame in _frames(task.get_coro()))
