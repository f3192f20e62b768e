"""The language of the programs on which the lab and the independent explorer are compared.

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
    ("shared", lock, body)      acquire beside others that share it, body, release
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
two, `w0` a lock that is either shared, or taken by one with `with`. `retry` and `within` may carry a last field, the
notes that the lab is given; they mean nothing here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

Instruction = tuple[Any, ...]
Participant = tuple[Instruction, ...]
Program = tuple[Participant, ...]

REGISTERS = ("a", "b", "c")
LONGEST = 60  # quarters of a second: the clock is not told apart beyond it
DEAD = -1  # where a killed participant stands


class Strike(NamedTuple):
    """A fault: its kind, its victim (from 0), and before which of its steps; `seconds`, in quarters, for a pause."""

    kind: str
    victim: int
    point: int
    quarters: int = 0


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
    at = {
        "read": 2,
        "write": 1,
        "store": 1,
        "add": 1,
        "cas": 2,
        "with": 1,
        "try": 2,
        "until": 1,
        "send": 1,
        "shared": 1,
    }
    at |= {"receive": 2, "peek": 2, "mark": 1, "elapsed": 2}
    return tuple(sorted({one[at[one[0]]] for each in program for one in instructions(each) if one[0] in at}))


def is_lock(name: str) -> bool:
    """Whether a name is a lock's."""
    return re.fullmatch(r"[mrsw]\d+", name) is not None


def is_queue(name: str) -> bool:
    """Whether a name is a queue's."""
    return name.startswith("q")


def reported(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of the names whose last values are part of an outcome."""
    return tuple(name for name in names if not is_lock(name))
