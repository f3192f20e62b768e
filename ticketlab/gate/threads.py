"""The threads of one execution under the gate: before which call each stands, and how they end."""

from __future__ import annotations

import errno
import os
import signal
from typing import Final

from ticketlab.core.errors import TicketlabError
from ticketlab.gate.calls.call import StoppedCall
from ticketlab.gate.kernel import catches, exit_code_of, has_signal, is_ending, state_of
from ticketlab.gate.listener import Listener, Stop
from ticketlab.gate.processes import Process, Task
from ticketlab.gate.sight import Sight

_LONGEST_END_MS: Final = 10_000
_MADE_AGAIN: Final = (
    513  # ERESTARTNOINTR, which a program never sees: the kernel makes the call again after the handler
)


class LiveThreads:
    """Who takes part now. `standing` has the calls before which threads stand, in the order in which they came there.

    A thread is in `tasks` from its first call until its end is known; between two calls it runs.
    """

    def __init__(self, listener: Listener, sight: Sight) -> None:
        self._listener = listener
        self.sight = sight
        self.tasks: dict[int, Task] = {}
        self.standing: dict[Task, StoppedCall] = {}
        self.ended: list[Process] = []
        """The processes that have ended, in order."""
        self.gone: list[Task] = []
        """Threads that have ended since somebody asked last."""
        self.away: list[Task] = []
        """Threads whose wait a signal has ended since somebody asked last."""
        self._stops: dict[Task, Stop] = {}
        self._running: set[Task] = set()
        self._waiting: dict[Task, StoppedCall] = {}  # who need not be chosen to go on, and has to wait

    def _await_end(self, task: Task, *, whole: bool) -> None:
        """Wait until a thread has ended that is about to, or its process."""
        process = task.process
        if not whole:
            while state_of(task.thread) not in ("", "Z", "X"):
                os.sched_yield()
            self._forget(task)
            return
        if not process.is_dead(_LONGEST_END_MS):
            raise TicketlabError(f"process {process.name} does not end")
        self._process_ended(process)

    def _died(self, task: Task) -> None:
        """Take down that a thread has ended without a call."""
        process = task.process
        if task.thread == process.pid or process.is_dead():
            self._process_ended(process)
        else:
            self._forget(task)

    def _process_ended(self, process: Process) -> None:
        if process.ends is None:
            told = exit_code_of(process.pid)  # None if somebody has waited for it already
            process.ends = process.exits_with if told is None else told
            self.ended.append(process)
        for task in [each for each in self.tasks.values() if each.process is process]:
            self._forget(task)
        self.sight.leave(process)

    def _forget(self, task: Task) -> None:
        if self.tasks.pop(task.thread, None) is not None:
            task.process.tasks.remove(task)
        self._running.discard(task)
        self.standing.pop(task, None)
        self._stops.pop(task, None)
        self._waiting.pop(task, None)
        if not task.serves:
            self.gone.append(task)

    def end(self, task: Task, *, terminate: bool) -> None:
        """Send a process the signal that ends it, and wait until it has ended or, if it catches that, is under way."""
        process = task.process
        process.killed_by, number = "a fault", signal.SIGTERM if terminate else signal.SIGKILL
        process.signals.add(number)
        os.kill(process.pid, number)
        if terminate and catches(task.thread, signal.SIGTERM):
            self.look_after_signals()
            return
        if not process.is_dead(_LONGEST_END_MS):
            raise TicketlabError(f"process {process.name} does not end")
        self._process_ended(process)

    def look_after_signals(self) -> None:
        """Find out who has died while standing before a call, or has been interrupted there."""
        for task, stop in list(self._stops.items()):
            while state_of(task.thread) == "R":
                os.sched_yield()  # a signal has woken it: it ends, or comes to another call
            if task not in self._stops:
                continue  # it has ended with its process
            if is_ending(task.thread):
                task.process.is_dead(_LONGEST_END_MS)
                self._died(task)
            elif not self._listener.is_valid(stop):
                self._leaves(task)
            elif task.thread == task.process.pid and has_signal(task.thread):
                call = self._call_of(task)
                if call.waits or call.restarts:
                    self._leaves(task)
                    self._listener.answer(stop, -errno.EINTR if call.waits else -_MADE_AGAIN)

    def _leaves(self, task: Task) -> None:
        """Have a thread not stand before its call any more: a signal has ended its wait."""
        self.standing.pop(task, None)
        self._waiting.pop(task, None)
        del self._stops[task]
        self._running.add(task)
        self.away.append(task)

    def _call_of(self, task: Task) -> StoppedCall:
        return self.standing.get(task) or self._waiting[task]

    def close(self) -> None:
        """Give back what is held of the processes."""
        for process in list(self.sight.processes.values()):
            process.close()

    def waiting(self) -> dict[Task, StoppedCall]:
        """Return who has to wait that need not be chosen, and for what."""
        return self._waiting
