"""Spinning: whether a participant that goes to sleep has tried in vain, and would only repeat itself when it wakes.

A buyer that is refused, sleeps and tries again could be picked for ever, and no search would come to an end. If all
that it touched stood still while it tried, its next try does what the last one did. Then its next step can be put off
until somebody else changes the resource.
"""

from __future__ import annotations

from itertools import dropwhile

from ticketlab.explorer.engine.state import NOBODY, ExecutionState
from ticketlab.explorer.engine.steps import EVERYWHERE, Symbol


def spins(state: ExecutionState, who: int, *, retries: bool) -> bool:
    """Whether a participant that goes to sleep now has tried in vain since its last sleep, and would again.

    It has if nobody else changed what it touched, from its first step since then on. A participant that says that it
    `retries` is believed at its first sleep. Others may sleep for other reasons: they must have made the same steps
    twice, once before their last sleep and once after it. The sleep itself is taken down.
    """
    length, slept = state.counters.length, state.slept[who]
    state.slept[who] = length + 1
    since = slept - 1 if 0 < slept <= length else 0
    if not retries and (since := _repeated_from(state, who, slept - 1)) == NOBODY:
        return False
    symbols = state.table.symbols
    steps = [(state.who[node], symbols[state.what[node]]) for node in range(since, length)]
    tried = list(dropwhile(lambda step: step[0] != who, steps))  # what was there when it began to try stands still
    touched = frozenset[int]().union(*(symbol.resources for mover, symbol in tried if mover == who))
    return not any(mover != who and _disturbs(symbol, touched) for mover, symbol in tried)


def _disturbs(symbol: Symbol, touched: frozenset[int]) -> bool:
    """Whether a step changes one of the resources."""
    return (symbol.changes and symbol.place == EVERYWHERE) or not touched.isdisjoint(symbol.changed())


def _repeated_from(state: ExecutionState, who: int, since: int) -> int:
    """Return the step with which a participant began what it has done twice in a row by now, the second time `since`.

    Returns NOBODY if it has not, or if it changed more than who holds a resource: then it gets on.
    """
    if since < 0:
        return NOBODY
    symbols, mine, count = state.table.symbols, list[int](), 0
    for node in range(state.counters.length - 1, -1, -1):
        if state.who[node] == who and not symbols[state.what[node]].passes_time:
            mine.append(node)
        if node >= since:
            count = len(mine)
        elif len(mine) >= 2 * count:
            break
    made = [symbols[state.what[node]] for node in mine]
    gets_on = any(symbol.changes and not symbol.step.action.holds for symbol in made)
    repeats = [(symbol.step, symbol.changes) for symbol in made]
    return NOBODY if not count or gets_on or repeats[:count] != repeats[count:] else mine[-1]
