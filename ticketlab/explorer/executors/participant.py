"""A participant's part, in a process of its own.

Whoever stands before a step asks the policy itself, and rings the bell of whom it picks: the leading process is woken
only at the end of an execution, or where a fault takes somebody to carry it out.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from typing import Final

from ticketlab.core.errors import TicketlabError
from ticketlab.core.faults import Fault, Harm
from ticketlab.core.pacing import paced_by
from ticketlab.explorer.engine.fault_pacer import Terminated, TurnsWithFaults
from ticketlab.explorer.engine.pacer import BrokenOff, Idle, Turns
from ticketlab.explorer.engine.registers import LENGTH
from ticketlab.explorer.engine.state import NOBODY, State
from ticketlab.explorer.executors.control_block import COMMAND, INSTALLED, NEWS, TURN, Board, Command, Deed
from ticketlab.explorer.executors.executor import Serve
from ticketlab.explorer.executors.wakeup import Bell
from ticketlab.explorer.workload import Cast

_DEEDS: Final = {
    Harm.KILL: Deed.KILL,
    Harm.KILL_STAFF: Deed.KILL,
    Harm.KILL_SERVER: Deed.KILL_SERVER,
    Harm.TERMINATE: Deed.TERMINATE,
}


class Participant:
    """One participant; the last of the bells is the leading process's."""

    def __init__(self, who: int, cast: Cast, state: State, board: Board, bells: Sequence[Bell], turns: Turns) -> None:
        self._who = who
        self._cast = cast
        self._state = state
        self._board = board
        self._bells = bells
        self._turns = turns
        self._news = self._policy = 0  # what it has taken in of each
        turns.me = who
        if isinstance(turns, TurnsWithFaults):
            self._pausing = NOBODY  # or the step before which it stops, if somebody else moves there
            turns.carry_out = self._carry_out
            turns.switches = [self._careful_switch(to) for to in range(len(bells))]
            signal.signal(signal.SIGTERM, _terminate)
        else:
            turns.switches = [self._switch(to) for to in range(len(bells))]

    def live(self, serve: Serve | None) -> None:
        """Take part until sent home: as a buyer or, where it is given how to serve, as staff."""
        try:
            self._wait()
            with paced_by(Idle()):
                self._buy() if serve is None else self._serve(serve)
        except BrokenOff:
            return
        except Terminated:
            self._leave()
        except Exception as error:
            if serve is None or not any(self._state.faults.fell):
                self._fail(error)
                raise
            self._leave()  # a clerk that cannot go on after a fault ends, as it would anywhere
        except BaseException as error:
            self._fail(error)
            raise

    def _buy(self) -> None:
        """Play the buyer's script, time after time."""
        turns, who = self._turns, self._who
        script = self._cast.scripts[who]
        with self._cast.join(who + 1) as perform:
            turns.switches[-1]()
            with paced_by(turns):
                while True:
                    turns.begin()
                    turns.play(who, perform, script)
                    self._speak()
                    turns.pass_on()

    def _serve(self, serve: Serve) -> None:
        """Serve the buyers until sent home."""
        self._turns.pick = self._turns.take_post
        with paced_by(self._turns):
            serve()
        raise TicketlabError("staff went home while buyers were still buying")

    def _wait(self) -> None:
        """Wait for the turn, and take in what is new."""
        self._bells[self._who].wait()
        self._turns.me = self._who
        self._catch_up()

    def _switch(self, to: int) -> Callable[[], None]:
        """Return what hands the turn to somebody, and returns when it is back."""
        registers, turns, ring, wait = (
            self._board.registers,
            self._turns,
            self._bells[to].ring,
            self._bells[self._who].wait,
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

        return switch

    def _catch_up(self) -> None:
        """Take in what is new: steps, a policy, a command."""
        board = self._board
        registers = board.registers
        self._news = registers[NEWS]
        board.steps.catch_up()
        if registers[INSTALLED] != self._policy:
            self._policy = registers[INSTALLED]
            self._state.follow(board.installed())
        if registers[COMMAND] != Command.GO_ON:
            if registers[COMMAND] == Command.SPEAK:
                self._speak()
                self._turns.switches[-1]()
            raise BrokenOff

    def _speak(self) -> None:
        """Leave what came of the requests, and what was learnt."""
        turns = self._turns
        if turns.records or turns.notes:
            self._board.log.write(turns.records, turns.notes)
            turns.records, turns.notes = [], []

    def _fail(self, error: BaseException) -> None:
        """Tell the leading process of trouble of the lab's own."""
        self._board.report(error)
        self._bells[-1].ring()

    def _leave(self) -> None:
        """End, and leave the turn to the leading process."""
        self._speak()
        self._board.ask(Deed.BURY, self._who)
        self._bells[-1].ring()

    def _carry_out(self, fault: Fault) -> None:
        """Have a fault strike this process."""
        if fault.harm is Harm.PAUSE:
            self._pausing = self._state.registers[LENGTH]  # from when somebody else moves, which nobody may
        elif fault.harm in _DEEDS:
            self._speak()
            self._have_done(_DEEDS[fault.harm])

    def _have_done(self, what: Deed, then: int = NOBODY) -> None:
        """Have the leading process do something to this one, and wait for the turn."""
        self._board.ask(what, self._who, then)
        self._bells[-1].ring()
        self._wait()

    def _careful_switch(self, to: int) -> Callable[[], None]:
        """Return the same where faults strike: one's own pause begins now, and another's ends."""
        switch = self._switch(to)

        def careful_switch() -> None:
            if self._pausing == self._state.registers[LENGTH]:
                self._pausing = NOBODY
                self._have_done(Deed.STOP, to)
            else:
                if to < self._state.size:
                    self._board.resume(to)
                switch()

        return careful_switch


def _terminate(_number: int, _frame: object) -> None:
    raise Terminated
