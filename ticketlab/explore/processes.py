"""Each participant in a process of its own: the same schedules over real files, locks and databases.

The processes are forked once and run execution after execution, all on one core, since only one of them moves at a
time. The state is in memory that they share, so whoever stands before a step asks the policy itself and rings the bell
of whom it picks; the leading process is woken when an execution is over. It watches that the others live, and that
whoever has the turn comes back to a point before long.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import random
import select
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from multiprocessing.context import ForkProcess
from types import TracebackType
from typing import Any, Final, Self, cast

from ticketlab.core.errors import TicketlabError
from ticketlab.core.faults import Fault, Harm
from ticketlab.core.fork import Forked
from ticketlab.core.lifeline import die_with_parent, undisturbed
from ticketlab.core.pacing import paced_by
from ticketlab.explore.cast import NOTHING, Cast, Exposed, Place, Strikes
from ticketlab.explore.execution import Execution
from ticketlab.explore.inline import STEPS
from ticketlab.explore.policies.replay import Onward
from ticketlab.explore.schedule import (
    ENDING,
    LENGTH,
    NOBODY,
    VERSION,
    Ending,
    Policy,
    State,
)
from ticketlab.explore.shared import NEWS, Board, EventBell, PipeBell, SharedMemory, SharedSteps
from ticketlab.explore.strikes import Struck, Terminated, seize_of
from ticketlab.explore.stuck import named
from ticketlab.explore.trace import describe
from ticketlab.explore.troupe import Troupe
from ticketlab.explore.turns import BrokenOff, Idle, Turns

TURN: Final = 0
COMMAND: Final = 1
INSTALLED: Final = 2
ASKED: Final = 4  # what the leading process shall do to a participant, and to whom
VICTIM: Final = 5
THEN: Final = 6  # who moves after it was stopped

KILL_ME: Final = 1
STOP_ME: Final = 2
TERMINATE_ME: Final = 3
BURY_ME: Final = 4  # it ends by itself
KILL_SERVER: Final = 5

GO_ON: Final = 0
GO_HOME: Final = 1  # leave in order
SPEAK: Final = 2  # leave your records, and wait to be ended

PATIENCE: Final = 10.0


class OutsideControl(TicketlabError):
    """A participant neither came back to a scheduling point nor ended within the bound."""


class Processes(Troupe):
    """Runs the participants of a cast in processes; a context manager, so that none is left behind.

    `whole`, `steps` and `faults` are as for `Inline`; here signals are real. `patience` is how long, in
    seconds of the wall clock, a participant may stay away from scheduling points.
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
        super().__init__(cast, faults)
        self._whole = whole
        self._steps = steps
        self._patience = patience
        self._installed: Policy | None = None

    def __enter__(self) -> Self:
        self._unpin = _pin()
        try:
            with paced_by(Idle()):
                self._set_up(self._cast.open())
        except BaseException:
            self._unpin()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        try:
            self._close()
        finally:
            self._unpin()

    def _set_up(self, staff: Sequence[Callable[[], None]]) -> None:
        rows = 4 * self._steps + sum(len(script) for script in self.scripts)
        memory = SharedMemory((1 << 24) + (1 << 23) + (1 << 17) + 48 * rows + 12 * 8 * (self._steps + 4096))
        self._board = Board(memory, rows)
        self._table = SharedSteps(memory, self._board.tell)
        lengths = [len(script) for script in self.scripts]
        self._state = State(self._table, lengths, len(staff), self._steps, memory.column, memory.bytes)
        self._stopped = memory.column(self._state.size)  # the process number of each that a fault has stopped, else 0
        self._employ(staff)

    def run(self, policy: Policy, without: frozenset[Place] = NOTHING, strikes: Strikes = ()) -> Execution | None:
        """Run the policy's next execution; None where it has explored everything.

        Raises:
            OutsideControl: a participant stayed away from scheduling points for longer than the executor is patient.
            TicketlabError: a participant's process ended, or met trouble of the lab's own.
        """
        state = self._state
        if not policy.begin(state):
            return None
        self._arrange(without, strikes)
        self._install(policy)
        self._table.catch_up()  # first: what is reset is what is known
        state.reset(policy)
        self._clean = False
        first = state.first()
        if first != NOBODY:
            self._give(first)
        execution = self._ended()
        self._clean = execution.ending is Ending.COMPLETED and not execution.fell
        return execution

    def _ended(self) -> Execution:
        self._table.catch_up()
        if self._state.registers[ENDING] != Ending.COMPLETED:
            self._board.registers[COMMAND] = SPEAK
            self._board.tell()
            for who in range(len(self.scripts)):
                if who not in self._gone:
                    self._give(who)
        records, told = self._board.log.take()
        return Execution.of(self._state, records, told)

    def _install(self, policy: Policy) -> None:
        """Hand a policy to all processes, each of which takes it when it gets the turn."""
        if policy is not self._installed:
            self._installed = policy
            self._board.policy.clear()
            self._board.policy.append(pickle.dumps(policy))
            self._board.registers[INSTALLED] += 1
            self._board.tell()

    def _employ(self, staff: Sequence[Callable[[], None]]) -> None:
        """Fork a process for each participant, and let each come to where it waits to begin."""
        self._staff = staff
        with ExitStack() as undo:
            undo.callback(self._cast.close)
            self._alive, self._living = os.pipe()
            undo.callback(os.close, self._alive)
            undo.callback(os.close, self._living)
            self._bells = [_bell(self._alive) for _ in range(self._state.size + 1)]
            for bell in self._bells:
                undo.callback(bell.close)
            self._board.registers[COMMAND] = GO_ON
            self._state.renew()
            self._installed = None
            self._poll = select.epoll()
            undo.callback(self._poll.close)
            self._poll.register(self._bells[-1].file, select.EPOLLIN)
            self._processes: list[Forked] = []
            self._gone: set[int] = set()
            for who in range(self._state.size):
                self._stopped[who] = 0
            self._board.registers[ASKED] = 0
            undo.callback(self._send_home)
            self._start([*[None] * len(self.scripts), *staff])
            self._settle()
            self._undo = undo.pop_all()
        self._clean = True

    def _start(self, parts: Sequence[Callable[[], None] | None]) -> None:
        make: Any = Forked if hasattr(os, "pidfd_open") else _by_multiprocessing
        for who, serve in enumerate(parts):
            process = make(self._take_part, who, serve)
            with undisturbed():
                process.start()
            self._processes.append(process)
            self._poll.register(process.sentinel, select.EPOLLIN)
        for who in range(len(parts)):
            self._give(who)

    def _settle(self) -> None:
        """Let the staff go on until each waits for the buyers, so that all executions start alike."""
        if self._state.size == self._state.buyers:
            return
        policy = Onward()
        self._install(policy)
        self._table.catch_up()
        self._state.settle(policy)
        chosen = self._state.next()
        if chosen != NOBODY:
            self._give(chosen)

    def _close(self) -> None:
        with paced_by(Idle()):
            self._undo.close()

    def _send_home(self) -> None:
        """End everybody: in order where each waits to begin, by force where an execution was broken off."""
        self._board.registers[COMMAND] = GO_HOME
        self._board.tell()
        for who, process in enumerate(self._processes):
            if self._clean:
                self._bells[who].ring()
                process.join(self._patience)
            process.kill()
            process.join()

    def _name(self, who: int) -> str:
        return named(who, len(self.scripts))

    def _give(self, who: int) -> None:
        """Hand over the turn, and wait until it is back for good: not only to have a fault strike."""
        while who != NOBODY:
            self._hand_over(who)
            asked = self._board.registers[ASKED]
            who = self._do(asked) if asked else NOBODY

    def _do(self, asked: int) -> int:
        """Do to a participant what a fault has it ask for, and return whose turn it is then."""
        registers = self._board.registers
        victim = registers[VICTIM]
        process = self._processes[victim]
        assert process.pid is not None
        self._table.catch_up()
        registers[ASKED] = 0
        if asked == STOP_ME:
            os.kill(process.pid, signal.SIGSTOP)
            os.waitid(os.P_PID, process.pid, os.WSTOPPED)
            self._stopped[victim] = process.pid
            return int(registers[THEN])
        if asked == KILL_SERVER:
            for server in cast("Exposed", self._cast).servers():
                os.kill(server, signal.SIGKILL)
            return int(victim)
        if asked == TERMINATE_ME:
            os.kill(process.pid, signal.SIGTERM)  # which finds it waiting for its turn: so this is its turn
            self._await_turn()
            return self._do(registers[ASKED]) if registers[ASKED] else NOBODY
        if asked == KILL_ME:
            process.kill()
        self._poll.unregister(process.sentinel)
        process.join()
        self._gone.add(victim)
        self._state.finish(victim)
        return self._state.next()

    def _hand_over(self, who: int) -> None:
        """Hand over the turn, and wait until it is back."""
        self._board.registers[TURN] = who
        self._continue(who)
        self._bells[who].ring()
        self._await_turn()

    def _continue(self, who: int) -> None:
        """Let a participant that is stopped go on."""
        if self._stopped[who]:
            os.kill(self._stopped[who], signal.SIGCONT)
            self._stopped[who] = 0

    def _await_turn(self) -> None:
        mine = self._bells[-1]
        while not (ready := dict(self._poll.poll(self._patience))):
            self._check_progress()
        if mine.file not in ready:
            who, gone = next(each for each in enumerate(self._processes) if each[1].sentinel in ready)
            raise TicketlabError(f"{self._name(who)} ended in the middle of an execution (exit code {gone.exitcode})")
        mine.wait()
        for message in self._board.trouble.read():
            self._board.trouble.clear()
            raise TicketlabError(message.decode())

    def _check_progress(self) -> None:
        """Raise OutsideControl where nothing has moved for as long as the executor is patient."""
        board, registers = self._board.registers, self._state.registers
        before = board[TURN], registers[LENGTH], registers[VERSION]
        began = time.monotonic()
        while time.monotonic() - began < self._patience:
            if self._poll.poll(self._patience / 10) or (board[TURN], registers[LENGTH], registers[VERSION]) != before:
                return
        self._table.catch_up()
        who, length = before[0], registers[LENGTH]
        mine = [node for node in range(length) if self._state.who[node] == who]
        last = describe(self._table.steps[self._state.what[mine[-1]]]) if mine else "it began"
        raise OutsideControl(
            f"{self._name(who)} has been outside control for more than {self._patience:g} s, since {last}: "
            "it waits for something without saying so"
        )

    def _take_part(self, who: int, serve: Callable[[], None] | None) -> None:
        """What a participant's process does."""
        die_with_parent()
        os.close(self._living)
        gc.freeze()  # what was there before need never be looked through, page by page, in each process
        part = _Part(self, who)
        if self._faults:
            signal.signal(signal.SIGTERM, _terminate)
        try:
            part.wait()
            with paced_by(Idle()):
                part.buy() if serve is None else part.serve(serve)
        except BrokenOff:
            pass
        except Terminated:
            part.leave()
        except Exception as error:
            if serve is None or not any(self._state.fell):
                self._fail(error)
                raise
            part.leave()  # a clerk that cannot go on after a fault ends, as it would anywhere
        except BaseException as error:
            self._fail(error)
            raise

    def _fail(self, error: BaseException) -> None:
        """Tell the leading process of trouble of the lab's own."""
        self._board.report(error)
        self._bells[-1].ring()


class _Part:
    """One participant, in its process."""

    def __init__(self, executor: Processes, who: int) -> None:
        self._executor = executor
        self._who = who
        self._board = executor._board
        self._state = executor._state
        self._bell = executor._bells[who]
        self._turns = turns = self._pacer()
        self._policy = self._news = 0
        self._pausing = NOBODY
        turns.me = who
        turns.switches = [self._switch(to) for to in range(len(executor._bells))]

    def _pacer(self) -> Turns:
        executor, state = self._executor, self._state
        if not executor._faults:
            return Turns(state, whole=executor._whole, alone=True)
        struck = Struck(state, executor._faults, seize_of(executor._cast), whole=executor._whole, alone=True)
        struck.strike = self._strike
        struck.footprints = executor._footprints
        return struck

    def _strike(self, fault: Fault) -> None:
        """Have a fault strike this process."""
        if fault.harm is Harm.PAUSE:
            self._pausing = self._state.registers[LENGTH]  # from when somebody else moves, which nobody may
        elif fault.harm is not Harm.CLOCK:
            self._speak()
            self._ask(_ASKING[fault.harm])

    def _ask(self, what: int, then: int = NOBODY) -> None:
        """Have the leading process do something to this one, and wait for the turn."""
        registers, me = self._board.registers, self._who
        registers[ASKED], registers[VICTIM], registers[THEN] = what, me, then
        self._executor._bells[-1].ring()
        self.wait()

    def leave(self) -> None:
        """End, and leave the turn to the leading process."""
        self._speak()
        registers = self._board.registers
        registers[ASKED], registers[VICTIM] = BURY_ME, self._who
        self._executor._bells[-1].ring()

    def _switch(self, to: int) -> Callable[[], None]:
        registers, turns, ring, wait = (
            self._board.registers,
            self._turns,
            self._executor._bells[to].ring,
            self._bell.wait,
        )
        staff, me = self._who >= self._state.buyers, self._who

        def switch() -> None:
            if staff and turns.notes:  # buyers speak at the end of their scripts, and staff have none
                self._speak()
            registers[TURN] = to
            ring()
            wait()
            turns.me = me
            if registers[NEWS] != self._news:
                self._catch_up()

        def carefully() -> None:
            if self._pausing == self._state.registers[LENGTH]:
                self._pausing = NOBODY
                self._ask(STOP_ME, to)
            else:
                if to < self._state.size:
                    self._executor._continue(to)
                switch()

        return carefully if self._executor._faults else switch

    def wait(self) -> None:
        """Wait for the first turn."""
        self._bell.wait()
        self._turns.me = self._who
        self._catch_up()

    def _catch_up(self) -> None:
        """Take in what is new: steps, a policy, a command."""
        board = self._board
        self._news = board.registers[NEWS]
        self._executor._table.catch_up()
        registers = board.registers
        if registers[INSTALLED] != self._policy:
            self._policy = registers[INSTALLED]
            (message,) = board.policy.read()
            self._state.policy = pickle.loads(message)  # noqa: S301 - the leading process wrote it
        if registers[COMMAND]:
            if registers[COMMAND] == SPEAK:
                self._speak()
                self._turns.switches[-1]()
            raise BrokenOff

    def _speak(self) -> None:
        turns = self._turns
        if turns.records or turns.notes:
            self._board.log.write(turns.records, turns.notes)
            turns.records, turns.notes = [], []

    def buy(self) -> None:
        """Play the buyer's script, time after time."""
        executor, turns, who = self._executor, self._turns, self._who
        script = executor.scripts[who]
        with executor._cast.join(who + 1) as perform:
            turns.switches[-1]()
            with paced_by(turns):
                while True:
                    turns.begin()
                    turns.play(who, perform, script)
                    self._speak()
                    turns.pass_on()

    def serve(self, serve: Callable[[], None]) -> None:
        """Serve the buyers until sent home."""
        self._turns.pick = self._turns.take_post
        with paced_by(self._turns):
            serve()
        raise TicketlabError("staff went home while buyers were still buying")


def _by_multiprocessing(target: Callable[..., object], *args: Any) -> ForkProcess:
    return multiprocessing.get_context("fork").Process(target=target, args=args, daemon=True)


_ASKING: Final = {
    Harm.KILL: KILL_ME,
    Harm.KILL_STAFF: KILL_ME,
    Harm.KILL_SERVER: KILL_SERVER,
    Harm.TERMINATE: TERMINATE_ME,
}


def _terminate(_number: int, _frame: object) -> None:
    raise Terminated


def _bell(alive: int) -> EventBell | PipeBell:
    return EventBell() if hasattr(os, "eventfd") else PipeBell(alive)


def _pin() -> Callable[[], None]:
    """Bind this process, and all that it forks, to one of its cores; return what lifts that for this one.

    As batch work, whoever rings a bell goes on until it waits itself, instead of being interrupted by whom it wakes and
    woken once more only to wait: one switch for each turn, not two.
    """
    if not hasattr(os, "sched_setaffinity"):
        return lambda: None
    before, usual = os.sched_getaffinity(0), os.sched_getscheduler(0) == os.SCHED_OTHER
    os.sched_setaffinity(0, {random.choice(sorted(before))})
    if usual:
        _schedule_as(os.SCHED_BATCH)

    def lift() -> None:
        with suppress(OSError):  # the cores may have been taken away meanwhile
            os.sched_setaffinity(0, before)
        if usual:
            _schedule_as(os.SCHED_OTHER)

    return lift


def _schedule_as(how: int) -> None:
    with suppress(OSError):  # some containers do not allow it, and nothing but speed depends on it
        os.sched_setscheduler(0, how, os.sched_param(0))
