"""The rules of a controlled execution: who moves next, and what follows from each step and each failed attempt.

The scheduler keeps nothing of its own that others need: what it decides stands in the `ExecutionState`, which all
processes share, so each process has a scheduler and any of them can go on where another left off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from ticketlab.core.errors import TicketlabError
from ticketlab.core.steps import Action, Step
from ticketlab.explorer.engine.clock import SECOND
from ticketlab.explorer.engine.enabled_set import EnabledSet
from ticketlab.explorer.engine.state import NOBODY, ExecutionEnd, ExecutionState
from ticketlab.explorer.engine.steps import NONE

MOST_TIME_PASSES: Final = 1_000
"""How often time may pass in one execution because nobody can move; then it is cut short."""
_MOST_FOR_PROMISED: Final = 100
"""After how often those count as stuck who promise that all tries are alike."""

BELIEVED: Final = 4
"""How often an attempt has to fail, after another succeeded that promises to exclude it, until the promise is taken for
granted and nobody is woken only to be refused."""


class Chooser(Protocol):
    """What the scheduler needs of a policy."""

    clocked: bool
    """Whether sleeping and virtual time order the steps."""

    def choose(self, enabled: Sequence[int], state: ExecutionState) -> int:
        """Return one of `enabled` (ascending, never empty), or NOBODY if a plan cannot be followed."""


class Scheduler:
    """Turns a policy's choices into an execution, step by step.

    A participant *arrives* before its next step and asks for the `next` one to move. Whoever is picked makes its step:
    the scheduler `execute`s it, or lets an attempt that did not succeed `fail`. This goes on until nobody is left to
    pick, which is the end of the execution: everybody has finished, or those who are left wait for something.

    Nobody polls. A failed attempt closes its symbol, so that whoever stands before the same attempt is not enabled,
    until a step that may have changed the outcome reopens it. If nobody is enabled, a few rules are tried before those
    who wait count as stuck: everybody may attempt once for itself (`_retry`), then time passes for the first sleeper
    (`_let_time_pass`).
    """

    __slots__ = (
        "_announced",
        "_counters",
        "_enabled",
        "_open",
        "_reopened",
        "_symbols",
        "_what",
        "_who",
        "policy",
        "state",
    )

    policy: Chooser

    def __init__(self, state: ExecutionState) -> None:
        self.state = state
        self._enabled = EnabledSet(state)
        self._reopened: Sequence[int] = ()  # by the step made last; whoever takes a step back has made it itself
        # The same objects as in the state: they are looked at several times in each step.
        self._counters = state.counters
        self._symbols = state.table.symbols
        self._open, self._who, self._what, self._announced = state.open, state.who, state.what, state.announced

    def follow(self, policy: Chooser) -> None:
        """Have a policy choose, in this process."""
        self.policy = policy
        self.state.clock.orders = policy.clocked

    def reset(self, policy: Chooser) -> None:
        """Go back to the start of an execution under a policy."""
        self.follow(policy)
        self.state.reset()

    def restart(self) -> None:
        """Forget what earlier executions taught, since all participants start anew."""
        self._counters.learnt, self._counters.settling = False, True
        self.state.faults.restart()

    def settle(self, policy: Chooser) -> None:
        """Have no buyer take part: services go on until each waits for buyers, or for a fault to come with them."""
        self.reset(policy)
        state, counters = self.state, self._counters
        counters.started, counters.unfinished, counters.settling = state.buyers, 0, True
        for who in range(state.buyers, state.size):
            if state.faults.is_due_at_start(who):
                self._close(state.pending[who])

    def first(self) -> int:
        """Return whom to wake first: to come to its first step or, if all first steps are known, to make it.

        A buyer does nothing that others could notice before its first step, so that step does not change from one
        execution to the next, and nobody need be woken only to say which it is.
        """
        state, counters = self.state, self._counters
        if not counters.learnt:
            return 0
        counters.started = state.buyers
        state.place_buyers(state.opening[: state.buyers])
        return self.next()

    def all_started(self) -> int:
        """Take down everybody's first step, and return who moves first."""
        state, counters = self.state, self._counters
        state.opening[: state.buyers] = state.pending[: state.buyers]
        counters.learnt = all(state.pending[: state.buyers])
        counters.version += 1
        return self.next()

    def next(self) -> int:
        """Return who moves next; NOBODY if the execution is over, and then the counter `ending` says how it ended."""
        counters, enabled, state = self._counters, self._enabled, self.state
        able = enabled.members if enabled.as_of == counters.version else enabled.refresh()
        if able and counters.length < state.bound:
            chosen = self.policy.choose(able, state)
            if chosen >= 0 and self._open[state.pending[chosen]]:
                return chosen
            return self._attempted_by(able)
        return self._over(endless=bool(able))

    def _attempted_by(self, able: Sequence[int]) -> int:
        """Return who attempts in vain before time passes, if a plan has nobody move.

        If the attempt succeeds, a step is made that is not in the plan, which is found out at the end.
        """
        if all(self._symbols[self.state.pending[who]].is_attempt for who in able):
            return able[0]
        self._counters.ending = ExecutionEnd.DIVERGED
        return NOBODY

    def _over(self, *, endless: bool) -> int:
        if endless:
            self._counters.ending = ExecutionEnd.ENDLESS
        elif not self._counters.unfinished:
            self._counters.ending = ExecutionEnd.COMPLETED
        else:
            return self._retry()
        return NOBODY

    def _retry(self) -> int:
        """Let those who wait attempt for themselves before they count as stuck, in the order that the policy chooses.

        One failure spoke for all who would make the same attempt. If one of them succeeds all the same, there is no
        deadlock. Each attempts once at a given length of the trace, unless the failure was its own.
        """
        state, now = self.state, 1 + self._counters.length
        waiting = [
            who
            for who, symbol in enumerate(state.pending)
            if self._symbols[symbol].may_fail and not self._symbols[symbol].postponed and state.retried[who] != now
        ]
        left = [who for who in waiting if state.refused[who] != self._last_failure(state.pending[who])]
        chosen = self.policy.choose(left, state) if left else NOBODY
        if chosen == NOBODY:
            return self._let_time_pass()
        state.retried[chosen] = now
        return chosen

    def _last_failure(self, symbol: int) -> int:
        """Return 1 + the number of the last failed attempt of a symbol; -1 if none has failed."""
        failed = self.state.failed_what
        numbers = range(self._counters.failures, 0, -1)
        return next((number for number in numbers if failed[number - 1] == symbol), NOBODY)

    def _let_time_pass(self) -> int:
        """Let time pass until the first sleeper wakes that waits for something to expire, and return who moves next.

        This is a step of its own, which nobody chose. It is a step so that whatever it makes possible is seen to come
        after all that was before it.
        """
        state, clock, counters = self.state, self.state.clock, self._counters
        sleepers = [(until, who) for until, who in clock.sleepers() if state.pending[who] != NONE]
        if clock.orders or not sleepers or self._promise_for_ever(sleepers):
            counters.ending = ExecutionEnd.STUCK
            return NOBODY
        if counters.length == state.bound or counters.time_passes == MOST_TIME_PASSES:
            counters.ending = ExecutionEnd.ENDLESS
            return NOBODY
        until, who = min(sleepers)
        ticks = until - clock.now()
        stood = state.pending[who]
        state.arrive(who, state.table.passed[Step(Action.TIME_PASSES, f"{ticks / SECOND:.3g} s pass")])
        self.execute(who)
        clock.wait(ticks)
        state.arrive(who, stood)
        return self.next()

    def _promise_for_ever(self, sleepers: Iterable[tuple[int, int]]) -> bool:
        """Whether all who sleep promise that their tries are alike, and have had time for many."""
        promises = self.state.promises
        return self._counters.time_passes >= _MOST_FOR_PROMISED and all(promises[who] for _, who in sleepers)

    def execute(self, who: int) -> None:
        """Append a participant's pending step to the trace; the caller makes the access right after."""
        counters, state = self._counters, self.state
        symbol = state.pending[who]
        length = counters.length
        self._who[length] = who
        self._what[length] = self._announced[length] = symbol
        counters.length = length + 1
        made, opened = self._symbols[symbol], self._open
        if waits := made.reopens:
            self._reopened = closed = [waiting for waiting in waits if not opened[waiting]]
            for waiting in closed:
                opened[waiting] = 1
            if made.excludes and self._excludes(symbol, length):
                self._close(symbol)
            elif closed:
                counters.version += 1
        else:
            self._reopened = ()
        if counters.drifts:
            state.clock.carry(who, made)
        if state.clock.orders:
            state.clock.stamp(who, length)

    def execute_failed(self, who: int) -> None:
        """Append an attempt that ended in an error: it may have had an effect, but it keeps nobody out."""
        counters, broken = self._counters, self._counters.broken
        self.execute(who)
        last = counters.length - 1
        if self._symbols[symbol := self._what[last]].excludes:
            self._what[last] = self.state.table.passed[self._symbols[symbol].step]
            self._open[symbol] = 1
            counters.broken = broken
            counters.version += 1

    def _excludes(self, symbol: int, node: int) -> bool:
        """Take down whether a step was made in spite of a promise, and return whether its own promise is believed."""
        believed: bool = self.state.kept[symbol] >= BELIEVED
        if (not believed or symbol in self._reopened) and self._is_excluded(symbol, node):
            self._counters.broken = self._counters.broken or node + 1
        return believed

    def _is_excluded(self, symbol: int, node: int) -> bool:
        """Whether the same attempt has succeeded before a node, and nothing has changed its resource since."""
        for place in range(node - 1, -1, -1):
            what = self._what[place]
            if what == symbol:
                return True
            if symbol in self._symbols[what].reopens:
                return False
        return False

    def fail(self, who: int) -> None:
        """Take down that a participant's attempt failed: so would everybody's who makes the same one."""
        state = self.state
        symbol = state.pending[who]
        if self._symbols[symbol].excludes and state.kept[symbol] < BELIEVED:
            state.kept[symbol] += self._is_excluded(symbol, self._counters.length)
        state.refused[who] = self._close(symbol)

    def _close(self, symbol: int) -> int:
        """Take down that an attempt fails until its resource changes, as was seen or is known; return how many have."""
        state, counters = self.state, self._counters
        failures = counters.failures
        if failures == len(state.failed_at):
            raise TicketlabError(f"{failures} failed attempts in {counters.length} steps: allow more steps")
        state.failed_at[failures] = counters.length
        state.failed_what[failures] = symbol
        counters.failures = failures + 1
        self._open[symbol] = 0
        counters.version += 1
        return failures + 1

    def finish(self, who: int) -> None:
        """Take down that a participant has no further step in this execution."""
        state = self.state
        state.pending[who] = state.pending_bytes[who] = NONE
        self._counters.version += 1
        if who < state.buyers or state.joined[who]:
            self._counters.unfinished -= 1

    def replace_last(self, step: Step) -> None:
        """Put another step in place of the one made last; what only that one reopened is closed again."""
        self._what[self._counters.length - 1] = symbol = self.state.table.passed[step]
        if self._reopened:
            for waiting in self._reopened:
                self._open[waiting] = waiting in self._symbols[symbol].reopens
            self._counters.version += 1

    def take_back(self, *, gave_back: bool) -> None:
        """Take down that the step made last changed nothing or, with `gave_back`, nothing but what others wait for.

        What it reopened is closed again unless it gave back: two who are refused must not wake each other for ever.
        """
        last, table = self._counters.length - 1, self.state.table
        if last >= 0:
            step = self._symbols[self._what[last]].step
            if self._counters.broken == last + 1:
                self._counters.broken = 0  # whoever gives up waiting has taken nothing
            self._what[last] = symbol = table.gave_back[step] if gave_back else table.refused[step]
            for waiting in self._reopened:
                self._open[waiting] = waiting in self._symbols[symbol].reopens
            self._counters.version += 1


class WatchedScheduler(Scheduler):
    """Calls a function after each step that was picked, in the participant that is about to make its access."""

    __slots__ = ("_watch",)

    def __init__(self, state: ExecutionState, watch: StepWatch) -> None:
        super().__init__(state)
        self._watch = watch

    def execute(self, who: int) -> None:
        """Append the step to the trace, and show the watch who makes it."""
        super().execute(who)
        self._watch(self, who)


StepWatch = Callable[[Scheduler, int], None]
"""What is called with the scheduler and the participant that makes a step."""
