"""The state of one controlled execution: who may move, who waits for what, what has been done so far.

Participants are numbered from 0, buyers first, staff after them. Each stands before its next step (its *pending* one)
until the policy picks it; one moves at a time. An attempt that fails has no effect and is no step: it closes its
symbol, for everyone who would make the same attempt, until a step changes that resource. So nothing polls, and a lock
with a hundred waiters costs one failed attempt for each time that it is taken, not a hundred.

All that changes is kept in columns of whole numbers. In one process they are lists; between processes they are memory
that all share, so that whoever yields the turn can decide who gets it (see `inline` and `processes`).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import IntEnum
from itertools import accumulate, compress, dropwhile
from typing import Any, Final, Protocol

from ticketlab.core.errors import TicketlabError
from ticketlab.core.pacing import Action, Step
from ticketlab.explore.steps import EVERYWHERE, NONE, StepTable

# Registers: single numbers of the state, in one column.
LENGTH: Final = 0  # steps executed so far
VERSION: Final = 1  # grows whenever the set of enabled participants may have changed; never goes back
UNFINISHED: Final = 2  # buyers that have not yet finished
FAILURES: Final = 3  # attempts that failed so far
STARTED: Final = 10  # buyers that have come to their first step
LEARNT: Final = 12  # whether everybody's first step is known from an execution before
SKEW: Final = 11  # by how much the clock on the wall has jumped ahead of virtual time, in ticks
LETS: Final = 13  # how often time was let pass because nobody could move
WAITED: Final = 14  # for how long, in ticks
SETTLING: Final = 15  # whether there is no execution yet: staff come to where they wait for the buyers
LEAPS: Final = 16  # how often time passed for everybody at once
ENDING: Final = 5  # an `Ending`
REDUNDANT: Final = 6  # 1 + the length from which the execution repeats one that was explored before; 0 where it is new
CLOCK: Final = 7  # virtual time, in ticks
CLOCKED: Final = 8  # whether virtual time orders steps
REGISTERS: Final = 24

NOBODY: Final = -1
BYTE: Final = 256
ONE_LESS: Final = bytes((number - 1) % BYTE for number in range(BYTE))
NOTHING: Final[Sequence[int]] = ()
PATIENCE: Final = 100  # how often time may be let pass in one execution before those who wait for it count as stuck
SECOND: Final = 1_000_000_000  # in ticks
TICK: Final = 2  # between two steps, so that a return fits between its operation's last step and the next one


class Ending(IntEnum):
    """How an execution ended."""

    RUNNING = 0
    COMPLETED = 1  # every buyer finished
    STUCK = 2  # buyers are left and each waits for something
    ENDLESS = 3  # the bound on steps was reached
    DIVERGED = 4  # the policy's choice could not be followed: the program did not repeat itself


class Column(Protocol):
    """A row of whole numbers of fixed length: a list, or a memoryview of shared memory."""

    def __getitem__(self, index: Any, /) -> Any:
        """Return a number, or a slice of them."""

    def __setitem__(self, index: Any, value: Any, /) -> None:
        """Replace a number, or a slice by one as long."""

    def __len__(self) -> int:
        """Return the fixed length."""

    def __iter__(self) -> Iterator[int]:
        """Go through the numbers."""


class Policy(Protocol):
    """What chooses who moves next.

    `begin` runs between executions, in the process that leads the exploration: it may look at all of the execution
    before (still in the state), keep what it likes in itself, and says whether there is another one to try. `choose`
    runs in whichever process yields the turn: what it needs must be in the state, where `own`, `plan` and `marks` are
    the policy's, or have been in the policy when it was installed.
    """

    clocked: bool  # whether sleeping and virtual time order the steps

    def begin(self, state: State) -> bool:
        """Prepare the next execution; False where every one has been explored."""

    def choose(self, enabled: Sequence[int], state: State) -> int:
        """Return one of `enabled` (ascending, never empty), or NOBODY where a plan can not be followed."""


def in_lists(length: int) -> Column:
    """Return a column in this process's own memory."""
    return [0] * length


class State:
    """One controlled execution as it stands, and the rules by which it goes on."""

    def __init__(
        self,
        table: StepTable,
        scripts: Sequence[int],
        staff: int,
        bound: int,
        allocate: Callable[[int], Column] = in_lists,
        allocate_bytes: Callable[[int], Column] = bytearray,
    ) -> None:
        """Lay out the columns: `scripts` says how many requests each buyer makes, `bound` how many steps to allow."""
        self.table = table
        self.buyers = buyers = len(scripts)
        self.size = buyers + staff
        self.bound = bound
        self.policy: Policy
        self.registers = allocate(REGISTERS)
        self.pending = allocate(self.size)
        self.stands = allocate_bytes(self.size)  # the same, where symbols are few enough for a byte
        self.wake = allocate(self.size)  # virtual time before which a participant does not move
        self.open = allocate_bytes(table.limit)  # by symbol: whether an attempt may succeed
        self.who = allocate(bound)
        self.what = allocate(bound)
        self.when = allocate(bound)
        self.failed_at = allocate(2 * bound)
        self.failed_what = allocate(2 * bound)
        self.leapt_at = allocate(bound)  # the steps at which time passed for everybody
        self.leapt_by = allocate(bound)  # and by how many ticks
        self.own = allocate(REGISTERS)
        self.plan = allocate(bound + REGISTERS)
        self.opening = allocate(self.size)  # the first step of each buyer, once it is known
        self.marks = allocate(self.size)
        self.retried = allocate(self.size)  # 1 + the length at which one attempted what was known to fail
        self.slept = allocate(self.size)  # 1 + the length at which a participant slept last; 0 where it has not
        self.struck_at = allocate(self.size)  # 1 + the point at which a fault strikes a participant; 0 where none does
        self.struck_by = allocate(self.size)  # which fault that is, in the executor's list
        self.points = allocate(self.size)  # points at which it could have struck so far
        self.fell = allocate(self.size)  # whether it has struck
        self.skip = allocate(sum(scripts))  # by request, buyer by buyer: whether it is left out
        self.offset = tuple(accumulate(scripts, initial=0))  # by buyer: the place of its first request there
        self._ones = b"\1" * table.limit
        self.open[1 : table.limit] = self._ones[1:]
        self._able: Sequence[int] = NOTHING  # who was enabled in the version that this process looked at last
        self._as_of = -1
        self._everybody = range(self.size)
        self._counted = int.from_bytes(bytes(range(1, self.size + 1)), "little") if self.size < BYTE else 0
        self._reopened: Sequence[int] = NOTHING  # by the step made last; whoever takes a step back has made it itself
        self._zeros = type_of(self.wake, [0] * self.size)
        self._at_first = type_of(self.wake, [0] * self.buyers + [1] * staff)  # staff wait at a point that is counted

    def leave_out(self, without: Iterable[tuple[int, int]]) -> None:
        """Have buyers not make these requests, each given by its buyer and its place in the buyer's script."""
        self.registers[LEARNT] = 0
        self.skip[: len(self.skip)] = type_of(self.skip, [0] * len(self.skip))
        for buyer, place in without:
            self.skip[self.offset[buyer] + place] = 1

    def strike(self, strikes: Iterable[tuple[int, int, int]]) -> None:
        """Have faults strike from now on: whom, at which point, and which fault of the executor's list."""
        self.registers[LEARNT] = 0
        self.struck_at[: self.size] = self._zeros
        for who, point, fault in strikes:
            self.struck_at[who], self.struck_by[who] = 1 + point, fault

    def falls(self, who: int) -> bool:
        """Count a point at which a fault could strike a participant, and say whether it does.

        To staff that are getting ready, all that comes before the buyers is one point, the first.
        """
        self.points[who] = 1 if self.registers[SETTLING] else self.points[who] + 1
        return bool(self.struck_at[who] == self.points[who])

    def reset(self, policy: Policy) -> None:
        """Go back to the start of an execution under a policy; staff keep standing where they wait."""
        registers = self.registers
        self.policy = policy
        registers[CLOCKED] = policy.clocked
        registers[STARTED] = 0
        registers[LENGTH] = registers[FAILURES] = registers[ENDING] = registers[REDUNDANT] = 0
        registers[CLOCK] = registers[SKEW] = registers[LETS] = registers[WAITED] = registers[LEAPS] = 0
        registers[UNFINISHED] = self.buyers
        registers[SETTLING] = 0
        registers[VERSION] += 1
        known = len(self.table)
        self.open[1:known] = self._ones[1:known]
        self.slept[: self.size] = self.retried[: self.size] = self.wake[: self.size] = self._zeros
        self.points[: self.size] = self._at_first
        self.fell[: self.size] = self._zeros
        self._stand_all(self._zeros[: self.buyers])

    def renew(self) -> None:
        """Take down that everybody starts anew."""
        self.registers[LEARNT], self.registers[SETTLING] = 0, 1
        self.points[: self.size] = self._zeros

    def settle(self, policy: Policy) -> None:
        """Have no buyer take part: staff go on until each waits, or is to be struck as soon as there are buyers."""
        self.reset(policy)
        registers = self.registers
        registers[STARTED], registers[UNFINISHED], registers[SETTLING] = self.buyers, 0, 1
        for who in range(self.buyers, self.size):
            if self.struck_at[who] == self.points[who] == 1:
                self._close(self.pending[who])

    def _stand_all(self, symbols: Sequence[int]) -> None:
        """Have every buyer stand before a step, or none."""
        self.pending[: self.buyers] = symbols
        self.stands[: self.buyers] = bytes(symbol % BYTE for symbol in symbols)
        self.registers[VERSION] += 1

    def first(self) -> int:
        """Return whom to wake first: to come to its first step or, where all the first steps are known, to make it.

        A buyer does nothing that others could notice before its first step, so what that is does not change from one
        execution to the next, and nobody need be woken only to say it.
        """
        if not self.registers[LEARNT]:
            return 0
        self.registers[STARTED] = self.buyers
        self._stand_all(self.opening[: self.buyers])
        return self.next()

    def all_started(self) -> int:
        """Take down everybody's first step, and return who moves first."""
        self.opening[: self.buyers] = self.pending[: self.buyers]
        self.registers[LEARNT] = all(self.pending[: self.buyers])
        self.registers[VERSION] += 1
        return self.next()

    def enabled(self) -> Sequence[int]:
        """Return who may be chosen, ascending; of some it is not known yet whether their attempt would succeed."""
        version: int = self.registers[VERSION]
        if self._as_of != version:
            self._as_of = version
            if len(self.table.steps) > BYTE:
                self._able = list(compress(self._everybody, map(self.open.__getitem__, self.pending)))
            elif not self._counted:
                self._able = list(compress(self._everybody, self._may_move()))
            else:
                self._able = self._numbers(self._may_move())
        return self._able

    def _may_move(self) -> bytes:
        """Return for each participant a byte, 1 where its symbol is open; symbols must be few enough for a byte."""
        return bytes(self.stands).translate(bytes(self.open[:BYTE]))

    def _numbers(self, may_move: bytes) -> Sequence[int]:
        """Return the places of the ones among zeros.

        All at once, without a number for each participant, so that a hundred cost about what two do; and a process
        that was not awake for long finds little of what it touches in a cache.
        """
        numbers = int.from_bytes(may_move, "little") * 255 & self._counted  # from 1: 0 stands for who can not move
        return numbers.to_bytes(self.size, "little").translate(ONE_LESS, b"\0")

    def next(self) -> int:
        """Return who moves next, or NOBODY where the execution is over; the ending says how."""
        registers = self.registers
        able = self._able if self._as_of == registers[VERSION] else self.enabled()
        if able and registers[LENGTH] < self.bound:
            chosen: int = self.policy.choose(able, self)
            if chosen >= 0 and self.open[self.pending[chosen]]:
                return chosen
            registers[ENDING] = Ending.DIVERGED
            return NOBODY
        return self._over(bool(able))

    def _over(self, endless: bool) -> int:
        registers = self.registers
        if endless:
            registers[ENDING] = Ending.ENDLESS
        elif not registers[UNFINISHED]:
            registers[ENDING] = Ending.COMPLETED
        else:
            return self._retry()
        return NOBODY

    def _retry(self) -> int:
        """Let everybody attempt once more before they count as stuck.

        One failure spoke for all who would make the same attempt; a holder that may take its own lock again is the
        exception that must not be called a deadlock.
        """
        now, waits = 1 + self.registers[LENGTH], self.table.blocking
        left = [
            who
            for who, symbol in enumerate(self.pending)
            if waits[symbol] and not self.table.postponed[symbol] and self.retried[who] != now
        ]
        if not left:
            return self._let_time_pass()
        chosen = self.policy.choose(left, self)
        if chosen == NOBODY:
            self.registers[ENDING] = Ending.DIVERGED
        else:
            self.retried[chosen] = now
        return chosen

    def _let_time_pass(self) -> int:
        """Let the first sleeper wake who waits for something to expire: a step of its own, which nobody chose.

        It is a step, so that whatever it makes possible is seen to come after all that was before it.
        """
        registers = self.registers
        now = registers[CLOCK]
        sleeping = [(until, who) for who, until in enumerate(self.wake) if until > now and self.pending[who] != NONE]
        if registers[CLOCKED] or not sleeping or registers[LETS] == PATIENCE:
            registers[ENDING] = Ending.STUCK
            return NOBODY
        if registers[LENGTH] == self.bound:
            registers[ENDING] = Ending.ENDLESS
            return NOBODY
        until, who = min(sleeping)
        registers[LETS] += 1
        stood = self.pending[who]
        self.arrive(who, self.table.passed[Step(Action.LET, f"{(until - now) / SECOND:.3g} s pass")])
        self.execute(who)
        self.pass_time(until - now)
        registers[WAITED] += until - now
        self.arrive(who, stood)
        return self.next()

    def pass_time(self, ticks: int) -> None:
        """Move the clock on, for everybody, at the step made last."""
        registers = self.registers
        registers[CLOCK] += ticks
        leaps = registers[LEAPS]
        if leaps == len(self.leapt_at):
            raise TicketlabError(f"time passed {leaps} times in {registers[LENGTH]} steps: allow more steps")
        self.leapt_at[leaps], self.leapt_by[leaps] = registers[LENGTH] - 1, ticks
        registers[LEAPS] = leaps + 1

    def arrive(self, who: int, symbol: int) -> None:
        """Stand before an attempt, which may be known to fail."""
        self.pending[who] = symbol
        self.stands[who] = symbol % BYTE
        if not self.open[symbol]:
            self.registers[VERSION] += 1

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
            self._reopened = NOTHING
        if registers[CLOCKED]:
            now = max(registers[CLOCK], self.wake[who]) + TICK
            registers[CLOCK] = self.wake[who] = self.when[length] = now

    def fail(self, who: int) -> None:
        """Take down that a participant's attempt failed: so would everybody's who makes the same one."""
        self._close(self.pending[who])

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
        self.pending[who] = self.stands[who] = NONE
        self.registers[VERSION] += 1
        if who < self.buyers:
            self.registers[UNFINISHED] -= 1

    def sleep(self, who: int, ticks: int) -> None:
        """Let virtual time pass for one participant; where the clock orders nothing, only until nobody can move."""
        registers = self.registers
        since = max(registers[CLOCK], self.wake[who]) if registers[CLOCKED] else registers[CLOCK]
        self.wake[who] = since + ticks

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


def type_of(column: Column, values: Iterable[int]) -> Any:
    """Return values in a form that a slice of this column takes."""
    return memoryview(array("q", values)) if isinstance(column, memoryview) else list(values)
