"""One execution as a value: how it ended, what it did, what the buyers were told and what they learnt on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ticketlab.explorer.analysis.trace import Trace
from ticketlab.explorer.engine.clock import SECOND, TICK
from ticketlab.explorer.engine.state import ExecutionEnd, ExecutionState
from ticketlab.explorer.engine.steps import describe_step
from ticketlab.explorer.workload import RequestRecord, crashed


class Note(NamedTuple):
    """What a participant learnt at a step."""

    step: int
    what: str
    value: int | str


@dataclass(frozen=True, slots=True)
class Execution:
    """What one schedule led to.

    `redundant` says that it repeats, up to the order of steps that commute, an execution that was explored before.
    `unanswered` gives each request that a buyer was in the middle of when the execution ended: the buyer, the request's
    place in the buyer's script, and the step from which on the buyer's steps are its own.
    `when` holds the virtual time of each step where virtual time orders steps, and is empty where it does not. `told`
    holds the fields of what `notes` gives. `injected` lists whom a fault struck; `waited` is how long time had to pass
    because nobody could move, in seconds. `leaps` lists the steps at which time passed for everybody, and how much.
    `kept` says that something was taken and not given back.
    """

    ending: ExecutionEnd
    trace: Trace
    records: Sequence[RequestRecord]
    told: Sequence[tuple[int, str, int | str]]
    when: Sequence[int] = ()
    redundant: bool = False
    unanswered: Sequence[tuple[int, int, int]] = ()
    injected: Sequence[int] = ()
    waited: float = 0.0
    leaps: Sequence[tuple[int, int]] = ()
    kept: bool = False

    @classmethod
    def of(
        cls, state: ExecutionState, records: Sequence[RequestRecord], told: Sequence[tuple[int, str, int | str]]
    ) -> Execution:
        """Copy the execution that a state holds."""
        counters, clock = state.counters, state.clock
        ending = ExecutionEnd(counters.ending)
        injected = tuple(who for who, struck in enumerate(state.faults.injected) if struck)
        return cls(
            ending=ending,
            trace=Trace.of(state),
            records=records,
            told=told,
            when=list(clock.when[: counters.length]) if clock.orders else (),
            redundant=counters.redundant > 0,
            unanswered=_unanswered(state, records) if injected or ending is not ExecutionEnd.COMPLETED else (),
            injected=injected,
            waited=clock.waited[0] / SECOND,
            leaps=clock.leaps,
            kept=counters.held > 0,
        )

    @property
    def notes(self) -> list[Note]:
        """What the participants learnt, in the order of the steps."""
        return sorted((Note(*fields) for fields in self.told), key=lambda note: note.step)

    @property
    def steps(self) -> tuple[str, ...]:
        """Every step in two words."""
        return tuple(map(describe_step, self.trace.steps))

    @property
    def schedule(self) -> tuple[int, ...]:
        """Who made each step, numbered from 0, buyers first."""
        return tuple(self.trace.who)

    def invoked(self, buyer: int, since: int) -> int:
        """Return when a request was made that was never answered: as late as can be, just before its first step."""
        length = len(self.trace)
        first = next((node for node in range(since, length) if self.trace.who[node] == buyer), length)
        return self.when[first] if self.when and first < length else self._time(first)

    def _time(self, node: int) -> int:
        """Return the virtual time just before a step where virtual time orders nothing: a tick a step, and leaps."""
        return TICK * node + sum(ticks for at, ticks in self.leaps if at < node)

    def span(self, record: RequestRecord) -> tuple[int, int]:
        """Return when a request was made and answered, in virtual time.

        As late and as early as can be: just before its first step, just after its last. What a buyer does between is
        its own affair and could have taken no time, so two requests that do not overlap here need not overlap in a
        real run of the same schedule; and a checker that finds their order broken has found a real anomaly.
        """
        mine = [node for node in range(record.since, record.until) if self.trace.who[node] == record.buyer]
        if self.when:
            first = self.when[mine[0]] if mine else record.returned
            return first, record.returned + 1
        if not mine:
            return self._time(record.until), self._time(record.until) + 1
        return self._time(mine[0]), self._time(mine[-1]) + 1


def _unanswered(state: ExecutionState, records: Sequence[RequestRecord]) -> list[tuple[int, int, int]]:
    """Return what each buyer that is not done was doing: the first request after the last that was answered."""
    done = {record.buyer: record for record in records}  # of several by one buyer, the last
    found = []
    for buyer in range(state.buyers):
        last = done.get(buyer)
        first = last.request + 1 if last else 0
        places = range(first, state.offset[buyer + 1] - state.offset[buyer])
        place = next((place for place in places if not state.skip[state.offset[buyer] + place]), None)
        if place is not None and not (last and crashed(last.outcome)):
            found.append((buyer, place, last.until if last else 0))
    return found
