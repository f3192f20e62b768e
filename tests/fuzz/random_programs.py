"""Random programs for the independent explorer, drawn from a seed: program `number` of a seed is always the same.

Programs come in families, so that each mixes a few features and a disagreement is easily told from others. All are
finite in their states: what is repeated for ever neither counts nor sends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from .independent_programs import Instruction, Participant, Program, instructions

CELLS = ("x", "y", "z")
FAMILIES = (
    "plain",
    "locks",
    "queues",
    "waits",
    "bounded",
    "noted",
    "unbounded",
    "heartbeat",
    "mixed",
    "clock",
    "sharers",
)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A program, the fault to strike it with ("" for none), and where the lab shall run it."""

    family: str
    program: Program
    fault: str = ""
    executor: str = "inline"


def draw(seed: int, number: int, *, kills: float = 0.01, processes: float = 0.01) -> Drawn:
    """Return a program; a share of `kills` is struck by kills on processes, one of `processes` runs there unharmed."""
    random = Random(f"{seed}/{number}")
    family = random.choice(FAMILIES)
    program = _Author(random, family).program()
    chance = random.random()
    if chance < kills:
        return Drawn(family, program[:2], "kill", "processes")
    if chance < kills + processes:
        return Drawn(family, program[:2], "", "processes")
    fault = random.choice(("",) * 17 + ("terminate", "terminate", "pause:1s"))
    return Drawn(family, program[:2] if fault else program, fault)


class _Author:
    """Writes one program."""

    def __init__(self, random: Random, family: str) -> None:
        self._random = random
        self._cells = CELLS[: random.choice((1, 2, 2, 3))]
        self._locks = random.sample(("m0", "m1", "r0", "r1", "s1", "s2"), 2)
        self._family = family
        self._depth = 0
        self._looping = False  # inside of what is repeated for ever
        plain = (self._read, self._read, self._write, self._store, self._cas, self._branch)
        kinds: dict[str, tuple[Callable[[], Instruction], ...]] = {
            "plain": (*plain, self._add),
            "locks": (*plain, self._with, self._with, self._try),
            "queues": (*plain, self._send, self._send, self._receive, self._peek),
            "waits": (*plain, self._until, self._sleep, self._with),
            "bounded": (self._read, self._write, self._bounded, self._bounded, self._try, self._sleep, self._cas),
            "unbounded": (self._read, self._write, self._write, self._unbounded, self._sleep, self._with, self._add),
            "sharers": (*plain, self._shared, self._shared, self._alone, self._alone, self._bounded),
            "clock": (self._read, self._write, self._within, self._elapsed, self._sleep, self._mark),
        }
        kinds["noted"], kinds["heartbeat"] = kinds["bounded"], kinds["unbounded"]
        kinds["mixed"] = tuple({each for some in kinds.values() for each in some} - {self._within, self._elapsed})
        self._kinds = sorted(kinds[family], key=lambda each: each.__name__)

    def program(self) -> Program:
        """Return a program of two or three participants."""
        count = self._random.choice((2, 2, 2, 3))
        most = self._random.choice((2, 3, 3, 4) if count == 2 else (1, 2, 2, 3))
        if self._random.random() < 0.2:
            return (self._participant(most),) * count
        return tuple(self._participant(most) for _ in range(count))

    def _participant(self, most: int) -> Participant:
        body = tuple(self._one() for _ in range(self._random.randint(min(2, most), most)))
        clock = any(one[0] in ("within", "elapsed") for one in body)
        if not clock:
            return body
        marked = (("mark", self._cell()), *body)
        return (("with", self._lock(), marked),) if self._random.random() < 0.3 else marked

    def _one(self) -> Instruction:
        if self._depth >= 2:
            return self._random.choice((self._read, self._write, self._cas))()
        return self._random.choice(self._kinds)()

    def _body(self, most: int = 2) -> tuple[Instruction, ...]:
        self._depth += 1
        body = tuple(self._one() for _ in range(self._random.randint(1, most)))
        self._depth -= 1
        return body

    def _cell(self) -> str:
        return self._random.choice(self._cells)

    def _lock(self) -> str:
        return self._random.choice(self._locks)

    def _register(self) -> str:
        return self._random.choice(("a", "a", "b", "c"))

    def _time(self) -> int:
        return self._random.choice((1, 1, 2, 3))

    def _read(self) -> Instruction:
        return "read", self._register(), self._cell()

    def _write(self) -> Instruction:
        return "write", self._cell(), self._random.choice((1, 1, 2))

    def _store(self) -> Instruction:
        return ("store", self._cell(), self._register(), 1) if not self._looping else self._write()

    def _add(self) -> Instruction:
        return ("add", self._cell(), 1) if not self._looping else self._write()

    def _cas(self) -> Instruction:
        return "cas", self._register(), self._cell(), 0, self._random.choice((1, 2))

    def _branch(self) -> Instruction:
        return "if", self._register(), self._random.choice((0, 1)), self._body()

    def _with(self) -> Instruction:
        return "with", self._lock(), self._body()

    def _shared(self) -> Instruction:
        return "shared", "w0", self._body()

    def _alone(self) -> Instruction:
        return "with", "w0", self._body()

    def _try(self) -> Instruction:
        return "try", self._register(), self._lock(), self._body()

    def _sleep(self) -> Instruction:
        return "sleep", self._time()

    def _until(self) -> Instruction:
        return "until", self._cell(), self._random.choice((1, 1, 2))

    def _send(self) -> Instruction:
        return ("send", "q0", self._random.choice((1, 2))) if not self._looping else self._write()

    def _receive(self) -> Instruction:
        return "receive", self._register(), "q0"

    def _peek(self) -> Instruction:
        return "peek", self._register(), "q0"

    def _beside(self) -> tuple[Instruction, ...]:
        """Return what else a try does before it looks whether it succeeded."""
        if self._family == "unbounded":
            return (self._read(),)
        return self._body(1)

    def _attempt(self) -> tuple[tuple[Instruction, ...], str]:
        """Return what is tried again and the register that says whether it succeeded."""
        r = self._register()
        others: tuple[Instruction, ...] = self._beside() if self._random.random() < 0.4 else ()
        look: Instruction = self._random.choice(
            (("read", r, self._cell()), ("read", r, self._cell()), ("cas", r, self._cell(), 0, 1))
        )
        if self._random.random() < 0.25:
            look = ("try", r, self._lock(), self._body(1))
        return (*others, look), r

    def _notes(self, body: tuple[Instruction, ...]) -> str:
        """Say that it is tried again, now and then, where a try in vain changes nothing."""
        harmless = all(one[0] in ("read", "cas", "try") for one in instructions(body))
        often = {"bounded": 0.0, "noted": 0.8}.get(self._family, 0.4)
        return "retry" if harmless and self._random.random() < often else ""

    def _bounded(self) -> Instruction:
        body, r = self._attempt()
        count = self._random.choice((2, 3, 3, 4))
        return "retry", count, r, self._random.choice((1, 1, 2)), self._time(), body, self._notes(body)

    def _unbounded(self) -> Instruction:
        before, self._looping = self._looping, True
        body, r = self._attempt()
        self._looping = before
        return "retry", 0, r, self._random.choice((1, 1, 2)), self._time(), body, self._notes(body)

    def _within(self) -> Instruction:
        r, x = self._register(), self._cell()
        body: tuple[Instruction, ...] = (("read", r, x),)
        if self._random.random() < 0.3:
            body = (("write", self._cell(), 1), *body)
        limit = self._random.choice((2, 3, 4))
        return "within", limit, r, self._random.choice((1, 2)), self._time(), body, self._notes(body)

    def _elapsed(self) -> Instruction:
        return "elapsed", self._register(), self._cell()

    def _mark(self) -> Instruction:
        return "mark", self._cell()
