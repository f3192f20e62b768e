"""Spinning: whether a participant that goes to sleep has tried in vain, and would only repeat itself when it wakes.

A sleep orders nothing: a sleeper may go on at any moment, so a loop that polls could be picked for ever, and no search
would come to an end. So a participant whose tries are in vain is put off until somebody else changes something that
its try touched, or until nobody else can move and its time has come. Two rules say when.

*A promised retry.* A participant that notes RETRY promises that the try left nothing behind, and that it is going to do
the same again until it is not refused any more. While nothing that the try touched is changed by others, another try
leads back to where it began: it is a cycle in the graph of states. Cut the cycles out of a schedule, and every
participant still meets what it met before: the last try happens where the first one did. So schedules with a further
try are covered by those without it. One thing could tell them apart: somebody who sees twice that the try holds a lock
for a moment, without waiting for it. Whoever is refused in this way waits, or promises a retry of its own, which the
same argument covers. A try that changes more than who holds a resource is no cycle, and counts as one without a
promise.

The promise is not taken for more than it says: if nobody else can move, the participant goes on after its sleep, up to
MOST_VAIN_TRIES times in a row with the same steps; with others before them, it may have come to its next loop. If it
gives up after as many tries, its end is seen; if not, it counts as waiting for ever, unless it looks at the clock: then
time goes on. What is not tried is that it gives up while others could move.

*Without a promise* the loop may count its tries, so a further one may be the one that matters. Loops are explored as
they are up to MOST_VAIN_TRIES tries in a row. After that the participant is put off as well, so that the search ends;
and if others take part, the search has left something out, and must not claim to be exhausted.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import Enum
from itertools import dropwhile, islice
from typing import Final, NamedTuple

from ticketlab.explorer.engine.state import ExecutionState
from ticketlab.explorer.engine.steps import EVERYWHERE, NONE, Symbol

MOST_VAIN_TRIES: Final = 4
"""So many tries in a row of a loop that promises nothing are explored while others could move."""
_LONGEST_TRY: Final = 12
"""A loop with more steps than these is not seen to repeat itself; it ends with the bound on steps."""


class Effort(Enum):
    """What the tries of a participant that goes to sleep were."""

    FRUITFUL = "fruitful"  # or too few to tell
    PROMISED = "promised"  # in vain, and by promise the next one will be
    LEFT_OUT = "left out"  # in vain; the next ones are not tried before others move


class Tries(NamedTuple):
    """What a participant's tries were, the resources that they touched, and the steps since it slept last."""

    effort: Effort
    touched: tuple[str, ...] = ()
    made: tuple[object, ...] = ()


def tries_before_sleep(state: ExecutionState, who: int, *, promised: bool) -> Tries:
    """Return what a participant has tried in vain, now that it goes to sleep; the sleep is taken down."""
    length, slept = state.counters.length, state.slept[who]
    state.slept[who] = length + 1
    since = slept - 1 if 0 < slept <= length else 0
    symbols = state.table.symbols
    mine = [
        node for node in range(since, length) if state.who[node] == who and not symbols[state.what[node]].passes_time
    ]
    cycle = promised and not _leaves_something([symbols[state.what[node]] for node in mine])
    if not cycle:
        begun = _repeated_from(state, who)
        if begun is None:
            return Tries(Effort.FRUITFUL)
        since = begun
    steps = [(state.who[node], symbols[state.what[node]]) for node in range(since, length)]
    tried = list(dropwhile(lambda step: step[0] != who, steps))  # what was there when it began to try stands still
    places = frozenset[int]().union(*(symbol.resources for mover, symbol in tried if mover == who))
    if any(mover != who and _disturbs(symbol, places) for mover, symbol in tried):
        return Tries(Effort.FRUITFUL)
    touched = {name for mover, symbol in tried if mover == who and symbol.resources for name in symbol.step.resources}
    made = tuple(symbols[state.what[node]].does for node in mine)
    return Tries(Effort.PROMISED if cycle else Effort.LEFT_OUT, tuple(sorted(touched)), made)


def _disturbs(symbol: Symbol, touched: frozenset[int]) -> bool:
    """Whether a step changes one of the resources."""
    return (symbol.changes and symbol.place == EVERYWHERE) or not touched.isdisjoint(symbol.changed())


def is_alone(state: ExecutionState, members: Collection[int]) -> bool:
    """Whether nobody else takes part, so that nobody can come before or after what participants would do next."""
    others = any(symbol != NONE for other, symbol in enumerate(state.pending) if other not in members)
    return not others and all(mover in members for mover in state.who[: state.counters.length])


def _leaves_something(made: Sequence[Symbol]) -> bool:
    return any(symbol.changes and not symbol.step.action.holds for symbol in made)


def _repeated_from(state: ExecutionState, who: int) -> int | None:
    """Return the step with which a participant began to do the same MOST_VAIN_TRIES times in a row, or None."""
    symbols = state.table.symbols
    nodes = range(state.counters.length - 1, -1, -1)
    movers, what = state.who, state.what
    every = (node for node in nodes if movers[node] == who and not symbols[what[node]].passes_time)
    mine = list(islice(every, MOST_VAIN_TRIES * _LONGEST_TRY))
    made = [symbols[what[node]] for node in mine]
    told = [symbol.does for symbol in made]
    for size in range(1, len(mine) // MOST_VAIN_TRIES + 1):
        count = size * MOST_VAIN_TRIES
        if told[: count - size] == told[size:count]:
            return None if _leaves_something(made[:size]) else mine[count - 1]
    return None
