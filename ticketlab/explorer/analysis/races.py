"""The races of one execution: pairs of steps whose order could have been the other way round.

A step *happens before* a later one (Lamport) if the same participant makes both, if the two do not commute, or through
other steps in between. A vector clock of a step holds, for each participant, one more than the index of the last of its
steps that happens before; the step itself is included.

Some steps concern every resource: a fault, and time that passes when nobody can move. Nobody chose that time passes, so
it races with nothing. But each participant that could not move then was kept waiting by earlier steps, and its pending
step races with these: had it come first, time might not have had to pass. It is as at the end of an execution that got
stuck, where steps that never came race as if they came last. What comes after time has passed cannot come before:
somebody could move until then.

A signal may end a participant that stands before a step, or its wait. That step races as if it had come right after the
signal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ticketlab.explorer.analysis.trace import Arrival, Trace
from ticketlab.explorer.engine.state import NOBODY
from ticketlab.explorer.engine.steps import EVERYWHERE, NONE, SEVERAL, Symbol


class Race(NamedTuple):
    """Two steps in a race, and who could begin to reverse it.

    `second` is the participant of the later step; `initials` are those that can move first at the node before the
    earlier step so that the later one comes before it.
    """

    first: int
    second: int
    initials: frozenset[int]


class KeptWaiting(NamedTuple):
    """A step that a participant could not make at a node, with the clock before it and the clock it would have had."""

    node: int
    who: int
    what: int
    before: list[int]
    clock: list[int]


class Clocks:
    """Vector clocks of the steps of a trace, and of the pending steps that never came."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.symbols = [trace.table.symbols[what] for what in trace.what]  # by step, what it was
        self.steps: list[list[int]] = []  # by step, its own clock
        self.before: list[list[int]] = []  # by step, the clock of its participant just before it
        self._on: dict[int, list[int]] = {}  # by resource, the steps on it
        self._everywhere: list[int] = []  # the steps that concern every resource
        self._last: list[list[int]] = [[0] * len(trace.final) for _ in trace.final]
        self.kept_waiting: list[KeptWaiting] = []
        stood = self._pending_when_time_passed()
        arrivals, cut_off = list(reversed(trace.arrivals)), list(reversed(trace.cut_off))
        for node, (who, symbol) in enumerate(zip(trace.who, self.symbols, strict=True)):
            while arrivals and arrivals[-1].node <= node:
                self._come_after(arrivals.pop())
            if node in stood:
                self.kept_waiting += self._waiting(node, stood[node])
            before = self._last[who]
            clock = self._after(before, symbol)
            clock[who] = node + 1
            self.before.append(before)
            self.steps.append(clock)
            self._last[who] = clock
            self._enter(node, symbol)
            while cut_off and cut_off[-1].node <= node + 1:
                self.kept_waiting.append(self._kept(*cut_off.pop()))

        for arrival in reversed(arrivals):
            self._come_after(arrival)

    def _come_after(self, arrival: Arrival) -> None:
        """Have all that a participant does from its arrival on come after what led to it."""
        if arrival.by != NOBODY:
            mine, others = self._last[arrival.who], self._last[arrival.by]
            self._last[arrival.who] = [max(pair) for pair in zip(mine, others, strict=True)]

    def _pending_when_time_passed(self) -> dict[int, list[int]]:
        """Return, for each node at which nobody could move so that time passed, everybody's pending symbol."""
        passed = {node for node, symbol in enumerate(self.symbols) if symbol.passes_time}
        if not passed:
            return {}
        return {node: list(pending) for node, pending in self.trace.pendings(min(passed)) if node in passed}

    def _enter(self, node: int, symbol: Symbol) -> None:
        if symbol.place == EVERYWHERE:
            self._everywhere.append(node)
            for steps in self._on.values():
                steps.append(node)
        else:
            for resource in symbol.resources:
                self._on.setdefault(resource, list(self._everywhere)).append(node)

    def touching(self, symbol: Symbol) -> Sequence[int]:
        """Return the steps so far, ascending, with which a step may not commute."""
        if symbol.place == EVERYWHERE:
            return range(len(self.steps))
        if symbol.place == SEVERAL:
            touching = (self._on.get(resource, self._everywhere) for resource in symbol.resources)
            return sorted(set().union(*touching))
        return self._on.get(symbol.place, self._everywhere)

    def _after(self, before: list[int], symbol: Symbol) -> list[int]:
        """Return a participant's clock joined with those of the steps with which a further step does not commute."""
        clock = before
        for node in reversed(self.touching(symbol)):
            earlier = self.symbols[node]
            if not earlier.commutes_with(symbol):
                clock = [a if a > b else b for a, b in zip(clock, self.steps[node], strict=True)]
                if earlier.settles(symbol):
                    break  # every step on the resource before this one happens before it
        return list(clock)

    def never_came(self) -> Iterator[KeptWaiting]:
        """Return the pending steps that never came."""
        return self._waiting(len(self.trace), self.trace.final)

    def _waiting(self, node: int, pending: Sequence[int]) -> Iterator[KeptWaiting]:
        for who, what in enumerate(pending):
            if what != NONE:
                yield self._kept(node, who, what)

    def _kept(self, node: int, who: int, what: int) -> KeptWaiting:
        before = self._last[who]
        return KeptWaiting(node, who, what, before, self._after(before, self.trace.table.symbols[what]))


def races(trace: Trace, start: int, closed: Sequence[set[int]]) -> Iterator[Race]:
    """Yield the races whose later step is at `start` or after it, or never came.

    `closed` holds for each node the symbols of attempts that fail there.
    """
    clocks = Clocks(trace)
    for node in range(start, len(trace)):
        yield from _races_with(
            clocks, closed, node, trace.who[node], trace.what[node], clocks.before[node], clocks.steps[node]
        )
    for waiting in (*clocks.kept_waiting, *clocks.never_came()):
        if waiting.node >= start:
            yield from _races_with(clocks, closed, *waiting)


def _races_with(
    clocks: Clocks,
    closed: Sequence[set[int]],
    later: int,
    who: int,
    what: int,
    before: list[int],
    clock: list[int],
) -> Iterator[Race]:
    """Yield the races of one later step, from the latest earlier step to the earliest."""
    symbol, covered = clocks.trace.table.symbols[what], before
    if symbol.passes_time:
        return
    for node in reversed(clocks.touching(symbol)):
        earlier = clocks.symbols[node]
        if node >= later or earlier.commutes_with(symbol):
            continue
        if covered[clocks.trace.who[node]] > node:
            if earlier.settles(symbol):
                break
            continue
        if earlier.passes_time:
            break  # whatever was before time passed was before this step, too
        if what in closed[node] and not _opens_meanwhile(clocks, node, later, what):
            continue  # the later step could not have been made before the earlier one: look further back
        yield Race(node, who, _initials(clocks, node, later, who, clock))
        covered = [a if a > b else b for a, b in zip(covered, clocks.steps[node], strict=True)]


def _opens_meanwhile(clocks: Clocks, node: int, later: int, what: int) -> bool:
    """Whether an attempt that fails at a node may succeed after others' steps, without the step there.

    A writer that one reader keeps out at the node may come before another reader's step there, once the first is gone.
    """
    raced = clocks.trace.who[node]
    return any(
        what in clocks.symbols[step].reopens and clocks.steps[step][raced] <= node for step in range(node + 1, later)
    )


def _initials(clocks: Clocks, node: int, later: int, who: int, clock: list[int]) -> frozenset[int]:
    """Return who can move first at `node` on the way to the later step, without the step there and its consequences."""
    trace = clocks.trace
    first: dict[int, int] = {}  # by participant, its first step on the way
    initials = set()
    raced = trace.who[node]
    for step in range(node + 1, later):
        steps = clocks.steps[step]
        if steps[raced] > node:
            continue
        one = trace.who[step]
        if one not in first:
            if not any(steps[other] > begun for other, begun in first.items()):
                initials.add(one)
            first[one] = step
    if who not in first and not any(clock[other] > begun for other, begun in first.items()):
        initials.add(who)
    return frozenset(initials)
