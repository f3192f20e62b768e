"""All participants in one process, as greenlets: the fastest way to run a schedule.

Whoever arrives at a scheduling point asks the policy and switches straight to whom it picks, or goes on if that is
itself. Greenlets, sessions and connections last from one execution to the next; only the store is reset.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, suppress

from greenlet import getcurrent, greenlet

from ticketlab.core.errors import TicketlabError
from ticketlab.core.pacing import paced_by
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.fault_pacer import Terminated
from ticketlab.explorer.engine.pacer import BrokenOff
from ticketlab.explorer.engine.state import NOBODY, State
from ticketlab.explorer.engine.steps import StepTable
from ticketlab.explorer.executors.executor import Executor, Serve
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.policies.replay import Onward


class Inline(Executor):
    """Runs the participants of a cast in this process. No fault may kill, since all are one process."""

    def _lay_out(self, scripts: Sequence[int], staff: int) -> State:
        return State(StepTable(), scripts, staff, self._steps)

    def _assemble(self, staff: Sequence[Serve], undo: ExitStack) -> None:
        self._turns = turns = self._make_turns(alone=False)
        buyers = [greenlet(lambda who=who: self._buy(who)) for who in range(len(self.scripts))]
        self._greenlets = buyers + [greenlet(lambda serve=serve: self._serve(serve)) for serve in staff]
        turns.switches = [one.switch for one in (*self._greenlets, getcurrent())]
        undo.callback(self._send_home)
        for buyer in buyers:
            buyer.switch()
        if staff:
            with paced_by(turns):
                self._settle()

    def _settle(self) -> None:
        """Let the staff go on until each waits for the buyers, so that all executions start alike."""
        state, turns = self._state, self._turns
        for who in range(state.buyers, state.size):
            turns.me, turns.pick = who, turns.take_post
            turns.switches[who]()
        state.settle(Onward())
        turns.pass_on()

    def _perform(self, policy: Policy) -> Execution:
        state, turns = self._state, self._turns
        state.reset(policy)
        turns.begin()
        turns.me = first = state.first()
        if first != NOBODY:
            with paced_by(turns):
                turns.switches[first]()
        return Execution.of(state, turns.records, turns.notes)

    def _send_home(self) -> None:
        for one in self._greenlets:
            if one:  # has begun, and has not ended
                one.throw(BrokenOff)

    def _buy(self, who: int) -> None:
        turns, script = self._turns, self.scripts[who]
        try:
            with self._cast.join(who + 1) as perform:
                turns.switches[-1]()
                while True:
                    turns.play(who, perform, script)
                    turns.pass_on()
        except BrokenOff:
            return
        except Terminated:
            self._leave(who)

    def _serve(self, serve: Serve) -> None:
        try:
            serve()
        except BrokenOff:
            return
        except Exception:
            if not any(self._state.faults.fell):
                raise
            self._leave(self._turns.me)  # a clerk that cannot go on after a fault ends, as it would anywhere
            return
        raise TicketlabError("staff went home while buyers were still buying")

    def _leave(self, who: int) -> None:
        """End, and leave the turn to the others."""
        self._state.finish(who)
        with suppress(BrokenOff):
            self._turns.pass_on()
