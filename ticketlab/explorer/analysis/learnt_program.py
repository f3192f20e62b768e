"""What was learnt of a program from its executions, so that others can be drawn without running it.

What a participant does next is told by its history: its own steps, and whose changes each of them met. A history that
was seen leads to the step that came then. After one that was not seen the step is drawn from those that came after the
same steps of the participant or, if there were none, after as many.

An attempt is taken to fail if more was taken of its resource than given back, by as much as when it was seen to fail.
An attempt to hold something that was never seen to fail is taken for exclusive, as far as it did not succeed beside
others.
"""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Final, NamedTuple

from ticketlab.explorer.analysis.trace import Trace
from ticketlab.explorer.engine.steps import NONE, StepTable, Symbol

LONGEST: Final = 2_000
"""Nothing is learnt from an execution with more steps."""


_NOBODY: Final = (-1, -1)  # has changed a resource; the hash of None would differ from process to process


class Whereabouts(NamedTuple):
    """Where a participant stands: the hashes of its history and of its steps alone, and how many these are."""

    history: int
    steps: int
    made: int


class DrawnExecution:
    """An execution so far: where everybody stands, who changed what last, and how much was taken of each resource."""

    __slots__ = ("at", "changed_by", "symbols", "taken")

    def __init__(self, symbols: list[Symbol], size: int) -> None:
        self.symbols = symbols
        self.at = [Whereabouts(who, who, 0) for who in range(size)]
        self.changed_by: dict[int, tuple[int, int]] = {}  # by resource: who did, and with which of its steps
        self.taken: Counter[int] = Counter()  # by resource: attempts that succeeded, less steps that let others succeed

    def copy(self) -> DrawnExecution:
        """Return an execution that begins with the same steps."""
        other = DrawnExecution(self.symbols, 0)
        other.at, other.changed_by, other.taken = self.at[:], self.changed_by.copy(), self.taken.copy()
        return other

    def history_with(self, who: int, announced: int) -> int:
        """Return the hash of a participant's history with the step that it is about to make."""
        met = tuple(self.changed_by.get(resource, _NOBODY) for resource in sorted(self.symbols[announced].resources))
        return hash((self.at[who].history, announced, met))

    def make(self, who: int, announced: int, what: int) -> None:
        """Append a step, given as it is announced and as what it turns out."""
        symbol, at = self.symbols[what], self.at[who]
        self.at[who] = Whereabouts(self.history_with(who, announced), hash((at.steps, what)), at.made + 1)
        for resource in symbol.changed():
            self.changed_by[resource] = (who, at.made)
        for resource in symbol.resources:
            if symbol.is_attempt:
                self.taken[resource] += 1
            elif symbol.reopens:
                self.taken[resource] -= 1

    def taken_of(self, attempt: int) -> int:
        """Return how much was taken of the resource of an attempt."""
        return max((self.taken[resource] for resource in self.symbols[attempt].resources), default=0)


class LearntProgram:
    """Histories and what came after them, how steps turned out, and when attempts failed."""

    def __init__(self) -> None:
        self.table = StepTable()
        self.size = 0
        self.longest = 0
        self._next: dict[int, int] = {}
        self._usual: dict[tuple[str, int, int], Counter[int]] = {}
        self._outcomes: dict[int, int] = {}
        self._fails_at: dict[int, int] = {}  # by attempt: the least that was taken when it failed
        self._held: dict[int, int] = {}  # by attempt to hold: the most that was taken once it had succeeded
        self._starts: dict[int, tuple[int, int]] = {}  # by participant: who starts it, after how many of its steps

    def learn(self, trace: Trace) -> None:
        """Take in what an execution did."""
        length = len(trace)
        self.longest = max(self.longest, length)
        if length > LONGEST:
            return
        self.table, self.size = trace.table, max(self.size, len(trace.final))
        run, failed = DrawnExecution(trace.table.symbols, self.size), sorted(trace.failed, reverse=True)
        steps = self._steps(trace)
        for who, own in enumerate(steps):
            self._see(run.at[who], who, own[0])
        for node, (who, announced, what) in enumerate(zip(trace.who, trace.announced, trace.what, strict=True)):
            while failed and failed[-1][0] <= node:
                self._see_failure(run, failed.pop()[1])
            if not run.symbols[what].passes_time:
                if what != announced:
                    self._outcomes[run.history_with(who, announced)] = what
                if run.symbols[what].is_attempt and run.symbols[what].step.action.holds:
                    self._held[what] = max(self._held.get(what, 0), run.taken_of(what) + 1)
                run.make(who, announced, what)
                self._see(run.at[who], who, steps[who][run.at[who].made])
        for _, attempt in failed:
            self._see_failure(run, attempt)

    def _steps(self, trace: Trace) -> list[list[int]]:
        """Return the steps of each participant, as they were announced, and before which it stands at the end."""
        steps: list[list[int]] = [[] for _ in trace.final]
        begun = {who: (by, node) for node, who, by in reversed(trace.arrivals) if by >= 0}
        for node, who in enumerate(trace.who):
            if not trace.table.symbols[trace.what[node]].passes_time:
                if who in begun and not steps[who]:
                    by, since = begun[who]
                    self._starts[who] = by, sum(mover == by for mover in trace.who[:since])
                steps[who].append(trace.announced[node])
        return [[*own, last] for own, last in zip(steps, trace.final, strict=True)]

    def _see(self, at: Whereabouts, who: int, after: int) -> None:
        self._next[at.history] = after
        for key in (("steps", who, at.steps), ("made", who, at.made)):
            self._usual.setdefault(key, Counter())[after] += 1

    def _see_failure(self, run: DrawnExecution, attempt: int) -> None:
        taken = run.taken_of(attempt)
        self._fails_at[attempt] = min(self._fails_at.get(attempt, taken), taken)

    def begin(self) -> DrawnExecution:
        """Return an execution without a step."""
        return DrawnExecution(self.table.symbols, self.size)

    def after(self, run: DrawnExecution, who: int, random: Random) -> int:
        """Return the step before which a participant stands, as it was seen or is drawn; NONE if it has finished."""
        at = run.at[who]
        seen = self._next.get(at.history)
        if seen is not None:
            return seen
        usual = self._usual.get(("steps", who, at.steps)) or self._usual.get(("made", who, at.made))
        return random.choices(list(usual), list(usual.values()))[0] if usual else NONE

    def outcome(self, run: DrawnExecution, who: int, announced: int) -> int:
        """Return what a step turns out to be."""
        return self._outcomes.get(run.history_with(who, announced), announced)

    def is_open(self, run: DrawnExecution, who: int, step: int) -> bool:
        """Whether a participant can make the step before which it stands."""
        if who in self._starts:
            by, made = self._starts[who]
            if run.at[by].made < made:
                return False
        most = self._fails_at.get(step, self._held.get(step))
        return most is None or run.taken_of(step) < most
