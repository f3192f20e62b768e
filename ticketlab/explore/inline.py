"""All participants in one process, as greenlets: the fastest way to run a schedule.

Whoever arrives at a scheduling point asks the policy and switches straight to whom it picks, or goes on if that is
itself. Greenlets, sessions and connections last from one execution to the next; only the store is reset.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeVar

from greenlet import getcurrent, greenlet

from ticketlab.core.errors import TicketlabError
from ticketlab.core.pacing import BLOCKED, UNCHANGED, Action, Blocked, Step, paced_by
from ticketlab.explore.cast import NOTHING, Cast, Place, Record, attempt, crashed
from ticketlab.explore.execution import Execution, Note
from ticketlab.explore.helpers import await_feeders
from ticketlab.explore.policies.replay import Onward
from ticketlab.explore.schedule import CLOCKED, ENDING, LENGTH, NOBODY, REDUNDANT, UNFINISHED, Ending, Policy, State
from ticketlab.explore.steps import StepTable
from ticketlab.explore.trace import Trace

T = TypeVar("T")

STEPS: Final = 10_000


class BrokenOff(BaseException):
    """Ends a participant in the middle of what it is doing, its clean-up included; never seen outside."""


class Idle:
    """What points mean outside an execution: nothing; whoever would have to wait then is broken off."""

    may_wait = False

    def at(self, step: Step) -> None:
        """Pass."""

    def block(self, step: Step, attempt: Callable[[], T | Literal[Blocked.BLOCKED]], wait: Callable[[], T]) -> T:
        """Attempt once."""
        result = attempt()
        if result is BLOCKED:
            raise BrokenOff
        return result

    def sleep(self, seconds: float) -> None:
        """Take no time."""

    def note(self, what: str, value: int | str) -> None:
        """Forget it."""

    def for_fork(self) -> Idle:
        """Be as idle there."""
        return self


class Turns:
    """What points mean inside one: the turn goes to whom the policy picks."""

    may_wait = False

    def __init__(self, state: State, *, whole: bool) -> None:
        self._state = state
        self._whole = whole
        self._passed = state.table.passed
        self._attempted = state.table.attempted
        self._pending = state.pending
        self.me = 0
        self.pick = state.next
        self.switches: list[Callable[[], Any]] = []
        self.notes: list[Note] = []
        self._attempting = 0
        self._sent = False
        self._spinning: set[int] = set()

    def begin(self, pick: Callable[[], int]) -> None:
        """Start an execution, with the first buyer's turn."""
        self.notes = []
        self._spinning.clear()
        self.me, self.pick = 0, pick

    def at(self, step: Step) -> None:
        """Stand before the step until picked."""
        if step.part and self._whole:
            return
        me = self.me
        if self._spinning and me in self._spinning:
            self._await_change(step)
            return
        if self._sent:
            self._settle_queues()
        self._pending[me] = self._passed[step]
        chosen = self.pick()
        if chosen != me:
            self.me = chosen
            self.switches[chosen]()
        self._state.execute(me)
        if step.action is Action.SEND:
            self._sent = True

    def block(self, step: Step, attempt: Callable[[], T | Literal[Blocked.BLOCKED]], wait: Callable[[], T]) -> T:
        """Stand before the attempt until picked, again and again until it succeeds."""
        me, state = self.me, self._state
        if self._sent:
            self._settle_queues()
        state.arrive(me, self._attempted[step])
        if self._spinning and me in self._spinning:
            self._spinning.discard(me)
            state.arrive(me, state.table.put_off(me)[step])
            state.fail(me)
        while True:
            chosen = self.pick()
            if chosen != me:
                self.me = chosen
                self.switches[chosen]()
            self._attempting = 1
            known = len(self.notes)
            try:
                result = attempt()
            except Exception:
                state.execute(me)  # an attempt that ends in an error is over, and may have had an effect
                raise
            finally:
                self._attempting = 0
            if result is not BLOCKED:
                state.execute(me)
                return result
            del self.notes[known:]
            state.fail(me)

    def _settle_queues(self) -> None:
        self._sent = False
        await_feeders()

    def _await_change(self, step: Step) -> None:
        """Stand before a step that would repeat what was in vain, until somebody changes its resource."""
        me, state = self.me, self._state
        self._spinning.discard(me)
        state.arrive(me, state.table.put_off(me)[step])
        state.fail(me)
        chosen = self.pick()
        if chosen != me:
            self.me = chosen
            self.switches[chosen]()
        state.execute(me)

    def sleep(self, seconds: float) -> None:
        """Let virtual time pass; where there is none, see to it that nobody tries in vain for ever."""
        state = self._state
        if state.registers[CLOCKED]:
            state.sleep(self.me, round(seconds * 1e9))
        elif state.spins(self.me):
            self._spinning.add(self.me)

    def note(self, what: str, value: int | str) -> None:
        """Attach what was learnt to the step just made, or being attempted."""
        if what == UNCHANGED:
            self._state.unchanged()
        self.notes.append(Note(self._state.registers[LENGTH] - 1 + self._attempting, what, value))

    def for_fork(self) -> Idle:
        """Nobody outside the cast takes part."""
        return Idle()

    def pass_on(self) -> None:
        """Give the turn to somebody else, for good or until the next execution."""
        if self._sent:
            self._settle_queues()
        self.me = chosen = self.pick()
        self.switches[chosen]()


class Inline:
    """Runs the participants of a cast in this process; a context manager, so that they are sent home at the end.

    With `whole`, reads and writes are one step each: the later parts of an access are no scheduling points. `steps` is
    the bound beyond which an execution counts as endless.
    """

    def __init__(self, cast: Cast, *, whole: bool = False, steps: int = STEPS) -> None:
        self._cast = cast
        self._scripts = cast.scripts
        self._whole = whole
        self._steps = steps
        self._table = StepTable()
        self._records: list[Record] = []
        self._state: (
            State  # made when the cast first tells how many staff there are; what a policy laid out outlasts it
        )
        self._without = NOTHING
        self._clean = False

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._close()

    @property
    def scripts(self) -> Sequence[Sequence[Any]]:
        """What each buyer asks for."""
        return self._scripts

    def run(self, policy: Policy, without: frozenset[Place] = NOTHING) -> Execution | None:
        """Run the policy's next execution; None where it has explored everything.

        `without` leaves out requests, each given by its buyer (from 0) and its place in the buyer's script.
        """
        if not policy.begin(self._state):
            return None
        if not self._clean:
            self._close()
            self._open()
        state, turns = self._state, self._turns
        state.policy = policy
        state.registers[CLOCKED] = policy.clocked
        if without != self._without:
            self._without = without
            state.leave_out(without)
        self._cast.reset()
        state.reset()
        self._records = []
        self._unstarted = iter(range(1, self._state.buyers))
        turns.begin(self._start)
        self._clean = False
        with paced_by(turns):
            turns.switches[0]()
        registers = state.registers
        ending = Ending(registers[ENDING])
        self._clean = ending is Ending.COMPLETED
        when = state.when[: registers[LENGTH]] if policy.clocked else ()
        return Execution(ending, Trace.of(state), self._records, turns.notes, when, registers[REDUNDANT] > 0)

    def _start(self) -> int:
        """Let the next buyer come to its first step; when all stand there, the first pick is made."""
        following = next(self._unstarted, None)
        if following is not None:
            return following
        self._turns.pick = self._state.next
        return self._state.next()

    def _open(self) -> None:
        with ExitStack() as undo, paced_by(Idle()):
            staff = self._cast.open()
            undo.callback(self._cast.close)
            buyers = len(self._scripts)
            if not hasattr(self, "_state"):
                self._state = State(self._table, [len(script) for script in self._scripts], len(staff), self._steps)
            self._turns = turns = Turns(self._state, whole=self._whole)
            hub = getcurrent()
            self._greenlets = [greenlet(lambda who=who: self._buy(who)) for who in range(buyers)]
            self._greenlets += [greenlet(lambda serve=serve: self._serve(serve)) for serve in staff]
            turns.switches = [one.switch for one in self._greenlets] + [hub.switch]
            undo.callback(self._send_home)
            for one in self._greenlets[:buyers]:
                one.switch()
            with paced_by(turns):
                self._settle(turns)
            self._undo = undo.pop_all()
        self._clean = True

    def _settle(self, turns: Turns) -> None:
        """Let the staff come to where each waits for the buyers, so that all executions start alike."""
        state = self._state
        if state.size == state.buyers:
            return
        turns.pick = lambda: NOBODY
        for who in range(state.buyers, state.size):
            turns.me = who
            turns.switches[who]()
        state.reset()
        state.registers[UNFINISHED] = 0
        state.policy = Onward()
        turns.pick = state.next
        turns.pass_on()

    def _close(self) -> None:
        with paced_by(Idle()):
            self._undo.close()

    def _send_home(self) -> None:
        for one in self._greenlets:
            if not one.dead:
                one.throw(BrokenOff)

    def _buy(self, who: int) -> None:
        state, turns = self._state, self._turns
        registers, wake, script = state.registers, state.wake, self._scripts[who]
        skip, first = state.skip, state.first[who]
        try:
            with self._cast.join(who + 1) as perform:
                turns.switches[-1]()
                while True:
                    since = 0
                    for place, request in enumerate(script):
                        if skip[first + place]:
                            continue
                        outcome = attempt(perform, request)
                        until = registers[LENGTH]
                        self._records.append(Record(who, place, outcome, since, until, wake[who]))
                        since = until
                        if crashed(outcome):
                            break
                    state.finish(who)
                    turns.pass_on()
        except BrokenOff:
            pass

    def _serve(self, serve: Callable[[], None]) -> None:
        try:
            serve()
        except BrokenOff:
            return
        raise TicketlabError("staff went home while buyers were still buying")
