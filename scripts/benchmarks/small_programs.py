"""Small programs over shared numbers and locks, for benchmarks of searches: known bugs, and random ones of known size.

The known bugs are re-made from their published descriptions: `reorder` and `twostage` are two programs of the suite
SCTBench (Thomson, Donaldson and Betts, PPoPP 2014).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from random import Random
from typing import Any

from ticketlab.core import pacing
from ticketlab.core.steps import Action, Step
from ticketlab.explorer.analysis.execution import Execution

Body = Callable[["SmallProgram"], object]
Line = tuple[str, str, tuple["Line", ...]]  # read, write or lock; what; what is done under the lock


class SmallProgram:
    """Participants that share numbers and locks, all 0 and free at the beginning; what a body returns is its answer."""

    def __init__(self, *bodies: Body) -> None:
        self.scripts = [[body] for body in bodies]
        self._numbers: dict[str, int] = {}
        self._taken: set[str] = set()

    def read(self, name: str) -> int:
        """Return a number, in one step."""
        pacing.at(Step(Action.READ, name))
        return self._numbers.get(name, 0)

    def write(self, name: str, value: int) -> None:
        """Set a number, in one step."""
        pacing.at(Step(Action.WRITE, name))
        self._numbers[name] = value

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold a lock."""
        pacing.block(Step(Action.ACQUIRE, name), partial(self._take, name), lambda: None)
        yield
        pacing.at(Step(Action.RELEASE, name))
        self._taken.remove(name)

    def _take(self, name: str) -> object:
        if name in self._taken:
            return pacing.BLOCKED
        self._taken.add(name)
        return None

    def open(self) -> Sequence[Callable[[], None]]:
        """Begin; there are no services."""
        self.reset()
        return ()

    @contextmanager
    def join(self, buyer: int) -> Iterator[Callable[[Body], Any]]:
        """Take part."""
        yield lambda body: body(self)

    def reset(self) -> None:
        """Put everything back."""
        self._numbers.clear()
        self._taken.clear()

    def close(self) -> None:
        """Give nothing back: there is nothing."""

    def is_wrong(self, execution: Execution) -> bool:
        """Whether a participant saw what must not be."""
        return any(record.outcome == "wrong" for record in execution.records)


def reorder(setters: int) -> SmallProgram:
    """Return setters of two numbers, one after the other, and a checker that must not see the first set alone."""

    def sets(shared: SmallProgram) -> None:
        shared.write("a", 1)
        shared.write("b", -1)

    def checks(shared: SmallProgram) -> str:
        seen = shared.read("a"), shared.read("b")
        return "wrong" if seen not in ((0, 0), (1, -1), (0, -1)) else ""

    return SmallProgram(*[sets] * setters, checks)


def twostage(pairs: int) -> SmallProgram:
    """Return writers of two numbers, each under a lock of its own, and readers that must see both or none."""

    def writes(shared: SmallProgram) -> None:
        with shared.lock("first"):
            shared.write("a", 1)
        with shared.lock("second"):
            shared.write("b", shared.read("a") + 1)

    def reads(shared: SmallProgram) -> str:
        with shared.lock("first"):
            a = shared.read("a")
        if not a:
            return ""
        with shared.lock("second"):
            return "" if shared.read("b") == a + 1 else "wrong"

    return SmallProgram(*[writes] * pairs, *[reads] * pairs)


def errands(steps: int, others: int) -> SmallProgram:
    """Return a participant with many steps of its own before one that must come first, and others with one each."""

    def runs_errands(shared: SmallProgram) -> str:
        for _ in range(steps):
            shared.write("own", 1)
        return "" if shared.read("ready") else "wrong"

    def is_ready(shared: SmallProgram) -> None:
        shared.write("ready", 1)

    return SmallProgram(runs_errands, *[is_ready] * others)


def drawn(seed: int) -> SmallProgram:
    """Return a random program of three to five participants over one or two numbers and two locks."""
    random = Random(seed)
    count = random.choice((3, 3, 4, 4, 5))
    names = ("x", "y")[: random.choice((1, 2, 2))]

    def line(*, outside: bool = True) -> Line:
        kind = random.choice(("read", "write", "lock", "read", "write") if outside else ("read", "write"))
        if kind == "lock":
            return kind, random.choice("mn"), tuple(line(outside=False) for _ in range(random.randint(1, 2)))
        return kind, random.choice(names), ()

    most = {3: 4, 4: 3, 5: 2}[count]
    return SmallProgram(*[partial(_run, [line() for _ in range(random.randint(1, most))]) for _ in range(count)])


def _run(lines: Sequence[Line], shared: SmallProgram) -> None:
    for kind, name, inside in lines:
        if kind == "read":
            shared.read(name)
        elif kind == "write":
            shared.write(name, 1)
        else:
            with shared.lock(name):
                _run(inside, shared)
