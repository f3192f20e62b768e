"""What each step of a program does: the whole semantics of the independent explorer, state by state."""

from __future__ import annotations

from typing import Any

from .independent_code import LOCAL, Code, Op
from .independent_programs import (
    DEAD,
    LONGEST,
    REGISTERS,
    Program,
    Strike,
    asks_the_clock,
    is_lock,
    is_queue,
    reported,
    shared_names,
)

State = tuple[Any, ...]

# A participant's own state: (place, registers, time left to sleep, time since the mark, steps made).
_PLACE, _REGS, _LEFT, _AGE, _MADE = range(5)


class Machine:
    """A program, compiled; `successors` is the whole semantics."""

    def __init__(self, program: Program, *, prompt: bool, strike: Strike | None) -> None:
        self.names = shared_names(program)
        places = {name: place for place, name in enumerate(self.names)}
        self.clock = asks_the_clock(program)
        self.prompt = prompt and self.clock
        self.strike = strike
        self.codes = [Code(body, places, clock=self.clock) for body in program]
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
        if name[0] in "rw" and is_lock(name):
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
        return strike.kind != "pause" if place == len(ops) else ops[place][0] != "sleep"

    def _run_on(self, who: int, own: tuple[Any, ...]) -> tuple[Any, ...]:
        """Do what a participant does by itself, up to its next step, the beginning of a sleep, or its end."""
        place, regs, left, age, made = own
        ops = self.codes[who].ops
        while place < len(ops) and ops[place][0] in LOCAL:
            op = ops[place]
            kind = op[0]
            if kind == "jump":
                place = op[1]
            elif kind == "unless":
                place = place + 1 if regs[op[1]] == op[2] else op[3]
            elif kind == "count":
                regs = put(regs, op[1], op[2])
                place += 1
            elif kind == "again":
                regs = put(regs, op[1], regs[op[1]] - 1)
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
            if self.strike is not None and self.strike.victim == who and self._due(own):
                found += self._be_struck(self.strike, own, shared, everybody)
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
        place = own[_PLACE]
        if not isinstance(place, int):
            return self._unwind(who, own, shared, everybody)
        if place == DEAD or place == len(self.codes[who].ops):
            return None
        op = self.codes[who].ops[place]
        if op[0] == "sleep":
            mine = self._run_on(who, (place + 1, own[_REGS], op[1], own[_AGE], own[_MADE]))
            return shared, put(everybody, who, mine)
        made = _ACCESSES[op[0]](shared[op[1]], own, who, op)
        if made is None:
            return None
        value, regs, age = made
        count = own[_MADE] + 1 if self.strike is not None and self.strike.victim == who else 0
        mine = self._run_on(who, (place + 1, regs, 0, age, count))
        return put(shared, op[1], value), put(everybody, who, mine)

    def _be_struck(self, strike: Strike, own: tuple[Any, ...], shared: Any, everybody: tuple[Any, ...]) -> list[State]:
        who, (place, regs, _, age, _) = strike.victim, own
        if strike.kind == "pause":
            paused = put(everybody, who, (place, regs, strike.quarters, age, strike.point + 1000))
            return [(shared, paused), (shared, self._pass(paused, strike.quarters))]  # others move meanwhile, or do not
        held = self.codes[who].inside[place] if strike.kind == "terminate" else ()
        return [(shared, put(everybody, who, (tuple(held) or DEAD, regs, 0, age, strike.point + 1000)))]

    def _unwind(self, who: int, own: tuple[Any, ...], shared: Any, everybody: tuple[Any, ...]) -> State:
        *rest, lock = own[_PLACE]
        value = _RELEASES[self.names[lock][0]](shared[lock])
        mine = (tuple(rest) or DEAD, *own[1:])
        return put(shared, lock, value), put(everybody, who, mine)

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


def put(values: tuple[Any, ...], place: int, value: Any) -> tuple[Any, ...]:
    return (*values[:place], value, *values[place + 1 :])


# Each access: from the shared value, the participant's own state, who it is, and the op, to (value, registers, age).


def _acquire_mutex(value: int, own: Any, who: int, _op: Op) -> Any:
    return (who, own[_REGS], own[_AGE]) if value == -1 else None


def _acquire_reentrant(value: tuple[int, int], own: Any, who: int, _op: Op) -> Any:
    owner, depth = value
    return ((who, depth + 1), own[_REGS], own[_AGE]) if owner in (-1, who) else None


def _acquire_semaphore(value: int, own: Any, _who: int, _op: Op) -> Any:
    return (value - 1, own[_REGS], own[_AGE]) if value else None


def _acquire_alone(value: tuple[int, int], own: Any, who: int, _op: Op) -> Any:
    return ((who, 0), own[_REGS], own[_AGE]) if value == (-1, 0) else None


def _share(value: tuple[int, int], own: Any, _who: int, _op: Op) -> Any:
    owner, sharers = value
    return ((-1, sharers + 1), own[_REGS], own[_AGE]) if owner == -1 else None


_ACQUIRES: dict[str, Any] = {
    "m": _acquire_mutex,
    "r": _acquire_reentrant,
    "s": _acquire_semaphore,
    "w": _acquire_alone,
}
_RELEASES: dict[str, Any] = {
    "m": lambda _value: -1,
    "r": lambda value: (value[0], value[1] - 1) if value[1] > 1 else (-1, 0),
    "s": lambda value: value + 1,
    "w": lambda value: (-1, 0) if value[0] != -1 else (-1, value[1] - 1),
}


def _try(kind: str) -> Any:
    def access(value: Any, own: Any, who: int, op: Op) -> Any:
        taken = _ACQUIRES[kind](value, own, who, op)
        regs = put(put(own[_REGS], op[2], int(taken is not None)), op[3], int(taken is not None))
        return (value if taken is None else taken[0]), regs, own[_AGE]

    return access


def _release(kind: str) -> Any:
    return lambda value, own, _who, _op: (_RELEASES[kind](value), own[_REGS], own[_AGE])


def _cas(value: int, own: Any, _who: int, op: Op) -> Any:
    hit = value == op[3]
    return (op[4] if hit else value), put(own[_REGS], op[2], int(hit)), own[_AGE]


_ACCESSES: dict[str, Any] = {
    "read": lambda value, own, _who, op: (value, put(own[_REGS], op[2], value), own[_AGE]),
    "write": lambda _value, own, _who, op: (op[2], own[_REGS], own[_AGE]),
    "store": lambda _value, own, _who, op: (own[_REGS][op[2]] + op[3], own[_REGS], own[_AGE]),
    "add": lambda value, own, _who, op: (value + op[2], own[_REGS], own[_AGE]),
    "cas": _cas,
    "until": lambda value, own, _who, op: (value, own[_REGS], own[_AGE]) if value == op[2] else None,
    "send": lambda value, own, _who, op: ((*value, op[2]), own[_REGS], own[_AGE]),
    "receive": lambda value, own, _who, op: (value[1:], put(own[_REGS], op[2], value[0]), own[_AGE]) if value else None,
    "peek": lambda value, own, _who, op: (value[1:], put(own[_REGS], op[2], value[0] if value else 0), own[_AGE]),
    "mark": lambda value, own, _who, _op: (value, own[_REGS], 0),
    "elapsed": lambda value, own, _who, op: (value, put(own[_REGS], op[2], own[_AGE]), own[_AGE]),
    "share": _share,
    **{"acquire" + kind: access for kind, access in _ACQUIRES.items()},
    **{"release" + kind: _release(kind) for kind in _RELEASES},
    **{"try" + kind: _try(kind) for kind in _ACQUIRES},
}
