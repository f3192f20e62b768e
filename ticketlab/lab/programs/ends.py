"""What a program comes to if its participants move one after another: the measure of every other execution."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import permutations
from math import factorial
from pathlib import Path
from typing import NamedTuple

from ticketlab.core.text import join_words
from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.state import NOBODY, ExecutionEnd, ExecutionState
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.search import search
from ticketlab.explorer.workload import NOTHING, Place
from ticketlab.lab.plain.serial import MOST_ORDERS, files_below, run_result, timeless, without_journals
from ticketlab.lab.plain.times import without_times
from ticketlab.lab.plain.workload import repeatable
from ticketlab.lab.programs.executor import ProgramExecutor
from ticketlab.lab.programs.run import ProgramRun, branches


class ProgramEnd(NamedTuple):
    """What an execution came to: the files, and for each process its name, its exit code and what it wrote.

    Processes' numbers are given by their names, which are the same in every execution.
    """

    files: frozenset[tuple[str, bytes]]
    processes: tuple[tuple[str, int | None, str], ...]

    @property
    def without_names(self) -> tuple[frozenset[tuple[str, bytes]], frozenset[tuple[tuple[int | None, str], int]]]:
        """The same, whichever process it was."""
        told = Counter((code, output) for _, code, output in self.processes)
        return self.files, frozenset(told.items())

    @property
    def timeless(self) -> ProgramEnd:
        """The same without what clocks may have shown."""
        told = ((name, code, without_times(output)) for name, code, output in self.processes)
        return ProgramEnd(timeless(self.files), tuple(told))


def end_of_run(run: ProgramRun, folder: Path) -> ProgramEnd:
    """Return what the execution came to that just ran in a folder."""
    order = {name: number for number, name in enumerate(sorted(set(run.pids.values())))}
    pids = {digits: order[name] for digits, name in run.pids.items()}
    files = run_result([], without_journals(files_below(str(folder))), pids).files
    texts = [(end.name, end.code, repeatable(end.told, pids)) for end in run.ends]
    return ProgramEnd(files, tuple(sorted(texts, key=lambda each: each[0])))


class BranchesInOrder(Policy):
    """One execution in which branches of the tree of processes move one after another, as far as none has to wait.

    A branch is a command or, if there is only one, a child of it, with all that it starts. Who belongs to none moves
    first.
    """

    def __init__(self, executor: ProgramExecutor, order: Sequence[str]) -> None:
        self._executor = executor
        self._rank = {branch: place for place, branch in enumerate(order)}
        self._places: dict[int, int] = {}  # by participant
        self._begun = False

    def begin(self, state: ExecutionState) -> bool:
        """Begin, once."""
        begun, self._begun = self._begun, True
        return not begun

    def choose(self, enabled: Sequence[int], state: ExecutionState) -> int:
        """Let the first of the order that can move do so."""
        return min(enabled, key=lambda who: (self._place(who), who)) if enabled else NOBODY

    def _place(self, who: int) -> int:
        if who not in self._places:
            name = self._executor.name_now(who)
            self._places[who] = next((place for branch, place in self._rank.items() if belongs_to(name, branch)), -1)
        return self._places[who]


def belongs_to(name: str, branch: str) -> bool:
    """Whether a participant is in a branch of the tree of processes."""
    return name == branch or name.startswith((f"{branch}.", f"{branch}t"))


@dataclass(slots=True)
class SerialEnds:
    """What orders of the branches came to. `complete` says that all orders were tried, or that all come to the same.

    `repeats` says whether the same order comes to the same again; if it does not, nothing can be told from the ends.
    `codes` has how often each process ended with which exit code, `left` the names of files that some order leaves, and
    `made` those that come to be in every order.
    """

    orders: int = 0
    stuck: int = 0
    complete: bool = False
    repeats: bool = True
    ends: set[ProgramEnd] = field(default_factory=set)
    left: set[str] = field(default_factory=set)
    made: frozenset[str] | None = None
    codes: Counter[tuple[str, int | None]] = field(default_factory=Counter)

    def allows(self, end: ProgramEnd) -> bool:
        """Whether an execution ended as some order does, whatever the clocks showed."""
        if end in self.ends:
            return True
        told = end.timeless.without_names
        return any(told == each.timeless.without_names for each in self.ends)

    def sometimes(self, name: str, code: int | None) -> bool:
        """Whether a process ended so in some orders, and in others did not."""
        return 0 < self.codes[name, code] < self.orders


def serial_ends(
    executor: ProgramExecutor,
    without: frozenset[Place] = NOTHING,
    note: Callable[[Sequence[str], Execution], object] = lambda _order, _execution: None,
) -> tuple[SerialEnds, Sequence[Execution]]:
    """Run a program's branches one after another in every order, or in some if there are too many; return the ends.

    Which branches there are is learnt first, in an execution that is of no order: its end does not count. `note` is
    called with each order and its execution right after that ran.
    """
    first, serial = SerialEnds(), SerialEnds()
    executions = [_in_order(executor, (), without, first)]
    parts = branches(list(executor.run_of.names.values()), len(executor.scripts) - len(without))
    complete = factorial(len(parts)) <= MOST_ORDERS
    serial.repeats = not complete or _repeats(executor, without, first)
    for order in permutations(parts) if complete else _some_orders(parts):
        executions.append(_in_order(executor, order, without, serial))
        note(order, executions[-1])
    serial.complete = complete or len({end.without_names for end in serial.ends}) == 1
    return serial, executions


def _repeats(executor: ProgramExecutor, without: frozenset[Place], first: SerialEnds) -> bool:
    """Whether the first execution comes to the same end again."""
    again = SerialEnds()
    _in_order(executor, (), without, again)
    return again.ends == first.ends


def first_end(executor: ProgramExecutor) -> ProgramEnd:
    """Run the participants in the order in which they come to be; return the end as written, process numbers included.

    Another seed leads to the same end if neither chance nor time nor process numbers leave a trace in it.
    """
    _in_order(executor, (), NOTHING, SerialEnds())
    return end_of_run(replace(executor.run_of, pids={}), executor.folder)


def _some_orders(parts: Sequence[str]) -> list[tuple[str, ...]]:
    turned = len(parts) // 2
    return [tuple(reversed(parts)), (*parts[turned:], *parts[:turned])]


def _in_order(
    executor: ProgramExecutor, order: Sequence[str], without: frozenset[Place], serial: SerialEnds
) -> Execution:
    (execution,) = search(executor, BranchesInOrder(executor, order), without=without)
    end = end_of_run(executor.run_of, executor.folder)
    serial.orders += 1
    serial.stuck += execution.ending is not ExecutionEnd.COMPLETED
    serial.ends.add(end)
    serial.left |= {name for name, _ in end.files}
    made = executor.run_of.made
    serial.made = made if serial.made is None else serial.made & made
    serial.codes.update((name, code) for name, code, _ in end.processes)
    return execution


def files_left(end: ProgramEnd, serial: SerialEnds) -> Iterator[Anomaly]:
    """Yield that files are left that every order one after another makes and removes."""
    names = sorted({name for name, _ in end.files} & ((serial.made or frozenset()) - serial.left))
    if names:
        are = "is" if len(names) == 1 else "are"
        yield Anomaly("left behind", f"{join_words(names)} {are} left", {"names": names})
