"""Each participant in a process of its own: the same schedules over real files, locks and databases.

The processes are forked once and make one execution after another, all on one core, since only one of them moves at a
time. The state is in memory that they share, and they hand the turn from one to another; see `participant`. This module
has the leading process's part. It starts and ends executions and carries out faults. It watches that the participants
live, and that the one that has the turn comes back to a scheduling point before the stall timeout.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import select
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from multiprocessing.context import ForkProcess
from types import TracebackType
from typing import Any, Self, cast

from ticketlab.core.errors import TicketlabError
from ticketlab.core.system.fork import ForkedProcess
from ticketlab.core.system.lifeline import die_with_parent, signals_blocked
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.state import NOBODY, ExecutionEnd, ExecutionState
from ticketlab.explorer.executors.control_block import ControlBlock, LeaderRequest, ParticipantCommand
from ticketlab.explorer.executors.cpu_affinity import on_one_core
from ticketlab.explorer.executors.executor import ExecutorKind
from ticketlab.explorer.executors.participant import Participant
from ticketlab.explorer.executors.shared_memory import SharedMemory
from ticketlab.explorer.executors.stalls import outside_control
from ticketlab.explorer.executors.wakeup import Wakeup, make_wakeup
from ticketlab.explorer.executors.workload_executor import Serve, WorkloadExecutor
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.policies.replay import RunOn
from ticketlab.explorer.workload import FaultableWorkload, Workload


class Processes(WorkloadExecutor):
    """Runs the participants of a workload in processes, with real signals.

    `run` raises OutsideControl if a participant stays away from scheduling points for longer than the stall timeout,
    and TicketlabError if a process ended, or the lab itself failed in one.
    """

    def __init__(self, workload: Workload, **settings: Any) -> None:
        super().__init__(workload, **settings)
        self._core = ExitStack()
        self._flushed = False  # whether everybody waits to be ended after an execution that was broken off

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            undo.enter_context(on_one_core())
            super().__enter__()
            self._core = undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        with self._core:
            super().__exit__(kind, error, where)

    def _lay_out(self, scripts: Sequence[int], services: int) -> ExecutionState:
        memory = SharedMemory()
        self._control = ControlBlock(memory, 4 * self._steps + sum(scripts), len(scripts) + services)
        return ExecutionState(self._control.steps, scripts, services, self._steps, memory)

    def _assemble(self, services: Sequence[Serve], undo: ExitStack) -> None:
        self._alive, self._living = os.pipe()
        undo.callback(os.close, self._alive)
        undo.callback(os.close, self._living)
        self._wakeups: list[Wakeup] = []
        for _ in range(self.size + 1):
            self._wakeups.append(make_wakeup(self._alive))
            undo.callback(self._wakeups[-1].close)
        self._poll = select.epoll()
        undo.callback(self._poll.close)
        self._poll.register(self._wakeups[-1].file, select.EPOLLIN)
        self._control.clear()
        self._flushed = False
        self._installed: Policy | None = None
        self._gone: set[int] = set()
        self._processes: list[ForkedProcess] = []
        undo.callback(self._end_all)
        self._start([*[None] * len(self.scripts), *services])
        if services:
            self._settle()

    def _start(self, parts: Sequence[Serve | None]) -> None:
        make: Any = ForkedProcess if hasattr(os, "pidfd_open") else _by_multiprocessing
        for who, serve in enumerate(parts):
            process = make(self._take_part, os.getpid(), who, serve)
            with signals_blocked():
                process.start()
            self._processes.append(process)
            self._poll.register(process.sentinel, select.EPOLLIN)
        for who in range(len(parts)):
            self._give(who)

    def _take_part(self, leader: int, who: int, serve: Serve | None) -> None:
        """Take part, in a participant's process."""
        die_with_parent(leader)
        os.close(self._living)
        gc.freeze()  # no process need look through, page by page, what was there before
        pacer = self._make_pacer(alone=True)
        Participant(who, self._workload, self._scheduler, self._control, self._wakeups, pacer).live(serve)

    def _settle(self) -> None:
        """Let the services go on until each waits for buyers, so that all executions start alike."""
        policy = RunOn()
        self._install(policy)
        self._scheduler.settle(policy)
        chosen = self._scheduler.next()
        if chosen != NOBODY:
            self._give(chosen)

    def _end_all(self) -> None:
        """End everybody: in order if each waits for that, so that it gives back what it holds, and else by force."""
        self._control.command(ParticipantCommand.EXIT)
        for who, process in enumerate(self._processes):
            if self._clean or self._flushed:
                self._wakeups[who].wake()
                process.join(self._stall_timeout)
            process.kill()
            process.join()

    def _perform(self, policy: Policy) -> Execution:
        state, scheduler, control = self._state, self._scheduler, self._control
        self._install(policy)
        scheduler.reset(policy)
        first = scheduler.first()
        if first != NOBODY:
            self._give(first)
        control.steps.catch_up()
        if state.counters.ending != ExecutionEnd.COMPLETED:
            control.command(ParticipantCommand.FLUSH)
            for who in range(len(self.scripts)):
                if who not in self._gone:
                    self._give(who)
            self._flushed = not self._faults and self.size == len(self.scripts)
        records, notes = control.log.take()
        return Execution.of(state, records, notes)

    def _install(self, policy: Policy) -> None:
        """Have a policy choose in all processes; this one takes in all steps, since it is about to reset the state."""
        if policy is not self._installed:
            self._installed = policy
            self._control.install(policy)
        self._control.steps.catch_up()

    def _give(self, who: int) -> None:
        """Hand over the turn, and wait until it is back; carry out faults meanwhile."""
        while who != NOBODY:
            self._control.numbers.turn = who
            self._control.resume(who)
            self._wakeups[who].wake()
            self._await_turn()
            who = self._carry_out()

    def _carry_out(self) -> int:
        """Do what a participant asks for, if one does, and return whose turn it is then."""
        numbers = self._control.numbers
        asked, victim = numbers.asked, numbers.victim
        if asked == LeaderRequest.NOTHING:
            return NOBODY
        numbers.asked = LeaderRequest.NOTHING
        self._control.steps.catch_up()
        process = self._processes[victim]
        assert process.pid is not None
        if asked == LeaderRequest.STOP:
            self._control.stop(victim, process.pid)
            return numbers.then
        if asked == LeaderRequest.KILL_SERVER:
            for server in cast("FaultableWorkload", self._workload).servers():
                os.kill(server, signal.SIGKILL)
            return victim
        if asked == LeaderRequest.TERMINATE:
            os.kill(process.pid, signal.SIGTERM)  # the signal finds it waiting, and so gives it the turn
            self._await_turn()
            return self._carry_out()
        if asked == LeaderRequest.KILL:
            process.kill()
        self._poll.unregister(process.sentinel)
        process.join()
        self._gone.add(victim)
        self._scheduler.finish(victim)
        return self._scheduler.next()

    def _await_turn(self) -> None:
        mine = self._wakeups[-1]
        while not (ready := dict(self._poll.poll(self._stall_timeout))):
            self._check_progress()
        if mine.file not in ready:
            who, gone = next(each for each in enumerate(self._processes) if each[1].sentinel in ready)
            raise TicketlabError(f"{self._name(who)} ended in the middle of an execution (exit code {gone.exitcode})")
        mine.wait()
        if error := self._control.error():
            raise TicketlabError(error)

    def _check_progress(self) -> None:
        """Raise OutsideControl if nobody comes to a scheduling point within a stall timeout from now."""
        control, state = self._control, self._state
        before = self._progress()
        began = time.monotonic()
        while time.monotonic() - began < self._stall_timeout:
            if self._poll.poll(self._stall_timeout / 10) or self._progress() != before:
                return
        control.steps.catch_up()
        raise outside_control(state, control.numbers.turn, self._name, self._stall_timeout)

    def _progress(self) -> tuple[int, int, int]:
        """Return numbers that change whenever a participant moves."""
        counters = self._state.counters
        return self._control.numbers.turn, counters.length, counters.version


def _by_multiprocessing(target: Callable[..., object], *args: Any) -> ForkProcess:
    return multiprocessing.get_context("fork").Process(target=target, args=args, daemon=True)


KIND = ExecutorKind(
    name="processes",
    summary="each participant in a process of its own: real files, locks and signals",
    build=lambda _variant, workload, **settings: Processes(workload, **settings),
    real_processes=True,
)
