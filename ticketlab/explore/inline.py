"""All participants in one process, as greenlets: the fastest way to run a schedule.

Whoever arrives at a scheduling point asks the policy and switches straight to whom it picks, or goes on if that is
itself. Greenlets, sessions and connections last from one execution to the next; only the store is reset.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Final, Self

from greenlet import getcurrent, greenlet

from ticketlab.core.errors import TicketlabError
from ticketlab.core.faults import Fault
from ticketlab.core.pacing import paced_by
from ticketlab.explore.cast import NOTHING, Cast, Place, Strikes
from ticketlab.explore.execution import Execution
from ticketlab.explore.policies.replay import Onward
from ticketlab.explore.schedule import NOBODY, Ending, Policy, State
from ticketlab.explore.steps import StepTable
from ticketlab.explore.strikes import Struck, Terminated, seize_of
from ticketlab.explore.troupe import Troupe
from ticketlab.explore.turns import BrokenOff, Idle, Turns

STEPS: Final = 10_000


class Inline(Troupe):
    """Runs the participants of a cast in this process; a context manager, so that they are sent home at the end.

    With `whole`, reads and writes are one step each: the later parts of an access are no scheduling points. `steps` is
    the bound beyond which an execution counts as endless. `faults` are those that may strike: not a
    kill, since all are one process.
    """

    def __init__(self, cast: Cast, *, whole: bool = False, steps: int = STEPS, faults: Sequence[Fault] = ()) -> None:
        super().__init__(cast, faults)
        self._whole = whole
        self._steps = steps

    def __enter__(self) -> Self:
        with paced_by(Idle()):
            staff = self._cast.open()
            lengths = [len(script) for script in self.scripts]
            self._state = State(StepTable(), lengths, len(staff), self._steps)
            self._employ(staff)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._close()

    def run(self, policy: Policy, without: frozenset[Place] = NOTHING, strikes: Strikes = ()) -> Execution | None:
        """Run the policy's next execution; None where it has explored everything.

        `without` leaves out requests, each given by its buyer (from 0) and its place in the buyer's script. `strikes`
        are of the executor's faults. After one of them everything that was shared is made anew.
        """
        state = self._state
        if not policy.begin(state):
            return None
        self._arrange(without, strikes)
        turns = self._turns
        state.reset(policy)
        turns.begin()
        self._clean = False
        turns.me = first = state.first()
        if first != NOBODY:
            with paced_by(turns):
                turns.switches[first]()
        execution = Execution.of(state, turns.records, turns.notes)
        self._clean = execution.ending is Ending.COMPLETED and not execution.fell
        return execution

    def _employ(self, staff: Sequence[Callable[[], None]]) -> None:
        """Make a greenlet for each participant, and let each come to where it waits to begin."""
        self._staff = staff
        with ExitStack() as undo:
            undo.callback(self._cast.close)
            self._state.renew()
            buyers = len(self.scripts)
            self._turns = turns = (
                Struck(self._state, self._faults, seize_of(self._cast), whole=self._whole, alone=False)
                if self._faults
                else Turns(self._state, whole=self._whole, alone=False)
            )
            self._greenlets = [greenlet(lambda who=who: self._buy(who)) for who in range(buyers)]
            self._greenlets += [greenlet(lambda serve=serve: self._serve(serve)) for serve in staff]
            turns.switches = [one.switch for one in self._greenlets] + [getcurrent().switch]
            if isinstance(turns, Struck):
                turns.footprints = self._footprints
            undo.callback(self._send_home)
            for switch in turns.switches[:buyers]:
                switch()
            if staff:
                with paced_by(turns):
                    self._settle(turns)
            self._undo = undo.pop_all()
        self._clean = True

    def _settle(self, turns: Turns) -> None:
        """Let the staff go on until each waits for the buyers, so that all executions start alike."""
        state = self._state
        for who in range(state.buyers, state.size):
            turns.me, turns.pick = who, turns.take_post
            turns.switches[who]()
        state.settle(Onward())
        turns.pass_on()

    def _close(self) -> None:
        with paced_by(Idle()):
            self._undo.close()

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
            self._state.finish(who)
        with suppress(BrokenOff):
            turns.pass_on()

    def _serve(self, serve: Callable[[], None]) -> None:
        try:
            serve()
        except BrokenOff:
            return
        except Exception:
            if not any(self._state.fell):
                raise
            self._state.finish(self._turns.me)  # a clerk that cannot go on after a fault ends, as it would anywhere
            with suppress(BrokenOff):
                self._turns.pass_on()
            return
        raise TicketlabError("staff went home while buyers were still buying")
