"""One execution of a program under the gate: one thread moves at a time, and all others stand at a call or sleep.

After an answer nobody is picked before it is quiet: every thread stands before a call that may concern others, has
ended, or sleeps in the kernel with no call pending, looked at twice. Then nobody runs who could wake another. A
time-out in place of this rule would make results depend on how busy the machine is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from ticketlab.core.errors import TicketlabError
from ticketlab.core.steps import Action
from ticketlab.gate.calls.call import GO_ON, Reply, StoppedCall
from ticketlab.gate.calls.databases import in_statement
from ticketlab.gate.calls.names import with_order_of_names
from ticketlab.gate.calls.processes import starting
from ticketlab.gate.calls.table import kinds
from ticketlab.gate.calls.uncontrolled import tell_what_is_shared
from ticketlab.gate.kernel import Sleep, children_of, sleep_of, state_of, status_of, threads_of
from ticketlab.gate.leader import STARTS, Leader, flags_of_start, waits_for_child
from ticketlab.gate.listener import Listener, Stop
from ticketlab.gate.numbers import names_by_number, supported_machine
from ticketlab.gate.processes import Process, Task
from ticketlab.gate.sight import Sight
from ticketlab.gate.threads import LiveThreads

_WAITS_FOR_CHILD: Final = "vfork"
_POLL_MS: Final = 1
_BIRTH_MS: Final = 5  # it takes a process that long to come to its first call
_MOST_CALLS: Final = 200_000  # in a row that concern nobody else
_MOST_NAPS: Final = 100  # of those who only answer others, until somebody else has moved
_NO_NUMBER: Final = -1  # of who takes no part


class Runaway(TicketlabError):
    """A participant neither came to a call that concerns others, nor ended, within the bound."""


class Gate(LiveThreads):
    """The processes of one execution, from its leader's listener on.

    `commands` has the numbers, from 1, of those that the leader starts; other participants get the `numbers_left`, one
    after another.
    """

    def __init__(
        self,
        listener: Listener,
        leader: int,
        sight: Sight,
        commands: Sequence[int],
        numbers_left: range,
        stall_timeout: float,
    ) -> None:
        machine = supported_machine()
        self._audit = machine.audit
        self._names, self._kinds = names_by_number(machine.column), kinds(machine.column)
        super().__init__(listener, sight)
        self._leader = Leader(leader, len(commands), listener, self._names)
        self.is_point: Callable[[Task, StoppedCall], bool] = lambda _task, _call: True
        """Says of a call whether somebody else may move before it; all others are answered at once."""
        self.goes_on: Callable[[Task, str, tuple[int, ...]], None] = lambda _task, _name, _arguments: None
        """Is told of each call right before the kernel performs it."""
        self.numbered: dict[int, Task] = {}
        self.came: list[Task] = []
        """Threads that have come to stand before a call since somebody asked last."""
        self._commands = commands
        self._unborn = len(commands)  # processes and threads that have been started and not been seen yet
        self.served: set[str] = set()
        """What those who only answer others have touched since somebody asked last."""
        self._naps = 0  # how often those have slept since somebody moved
        self._held: list[Stop] = []  # stops of who may not go on before those it started have come
        self._numbers = iter(numbers_left)
        self._stall_timeout = stall_timeout
        self.calls = 0
        sight.processes[leader] = self._leader.process

    @property
    def leader_asks(self) -> Stop | None:
        """The call by which the leader asks for another execution, now that nothing is left of this one."""
        return self._leader.asks

    def settle(self) -> None:
        """Wait until it is quiet and nobody is left who may go on without being chosen."""
        self._naps = 0
        self._quieten()
        while self._try_again():
            self._quieten()
        left = [task for task, call in self._waiting.items() if not self._is_eager(task, call)]
        for task in sorted(left, key=lambda each: each.number):
            self._stand(task, self._stops.pop(task), self._waiting.pop(task))

    def _try_again(self) -> bool:
        """Have the first one go on of those who waited and need not be chosen; return whether there is one."""
        for task, call in list(self._waiting.items()):
            sleeps = call.asleep is not None
            if (sleeps and self._naps >= _MOST_NAPS) or (answer := call.attempt()) is None:
                continue
            self._naps += sleeps
            del self._waiting[task]
            self._go_on(task, self._stops.pop(task), call, answer)
            return True
        return False

    def _quieten(self) -> None:
        """Wait until whoever does not stand before a call sleeps in the kernel."""
        before, patience = None, _POLL_MS
        silent_since, until = 0.0, self.calls + _MOST_CALLS
        listener, leader = self._listener, self._leader
        while not listener.closed and leader.asks is None:
            if self._is_idle() and not leader.take(self.sight, self.ended, alive=bool(self.tasks)) and self.tasks:
                return
            stop = listener.receive(max(patience, _BIRTH_MS) if patience and self._unborn else patience)
            if stop is not None:
                self._take(stop)
                before, patience, silent_since = None, _POLL_MS, 0.0
                if self.calls > until:
                    raise Runaway(self._endless(stop))
            elif (asleep := self._sleep()) is None:
                before, patience = None, _POLL_MS
                silent_since = silent_since or time.monotonic()
                if time.monotonic() - silent_since > self._stall_timeout:
                    raise Runaway(self._stalled())
            elif asleep != before:
                before, patience = asleep, 0
            else:  # between the two looks nobody ran, and so nobody could wake another
                self._unborn = 0
                if leader.is_kept_waiting:
                    raise Runaway("a command waits, and has made no call by which the lab could know it")
                if not self._release_held() and not leader.take(self.sight, self.ended, alive=bool(self.tasks)):
                    return
                before = None
        for task in list(self.tasks.values()):
            self._forget(task)

    def _endless(self, stop: Stop) -> str:
        task = self.tasks.get(stop.thread)
        name = self._names.get(stop.number, str(stop.number))
        who = f"process {task.name}" if task else "a process"
        return f"{who} makes call after call that concern nobody else ({name} is one), and never comes to another"

    def _stalled(self) -> str:
        runs = [task.name for task in self._running if state_of(task.thread) in ("R", "D")]
        who = f"process {runs[0]}" if runs else "a process"
        return (
            f"{who} has been outside control for more than {self._stall_timeout:g} s: it computes without a call (a "
            "longer stall timeout lets it)"
        )

    def _is_idle(self) -> bool:
        """Whether every thread that is known stands before a call."""
        return not self._running and not self._unborn and not self._leader.takes

    def _sleep(self) -> list[tuple[int, Sleep]] | None:
        """Return the sleep of each thread that does not stand before a call; None if one may not sleep."""
        found: list[tuple[int, Sleep]] = []
        for task in list(self._running):
            state = state_of(task.thread)
            if state in ("", "Z", "X"):
                self._died(task)
                continue
            sleep = sleep_of(task.thread)
            if sleep is None or state == "R":
                return None
            starts = state == "D" or self._names.get(sleep.call) in STARTS
            if starts and task.has_started != _WAITS_FOR_CHILD:
                return None  # whoever starts another may sleep for a moment on the way
            found.append((task.thread, sleep))
        for thread in self._unseen() if self._unborn else ():
            sleep = sleep_of(thread)
            if sleep is None or state_of(thread) != "S":
                return None
            found.append((thread, sleep))  # it has come to sleep without a call that is stopped
        return found if not self._leader.takes and (not self._unborn or self._leader.is_done) else None

    def _unseen(self) -> list[int]:
        """Return the processes and threads that have been started and have made no call yet that is stopped."""
        seen = {stop.thread for stop in self._held}
        starting = {task.process.pid for task in self.tasks.values() if task.has_started}
        leader = self._leader.process.pid
        pids = [leader, *starting]  # whoever has lost its parent is the leader's
        found = [child for pid in pids for child in children_of(pid)]
        found += [thread for pid in pids for thread in threads_of(pid) if pid != leader]
        return [
            each for each in found if each not in self.tasks and each not in seen and state_of(each) in ("R", "D", "S")
        ]

    def _take(self, stop: Stop) -> None:
        """Take in a stopped call: it is answered at once, or its thread stands before it from now on."""
        self.calls += 1
        if stop.thread == self._leader.process.pid:
            self._leader.lead(stop)
            return
        task = self.tasks.get(stop.thread)
        if task is None:
            self._appear(stop)
            return
        self._running.discard(task)
        if task.has_started:
            if self._unborn:
                self._held.append(stop)
                return
            task.has_started = ""
        self.sight.call_is_done(task)
        self._consider(task, stop)

    def _appear(self, stop: Stop) -> None:
        """Take in a thread that is stopped for the first time."""
        if self._leader.is_becoming(stop):
            self._listener.go_on(stop)
            return
        pid, parent = (int(each or "0") for each in status_of(stop.thread, "Tgid", "PPid"))
        self._unborn = max(0, self._unborn - 1)
        process = self.sight.processes.get(pid)
        if process is None:
            process = self._new_process(pid or stop.thread, parent)
            name = process.name
        else:
            name = self._new_thread(process)
        if process.serves or process.starts_server("thread"):
            task = self.tasks[stop.thread] = Task(stop.thread, process, name, _NO_NUMBER, serves=True)
            self._consider(task, stop)
        else:
            number = int(name) - 1 if name.isdigit() else next(self._numbers, _NO_NUMBER)
            if number == _NO_NUMBER:
                raise Runaway(f"more than {len(self.numbered):,} processes and threads take part: {name} is one more")
            task = Task(stop.thread, process, name, number)
            self.tasks[stop.thread] = self.numbered[number] = task
            self._stand(task, stop, starting(task))
        process.tasks.append(task)
        self._leader.command_came()
        if not self._unborn:
            self._release_held()

    def _new_process(self, pid: int, above: int) -> Process:
        parent = self.sight.processes.get(above, self._leader.process)
        parent.children += 1
        name = f"{parent.name}.{parent.children}" if parent.name else self._command(parent.children)
        process = Process(pid, name, parent, serves=parent.starts_server("process"))
        process.open()
        self.sight.enter(process)
        return process

    def _new_thread(self, process: Process) -> str:
        process.threads += 1
        if not process.serves and process.server_due != "thread":
            self.sight.cannot_control(process, "has threads, and what they do in its memory is not seen")
        return f"{process.name}t{process.threads}"

    def _command(self, place: int) -> str:
        """Return the name of the leader's children: commands come first, then whoever has lost its parent."""
        return str(self._commands[place - 1]) if place <= len(self._commands) else f"0.{place}"

    def _release_held(self) -> bool:
        """Have those go on who waited for the ones they started; return whether there were any."""
        held, self._held = self._held, []
        for stop in held:
            task = self.tasks.get(stop.thread)
            if task is not None:
                task.has_started = ""
                self.sight.call_is_done(task)
                self._consider(task, stop)
        return bool(held)

    def _consider(self, task: Task, stop: Stop) -> None:
        """Have a thread stand before its call, or answer it at once."""
        if stop.audit != self._audit or stop.number not in self._names:
            self.sight.cannot_control(task.process, "is a program for another kind of processor")
            self._reply(task, stop, GO_ON)
        elif (kind := self._kinds.get(stop.number)) is None:
            self._reply(task, stop, GO_ON)
        elif kind.take is None:
            self._start(task, stop, kind.name)
        else:
            call = kind.take(self.sight, task, stop.arguments)
            task.last_call = kind.name, stop.arguments
            if call is None:
                self._reply(task, stop, GO_ON)
            else:
                call = with_order_of_names(self.sight, in_statement(self.sight, task, call, looks=kind.looks))
                self._stand_or_pass(task, stop, call)

    def _stand_or_pass(self, task: Task, stop: Stop, call: StoppedCall) -> None:
        eager = self._is_eager(task, call)
        is_point = not eager and self.is_point(task, call)
        if not is_point:
            answer = call.attempt() if call.asleep is None or not task.serves else None
            if answer is not None:
                self._go_on(task, stop, call, answer)
                return
        if is_point:
            self._stand(task, stop, call)
        else:  # who answers may only need a moment: whether somebody waits is known when all is quiet
            self._stops[task] = stop
            self._waiting[task] = call

    def _stand(self, task: Task, stop: Stop, call: StoppedCall) -> None:
        self._stops[task] = stop
        self.standing[task] = call
        self.came.append(task)

    def _is_eager(self, task: Task, call: StoppedCall) -> bool:
        """Whether a call is made as soon as it can be: by who only answers others, or as part of a step."""
        if task.serves or call.step.private:
            return task.serves
        if call.inner:
            return True
        if task.operation is not None:
            return not call.ends
        served = self.sight.served
        return bool(served) and served.issuperset(call.step.resources)

    def _start(self, task: Task, stop: Stop, name: str) -> None:
        """Have a thread start another thread or a process, which is expected to come."""
        flags = flags_of_start(task.process, stop, name)
        tell_what_is_shared(self.sight, task.process, flags)
        task.has_started = _WAITS_FOR_CHILD if waits_for_child(name, flags) else name
        self._unborn += 1
        self._reply(task, stop, GO_ON)

    def _reply(self, task: Task, stop: Stop, answer: Reply) -> None:
        self._running.add(task)
        if answer.value is None:
            self.goes_on(task, self._names.get(stop.number, ""), stop.arguments)
            self._listener.go_on(stop)
        else:
            self._listener.answer(stop, answer.value)

    def answer(self, task: Task, answer: Reply) -> None:
        """Have a thread that stands before a call go on."""
        call, stop = self.standing.pop(task), self._stops.pop(task)
        if call.step.action is Action.START:
            self._consider(task, stop)
            return
        self._go_on(task, stop, call, answer)

    def _go_on(self, task: Task, stop: Stop, call: StoppedCall, answer: Reply) -> None:
        if task.serves and not call.step.private:
            self.served.update(call.step.resources)
            if call.step.action is Action.SET and task.process.serves:
                self.sight.served.update(call.step.resources)
        self._reply(task, stop, answer)
        if call.ends:
            self._await_end(task, whole=call.step.resource.startswith("process "))
