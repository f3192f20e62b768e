"""One execution as a value: how it ended, its steps, what the requests returned, and what buyers learnt on the way."""

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

    `redundant` says that the execution repeats, up to the order of steps that commute, one that was explored before.
    `unanswered` lists each request that a buyer was in the middle of when the execution ended: the buyer, the request's
    place in the buyer's script, and the first step that may belong to it. `when` holds the virtual time of each step;
    it is empty if virtual time does not order steps. `told` holds the fields of the notes. `injected` lists the
    participants into which a fault was injected. `waited` is how long time had to pass because nobody could move, in
    seconds. `leaps` lists the steps at which time passed for everybody, and how much. `kept` says that a participant
    took something and has not given it back. `awake_since` holds for each step before which step its participant was
    awake to make it; it is empty unless the policy keeps a queue of those who are ready. `ended` is the latest that a
    participant's clock on the wall showed, in seconds since the beginning.
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
    awake_since: Sequence[int] = ()
    ended: float = 0.0

    @classmethod
    def of(
        cls, state: ExecutionState, records: Sequence[RequestRecord], told: Sequence[tuple[int, str, int | str]]
    ) -> Execution:
        """Return a copy of the execution that a state holds."""
        counters, clock = state.counters, state.clock
        ending = ExecutionEnd(counters.ending)
        injected_into = state.faults.injected
        injected = tuple(who for who, injected in enumerate(injected_into) if injected) if any(injected_into) else ()
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
            ended=clock.latest / SECOND,
        )

    @property
    def notes(self) -> list[Note]:
        """What the participants learnt, in the order of the steps."""
        return sorted((Note(*fields) for fields in self.told), key=lambda note: note.step)

    @property
    def steps(self) -> tuple[str, ...]:
        """Every step in two words: what was done, and to which resource."""
        return tuple(map(describe_step, self.trace.steps))

    @property
    def schedule(self) -> tuple[int, ...]:
        """Who made each step, numbered from 0, buyers first."""
        return tuple(self.trace.who)

    @property
    def times(self) -> Sequence[int]:
        """The virtual time of each step; if virtual time orders nothing, one tick for each step, and the leaps."""
        return self.when or [self._time(node) for node in range(len(self.trace))]

    def invoked(self, buyer: int, since: int) -> int:
        """Return when a request was made that was never answered: as late as possible, just before its first step."""
        length = len(self.trace)
        first = next((node for node in range(since, length) if self.trace.who[node] == buyer), length)
        return self.when[first] if self.when and first < length else self._time(first)

    def _time(self, node: int) -> int:
        """Return the time just before a step if virtual time orders nothing: one tick for each step, and the leaps."""
        return TICK * node + sum(ticks for at, ticks in self.leaps if at < node)

    def span(self, record: RequestRecord) -> tuple[int, int]:
        """Return when a request was made and answered: just before its first step, and just after its last.

        So a request is as short as possible. What a buyer does between its steps could have taken no time, so two
        requests that do not overlap here need not overlap in a real run of the same schedule. If a checker finds that
        their order is broken, it has found a real anomaly.
        """
        mine = [node for node in range(record.since, record.until) if self.trace.who[node] == record.buyer]
        if self.when:
            first = self.when[mine[0]] if mine else record.returned
            return first, record.returned + 1
        if not mine:
            return self._time(record.until), self._time(record.until) + 1
        return self._time(mine[0]), self._time(mine[-1]) + 1


def _unanswered(state: ExecutionState, records: Sequence[RequestRecord]) -> list[tuple[int, int, int]]:
    """Return for each buyer that has not finished the first request after the last one that was answered."""
    done = {record.buyer: record for record in records}  # the last record of each buyer
    found = []
    for buyer in range(state.buyers):
        last = done.get(buyer)
        first = last.request + 1 if last else 0
        places = range(first, state.offset[buyer + 1] - state.offset[buyer])
        place = next((place for place in places if not state.skip[state.offset[buyer] + place]), None)
        if place is not None and not (last and crashed(last.outcome)):
            found.append((buyer, place, last.until if last else 0))
    return found
