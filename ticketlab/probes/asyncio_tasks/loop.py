"""An event loop without input and output, in which the explorer picks whose task goes on.

Each participant is a task. What it does between two suspensions is one step: nobody else can move in between. Since
tasks share all Python objects, no two steps commute. A callback belongs to the participant in whose context it is
called: tasks that a participant starts, and timers, are its own.

A sleep may end at any time, also one that a time-out of the sleeper's cuts short. Any other time-out ends only when
nobody can move, as everywhere in the lab. Whoever goes on
again and again only to stand where it stood, as one that polls does, gives way to others that get on; that is noted,
since the search then leaves something out.
"""

from __future__ import annotations

import logging
import sys
from asyncio import AbstractEventLoop, Future, Handle, Lock, Task, TimerHandle, events
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from typing import Any, Final, NoReturn

from ticketlab.core import pacing
from ticketlab.core.errors import UsageError
from ticketlab.core.pacing import AWAITS, BEGINNING, BLOCKED, GAVE_BACK, TOOK, UNTRIED, Blocked
from ticketlab.core.steps import MEMORY, Action, Step
from ticketlab.probes.asyncio_tasks.line import TaskLine, ends_sleep, is_timeout
from ticketlab.probes.here import HERE
from ticketlab.probes.waiting import SLEPT, WAITED

_MOST_IN_VAIN: Final = 4
_OWNER: ContextVar[int] = ContextVar("ticketlab participant")


class TaskLoop(AbstractEventLoop):
    """The event loop of all participants; each calls `run` in a greenlet of its own."""

    def __init__(self) -> None:
        self._lines: dict[int, TaskLine] = {}
        self._at_work = 0  # the participant that made, or makes, a step
        self._refused: UsageError | None = None
        self._taken = set[str]()  # the names of the locks that somebody has
        self._left_generator = False

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Have a participant's coroutine go on, step by step, to its end, and return its result."""
        HERE.acting = False
        if not self._lines:
            self._taken.clear()
        line = self._lines[HERE.who] = TaskLine(HERE.who)
        self._refused = None
        try:
            context = copy_context()
            context.run(_OWNER.set, line.who)
            task = context.run(self.create_task, coroutine)
            while not task.done():
                self._go_on(line)
            self._note_what_is_left(line)
            HERE.go_on()
            if task.cancelled():
                raise CancelledError  # asyncio's own is no Exception
            return task.result()
        finally:
            self._end(line)

    def _go_on(self, line: TaskLine) -> None:
        """Make one step, as soon as the explorer picks this participant."""
        step = Step(Action.GO_ON, MEMORY, path=line.shown)
        pacing.block(step, lambda: self._attempt(line), _nobody_picks)
        self._note_what_is_left_out(line)
        before = pacing.now()
        if not line.ready:
            before = self._let_timer_end(line)
        handle = line.ready.popleft()
        self._at_work = line.who
        self._call(handle)
        if ends_sleep(handle) and line.ready:
            self._call(line.ready.popleft())
        if pacing.now() != before:
            pacing.note(UNTRIED, f"{HERE.called} sleeps without await: what ends meanwhile was not tried")
        if self._left_generator:
            self._left_generator = False
            pacing.note(UNTRIED, f"{HERE.called} leaves an asynchronous generator before its end: use aclosing")
        self._tell_of_locks(line)
        if line.moved():
            self._gets_on(line)
        if (error := self._refused or line.trouble()) is not None:
            raise error

    def _tell_of_locks(self, line: TaskLine) -> None:
        """Take note of the locks that the participant took or gave back in its step, and of what it waits for."""
        locks = {each.name: each.value.locked() for each in HERE.shared.known() if isinstance(each.value, Lock)}
        for name, taken in locks.items():
            if taken != (name in self._taken):
                pacing.note(TOOK if taken else GAVE_BACK, name)
        self._taken = {name for name, taken in locks.items() if taken}
        awaited = None if line.tasks[0].done() or line.is_active else HERE.shared.of(line.awaits)
        if awaited is not None:
            pacing.note(AWAITS, awaited.name)

    def _note_what_is_left(self, line: TaskLine) -> None:
        """Take note of tasks and callbacks of a participant that ended without them."""
        if line.is_active:
            pacing.note(UNTRIED, f"{HERE.called} ends while a callback of its own is left, which was not called")
        for task in line.tasks[1:]:
            if not task.done():
                pacing.note(UNTRIED, f"{HERE.called} ends while a task that it started has not: that was ended with it")
            elif getattr(task, "_log_traceback", False):
                pacing.note(UNTRIED, f"{HERE.called} started a task that raised something, and nobody asked for it")

    def _attempt(self, line: TaskLine) -> bool | Blocked:
        able = [each for each in self._lines.values() if each.is_active]
        if line in able:
            fewest = min(each.vain for each in able)
            may_go = line.vain < _MOST_IN_VAIN or line.vain == fewest
            line.gave_way |= not may_go
        else:
            ends = [each.when() for other in self._lines.values() if (each := other.timer()) is not None]
            timer = line.timer()
            may_go = not able and timer is not None and timer.when() == min(ends)
        return True if may_go else BLOCKED

    def _note_what_is_left_out(self, line: TaskLine) -> None:
        if line.gave_way:
            line.gave_way = False
            told = f"goes on again and again: what it does after {_MOST_IN_VAIN} times in vain"
            pacing.note(UNTRIED, f"{HERE.called} {told} was not tried before others moved")
        if line.has_choice:
            pacing.note(UNTRIED, f"{HERE.called} starts tasks of its own: one order of them was tried")

    def _let_timer_end(self, line: TaskLine) -> float:
        """Let time pass until the participant's first timer ends, and return the time."""
        sleeps, timer = line.sleeps, line.take_timer()
        if sleeps:
            pacing.sleep(max(0.0, timer.when() - self.time()))
        else:
            pacing.time_passes(BEGINNING + timer.when())
        line.ready.append(timer)
        return pacing.now()

    def _call(self, handle: Handle) -> None:
        running, hooks = events._get_running_loop(), sys.get_asyncgen_hooks()
        events._set_running_loop(self)
        sys.set_asyncgen_hooks(firstiter=None, finalizer=self._leave_generator)
        HERE.go_on()
        try:
            if not handle.cancelled():
                handle._run()
        finally:
            HERE.acting = False
            sys.set_asyncgen_hooks(*hooks)
            events._set_running_loop(running)

    def _leave_generator(self, _: object) -> None:
        """Take down that somebody left an asynchronous generator, which an event loop ends at a time of its own."""
        self._left_generator = True

    def _gets_on(self, line: TaskLine) -> None:
        """Have those try again that went on in vain, since a participant has got on."""
        for each in self._lines.values():
            if each is not line:
                each.vain = 0

    def _end(self, line: TaskLine) -> None:
        """Forget a participant, and end what it leaves undone."""
        acting, HERE.acting = HERE.acting, False
        self._lines.pop(line.who, None)
        self._gets_on(line)
        for task in line.tasks:
            if task.done():
                task._log_traceback = False
            else:
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                with suppress(Exception):
                    task.get_coro().close()
        HERE.acting = acting

    def time(self) -> float:
        """Return virtual time."""
        return pacing.now() - BEGINNING

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> Handle:
        """Have a callback called when its participant goes on."""
        context = context if context is not None else copy_context()
        handle = Handle(callback, args, self, context)
        if (line := self._line_of(context)) is not None:
            line.ready.append(handle)
        return handle

    def _line_of(self, context: Context) -> TaskLine | None:
        """Return whose callback it is; None if that participant has ended."""
        return self._lines.get(context.get(_OWNER, self._at_work))

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> Handle:
        """Do as `call_soon` does: there is no other thread."""
        return self.call_soon(callback, *args, context=context)

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> TimerHandle:
        """Have a callback called after so many seconds of virtual time."""
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> TimerHandle:
        """Have a callback called at a virtual time."""
        context = context if context is not None else copy_context()
        timer = TimerHandle(when, callback, args, self, context)
        if (line := self._line_of(context)) is not None:
            line.add_timer(timer)
            pacing.note(WAITED if is_timeout(timer) else SLEPT, line.who)
        return timer

    def _timer_handle_cancelled(self, handle: TimerHandle) -> None:
        """Do nothing: a line passes over timers that were cancelled."""

    def create_future(self) -> Future[Any]:
        """Return a future of this loop."""
        return Future(loop=self)

    def create_task(self, coro: Any, *, name: str | None = None, context: Context | None = None) -> Task[Any]:
        """Have a coroutine take part as a task of the participant that starts it."""
        line = self._line_of(context if context is not None else copy_context())
        if line is None:
            raise UsageError("a task is started outside of those that take part")
        named = name if name is not None else f"Task-{line.who}.{len(line.tasks) + 1}"
        task: Task[Any] = Task(coro, loop=self, name=named, context=context)
        line.tasks.append(task)
        return task

    def get_task_factory(self) -> None:
        """Return that there is none."""

    def get_debug(self) -> bool:
        """Return that callbacks are not watched."""
        return False

    def is_running(self) -> bool:
        """Return whether a participant is at work."""
        return bool(self._lines)

    def is_closed(self) -> bool:
        """Return that it never is."""
        return False

    def get_exception_handler(self) -> None:
        """Return that there is none."""

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Have asyncio's logger say what went wrong in a callback."""
        logging.getLogger("asyncio").error(context.get("message"), exc_info=context.get("exception"))

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """Do the same."""
        self.call_exception_handler(context)

    def refuse(self, what: str) -> NoReturn:
        """Raise that something is outside control; a participant that goes on all the same ends the search."""
        self._refused = UsageError(
            f"{HERE.called} calls {what} of the event loop, which is outside control: in a race test of tasks "
            "nothing may await input, output, signals, threads or other processes"
        )
        raise self._refused


def _nobody_picks() -> NoReturn:
    raise UsageError("tasks take part in searches only")


def _outside_control(name: str) -> Callable[..., Any]:
    def refused(self: TaskLoop, *_: Any, **__: Any) -> NoReturn:
        self.refuse(name)

    return refused


for _name in set(vars(AbstractEventLoop)) - set(vars(TaskLoop)):
    if not _name.startswith("_"):
        setattr(TaskLoop, _name, _outside_control(_name))

LOOP: Final = TaskLoop()  # type: ignore[abstract]
