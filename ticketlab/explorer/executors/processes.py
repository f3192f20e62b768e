"""Each participant in a process of its own: the same schedules over real files, locks and databases.

The processes are forked once and run execution after execution, all on one core, since only one of them moves at a
time. The state is in memory that they share, and they hand the turn from one to another (see `participant`). This is
the leading process's part: it starts and ends executions, does what a fault takes somebody else to do, and watches that
the others live, and that whoever has the turn comes back to a point before long.
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
from typing import Any, Final, Self
from typing import cast as as_type

from ticketlab.core.errors import TicketlabError
from ticketlab.core.faults import Fault
from ticketlab.core.fork import Forked
from ticketlab.core.lifeline import die_with_parent, undisturbed
from ticketlab.explorer.analysis.deadlock import named
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.analysis.trace import describe
from ticketlab.explorer.engine.registers import ENDING, LENGTH, VERSION
from ticketlab.explorer.engine.state import NOBODY, Ending, State
from ticketlab.explorer.executors.control_block import ASKED, THEN, TURN, VICTIM, Board, Command, Deed
from ticketlab.explorer.executors.cpu_affinity import on_one_core
from ticketlab.explorer.executors.executor import STEPS, Executor, Serve
from ticketlab.explorer.executors.participant import Participant
from ticketlab.explorer.executors.shared_memory import SharedMemory
from ticketlab.explorer.executors.wakeup import Bell, hang
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.policies.replay import Onward
from ticketlab.explorer.workload import Cast, Exposed

PATIENCE: Final = 10.0


class OutsideControl(TicketlabError):
    """A participant neither came back to a scheduling point nor ended within the bound."""


class Processes(Executor):
    """Runs the participants of a cast in processes, with real signals.

    `patience` is how long, in seconds of the wall clock, a participant may stay away from scheduling points. `run`
    raises OutsideControl where one stays away for longer, and TicketlabError where a process ended, or met trouble of
    the lab's own.
    """

    def __init__(
        self,
        cast: Cast,
        *,
        whole: bool = False,
        steps: int = STEPS,
        patience: float = PATIENCE,
        faults: Sequence[Fault] = (),
    ) -> None:
        super().__init__(cast, whole=whole, steps=steps, faults=faults)
        self._patience = patience
        self._core = ExitStack()

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

    def _lay_out(self, scripts: Sequence[int], staff: int) -> State:
        memory = SharedMemory()
        self._board = Board(memory, 4 * self._steps + sum(scripts), len(scripts) + staff)
        return State(self._board.steps, scripts, staff, self._steps, memory.column, memory.bytes)

    def _assemble(self, staff: Sequence[Serve], undo: ExitStack) -> None:
        self._alive, self._living = os.pipe()
        undo.callback(os.close, self._alive)
        undo.callback(os.close, self._living)
        self._bells: list[Bell] = []
        for _ in range(self.size + 1):
            self._bells.append(hang(self._alive))
            undo.callback(self._bells[-1].close)
        self._poll = select.epoll()
        undo.callback(self._poll.close)
        self._poll.register(self._bells[-1].file, select.EPOLLIN)
        self._board.clear()
        self._installed: Policy | None = None
        self._gone: set[int] = set()
        self._processes: list[Forked] = []
        undo.callback(self._send_home)
        self._start([*[None] * len(self.scripts), *staff])
        if staff:
            self._settle()

    def _start(self, parts: Sequence[Serve | None]) -> None:
        make: Any = Forked if hasattr(os, "pidfd_open") else _by_multiprocessing
        for who, serve in enumerate(parts):
            process = make(self._take_part, who, serve)
            with undisturbed():
                process.start()
            self._processes.append(process)
            self._poll.register(process.sentinel, select.EPOLLIN)
        for who in range(len(parts)):
            self._give(who)

    def _take_part(self, who: int, serve: Serve | None) -> None:
        """What a participant's process does."""
        die_with_parent()
        os.close(self._living)
        gc.freeze()  # what was there before need never be looked through, page by page, in each process
        Participant(who, self._cast, self._state, self._board, self._bells, self._make_turns(alone=True)).live(serve)

    def _settle(self) -> None:
        """Let the staff go on until each waits for the buyers, so that all executions start alike."""
        policy = Onward()
        self._install(policy)
        self._state.settle(policy)
        chosen = self._state.next()
        if chosen != NOBODY:
            self._give(chosen)

    def _send_home(self) -> None:
        """End everybody: in order where each waits to begin, by force where an execution was broken off."""
        self._board.command(Command.GO_HOME)
        for who, process in enumerate(self._processes):
            if self._clean:
                self._bells[who].ring()
                process.join(self._patience)
            process.kill()
            process.join()

    def _perform(self, policy: Policy) -> Execution:
        state, board = self._state, self._board
        self._install(policy)
        state.reset(policy)
        first = state.first()
        if first != NOBODY:
            self._give(first)
        board.steps.catch_up()
        if state.registers[ENDING] != Ending.COMPLETED:
            board.command(Command.SPEAK)
            for who in range(len(self.scripts)):
                if who not in self._gone:
                    self._give(who)
        records, told = board.log.take()
        return Execution.of(state, records, told)

    def _install(self, policy: Policy) -> None:
        """Have a policy choose, in all processes; this one has to know all steps before it puts anything back."""
        if policy is not self._installed:
            self._installed = policy
            self._board.install(policy)
        self._board.steps.catch_up()

    def _give(self, who: int) -> None:
        """Hand over the turn, and wait until it is back for good, and not only for a deed."""
        while who != NOBODY:
            self._board.registers[TURN] = who
            self._board.resume(who)
            self._bells[who].ring()
            self._await_turn()
            who = self._do_what_is_asked()

    def _do_what_is_asked(self) -> int:
        """Do to a participant what a fault has it ask for, if anything, and return whose turn it is then."""
        registers = self._board.registers
        asked, victim = registers[ASKED], registers[VICTIM]
        if asked == Deed.NOTHING:
            return NOBODY
        registers[ASKED] = Deed.NOTHING
        self._board.steps.catch_up()
        process = self._processes[victim]
        assert process.pid is not None
        if asked == Deed.STOP:
            self._board.stop(victim, process.pid)
            return int(registers[THEN])
        if asked == Deed.KILL_SERVER:
            for server in as_type("Exposed", self._cast).servers():
                os.kill(server, signal.SIGKILL)
            return int(victim)
        if asked == Deed.TERMINATE:
            os.kill(process.pid, signal.SIGTERM)  # which finds it waiting for its turn: so this is its turn
            self._await_turn()
            return self._do_what_is_asked()
        if asked == Deed.KILL:
            process.kill()
        self._poll.unregister(process.sentinel)
        process.join()
        self._gone.add(victim)
        self._state.finish(victim)
        return self._state.next()

    def _await_turn(self) -> None:
        mine = self._bells[-1]
        while not (ready := dict(self._poll.poll(self._patience))):
            self._check_progress()
        if mine.file not in ready:
            who, gone = next(each for each in enumerate(self._processes) if each[1].sentinel in ready)
            raise TicketlabError(f"{self._name(who)} ended in the middle of an execution (exit code {gone.exitcode})")
        mine.wait()
        if trouble := self._board.trouble():
            raise TicketlabError(trouble)

    def _check_progress(self) -> None:
        """Raise OutsideControl where nothing has moved for as long as the executor is patient."""
        board, state = self._board, self._state
        before = self._progress()
        began = time.monotonic()
        while time.monotonic() - began < self._patience:
            if self._poll.poll(self._patience / 10) or self._progress() != before:
                return
        board.steps.catch_up()
        who, length = board.registers[TURN], state.registers[LENGTH]
        mine = [node for node in range(length) if state.who[node] == who]
        last = describe(state.table.steps[state.what[mine[-1]]]) if mine else "it began"
        raise OutsideControl(
            f"{self._name(who)} has been outside control for more than {self._patience:g} s, since {last}: "
            "it waits for something without saying so"
        )

    def _progress(self) -> tuple[int, int, int]:
        """Return what would be different if anybody had moved."""
        registers = self._state.registers
        return self._board.registers[TURN], registers[LENGTH], registers[VERSION]

    def _name(self, who: int) -> str:
        return named(who, len(self.scripts))


def _by_multiprocessing(target: Callable[..., object], *args: Any) -> ForkProcess:
    return multiprocessing.get_context("fork").Process(target=target, args=args, daemon=True)
