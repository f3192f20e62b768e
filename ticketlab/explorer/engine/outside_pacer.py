"""A pacer for participants that know nothing of it: an executor sees from outside before which step each stands."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from ticketlab.core.steps import OF_PROCESSES, Action, Step
from ticketlab.explorer.engine.clock import SECOND, in_ticks
from ticketlab.explorer.engine.pacer import ControlledPacer
from ticketlab.explorer.engine.scheduler import Scheduler
from ticketlab.explorer.engine.spinning import MOST_VAIN_TRIES, is_alone
from ticketlab.explorer.engine.steps import Symbol

_MILLISECOND: Final = SECOND // 1000


class OutsidePacer(ControlledPacer):
    """What the rules of `ControlledPacer` mean where nobody hands the turn over: the executor picks, and moves."""

    def __init__(self, scheduler: Scheduler) -> None:
        super().__init__(scheduler, atomic_accesses=False, alone=False)
        self._slept_at: dict[int, int] = {}
        self._tries: dict[int, tuple[tuple[object, ...], int]] = {}
        self._until: dict[int, int] = {}  # when the time has come of those who spin
        self.helped: set[int] = set()
        """For whom others have slept."""

    def begin(self) -> None:
        """Start an execution."""
        super().begin()
        for each in (self._slept_at, self._tries, self._until, self.helped):
            each.clear()

    def stand(self, who: int, step: Step, *, waits: bool) -> None:
        """Have a participant stand before a step, which may have to wait."""
        self.me = who
        if who in self._spinning and not (who in self.helped and step.action is Action.WAIT_ON):
            clock, until = self._state.clock, self._until[who]
            if until > clock.now():
                clock.wake[who] = until
                self._postpone(who, step, attempt=waits)
                return
            del self._spinning[who]  # its time has come before it came here
        self._state.arrive(who, self._symbol(who, step, waits=waits))

    def _symbol(self, who: int, step: Step, *, waits: bool) -> int:
        if not waits:
            return self._passed[step]
        if step.action.own or self._held.by(who, step.resource):
            return self._state.table.own_attempts(who)[step]  # another's failure says nothing of this attempt
        return self._attempted[step]

    def make(self, who: int, made: Step, *, refused: bool) -> None:
        """Take down that a participant makes the step before which it stands, and what this turns out to be."""
        self.me = who
        state = self._state
        announced = state.table.step(state.pending[who])
        self._scheduler.execute(who)
        if made != announced:
            self._scheduler.replace_last(made)
        if refused:
            self._scheduler.take_back(gave_back=False)
        elif made.action.holds:
            self._held.enter(who, made)

    def revise(self, who: int, made: Step, *, refused: bool) -> None:
        """Put another step in place of the one made last, now that it is known what came of it."""
        self.me = who
        self.made(made)
        if refused:
            self._held.take_back()
            self._scheduler.take_back(gave_back=False)

    def sleep(self, seconds: float) -> None:
        """Let virtual time pass for the participant, unless it has tried the same in vain again and again."""
        self._state.clock.drift(self.me, max(1, in_ticks(seconds)))
        self._end_try(self.me, {self.me}, self.me)

    def slept_for(self, sleeper: int, who: int, helpers: Collection[int]) -> None:
        """Take down that a participant has ended that only slept for another one, which has such `helpers`.

        So a shell sleeps between two tries, and others may make its tries as well. A try of which no step is known is
        none: the helpers may have been started for nothing but to sleep.
        """
        self.helped.add(who)
        self._end_try(who, {who, *helpers}, sleeper)

    def started_by(self, who: int, starter: int) -> None:
        """Have a new helper put off in place of the one that it helps, if that one has had others sleep."""
        if starter in self.helped and starter in self._spinning:
            self._spinning[who] = self._spinning.pop(starter)
            self._until[who] = self._until.pop(starter)

    def _end_try(self, who: int, members: Collection[int], sleeper: int) -> None:
        """Take down that a participant slept after a try, and put it off if it has tried the same again and again.

        A try is what it does from one sleep to the next. The loop may count its tries, so some are explored as they
        are, and then it is put off until others have changed what it touched: the search has left something out.
        """
        state, counters = self._state, self._counters
        since = self._slept_at.get(who, 0)
        self._slept_at[who] = counters.length
        symbols = state.table.symbols
        made_by, made_what = state.who[since : counters.length], state.what[since : counters.length]
        own = [symbols[what] for mover, what in zip(made_by, made_what, strict=True) if mover in members]
        mine = [symbol for symbol in own if not (symbol.passes_time or (len(members) > 1 and _is_of_helpers(symbol)))]
        if len(members) > 1 and not mine:
            return
        places = frozenset[int]().union(*(symbol.resources for symbol in mine))
        others = {what for mover, what in zip(made_by, made_what, strict=True) if mover not in members}
        fruitful = any(symbol.changes and not symbol.step.action.holds for symbol in mine) or any(
            not places.isdisjoint(symbols[what].changed()) for what in others
        )
        made = tuple(symbol.does for symbol in mine)
        before, count = self._tries.get(who, ((), 0))
        self._tries[who] = made, (count + 1 if made == before and not fruitful else int(not fruitful))
        if self._tries[who][1] >= MOST_VAIN_TRIES:
            self._spinning[who] = tuple(sorted({name for symbol in mine for name in symbol.step.resources}))
            state.gave_way[who] |= not is_alone(state, members)
            self._until[who] = _rounded(max(state.clock.local[who], state.clock.local[sleeper]))

    def wait_at_most(self, who: int, seconds: float) -> None:
        """Have a participant's attempt made again after so long, if nobody can move before."""
        clock = self._state.clock
        if not clock.wake[who]:
            clock.wake[who] = _rounded(max(clock.time[0], clock.local[who]) + max(1, in_ticks(seconds)))

    def has_waited(self, who: int) -> bool:
        """Whether the time is over for which a participant waits at most."""
        clock = self._state.clock
        return bool(0 < clock.wake[who] <= clock.time[0])

    def stops_waiting(self, who: int) -> None:
        """Take down that a participant does not wait any more."""
        self._state.clock.wake[who] = 0


def _is_of_helpers(symbol: Symbol) -> bool:
    """Whether it is a step by which helpers come and go, or one that concerns nothing but a process."""
    step = symbol.step
    coming = step.action in (Action.START, Action.EXIT, Action.WAIT_ON)
    return coming or all(resource.startswith(OF_PROCESSES) for _, resource in step.accesses)


def _rounded(ticks: int) -> int:
    """Round a time up to milliseconds: two who wait equally long are done together, though one has read its clock."""
    return -(-ticks // _MILLISECOND) * _MILLISECOND
