"""All outcomes of a small program, by every order of its calls; and a program as files and commands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from .program_bodies import VARIABLES, Body, Process, python_text, sh_text
from .program_kernel import FOLDER, Kernel

Files = tuple[tuple[str, str | None], ...]
STATES = 60_000
_AT_FIRST = tuple((each, 0) for each in VARIABLES)


class TooLarge(Exception):
    """There are more states than are visited."""


class Outcome(NamedTuple):
    """The files at the end, and for each process its exit code and what it printed; None if it waits for ever."""

    files: Files
    processes: tuple[tuple[str, int | None, str], ...]


def outcome_of(files: Files, ends: Iterable[tuple[str, int | None, str]]) -> Outcome:
    """Return an outcome; whether who was killed had printed before is no part of it, since to print is no step."""
    told = ((name, code, output if code is None or code >= 0 else "") for name, code, output in ends)
    return Outcome(files, tuple(sorted(told, key=lambda each: each[0])))


class Written(NamedTuple):
    """A program: how it is written (python, sh, or forks: the first body forks the others), and the files there are."""

    how: str
    bodies: tuple[Body, ...]
    files: Files

    @property
    def names(self) -> tuple[str, ...]:
        """How the lab calls the processes."""
        if self.how == "forks":
            return ("1", *(f"1.{child}" for child in range(1, len(self.bodies))))
        return tuple(str(1 + number) for number in range(len(self.bodies)))

    @property
    def commands(self) -> tuple[tuple[str, ...], ...]:
        """The commands that run it."""
        scripts = self.scripts()
        return tuple(("sh" if self.how == "sh" else "python", name) for name in scripts)

    def scripts(self) -> dict[str, str]:
        """Return the text of each script by its name."""
        if self.how == "forks":
            return {"p0.py": python_text(self.bodies, 0, 1)}
        if self.how == "sh":
            return {f"p{number}.sh": sh_text(body) for number, body in enumerate(self.bodies)}
        count = len(self.bodies)
        return {f"p{number}.py": python_text(self.bodies, number, count) for number in range(count)}

    def lay_out(self, folder: Path) -> None:
        """Put the scripts and the files into a folder."""
        for name, text in (*self.scripts().items(), *self.files):
            if text is FOLDER:
                (folder / name).mkdir()
            else:
                (folder / name).write_text(text)


class Begins(NamedTuple):
    """With what a process begins."""

    body: int
    regs: tuple[tuple[str, int], ...] = _AT_FIRST
    held: frozenset[str] = frozenset()
    ends: str = ""


@dataclass(slots=True)
class State:
    """A state: what processes share, and for each one how it began and which answers it has had."""

    kernel: Kernel
    alive: dict[int, tuple[Begins, tuple[Any, ...]]] = field(default_factory=dict)

    def key(self) -> Any:
        """Return what is the same for the same state."""
        return self.kernel.key(), tuple(sorted((who, repr(each)) for who, each in self.alive.items()))


class _Visitor:
    def __init__(self, program: Written) -> None:
        self.program = program
        self._asked: dict[tuple[Begins, tuple[Any, ...]], tuple[Any, ...]] = {}

    def first(self) -> State:
        kernel = Kernel()
        for name, holds in self.program.files:
            kernel.make(name, holds)
        count = 1 if self.program.how == "forks" else len(self.program.bodies)
        return State(kernel, {who: (Begins(who), ()) for who in range(count)})

    def request(self, began: Begins, answers: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return what a process asks for after some answers."""
        if (began, answers) not in self._asked:
            bodies = self.program.bodies
            calls = Process(bodies, dict(began.regs), began.held, began.ends).run(bodies[began.body])
            asked = next(calls)
            for answer in answers:
                asked = calls.send(answer)
            self._asked[began, answers] = asked
        return self._asked[began, answers]

    def next_states(self, state: State) -> Iterator[State]:
        for who, (began, answers) in state.alive.items():
            request = self.request(began, answers)
            kernel = state.kernel.copy()
            result = kernel.call(who, request[:2] if request[0] == "fork" else request)
            alive = dict(state.alive)
            if result is None:
                if kernel.begins_to_wait(who, request):
                    yield State(kernel, alive)
                continue
            alive[who] = (began, (*answers, result))
            if request[0] == "exit":
                del alive[who]
            elif request[0] == "kill" and request[1] in kernel.dead:
                alive.pop(request[1], None)
            elif request[0] == "fork":
                alive[request[1]] = (Begins(*request[1:]), ())
            yield State(kernel, alive)
            if request[0] in ("print", "pipe"):
                return  # nobody else can tell when

    def outcome(self, state: State) -> Outcome:
        kernel, names = state.kernel, self.program.names
        there = sorted({*kernel.dead, *state.alive})
        told = ((names[who], kernel.dead.get(who), kernel.output.get(who, "")) for who in there)
        return outcome_of(kernel.finals(), told)


def outcomes(program: Written) -> set[Outcome]:
    """Return all outcomes of a program; raises TooLarge."""
    visitor = _Visitor(program)
    found: set[Outcome] = set()
    seen: set[Any] = set()
    left = [visitor.first()]
    while left:
        state = left.pop()
        key = state.key()
        if key in seen:
            continue
        seen.add(key)
        if len(seen) > STATES:
            raise TooLarge
        after = list(visitor.next_states(state))
        left += after
        if not after:
            found.add(visitor.outcome(state))
    return found


def shown(outcome: Outcome) -> str:
    """Return an outcome on one line."""
    files = ", ".join(f"{name}={'folder' if text is None else repr(text)}" for name, text in outcome.files)
    ends = (f"{name}: {'waits' if code is None else code} {text.strip()}" for name, code, text in outcome.processes)
    return f"[{files}] " + "; ".join(ends)
