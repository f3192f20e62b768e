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

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ticketlab.explorer.analysis.trace import Arrival, Trace
from ticketlab.explorer.analysis.ways import Way, WayStep
from ticketlab.explorer.engine.state import NOBODY
from ticketlab.explorer.engine.steps import EVERYWHERE, NONE, SEVERAL, Symbol


class Race(NamedTuple):
    """Two steps in a race: the node of the earlier one, and the way to the later one without it.

    The way has all steps in between that do not happen after the earlier step, and the later one at its end.
    """

    first: int
    way: Way


class KeptWaiting(NamedTuple):
    """A step that a participant could not make at a node, with the clock before it."""

    node: int
    who: int
    what: int
    before: list[int]


class Clocks:
    """Vector clocks of the steps of a trace, and before the pending steps that never came.

    What is `known` of another trace that begins with as many of the same steps need not be worked out again.
    """

    def __init__(self, trace: Trace, known: Clocks | None = None, same: int = 0) -> None:
        self.trace = trace
        self.symbols = [trace.table.symbols[what] for what in trace.what]  # by step, what it was
        self.steps: list[list[int]] = []  # by step, its own clock
        self.before: list[list[int]] = []  # by step, the clock of its participant just before it
        self._made: list[WayStep] = []  # by step, what it is on a way
        self._on: dict[int, list[int]] = {}  # by resource, the steps on it
        self._everywhere: list[int] = []  # the steps that concern every resource
        self._last: list[list[int]] = [[0] * len(trace.final) for _ in trace.final]
        self.kept_waiting: list[KeptWaiting] = []
        stood = self._pending_when_time_passed()
        arrivals, cut_off = list(reversed(trace.arrivals)), list(reversed(trace.cut_off))
        begun = 0
        if known and len(known._last) == len(self._last) and not (arrivals or cut_off):
            self._repeat(known, begun := same)
        for node in range(begun, len(trace)):
            who, symbol = trace.who[node], self.symbols[node]
            while arrivals and arrivals[-1].node <= node:
                self._come_after(arrivals.pop())
            if node in stood:
                self.kept_waiting += self._waiting(node, stood[node])
            before = self._last[who]
            clock = self._after(before, symbol)
            clock[who] = node + 1
            self.before.append(before)
            self._made.append(WayStep(who, trace.what[node], node, clock))
            self.steps.append(clock)
            self._last[who] = clock
            self._enter(node, symbol)
            while cut_off and cut_off[-1].node <= node + 1:
                self.kept_waiting.append(self._kept(*cut_off.pop()))

        for arrival in reversed(arrivals):
            self._come_after(arrival)

    def _repeat(self, known: Clocks, same: int) -> None:
        self.steps, self.before = known.steps[:same], known.before[:same]
        self._made = known._made[:same]
        self._everywhere = known._everywhere[: bisect_left(known._everywhere, same)]
        self._on = {resource: steps[: bisect_left(steps, same)] for resource, steps in known._on.items()}
        for who, clock in zip(self.trace.who, self.steps, strict=False):
            self._last[who] = clock

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

    def way(self, node: int, last: WayStep) -> Way:
        """Return the steps after the one at a node that do not happen after it, and a last one, which does."""
        raced, steps, made = self.trace.who[node], self.steps, self._made
        return [*[made[step] for step in range(node + 1, last.node) if steps[step][raced] <= node], last]

    def never_came(self) -> Iterator[KeptWaiting]:
        """Return the pending steps that never came."""
        return self._waiting(len(self.trace), self.trace.final)

    def _waiting(self, node: int, pending: Sequence[int]) -> Iterator[KeptWaiting]:
        for who, what in enumerate(pending):
            if what != NONE:
                yield self._kept(node, who, what)

    def _kept(self, node: int, who: int, what: int) -> KeptWaiting:
        return KeptWaiting(node, who, what, self._last[who])


def races(clocks: Clocks, start: int, closed: Sequence[set[int]]) -> Iterator[Race]:
    """Yield the races whose later step is at `start` or after it, or never came.

    `closed` holds for each node the symbols of attempts that fail there.
    """
    trace = clocks.trace
    for node in range(start, len(trace)):
        who, what, before = trace.who[node], trace.what[node], clocks.before[node]
        yield from _races_with(clocks, closed, node, who, what, before, trace.announced[node])
    for waiting in (*clocks.kept_waiting, *clocks.never_came()):
        if waiting.node >= start:
            yield from _races_with(clocks, closed, *waiting, waiting.what)


def _races_with(
    clocks: Clocks,
    closed: Sequence[set[int]],
    later: int,
    who: int,
    what: int,
    before: list[int],
    announced: int,
) -> Iterator[Race]:
    """Yield the races of one later step, from the latest earlier step to the earliest."""
    symbols, movers, covered = clocks.trace.table.symbols, clocks.trace.who, before
    symbol = symbols[what]
    if symbol.passes_time:
        return
    last: WayStep | None = None
    for node in reversed(clocks.touching(symbol)):
        earlier = clocks.symbols[node]
        if node >= later or earlier.commutes_with(symbol):
            continue
        if covered[movers[node]] > node:
            if earlier.settles(symbol):
                break
            continue
        if earlier.passes_time:
            break  # whatever was before time passed was before this step, too
        shut = announced in closed[node] or (
            symbols[announced].postponed and node < clocks.trace.put_off(later, announced)
        )
        if shut and not _opens(clocks, node, later, announced):
            continue  # the later step could not have been made before the earlier one: look further back
        if last is None:
            last = WayStep(who, None, later, before)
        yield Race(node, clocks.way(node, last))
        covered = [a if a > b else b for a, b in zip(covered, clocks.steps[node], strict=True)]


def _opens(clocks: Clocks, node: int, later: int, what: int) -> bool:
    """Whether an attempt that fails at a node may succeed after others' steps, without the step there.

    A writer that one reader keeps out at the node may come before another reader's step there, once the first is gone.
    """
    raced = clocks.trace.who[node]
    return any(
        what in clocks.symbols[step].reopens and clocks.steps[step][raced] <= node for step in range(node + 1, later)
    )
