"""All outcomes of a small concurrent program, by plain search of its states: the second opinion on the lab's explorer.

This file shares no code with ticketlab. It knows the words of the contract (`docs/exploring.md`, the docstrings of
`ticketlab.core.pacing`) and nothing of how the lab keeps them. It reduces nothing: it visits every state that any
order of steps can lead to, and remembers a state only to avoid visiting it twice.

The language is that of `independent_programs`.

# The contract to which the lab is held

1.  Every access is one step; its effect is immediate. What lies between two steps of a participant is its own affair
    and happens at once after the first of them. One participant moves at a time.
2.  Any participant that can move may be the next to move, whatever was moved before ("every schedule"). A participant
    cannot move while its access would have to wait: a mutex or re-entrant lock that somebody else holds (a mutex also
    if it holds it itself), a semaphore at 0, an empty queue, a cell that has not the value waited for. A failed attempt
    of these has no effect and is no step. A try that fails is a step like any other.
3.  An execution is *completed* once everybody is at the end. Its outcome is all cells, queues and registers.
4.  An execution *has no end* if it comes to where no continuation is ever completed: everybody who is not done waits
    (deadlock), or goes round in circles for ever, whatever the order (livelock). The outcome is who is at the end, with
    their registers, and what the cells can be there. A circle that somebody else's step would end is none: nobody is
    kept waiting for ever by a fair scheduler. So a poll that others will satisfy is not a livelock.
5.  A bounded number of tries is a loop like any other: all that follows from giving up is an outcome, also where others
    could have moved meanwhile. (Docs say that a third try in vain is not explored before others move; a search that
    leaves something out is not exhausted, so this reading is the only one under which "exhausted" means what it says.)
6.  Time. There is one clock for all; it never goes back. A step takes no time. A sleep of d that begins at t ends at
    t + d or later; a participant's next step after a sleep is not made before its sleep has ended. An access asks the
    clock at the very moment at which it is made.
7.  What docs leave open is whether somebody who could move is *prompt*, and moves before time passes, or may be *slow*.
    "Sleeping takes virtual time only" and "let time pass, because nobody could move" speak for prompt; that a sleep is
    no reason for others to have moved (a sleeper may wake before them) speaks for slow. Both are implemented:
    -   slow: a sleep may end at any moment, and the clock then shows its end or more. Others may not have moved
        although they could. A sleep may begin late. This allows all that a system with instantaneous steps can do.
    -   prompt: a sleeper cannot move before its sleep ends. Time passes only when nobody can move, and then to the
        first end of a sleep.
    A program that never asks the clock cannot tell how much time passed. The lab must then find exactly the outcomes
    of slow, which are those of the program with its sleeps removed: this is what "every schedule" means. Of a program
    that asks the clock the lab must find all outcomes of prompt, since the quietest of systems has them, and none that
    slow does not have, since no system has those.
8.  Faults. `kill` strikes just before the victim's k-th step, counted from 0, or after its last, before it could
    answer. It is a step of its own: others may move before it and after it. A victim that waits, blocked, before its
    k-th step may be struck there. The dead make no steps; what they held in memory stays held. `terminate` raises an
    exception there instead: each `with` or `try` that the victim is inside of releases its lock, a step each, from the
    innermost on. An exception at the very point before a release leaves this lock unreleased. Nobody hears an answer
    from the victim. `pause:t` strikes before a step only. It is a sleep of t that its victim did not ask for:
    meanwhile others move, also where sleepers are prompt, or none of them does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .independent_machine import Machine, State
from .independent_programs import Program, Strike

Completed = tuple[tuple[Any, ...], tuple[tuple[int, ...] | None, ...]]  # cells and queues; registers by participant
Endless = tuple[tuple[int, ...] | None, ...]  # the registers of who came to the end; None for everybody else


class TooLarge(Exception):
    """The program has more states than one wants to visit."""


@dataclass
class Outcomes:
    """All that a program can come to. `endless` maps who is at the end to what cells and queues can be there."""

    completed: set[Completed] = field(default_factory=set)
    endless: dict[Endless, set[tuple[Any, ...]]] = field(default_factory=dict)
    states: int = 0
    schedules: int | None = None  # how many orders of steps there are; None where there are circles
    struck: bool = True  # whether the strike, if any, struck in any execution

    def take_in(self, other: Outcomes) -> None:
        """Add the outcomes of another strike."""
        self.completed |= other.completed
        for answers, cells in other.endless.items():
            self.endless.setdefault(answers, set()).update(cells)
        self.struck |= other.struck


def explore(program: Program, *, prompt: bool = False, strike: Strike | None = None, most: int = 100_000) -> Outcomes:
    """Return all outcomes of a program; only those of executions that the strike struck, if there is one.

    Raises TooLarge beyond `most` states.
    """
    machine = Machine(program, prompt=prompt, strike=strike)
    graph = _graph(machine, most)
    found = Outcomes(states=len(graph))
    ends = [state for state, following in graph.items() if not following]
    for state in ends:
        if not machine.struck(state):
            continue
        if all(machine.finished(own, who) for who, own in enumerate(state[1])):
            found.completed.add((machine.cells(state), machine.answers(state)))
        else:
            found.endless.setdefault(machine.answers(state), set()).add(machine.cells(state))
    for circle in _circles_without_end(graph, ends):
        for state in circle:
            if machine.struck(state):
                found.endless.setdefault(machine.answers(state), set()).add(machine.cells(state))
    found.struck = any(machine.struck(state) for state in graph)
    found.schedules = _count(graph, machine.start())
    return found


def _graph(machine: Machine, most: int) -> dict[State, list[State]]:
    start = machine.start()
    graph: dict[State, list[State]] = {}
    waiting = [start]
    while waiting:
        state = waiting.pop()
        if state in graph:
            continue
        graph[state] = machine.successors(state)
        if len(graph) > most:
            raise TooLarge(f"more than {most} states")
        waiting += [one for one in graph[state] if one not in graph]
    return graph


def _circles_without_end(graph: dict[State, list[State]], ends: list[State]) -> list[set[State]]:
    """Return the sets of states that, once entered, are never left and in which nobody comes to an end."""
    before: dict[State, list[State]] = {}
    for state, following in graph.items():
        for one in following:
            before.setdefault(one, []).append(state)
    can_end = set(ends)
    waiting = list(ends)
    while waiting:
        for one in before.get(waiting.pop(), ()):
            if one not in can_end:
                can_end.add(one)
                waiting.append(one)
    lost = set(graph) - can_end
    found: list[set[State]] = []
    settled: set[State] = set()
    for state in lost:
        if state in settled:
            continue
        circle = _last_circle(state, graph)
        if not circle & settled:
            found.append(circle)
        settled |= circle
    return found


def _last_circle(state: State, graph: dict[State, list[State]]) -> set[State]:
    """Return a set of states reachable from `state` all of which reach each other and nothing else."""
    reach = _reachable(state, graph)
    while True:
        smaller = next((other for other in (_reachable(one, graph) for one in reach) if len(other) < len(reach)), None)
        if smaller is None:
            return reach
        reach = smaller


def _reachable(state: State, graph: dict[State, list[State]]) -> set[State]:
    found = {state}
    waiting = [state]
    while waiting:
        for one in graph[waiting.pop()]:
            if one not in found:
                found.add(one)
                waiting.append(one)
    return found


def _count(graph: dict[State, list[State]], start: State) -> int | None:
    """Return how many paths lead from the start to an end, or None where there are circles."""
    count: dict[State, int] = {}
    open_: set[State] = set()
    stack: list[tuple[State, bool]] = [(start, False)]
    while stack:
        state, leaving = stack.pop()
        if leaving:
            open_.discard(state)
            count[state] = sum(count[one] for one in graph[state]) or 1
            continue
        if state in count:
            continue
        open_.add(state)
        stack.append((state, True))
        for one in graph[state]:
            if one in open_:
                return None
            if one not in count:
                stack.append((one, False))
    return count[start]
