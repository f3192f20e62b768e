"""The state of one controlled execution, and the rules by which it goes on.

Participants are numbered from 0, buyers first, staff after them. Each stands before its next step until the policy
picks it; one moves at a time. An attempt that fails has no effect and is no step.

All that changes is kept in columns of whole numbers. In one process they are lists; between processes they are memory
that all share, so that whoever yields the turn can decide who gets it (see `inline` and `participant`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from itertools import accumulate, dropwhile
from typing import TYPE_CHECKING, Final

from ticketlab.core.errors import TicketlabError
from ticketlab.core.pacing import Action, Step
from ticketlab.explorer.engine.clock import SECOND, Clock
from ticketlab.explorer.engine.columns import Allocate, AllocateBytes, as_slice, in_lists
from ticketlab.explorer.engine.enabled import EnabledSet
from ticketlab.explorer.engine.fault_plan import FaultPlan
from ticketlab.explorer.engine.registers import (
    ENDING,
    FAILURES,
    HELD,
    LEARNT,
    LENGTH,
    LETS,
    REDUNDANT,
    SETTLING,
    STARTED,
    UNFINISHED,
    VERSION,
)
from ticketlab.explorer.engine.steps import EVERYWHERE, NONE, StepTable

if TYPE_CHECKING:
    from ticketlab.explorer.policies.policy import Policy

NOBODY: Final = -1
MOST_TIME_PASSES: Final = (
    100  # how often time may be let pass in one execution before those who wait for it count as stuck
)
OWN: Final = 8  # registers of a policy


class ExecutionEnd(IntEnum):
    """How an execution ended."""

    RUNNING = 0
    COMPLETED = 1  # every buyer finished
    STUCK = 2  # buyers are left and each waits for something
    ENDLESS = 3  # the bound on steps was reached
    DIVERGED = 4  # the policy's choice could not be followed: the program did not repeat itself


class ExecutionState(EnabledSet):
    """One controlled execution as it stands, and the rules by which it goes on."""

    __slots__ = (
        "_reopened",
        "_zeros",
        "bound",
        "clock",
        "failed_at",
        "failed_what",
        "faults",
        "marks",
        "offset",
        "opening",
        "own",
        "plan",
        "policy",
        "refused",
        "retried",
        "skip",
        "slept",
        "what",
        "who",
    )

    policy: Policy

    def __init__(
        self,
        table: StepTable,
        scripts: Sequence[int],
        services: int,
        bound: int,
        allocate: Allocate = in_lists,
        allocate_bytes: AllocateBytes = bytearray,
    ) -> None:
        """Lay out the columns: `scripts` says how many requests each buyer makes, `bound` how many steps to allow."""
        super().__init__(table, len(scripts), services, allocate, allocate_bytes)
        size = self.size
        self.bound = bound
        self.clock = Clock(self.registers, size, bound, allocate)
        self.faults = FaultPlan(self.registers, self.buyers, size, allocate)

        # The trace so far: who made each step, and which; when an attempt failed (before which step), and which.
        self.who = allocate(bound)
        self.what = allocate(bound)
        self.failed_at = allocate(2 * bound)
        self.failed_what = allocate(2 * bound)
        self.slept = allocate(size)  # 1 + the length at which a participant slept last; 0 where it has not
        self.retried = allocate(size)  # 1 + the length at which one attempted what was known to fail
        self.refused = allocate(size)  # 1 + the number of a participant's last failed attempt; 0 where there was none
        self._reopened: Sequence[int] = ()  # by the step made last; whoever takes a step back has made it itself

        # The same from one execution to the next: what is left out, and how each buyer begins.
        self.skip = allocate(sum(scripts))  # by request, buyer by buyer: whether it is left out
        self.offset = tuple(accumulate(scripts, initial=0))  # by buyer: the place of its first request there
        self.opening = allocate(self.buyers)  # the first step of each buyer, once it is known
        self._zeros = as_slice(self.pending, [0] * size)

        # The policy's, to use as it likes: single numbers, numbers for steps or participants, and for participants.
        self.own = allocate(OWN)
        self.plan = allocate(bound + size)
        self.marks = allocate(size)

    def leave_out(self, without: Iterable[tuple[int, int]]) -> None:
        """Have buyers not make these requests, each given by its buyer and its place in the buyer's script."""
        self.registers[LEARNT] = 0
        self.skip[: len(self.skip)] = as_slice(self.skip, [0] * len(self.skip))
        for buyer, place in without:
            self.skip[self.offset[buyer] + place] = 1

    def follow(self, policy: Policy) -> None:
        """Have a policy choose, in this process."""
        self.policy = policy
        self.clock.orders = policy.clocked

    def reset(self, policy: Policy) -> None:
        """Go back to the start of an execution under a policy; staff keep standing where they wait."""
        self.follow(policy)
        registers = self.registers
        registers[LENGTH] = registers[FAILURES] = registers[ENDING] = registers[REDUNDANT] = 0
        registers[SETTLING] = registers[STARTED] = registers[HELD] = 0
        registers[UNFINISHED] = self.buyers
        self.clock.reset()
        self.faults.reset()
        self.slept[: self.size] = self.retried[: self.size] = self.refused[: self.size] = self._zeros
        self.open_all()
        self.place_buyers(self._zeros[: self.buyers])

    def renew(self) -> None:
        """Take down that everybody starts anew."""
        self.registers[LEARNT], self.registers[SETTLING] = 0, 1
        self.faults.renew()

    def settle(self, policy: Policy) -> None:
        """Have no buyer take part: staff go on until each waits, or is to be struck as soon as there are buyers."""
        self.reset(policy)
        registers = self.registers
        registers[STARTED], registers[UNFINISHED], registers[SETTLING] = self.buyers, 0, 1
        for who in range(self.buyers, self.size):
            if self.faults.awaits(who):
                self._close(self.pending[who])

    def first(self) -> int:
        """Return whom to wake first: to come to its first step or, where all the first steps are known, to make it.

        A buyer does nothing that others could notice before its first step, so what that is does not change from one
        execution to the next, and nobody need be woken only to say it.
        """
        if not self.registers[LEARNT]:
            return 0
        self.registers[STARTED] = self.buyers
        self.place_buyers(self.opening[: self.buyers])
        return self.next()

    def all_started(self) -> int:
        """Take down everybody's first step, and return who moves first."""
        self.opening[: self.buyers] = self.pending[: self.buyers]
        self.registers[LEARNT] = all(self.pending[: self.buyers])
        self.registers[VERSION] += 1
        return self.next()

    def next(self) -> int:
        """Return who moves next, or NOBODY where the execution is over; the ending says how."""
        registers = self.registers
        able = self._able if self._as_of == registers[VERSION] else self.enabled()
        if able and registers[LENGTH] < self.bound:
            chosen: int = self.policy.choose(able, self)
            if chosen >= 0 and self.open[self.pending[chosen]]:
                return chosen
            return self._attempted_by(able)
        return self._over(bool(able))

    def _attempted_by(self, able: Sequence[int]) -> int:
        """Return who attempts in vain before time passes, where a plan has nobody move.

        If the attempt succeeds, a step is made that is not in the plan, which is found out at the end.
        """
        blocking, postponed = self.table.blocking, self.table.postponed
        if all(blocking[symbol] and not postponed[symbol] for symbol in (self.pending[who] for who in able)):
            return able[0]
        self.registers[ENDING] = ExecutionEnd.DIVERGED
        return NOBODY

    def _over(self, endless: bool) -> int:
        registers = self.registers
        if endless:
            registers[ENDING] = ExecutionEnd.ENDLESS
        elif not registers[UNFINISHED]:
            registers[ENDING] = ExecutionEnd.COMPLETED
        else:
            return self._retry()
        return NOBODY

    def _retry(self) -> int:
        """Let everybody attempt for themselves before they count as stuck, as the policy will have it.

        One failure spoke for all who would make the same attempt. Where it should not have, that is no deadlock.
        """
        now, waits = 1 + self.registers[LENGTH], self.table.blocking
        closed = {symbol: number for number, symbol in enumerate(self.failed_what[: self.registers[FAILURES]], 1)}
        left = [
            who
            for who, symbol in enumerate(self.pending)
            if waits[symbol] and not self.table.postponed[symbol]
            if self.retried[who] != now and self.refused[who] != closed.get(symbol)
        ]
        chosen = self.policy.choose(left, self) if left else NOBODY
        if chosen == NOBODY:
            return self._let_time_pass()
        self.retried[chosen] = now
        return chosen

    def _let_time_pass(self) -> int:
        """Let the first sleeper wake who waits for something to expire: a step of its own, which nobody chose.

        It is a step, so that whatever it makes possible is seen to come after all that was before it.
        """
        clock = self.clock
        sleepers = [(until, who) for until, who in clock.sleepers() if self.pending[who] != NONE]
        if clock.orders or not sleepers or self.registers[LETS] == MOST_TIME_PASSES:
            self.registers[ENDING] = ExecutionEnd.STUCK
            return NOBODY
        if self.registers[LENGTH] == self.bound:
            self.registers[ENDING] = ExecutionEnd.ENDLESS
            return NOBODY
        until, who = min(sleepers)
        ticks = until - clock.now()
        stood = self.pending[who]
        self.arrive(who, self.table.passed[Step(Action.TIME_PASSES, f"{ticks / SECOND:.3g} s pass")])
        self.execute(who)
        clock.wait(ticks)
        self.arrive(who, stood)
        return self.next()

    def execute(self, who: int) -> None:
        """Take a participant's pending step into the trace; the caller makes the access right after."""
        registers = self.registers
        symbol = self.pending[who]
        length = registers[LENGTH]
        self.who[length] = who
        self.what[length] = symbol
        registers[LENGTH] = length + 1
        table, opened = self.table, self.open
        if waits := table.reopens[symbol]:
            self._reopened = closed = [waiting for waiting in waits if not opened[waiting]]
            for waiting in closed:
                opened[waiting] = 1
            if closed:
                registers[VERSION] += 1
            if table.excludes[symbol]:
                self._close(symbol)
        else:
            self._reopened = ()
        if self.clock.orders:
            self.clock.stamp(who, length)

    def fail(self, who: int) -> None:
        """Take down that a participant's attempt failed: so would everybody's who makes the same one."""
        self._close(self.pending[who])
        self.refused[who] = self.registers[FAILURES]

    def _close(self, symbol: int) -> None:
        """Take down that an attempt fails from now on, until its resource changes: seen, or known without trying."""
        registers = self.registers
        failures = registers[FAILURES]
        if failures == len(self.failed_at):
            raise TicketlabError(f"{failures} failed attempts in {registers[LENGTH]} steps: allow more steps")
        self.failed_at[failures] = registers[LENGTH]
        self.failed_what[failures] = symbol
        registers[FAILURES] = failures + 1
        self.open[symbol] = 0
        registers[VERSION] += 1

    def finish(self, who: int) -> None:
        """Take down that a participant has no further step in this execution."""
        self.pending[who] = self.pending_bytes[who] = NONE
        self.registers[VERSION] += 1
        if who < self.buyers:
            self.registers[UNFINISHED] -= 1

    def unchanged(self, *, gave_back: bool) -> None:
        """Take down that the step made last, whatever its action, changed nothing, or nothing but for who waits."""
        last, table = self.registers[LENGTH] - 1, self.table
        if last >= 0:
            step = table.steps[self.what[last]]
            self.what[last] = symbol = table.gave_back[step] if gave_back else table.refused[step]
            for waiting in self._reopened:  # for nothing: two who are refused must not wake each other for ever
                self.open[waiting] = waiting in table.reopens[symbol]
            self.registers[VERSION] += 1

    def spins(self, who: int, *, retries: bool) -> bool:
        """Whether a participant that goes to sleep has tried in vain since its last sleep, and would again.

        It has if all that it touched stood still while it tried: what it tries next is then what it tried just now.
        Without this a buyer that is refused and tries again could be picked for ever, and no search would come to an
        end. Who says that it `retries` is believed at its first sleep. Others may sleep for other reasons: they must
        have tried the same twice.
        """
        length, slept = self.registers[LENGTH], self.slept[who]
        self.slept[who] = length + 1
        since = slept - 1 if 0 < slept <= length else 0
        if not retries and (since := self._repeated_from(who, slept - 1)) == NOBODY:
            return False
        steps = zip(self.who[since:length], self.what[since:length], strict=True)
        tried = list(dropwhile(lambda step: step[0] != who, steps))  # what was there when it began to try stands still
        touched = {self.table.resource[what] for mover, what in tried if mover == who} | {EVERYWHERE}
        return not any(
            mover != who and self.table.changes[what] and self.table.resource[what] in touched for mover, what in tried
        )

    def _repeated_from(self, who: int, since: int) -> int:
        """Return where a participant began what it has done twice in a row by now, the second time from `since`.

        NOBODY where it has not, or where they changed more than who holds what: then it gets on.
        """
        if since < 0:
            return NOBODY
        table, mine, count = self.table, list[int](), 0
        for node in range(self.registers[LENGTH] - 1, -1, -1):
            if self.who[node] == who and not table.lets[self.what[node]]:
                mine.append(node)
            if node >= since:
                count = len(mine)
            elif len(mine) >= 2 * count:
                break
        made = [(table.steps[self.what[node]], table.changes[self.what[node]]) for node in mine]
        gets_on = any(changes and not step.action.holds for step, changes in made)
        return NOBODY if not count or gets_on or made[:count] != made[count:] else mine[-1]
