"""All outcomes of a small concurrent program, by plain search of its states: the second opinion on the lab's explorer.

This file shares no code with ticketlab. It knows the words of the contract (`docs/exploring.md`, the docstrings of
`ticketlab.core.pacing`) and nothing of how the lab keeps them. It reduces nothing: it visits every state that any
order of steps can lead to, and remembers a state only to avoid visiting it twice.

A program is plain data: a tuple of participants, each a tuple of instructions, each a tuple that starts with its name.
Registers `a`, `b`, `c` belong to one participant; all else is shared. All numbers are 0 at first; times are in quarters
of a second.

    ("read", r, x)              r = x
    ("write", x, v)             x = v
    ("store", x, r, k)          x = r + k
    ("add", x, k)               x += k, in one step
    ("cas", r, x, old, new)     in one step: if x is old, x = new and r = 1; else r = 0
    ("if", r, v, body)          the body, if r is v
    ("with", lock, body)        acquire, body, release
    ("try", r, lock, body)      one attempt to acquire; r = 1, body, release if it succeeds, else r = 0
    ("sleep", d)                a sleep of d
    ("until", x, v)             wait, blocked, until x is v
    ("send", q, v)              put v into queue q
    ("receive", r, q)           wait, blocked, until q has something; r = its first
    ("peek", r, q)              one attempt to receive; r = 0 if q is empty
    ("retry", n, r, v, d, body) the body until r is v, at most n times (0: for ever); a sleep of d after each failure
    ("mark", x)                 read x, and remember the time of this access
    ("elapsed", r, x)           read x; r = the time of this access since the mark
    ("within", l, r, v, d, body)  the body until r is v or l has passed since the mark; a sleep of d in between

Locks are named for what they are: `m0` a mutex that nobody can take twice, `r0` a re-entrant lock, `s2` a semaphore of
two. `retry` and `within` may carry a last field, the notes that the lab is given; they mean nothing here.

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
    from the victim. `pause:t` strikes before a step only; it lets t pass for everybody, and changes nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Instruction = tuple[Any, ...]
Participant = tuple[Instruction, ...]
Program = tuple[Participant, ...]
State = tuple[Any, ...]

REGISTERS = ("a", "b", "c")
LONGEST = 60  # quarters of a second: the clock is not told apart beyond it
DEAD = -1  # where a killed participant stands

Completed = tuple[tuple[Any, ...], tuple[tuple[int, ...] | None, ...]]  # cells and queues; registers by participant
Endless = tuple[tuple[int, ...] | None, ...]  # the registers of who came to the end; None for everybody else


class TooLarge(Exception):
    """The program has more states than one wants to visit."""


class Strike(NamedTuple):
    """A fault: its kind, its victim (from 0), and before which of its steps; `seconds`, in quarters, for a pause."""

    kind: str
    victim: int
    point: int
    quarters: int = 0


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


def instructions(body: tuple[Instruction, ...]) -> Iterator[Instruction]:
    """Yield each instruction, those inside others included."""
    for one in body:
        yield one
        for part in one[1:]:
            if isinstance(part, tuple):
                yield from instructions(part)


def asks_the_clock(program: Program) -> bool:
    """Whether the outcome can depend on how much time passed."""
    return any(one[0] in ("elapsed", "within") for each in program for one in instructions(each))


def repeats_for_ever(program: Program) -> bool:
    """Whether there is a loop without a bound."""
    return any(one[0] == "retry" and not one[1] for each in program for one in instructions(each))


def well_formed(program: Program) -> bool:
    """Whether each loop makes a step in each round, and nobody reads a clock that it did not start."""
    for each in program:
        every = list(instructions(each))
        loops = [one for one in every if one[0] in ("within", "retry")]
        if any(all(inner[0] in ("if", "sleep") for inner in loop[5]) for loop in loops):
            return False
        first = next(iter(each), ("sleep",))
        marked = next(iter(first[2]), first)[0] if first[0] == "with" else first[0]
        if any(one[0] in ("elapsed", "within") for one in every) and marked != "mark":
            return False
    return bool(program)


def shared_names(program: Program) -> tuple[str, ...]:
    """Return the names of all that is shared, in order."""
    at = {"read": 2, "write": 1, "store": 1, "add": 1, "cas": 2, "with": 1, "try": 2, "until": 1, "send": 1}
    at |= {"receive": 2, "peek": 2, "mark": 1, "elapsed": 2}
    return tuple(sorted({one[at[one[0]]] for each in program for one in instructions(each) if one[0] in at}))


def is_lock(name: str) -> bool:
    """Whether a name is a lock's."""
    return re.fullmatch(r"[mrs]\d+", name) is not None


def is_queue(name: str) -> bool:
    """Whether a name is a queue's."""
    return name.startswith("q")


def reported(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of the names whose last values are part of an outcome."""
    return tuple(name for name in names if not is_lock(name))


# Compilation: an instruction becomes one step, or jumps that are taken at once.

Op = tuple[Any, ...]
_LOCAL = frozenset(("jump", "unless", "count", "again", "late", "sleep"))


class _Code:
    """One participant's flat code; `inside[i]` are the locks held before op i, the innermost last."""

    def __init__(self, body: Participant, places: dict[str, int], *, clock: bool) -> None:
        self.ops: list[Op] = []
        self.inside: list[tuple[int, ...]] = []
        self.registers = len(REGISTERS)
        self._places = places
        self._clock = clock
        self._held: tuple[int, ...] = ()
        self._body(body)
        self.inside.append(())

    def _emit(self, *op: Any) -> int:
        self.ops.append(op)
        self.inside.append(self._held)
        return len(self.ops) - 1

    def _hidden(self) -> int:
        self.registers += 1
        return self.registers - 1

    def _body(self, body: tuple[Instruction, ...]) -> None:
        for one in body:
            getattr(self, "_" + one[0])(*one[1:])

    def _patch(self, *places: int) -> None:
        for place in places:
            self.ops[place] = (*self.ops[place][:-1], len(self.ops))

    def _read(self, r: str, x: str) -> None:
        self._emit("read", self._places[x], REGISTERS.index(r))

    def _write(self, x: str, v: int) -> None:
        self._emit("write", self._places[x], v)

    def _store(self, x: str, r: str, k: int) -> None:
        self._emit("store", self._places[x], REGISTERS.index(r), k)

    def _add(self, x: str, k: int) -> None:
        self._emit("add", self._places[x], k)

    def _cas(self, r: str, x: str, old: int, new: int) -> None:
        self._emit("cas", self._places[x], REGISTERS.index(r), old, new)

    def _until(self, x: str, v: int) -> None:
        self._emit("until", self._places[x], v)

    def _send(self, q: str, v: int) -> None:
        self._emit("send", self._places[q], v)

    def _receive(self, r: str, q: str) -> None:
        self._emit("receive", self._places[q], REGISTERS.index(r))

    def _peek(self, r: str, q: str) -> None:
        self._emit("peek", self._places[q], REGISTERS.index(r))

    def _mark(self, x: str) -> None:
        self._emit("mark", self._places[x])

    def _elapsed(self, r: str, x: str) -> None:
        self._emit("elapsed", self._places[x], REGISTERS.index(r))

    def _sleep(self, d: int) -> None:
        if self._clock:
            self._emit("sleep", d)

    def _if(self, r: str, v: int, body: tuple[Instruction, ...]) -> None:
        start = self._emit("unless", REGISTERS.index(r), v, None)
        self._body(body)
        self._patch(start)

    def _held_in(self, lock: str, body: tuple[Instruction, ...]) -> None:
        before = self._held
        self._held = (*before, self._places[lock])
        self._body(body)
        self._held = before
        self._emit("release" + lock[0], self._places[lock])

    def _with(self, lock: str, body: tuple[Instruction, ...]) -> None:
        self._emit("acquire" + lock[0], self._places[lock])
        self._held_in(lock, body)

    def _try(self, r: str, lock: str, body: tuple[Instruction, ...]) -> None:
        hidden = self._hidden()
        self._emit("try" + lock[0], self._places[lock], REGISTERS.index(r), hidden)
        start = self._emit("unless", hidden, 1, None)
        self._held_in(lock, body)
        self._patch(start)

    def _retry(self, n: int, r: str, v: int, d: int, body: tuple[Instruction, ...], _notes: str = "") -> None:
        tries = self._hidden()
        self._emit("count", tries, n)
        top = len(self.ops)
        self._body(body)
        go_on = self._emit("unless", REGISTERS.index(r), v, None)
        done = self._emit("jump", None)
        self._patch(go_on)
        self._sleep(d)
        self._emit("again", tries, top) if n else self._emit("jump", top)
        self._patch(done)

    def _within(self, limit: int, r: str, v: int, d: int, body: tuple[Instruction, ...], _notes: str = "") -> None:
        top = len(self.ops)
        self._body(body)
        go_on = self._emit("unless", REGISTERS.index(r), v, None)
        done = self._emit("jump", None)
        self._patch(go_on)
        late = self._emit("late", limit, None)
        self._sleep(d)
        self._emit("jump", top)
        self._patch(done, late)


# A participant's own state: (place, registers, time left to sleep, time since the mark, steps made).
_PLACE, _REGS, _LEFT, _AGE, _MADE = range(5)


class _Machine:
    """A program, compiled; `successors` is the whole semantics."""

    def __init__(self, program: Program, *, prompt: bool, strike: Strike | None) -> None:
        self.names = shared_names(program)
        places = {name: place for place, name in enumerate(self.names)}
        self.clock = asks_the_clock(program)
        self.prompt = prompt and self.clock
        self.strike = strike
        self.codes = [_Code(body, places, clock=self.clock) for body in program]
        self.visible = [places[name] for name in reported(self.names)]

    def start(self) -> State:
        """Return the state before the first step."""
        shared = tuple(self._initial(name) for name in self.names)
        own = tuple(self._run_on(who, (0, (0,) * code.registers, 0, 0, 0)) for who, code in enumerate(self.codes))
        return shared, own

    @staticmethod
    def _initial(name: str) -> Any:
        if name[0] == "s" and is_lock(name):
            return int(name[1:])
        if name[0] == "m" and is_lock(name):
            return -1
        if name[0] == "r" and is_lock(name):
            return (-1, 0)
        return () if is_queue(name) else 0

    def finished(self, own: tuple[Any, ...], who: int) -> bool:
        """Whether a participant will never make a step again."""
        place = own[_PLACE]
        if self.strike is not None and self.strike.victim == who and self._due(own):
            return False
        return place == DEAD or (isinstance(place, int) and place == len(self.codes[who].ops))

    def _due(self, own: tuple[Any, ...]) -> bool:
        """Whether the victim stands at the point at which it is struck."""
        strike = self.strike
        assert strike is not None
        place = own[_PLACE]
        if own[_MADE] != strike.point or place == DEAD or not isinstance(place, int):
            return False
        ops = self.codes[strike.victim].ops
        return strike.kind != "pause" or (place < len(ops) and ops[place][0] != "sleep")

    def _run_on(self, who: int, own: tuple[Any, ...]) -> tuple[Any, ...]:
        """Do what a participant does by itself, up to its next step, the beginning of a sleep, or its end."""
        place, regs, left, age, made = own
        ops = self.codes[who].ops
        while place < len(ops) and ops[place][0] in _LOCAL:
            op = ops[place]
            kind = op[0]
            if kind == "jump":
                place = op[1]
            elif kind == "unless":
                place = place + 1 if regs[op[1]] == op[2] else op[3]
            elif kind == "count":
                regs = _put(regs, op[1], op[2])
                place += 1
            elif kind == "again":
                regs = _put(regs, op[1], regs[op[1]] - 1)
                place = op[2] if regs[op[1]] else place + 1
            elif kind == "late":
                place = op[2] if age >= op[1] else place + 1
            elif self.prompt or left:
                left += op[1]
                place += 1
            else:
                break  # slow: a sleep begins at a moment of its own
        return place, regs, left, age, made

    def successors(self, state: State) -> list[State]:
        """Return the states that one step, or the passing of time, can lead to."""
        shared, everybody = state
        found: list[State] = []
        for who, own in enumerate(everybody):
            if own[_LEFT]:
                if not self.prompt and not self._idle(who, own):
                    found.append((shared, self._pass(everybody, own[_LEFT])))
                continue
            moved = self._move(who, own, shared, everybody)
            if moved is not None:
                found.append(moved)
        if self.prompt and not found:
            lefts = [own[_LEFT] for who, own in enumerate(everybody) if own[_LEFT] and not self._idle(who, own)]
            if lefts:
                found.append((shared, self._pass(everybody, min(lefts))))
        return found

    def _idle(self, who: int, own: tuple[Any, ...]) -> bool:
        return self.finished(own, who)

    @staticmethod
    def _pass(everybody: tuple[Any, ...], time: int) -> tuple[Any, ...]:
        return tuple(
            (place, regs, max(0, left - time), min(LONGEST, age + time), made)
            for place, regs, left, age, made in everybody
        )

    def _move(self, who: int, own: tuple[Any, ...], shared: Any, everybody: tuple[Any, ...]) -> State | None:
        if self.strike is not None and self.strike.victim == who and self._due(own):
            return self._be_struck(who, own, shared, everybody)
        place = own[_PLACE]
        if not isinstance(place, int):
            return self._unwind(who, own, shared, everybody)
        if place == DEAD or place == len(self.codes[who].ops):
            return None
        op = self.codes[who].ops[place]
        if op[0] == "sleep":
            mine = self._run_on(who, (place + 1, own[_REGS], op[1], own[_AGE], own[_MADE]))
            return shared, _put(everybody, who, mine)
        made = _ACCESSES[op[0]](shared[op[1]], own, who, op)
        if made is None:
            return None
        value, regs, age = made
        count = own[_MADE] + 1 if self.strike is not None and self.strike.victim == who else 0
        mine = self._run_on(who, (place + 1, regs, 0, age, count))
        return _put(shared, op[1], value), _put(everybody, who, mine)

    def _be_struck(self, who: int, own: tuple[Any, ...], shared: Any, everybody: tuple[Any, ...]) -> State:
        strike = self.strike
        assert strike is not None
        place, regs, left, age, _ = own
        if strike.kind == "pause":
            mine = (place, regs, left, age, strike.point + 1000)
            return shared, self._pass(_put(everybody, who, mine), strike.quarters)
        held = self.codes[who].inside[place] if strike.kind == "terminate" else ()
        return shared, _put(everybody, who, (tuple(held) or DEAD, regs, 0, age, strike.point + 1000))

    def _unwind(self, who: int, own: tuple[Any, ...], shared: Any, everybody: tuple[Any, ...]) -> State:
        *rest, lock = own[_PLACE]
        value = _RELEASES[self.names[lock][0]](shared[lock])
        mine = (tuple(rest) or DEAD, *own[1:])
        return _put(shared, lock, value), _put(everybody, who, mine)

    def cells(self, state: State) -> tuple[Any, ...]:
        """Return cells and queues."""
        return tuple(state[0][place] for place in self.visible)

    def answers(self, state: State) -> tuple[tuple[int, ...] | None, ...]:
        """Return the registers of who is at the end, and None for everybody else."""
        return tuple(
            own[_REGS][: len(REGISTERS)]
            if own[_PLACE] == len(self.codes[who].ops) and self.finished(own, who)
            else None
            for who, own in enumerate(state[1])
        )

    def struck(self, state: State) -> bool:
        """Whether the strike has struck."""
        return self.strike is None or state[1][self.strike.victim][_MADE] >= 1000


def _put(values: tuple[Any, ...], place: int, value: Any) -> tuple[Any, ...]:
    return (*values[:place], value, *values[place + 1 :])


# Each access: from the shared value, the participant's own state, who it is, and the op, to (value, registers, age).


def _acquire_mutex(value: int, own: Any, who: int, _op: Op) -> Any:
    return (who, own[_REGS], own[_AGE]) if value == -1 else None


def _acquire_reentrant(value: tuple[int, int], own: Any, who: int, _op: Op) -> Any:
    owner, depth = value
    return ((who, depth + 1), own[_REGS], own[_AGE]) if owner in (-1, who) else None


def _acquire_semaphore(value: int, own: Any, _who: int, _op: Op) -> Any:
    return (value - 1, own[_REGS], own[_AGE]) if value else None


_ACQUIRES: dict[str, Any] = {"m": _acquire_mutex, "r": _acquire_reentrant, "s": _acquire_semaphore}
_RELEASES: dict[str, Any] = {
    "m": lambda _value: -1,
    "r": lambda value: (value[0], value[1] - 1) if value[1] > 1 else (-1, 0),
    "s": lambda value: value + 1,
}


def _try(kind: str) -> Any:
    def access(value: Any, own: Any, who: int, op: Op) -> Any:
        taken = _ACQUIRES[kind](value, own, who, op)
        regs = _put(_put(own[_REGS], op[2], int(taken is not None)), op[3], int(taken is not None))
        return (value if taken is None else taken[0]), regs, own[_AGE]

    return access


def _release(kind: str) -> Any:
    return lambda value, own, _who, _op: (_RELEASES[kind](value), own[_REGS], own[_AGE])


def _cas(value: int, own: Any, _who: int, op: Op) -> Any:
    hit = value == op[3]
    return (op[4] if hit else value), _put(own[_REGS], op[2], int(hit)), own[_AGE]


_ACCESSES: dict[str, Any] = {
    "read": lambda value, own, _who, op: (value, _put(own[_REGS], op[2], value), own[_AGE]),
    "write": lambda _value, own, _who, op: (op[2], own[_REGS], own[_AGE]),
    "store": lambda _value, own, _who, op: (own[_REGS][op[2]] + op[3], own[_REGS], own[_AGE]),
    "add": lambda value, own, _who, op: (value + op[2], own[_REGS], own[_AGE]),
    "cas": _cas,
    "until": lambda value, own, _who, op: (value, own[_REGS], own[_AGE]) if value == op[2] else None,
    "send": lambda value, own, _who, op: ((*value, op[2]), own[_REGS], own[_AGE]),
    "receive": lambda value, own, _who, op: (
        (value[1:], _put(own[_REGS], op[2], value[0]), own[_AGE]) if value else None
    ),
    "peek": lambda value, own, _who, op: (value[1:], _put(own[_REGS], op[2], value[0] if value else 0), own[_AGE]),
    "mark": lambda value, own, _who, _op: (value, own[_REGS], 0),
    "elapsed": lambda value, own, _who, op: (value, _put(own[_REGS], op[2], own[_AGE]), own[_AGE]),
    **{"acquire" + kind: access for kind, access in _ACQUIRES.items()},
    **{"release" + kind: _release(kind) for kind in _RELEASES},
    **{"try" + kind: _try(kind) for kind in _ACQUIRES},
}


def explore(program: Program, *, prompt: bool = False, strike: Strike | None = None, most: int = 100_000) -> Outcomes:
    """Return all outcomes of a program; only those of executions that the strike struck, if there is one.

    Raises TooLarge beyond `most` states.
    """
    machine = _Machine(program, prompt=prompt, strike=strike)
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


def _graph(machine: _Machine, most: int) -> dict[State, list[State]]:
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
