"""What a plain function comes to if its participants call it one after another: the measure of every other run."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, permutations
from math import factorial, perm
from typing import Final, NamedTuple

from ticketlab.core.file_names import BESIDE
from ticketlab.core.steps import NAME, Action
from ticketlab.core.text import join_words
from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.engine.state import NOBODY, ExecutionEnd, ExecutionState
from ticketlab.explorer.executors.executor import Executor
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.search import search
from ticketlab.explorer.workload import Place
from ticketlab.lab.exploring.stopping import raise_stopped
from ticketlab.lab.plain.databases import MAGIC, contents
from ticketlab.lab.plain.function import FRESH, CallOutcome, PlainFunction, Raised
from ticketlab.lab.plain.times import without_times
from ticketlab.lab.plain.workload import PlainWorkload, repeatable
from ticketlab.probes.here import HERE

MOST_ORDERS: Final = 120
_MOST_RUNS: Final = 1_000
_LARGE: Final = 1 << 20
_MAKES: Final = frozenset({Action.CREATE, Action.LINK, Action.RENAME, Action.MAKE_DIRECTORY})


class RunResult(NamedTuple):
    """What a run came to: by participant what its call came to, and what files and shared objects hold, by name."""

    outcomes: tuple[tuple[int, str], ...]
    files: frozenset[tuple[str, bytes]]

    @property
    def timeless(self) -> RunResult:
        """The same without what clocks may have shown."""
        outcomes = tuple((who, without_times(told)) for who, told in self.outcomes)
        return RunResult(outcomes, timeless(self.files))


def timeless(files: Iterable[tuple[str, bytes]]) -> frozenset[tuple[str, bytes]]:
    """Return files without what clocks may have shown."""
    return frozenset((without_times(name), without_times(data)) for name, data in files)


class InOrder(Policy):
    """One execution in which the participants move one after another, as far as none has to wait for a later one."""

    def __init__(self, order: Sequence[int]) -> None:
        self._order = tuple(order)
        self._begun = False

    def begin(self, state: ExecutionState) -> bool:
        """Begin, once."""
        begun, self._begun = self._begun, True
        return not begun

    def choose(self, enabled: Sequence[int], state: ExecutionState) -> int:
        """Let the first of the order that can move do so."""
        return next((who for who in self._order if who in enabled), NOBODY)


@dataclass(slots=True)
class SerialRuns:
    """The runs of some participants in every order. `orders` counts them; it is 0 if there are too many to try."""

    orders: int = 0
    stuck: int = 0  # in how many of them somebody waits for ever
    ends: set[RunResult] = field(default_factory=set)
    raised: dict[tuple[int, str], int] = field(default_factory=dict)  # by participant and kind: in how many orders
    made: frozenset[str] = frozenset()  # the names that were made in every order
    left: frozenset[str] = frozenset()  # the names that were left in some order

    def allows(self, who: int, raised: Raised) -> bool:
        """Whether somebody ends by such an exception in some orders, and in others does not: then it says no more."""
        times = [count for (_, kind), count in self.raised.items() if kind == raised.kind]
        return raised.kind != "AssertionError" and any(0 < count < self.orders for count in times)


def serial_runs(
    executor: Executor, workload: PlainWorkload, who: Sequence[int], note: Callable[[Execution], object]
) -> tuple[SerialRuns, Sequence[Execution]]:
    """Run the given participants (from 0) in every order, and return what these come to, and the runs themselves.

    If there are too many orders, one is run, and nothing is claimed about what they come to. `note` is called with each
    run right after it ran, so it may look at the folder.
    """
    runs = SerialRuns()
    complete = factorial(len(who)) <= MOST_ORDERS
    without = frozenset((one, 0) for one in range(len(executor.scripts)) if one not in who)
    executions, made = [], list[frozenset[str]]()
    for order in permutations(who) if complete else [tuple(who)]:
        (execution,) = search(executor, InOrder(order), without=frozenset[Place](without))
        raise_stopped(execution)
        workload.note_unseen(execution)
        note(execution)
        executions.append(execution)
        runs.orders += 1
        runs.stuck += not completed(execution)
        end = final(execution, workload)
        runs.ends.add(end)
        runs.left |= {name for name, _ in end.files}
        made.append(frozenset(_made(execution)))
        for record in execution.records:
            if isinstance(record.outcome, Raised):
                key = record.buyer, record.outcome.kind
                runs.raised[key] = runs.raised.get(key, 0) + 1
    runs.made = frozenset.intersection(*made)
    return runs if complete else SerialRuns(), executions


def smaller(who: Iterable[int]) -> Iterator[tuple[int, ...]]:
    """Yield ways to leave somebody out, the smallest groups first, as long as their orders are not too many to try."""
    everybody = sorted(who)
    runs = 0
    for size in range(1, len(everybody)):
        runs += perm(len(everybody), size)
        if runs > _MOST_RUNS:
            return
        yield from combinations(everybody, size)


def left_behind(result: RunResult, serial: SerialRuns) -> Iterator[Anomaly]:
    """Yield the names that every run one after another makes and removes, and that are left here."""
    names = sorted({name for name, _ in result.files} & (serial.made - serial.left))
    if names:
        yield Anomaly("left behind", f"{join_words(names)} {'is' if len(names) == 1 else 'are'} left", {"names": names})


def final(execution: Execution, workload: PlainWorkload) -> RunResult:
    """Return what an execution that just ended came to, with participants in place of process numbers."""
    pids = workload.pids()
    outcomes = [(record.buyer, record.outcome) for record in execution.records]
    waiting = [(who, "waits for ever") for who, _, _ in execution.unanswered]
    files = [*_files(workload, execution), *HERE.shared.contents(), *on_servers(workload.plain)]
    return run_result(outcomes, files, pids, waiting)


def on_servers(plain: PlainFunction) -> Iterator[tuple[str, bytes]]:
    """Yield what is on the servers that a function is given, by name."""
    for server in plain.servers:
        yield from server.contents()


def run_result(
    outcomes: Iterable[tuple[int, CallOutcome]],
    files: Iterable[tuple[str, bytes]],
    pids: Mapping[str, int],
    waiting: Sequence[tuple[int, str]] = (),
) -> RunResult:
    """Return what a run came to, with participants in place of the process numbers in `pids`."""
    told = [(who, repeatable(repr(_brief(outcome)), pids)) for who, outcome in outcomes]
    named = frozenset((repeatable(name, pids), _named_bytes(data, pids)) for name, data in files)
    return RunResult(tuple(sorted([*told, *waiting])), named)


def _brief(outcome: CallOutcome) -> object:
    return outcome._replace(where="") if isinstance(outcome, Raised) else outcome


def _made(execution: Execution) -> Iterator[str]:
    for what in execution.trace.what:
        for action, resource in execution.trace.table.step(what).accesses:
            if action in _MAKES and resource.startswith(NAME):
                yield resource.removeprefix(NAME)


def _files(workload: PlainWorkload, execution: Execution) -> Iterator[tuple[str, bytes]]:
    """Yield what is in the folder, and what the steps name elsewhere."""
    return without_journals(_named_files(workload, execution))


def without_journals(named: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    """Yield files without those that belong to a database among them: a journal is no file of its own."""
    files = dict(named)
    databases = [name for name, data in files.items() if data.startswith(MAGIC)]
    beside = {name + end for name in databases for end in BESIDE}
    yield from ((name, data) for name, data in files.items() if name not in beside)


def _named_files(workload: PlainWorkload, execution: Execution) -> Iterator[tuple[str, bytes]]:
    if workload.plain.folder == FRESH:
        yield from files_below(str(workload.folder))
        named = {name for name in _names(execution) if name.startswith("/")}
    else:
        named = _names(execution)
    for name in sorted(named):
        path = workload.folder / name
        if path.exists() or path.is_symlink():
            yield name, _content(str(path), path.is_symlink(), path.is_dir())


def files_below(folder: str, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    """Yield what is in a folder: the names from there, and what the files hold."""
    with os.scandir(folder) as entries:
        for entry in entries:
            yield prefix + entry.name, _content(entry.path, entry.is_symlink(), entry.is_dir(follow_symlinks=False))
            if entry.is_dir(follow_symlinks=False):
                yield from files_below(entry.path, f"{prefix}{entry.name}/")


def _names(execution: Execution) -> set[str]:
    steps = (execution.trace.table.step(what) for what in execution.trace.what)
    return {name.removeprefix(NAME) for step in steps for _, name in step.accesses if name.startswith(NAME)}


def _content(path: str, is_link: bool, is_folder: bool) -> bytes:
    if is_link:
        return b"-> " + os.fsencode(os.readlink(path))  # noqa: PTH115 - as below
    if is_folder:
        return b"a folder"
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # after each execution, and file objects take far longer
    except OSError as error:
        if error.errno == errno.ENXIO:
            return b"a socket"
        raise
    try:
        data = os.read(file, _LARGE)
    except BlockingIOError:
        return b"a pipe"
    finally:
        os.close(file)
    return contents(path) if data.startswith(MAGIC) else data


_NUMBER_BYTES: Final = re.compile(rb"\d+")


def _named_bytes(data: bytes, pids: Mapping[str, int]) -> bytes:
    if not any(number.encode() in data for number in pids):
        return data
    known = {number.encode(): f"{{pid{who}}}".encode() for number, who in pids.items()}
    return _NUMBER_BYTES.sub(lambda match: known.get(match[0], match[0]), data)


def completed(execution: Execution) -> bool:
    """Whether every participant came to its end."""
    return execution.ending is ExecutionEnd.COMPLETED
