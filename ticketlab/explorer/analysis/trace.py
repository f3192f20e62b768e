"""The steps of one execution, in numbers, and what follows from them: who could have moved where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import NamedTuple

from ticketlab.core.errors import TicketlabError
from ticketlab.core.steps import Step
from ticketlab.core.text import pluralize
from ticketlab.explorer.engine.state import ExecutionState
from ticketlab.explorer.engine.steps import NONE, StepTable, Symbol, describe_step


class Arrival(NamedTuple):
    """A participant that came to its step at a node because another one made a step: it was started, or woken."""

    node: int
    who: int
    by: int


class CutOff(NamedTuple):
    """A step that a participant never made, since the step before a node ended the participant or its wait."""

    node: int
    who: int
    what: int


@dataclass(frozen=True, slots=True)
class Trace:
    """The steps of one execution: `who` made each, `what` it was (a symbol), and as what it was `announced`.

    *Node* i is the moment before step i. `failed` holds the node and the symbol of each failed attempt, and `final` the
    step before which each participant stands at the end. `arrivals` lists who came to a step on the way by
    another's step; before that, it stood before none. `cut_off` lists the steps that another's step prevented.
    """

    table: StepTable
    who: Sequence[int]
    what: Sequence[int]
    failed: Sequence[tuple[int, int]]
    final: Sequence[int]
    announced: Sequence[int]
    arrivals: Sequence[Arrival] = ()
    cut_off: Sequence[CutOff] = ()

    @classmethod
    def of(cls, state: ExecutionState) -> Trace:
        """Return a copy of the trace of the execution that a state holds, which is over; it is made once."""
        if isinstance(state.copied, cls):
            return state.copied
        length, failures = state.counters.length, state.counters.failures
        state.copied = copied = cls(
            state.table,
            list(state.who[:length]),
            list(state.what[:length]),
            list(zip(state.failed_at[:failures], state.failed_what[:failures], strict=True)),
            list(state.pending[: state.counters.present]),
            list(state.announced[:length]),
            _arrivals(state),
            [CutOff(*each) for each in state.cut_off],
        )
        return copied

    def __len__(self) -> int:
        return len(self.who)

    @property
    def steps(self) -> list[Step]:
        """Every step that was made, in order."""
        symbols = self.table.symbols
        return [symbols[what].step for what in self.what]

    @property
    def changed(self) -> int:
        """How many steps there are up to the last that changed something for others, that one included."""
        symbols = (self.table.symbols[what] for what in reversed(self.what))
        after = next((n for n, each in enumerate(symbols) if each.step.changes and _has_effect(each)), len(self))
        return len(self) - after

    def until(self, node: int) -> Trace:
        """Return the trace as it stood at a node."""
        *_, (_, pending) = self.pendings(node)
        failed = [failure for failure in self.failed if failure[0] <= node]
        arrivals = [arrival for arrival in self.arrivals if arrival.node <= node]
        cut_off = [each for each in self.cut_off if each.node <= node]
        who, what, announced = (column[:node] for column in (self.who, self.what, self.announced))
        return Trace(self.table, who, what, failed, list(pending), announced, arrivals, cut_off)

    def pendings(self, start: int = 0) -> Iterator[tuple[int, list[int]]]:
        """Yield each node from the last down to `start`, with the pending symbol of every participant.

        The list of symbols is the same one each time, changed in place.
        """
        return self._backwards(start, self.what)

    def standing(self, node: int) -> list[int]:
        """Return the step that each participant had announced at a node."""
        *_, (_, pending) = self._backwards(node, self.announced)
        return pending

    def _backwards(self, start: int, steps: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
        pending, symbols = list(self.final), self.table.symbols
        arrivals, cut_off = list(self.arrivals), list(self.cut_off)
        yield len(self), pending
        for node in range(len(self) - 1, start - 1, -1):
            while arrivals and arrivals[-1].node > node:
                pending[arrivals.pop().who] = NONE
            while cut_off and cut_off[-1].node > node:
                cut = cut_off.pop()
                pending[cut.who] = cut.what
            if not symbols[self.what[node]].passes_time:  # who lets time pass stands where it stood
                pending[self.who[node]] = steps[node]
            yield node, pending

    def put_off(self, node: int, symbol: int) -> int:
        """Return the node at which the step that comes at a node was put off until others move."""
        return max(failed_at for failed_at, what in self.failed if what == symbol and failed_at <= node)

    def closed(self) -> list[set[int]]:
        """Return for each node the symbols that are known to fail there.

        A failed attempt speaks forwards for as long as nothing changes its resource. Backwards it speaks as far as all
        steps commute with it: a reader changes nothing, and may still have kept a writer out.
        """
        symbols, length = self.table.symbols, len(self)
        closed: list[set[int]] = [set() for _ in range(length + 1)]
        for node, symbol in self.failed:
            closed[node].add(symbol)
            after = node
            while after < length and symbol not in symbols[self.what[after]].reopens:
                after += 1
                closed[after].add(symbol)
            before = node
            while before > 0 and self._cannot_close(symbols[self.what[before - 1]], symbol):
                before -= 1
                closed[before].add(symbol)
        return closed

    def _cannot_close(self, step: Symbol, symbol: int) -> bool:
        """Whether an attempt that fails after a step would have failed before it, too."""
        return symbol not in step.reopens and step.commutes_with(self.table.symbols[symbol])

    def enabled(self, start: int = 0) -> list[list[int]]:
        """Return for each node from `start` on who may have moved there, ascending."""
        closed = self.closed() if self.failed else [set()] * (1 + len(self))
        enabled = [
            [who for who, symbol in enumerate(pending) if symbol != NONE and symbol not in closed[node]]
            for node, pending in self.pendings(start)
        ]
        enabled.reverse()
        return enabled

    def preemptions(self) -> int:
        """Return the number of switches away from a participant that could have gone on."""
        enabled = self.enabled()
        return sum(
            self.who[node] != self.who[node - 1] and self.who[node - 1] in enabled[node] for node in range(1, len(self))
        )


def _arrivals(state: ExecutionState) -> list[Arrival]:
    columns = state.arrived_at, state.arrived_who, state.arrived_by
    return [Arrival(*(column[number] for column in columns)) for number in range(state.counters.arrivals)]


def _has_effect(symbol: Symbol) -> bool:
    return not (symbol.refused or symbol.passes_time)


class Nondeterminism(TicketlabError):
    """The same schedule led to different steps: the program depends on something the lab does not control."""


def same_start(trace: Trace, expected: Trace, length: int) -> None:
    """Check that an execution began with so many steps of another one; raises Nondeterminism if it did not."""
    if trace.who[:length] == expected.who[:length] and trace.what[:length] == expected.what[:length]:
        return
    for node, (who, what) in enumerate(zip(expected.who[:length], expected.what, strict=False)):
        if node >= len(trace):
            raise Nondeterminism(
                f"step {node + 1} of a repeated schedule never came: the program did not repeat itself"
            )
        if (trace.who[node], trace.what[node]) != (who, what):
            before, now = _named(trace, what), _named(trace, trace.what[node])
            if (who, before) == (trace.who[node], now):
                raise Nondeterminism(
                    f"step {node + 1} of a repeated schedule, {now} by participant {who + 1}, had to do with something "
                    "else before: something beside the schedule decides"
                )
            raise Nondeterminism(
                f"step {node + 1} of a repeated schedule was {before} by participant {who + 1} before and is "
                f"{now} by participant {trace.who[node] + 1} now: something beside the schedule decides"
            )


def same_standing(trace: Trace, expected: Trace, node: int) -> None:
    """Check that everybody stands before the same step at a node as in an execution that began with the same steps.

    Whatever decides the steps of a program beside the schedule shows as soon as it makes one of them another, whether
    that is made or not; raises Nondeterminism if it does.
    """
    both = zip_longest(expected.standing(node), trace.standing(node), fillvalue=NONE)  # later, others may have joined
    for who, (before, now) in enumerate(both, 1):
        if before != now:
            raise Nondeterminism(
                f"after {pluralize(node, 'step')} of a repeated schedule participant {who} was about to "
                f"{_named(trace, before)} before and {_named(trace, now)} now: something beside the schedule decides"
            )


def _named(trace: Trace, symbol: int) -> str:
    return describe_step(trace.table.step(symbol)) if symbol != NONE else "finish"
