"""What scheduling points mean in a controlled execution: a participant before a step asks who moves, and hands over.

The same rules hold in one process and in many. The executor supplies `switches`: one function for each participant, and
a last one for the executor itself, that hands the turn there and returns when the turn comes back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, TypeVar

from ticketlab.core.inventory import Holdings
from ticketlab.core.pacing import BEGINNING, BLOCKED, RETRY, SPINS, UNCHANGED, UNDONE, Blocked
from ticketlab.core.steps import Action, Step
from ticketlab.core.system.queue_feeders import await_feeders
from ticketlab.explorer.engine.clock import SECOND, in_ticks
from ticketlab.explorer.engine.held import HeldResources
from ticketlab.explorer.engine.scheduler import Scheduler
from ticketlab.explorer.engine.spinning import MOST_VAIN_TRIES, Effort, is_alone, tries_before_sleep
from ticketlab.explorer.engine.state import BYTE, NOBODY, ExecutionEnd
from ticketlab.explorer.workload import Performer, RequestRecord, crashed, outcome_of

T = TypeVar("T")


class ExecutionAborted(BaseException):
    """Ends a participant in the middle of what it is doing, its clean-up included; it never leaves the explorer."""


class InactivePacer:
    """What points mean outside an execution: nothing. A participant that would have to wait then is ended."""

    may_wait = False

    def at(self, step: Step) -> None:
        """Pass."""

    def block(self, step: Step, attempt: Callable[[], T | Literal[Blocked.BLOCKED]], wait: Callable[[], T]) -> T:
        """Attempt once."""
        result = attempt()
        if result is BLOCKED:
            raise ExecutionAborted
        return result

    def sleep(self, seconds: float) -> None:
        """Take no time."""

    def now(self, *, wall: bool) -> float:
        """Stand at the beginning of virtual time."""
        return BEGINNING

    def note(self, what: str, value: int | str) -> None:
        """Forget it."""

    def made(self, step: Step) -> None:
        """Forget it."""

    def for_fork(self) -> InactivePacer:
        """Return this same pacer."""
        return self


class ControlledPacer:
    """What points mean inside an execution: the turn goes to the participant that the policy picks.

    A participant that comes to a point says before which step it stands (`arrive`), asks the scheduler who moves next,
    and hands the turn over unless it is its own. When the turn is back, it has been picked, and its step is made. An
    attempt that does not succeed is made again each time that the participant is picked.

    `alone` says that one participant has this pacer for itself. In one process all participants share a pacer, and `me`
    is the one that moves. With `atomic_accesses`, the later parts of an access are no scheduling points.
    """

    may_wait = False

    def __init__(self, scheduler: Scheduler, *, atomic_accesses: bool, alone: bool) -> None:
        self._scheduler = scheduler
        self._state = state = scheduler.state
        self._counters = state.counters
        self._atomic_accesses = atomic_accesses
        self._alone = alone
        self._passed = state.table.passed
        self._attempted = state.table.attempted
        self._pending, self._pending_bytes = state.pending, state.pending_bytes
        self.me = 0
        self.pick = scheduler.next  # but for everybody's first step in an execution
        self.switches: list[Callable[[], Any]] = []
        self.records: list[RequestRecord] = []
        self.notes: list[tuple[int, str, int | str]] = []
        self._attempting = 0  # 1 while an attempt is being made: what is learnt then belongs to the step to come
        self._sent = False  # whether a message may still be on its way
        self._spinning: dict[int, tuple[str, ...]] = {}  # who would repeat what was in vain, and what that touched
        self._vain: dict[int, tuple[tuple[object, ...], int]] = {}  # the steps of promised tries in a row; their number
        self._retrying: set[int] = set()  # who says that it will try again after a sleep
        self._repeating: set[int] = set()  # of whom this is known
        self._looked: set[int] = set()  # who has looked at the clock since it last slept
        self._held = HeldResources(state.counters)

    @property
    def has_spun(self) -> bool:
        """Whether somebody was put off of whom it is known that its tries repeat themselves."""
        return self._counters.spun

    @property
    def counts_private(self) -> bool:
        """Whether an access to what nobody else knows of is a scheduling point, too."""
        return False

    def begin(self) -> None:
        """Start an execution: every buyer comes to its first step before the first pick is made."""
        self.records, self.notes = [], []
        for each in (self._spinning, self._vain, self._retrying, self._repeating, self._looked, self._held):
            each.clear()
        self.pick = self._start

    def _start(self) -> int:
        """As a buyer at its first step, return the next buyer, which is to come to its own; the last one picks."""
        self._counters.started = following = self._counters.started + 1
        if following < self._state.buyers:
            if self._alone:
                self.pick = self._scheduler.next
            return following
        self.pick = self._scheduler.next
        return self._scheduler.all_started()

    def _was_picked(self) -> int:
        """As a buyer that was woken to make its first step, make it if it is the one that was expected."""
        self.pick = self._scheduler.next
        state, me = self._state, self.me
        if state.pending[me] == state.opening[me]:
            return me
        self._counters.ending = ExecutionEnd.DIVERGED
        return NOBODY

    def take_post(self) -> int:
        """As a service, stand before the first step and give the turn back: a pick that is made once."""
        self.pick = self._scheduler.next
        return NOBODY

    def at(self, step: Step) -> None:
        """Stand before the step until picked."""
        if (step.continuation and self._atomic_accesses) or (step.private and not self.counts_private):
            return
        me = self.me
        if self._spinning and me in self._spinning:
            self._postpone(me, step, attempt=False)
            self._make(me)
            return
        if self._sent:
            self._await_feeders()
        self._pending[me] = symbol = self._passed[step]
        self._pending_bytes[me] = symbol % BYTE
        chosen = self.pick()
        if chosen != me:
            self.me = chosen
            self.switches[chosen]()
        self._scheduler.execute(me)
        if step.action is Action.SEND:
            self._sent = True
        elif step.action.holds:
            self._held.enter(me, step)

    def block(self, step: Step, attempt: Callable[[], T | Literal[Blocked.BLOCKED]], wait: Callable[[], T]) -> T:
        """Stand before the attempt until picked, again and again until it succeeds."""
        me, state, scheduler = self.me, self._state, self._scheduler
        if self._sent:
            self._await_feeders()
        if self._spinning and me in self._spinning:
            self._postpone(me, step, attempt=True)
        elif step.action.own or self._held.by(me, step.resource):
            state.arrive(me, state.table.own_attempts(me)[step])  # another's failure says nothing of this attempt
        else:
            state.arrive(me, self._attempted[step])
        while True:
            chosen = self.pick()
            if chosen != me:
                self.me = chosen
                self.switches[chosen]()
            known = len(self.notes)
            self._attempting = 1
            try:
                result = attempt()
            except Exception:
                scheduler.execute_failed(me)
                raise
            finally:
                self._attempting = 0
            if result is not BLOCKED:
                scheduler.execute(me)
                if step.action.holds:
                    self._held.enter(me, step)
                return result
            del self.notes[known:]
            scheduler.fail(me)

    def _await_feeders(self) -> None:
        self._sent = False
        await_feeders()

    def _postpone(self, me: int, step: Step, *, attempt: bool) -> None:
        """Stand before a step that would repeat what was in vain; it is closed until its try can differ."""
        watched = step._replace(affects=tuple(sorted({*self._spinning.pop(me), step.resource})))
        self._state.arrive(me, self._state.table.postponed(me, attempt=attempt)[watched])
        self._scheduler.fail(me)

    def _make(self, me: int) -> None:
        """Make the step before which a participant stands, once it is picked."""
        chosen = self.pick()
        if chosen != me:
            self.me = chosen
            self.switches[chosen]()
        self._scheduler.execute(me)

    def sleep(self, seconds: float) -> None:
        """Let virtual time pass; if it orders nothing, see to it that nobody tries in vain for ever."""
        state, me = self._state, self.me
        if state.clock.orders:
            state.clock.sleep(me, in_ticks(seconds))
        else:
            self._sleep_unordered(me, max(1, in_ticks(seconds)))
        for each in (self._retrying, self._repeating, self._looked):
            each.discard(me)

    def _sleep_unordered(self, me: int, ticks: int) -> None:
        state, known = self._state, me in self._repeating
        promised = known or me in self._retrying
        effort, touched, made = tries_before_sleep(state, me, promised=promised)
        state.promises[me] = effort is Effort.PROMISED and not (known and me in self._looked)
        if effort is Effort.FRUITFUL:
            self._vain.pop(me, None)
            if known or not promised:  # whoever promised that gets on as soon as it is let in, and not by the clock
                state.clock.drift(me, ticks)
            return
        tries = self._count_in_vain(me, made, promised=promised)
        self._spinning[me] = touched
        if effort is Effort.LEFT_OUT:
            state.gave_way[me] |= not is_alone(state, (me,))
            state.clock.sleep_through(me, ticks)
            return
        if known:
            self._counters.spun = True
            state.clock.drift(me, ticks)
            ticks = 0
        if me in self._looked or tries <= MOST_VAIN_TRIES:
            state.clock.sleep(me, ticks)  # time may end its wait, or a count of its tries

    def _count_in_vain(self, me: int, made: tuple[object, ...], *, promised: bool) -> int:
        """Count a try in vain, and return how many promised ones with the same steps there were in a row."""
        before, count = self._vain.pop(me, ((), 0))
        if not promised:
            return 1
        count = count + 1 if made == before else 1
        self._vain[me] = made, count
        return count

    def _take_time(self, seconds: float) -> None:
        """Let virtual time pass before a request: if it orders nothing, for all, and as a step that is picked."""
        clock = self._state.clock
        if not clock.orders:
            self.at(Step(Action.ADVANCE, f"{seconds:g} s"))
        clock.take(self.me, in_ticks(seconds))

    def now(self, *, wall: bool) -> float:
        """Return virtual time."""
        self._looked.add(self.me)
        return BEGINNING + self._state.clock.now_of(self.me, wall=wall) / SECOND

    def wait_until(self, seconds: float | None) -> None:
        """Have an attempt made again at a time, if nobody can move before; None says that the waiting is over."""
        clock, me = self._state.clock, self.me
        if not clock.orders:
            clock.wake[me] = 0 if seconds is None else max(in_ticks(seconds - BEGINNING), clock.time[0] + 1)

    def note(self, what: str, value: int | str) -> None:
        """Attach what was learnt to the step just made, or being attempted."""
        if what == UNDONE:
            self._scheduler.take_back(gave_back=True)
            return  # nothing was learnt
        if what == RETRY:
            self._retrying.add(self.me)
        elif what == SPINS:
            self._repeating.add(self.me)
            return  # the tables need not say so
        elif what == UNCHANGED:
            self._held.take_back()
            self._scheduler.take_back(gave_back=False)
        self.notes.append((self._counters.length - 1 + self._attempting, what, value))

    def made(self, step: Step) -> None:
        """Put another step in place of the one just made."""
        self._scheduler.replace_last(step)
        self._held.take_back()
        if step.action.holds:
            self._held.enter(self.me, step)

    def for_fork(self) -> InactivePacer:
        """Nobody outside the workload takes part."""
        return InactivePacer()

    def pass_on(self) -> None:
        """Give the turn to another participant, for good or until the next execution."""
        if self._sent:
            self._await_feeders()
        self.me = chosen = self.pick()
        self.switches[chosen]()

    def answer(self, perform: Performer, request: Any) -> Any:
        """Return what came of a request."""
        return outcome_of(perform, request)

    def _later(self, begins: list[int], pause: float, perform: Performer, request: Any) -> Any:
        """Make a request after a pause, which is no part of it, and take down when it begins."""
        self._take_time(pause)
        begins[0] = self._counters.length
        return perform(request)

    def run_script(self, who: int, perform: Performer, script: Sequence[Any]) -> None:
        """Make a buyer's requests, one execution's worth, and record what came of each."""
        state = self._state
        counters, skip, first = self._counters, state.skip, state.offset[who]
        if counters.started == state.buyers:
            self.pick = self._was_picked
        since, mine = 0, Holdings()
        for place, request in enumerate(script):
            if skip[first + place] or (pause := mine.pause(request)) is None:
                continue

            if pause:
                begins = [since]
                outcome = self.answer(partial(self._later, begins, pause, perform), request)
                (since,) = begins
            else:
                outcome = self.answer(perform, request)
            mine.take_in(outcome)
            until = counters.length
            self.records.append(RequestRecord(who, place, outcome, since, until, state.clock.wake[who]))
            since = until
            if crashed(outcome):
                break
        self._scheduler.finish(who)
