"""Live races of plain functions: real processes, let go at once at full speed, again and again in fresh folders.

Nothing is stepped through or stood in for, so a race shows how often a function goes wrong by itself, and nothing
about the schedules that did not happen. It is judged as an exploration is, but that nobody sees the steps: results
and files that are those of no order one after another are wrong only if the user asks for `serial`.
"""

from __future__ import annotations

import os
import pickle
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, chdir, contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import permutations
from math import factorial
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from ticketlab.core.errors import UsageError
from ticketlab.core.system.fork import ForkedProcess
from ticketlab.core.system.lifeline import die_with_parent, signals_blocked
from ticketlab.core.verdict import Anomaly
from ticketlab.lab.artifacts.race_folder import fastest, live_folder
from ticketlab.lab.environment import environment
from ticketlab.lab.plain.conditions import broken_conditions, refuse_failing
from ticketlab.lab.plain.function import FRESH, CallOutcome, PlainFunction, Raised, Returned, bound, call_outcome
from ticketlab.lab.plain.results import PlainRaceResult
from ticketlab.lab.plain.serial import RunResult, SerialRuns, files_below, left_behind, on_servers, run_result
from ticketlab.lab.plain.shared_objects import shared_contents
from ticketlab.lab.plain.workload import lay_out_folder, process_name
from ticketlab.launch.barrier import StartBarrier
from ticketlab.probes.postgres.pools import forget_connections, know_engines
from ticketlab.probes.unseen import Watch, created_paths

TIMES: Final = 100
TIMEOUT: Final = 60.0
_START_SECONDS: Final = 60.0  # that processes may take to be ready
_MOST_ORDERS: Final = 24
_SOME_ORDERS: Final = 6


class _Run(NamedTuple):
    """What one run came to; `late` lists who was not done in time."""

    outcomes: dict[int, CallOutcome]
    result: RunResult
    late: Sequence[int]
    made: frozenset[str]
    broken: Sequence[Anomaly]


def race_function(
    plain: PlainFunction,
    times: int = TIMES,
    *,
    timeout: float = TIMEOUT,
    command: str = "",
    progress: Callable[[int, int], None] = lambda _done, _wrong: None,
) -> PlainRaceResult:
    """Race a function live so many times, and say how often it went wrong.

    `timeout`, in seconds, is for each race; a race that lasts longer is the last. `progress` hears of each race.

    Raises:
        UsageError: there is nothing to race, or `reset` fails.
        TicketlabError: the lab could not do its work.
    """
    if times < 1:
        raise UsageError(f"{times} races show nothing: at least 1 is needed")
    began = time.monotonic()
    with _Track(plain, timeout) as track:
        serial = _serial(track)
        tally = RaceTally()
        for number in range(1, 1 + times):
            run = track.run(range(plain.processes), at_once=True)
            anomalies, strange = _judge(run, serial, plain)
            tally.count(number, anomalies, strange=strange)
            progress(number, tally.wrong)
            if run.late:
                tally.late = f"in race {number} {process_name(run.late[0])} was not done in time (see --timeout)"
                break
    return PlainRaceResult(
        command=command,
        function=plain.title,
        processes=plain.processes,
        races=tally.races,
        wrong=tally.wrong,
        names=dict(tally.names),
        first=tally.first,
        late=tally.late,
        in_no_order=tally.strange if serial.complete else 0,
        judged_by_order=serial.complete,
        conditions=bool(plain.invariant or plain.returned),
        serial=plain.serial,
        seconds=time.monotonic() - began,
        environment=environment(Path.cwd()),
    )


@dataclass(slots=True)
class _Serial:
    """What runs one after another come to; `complete` says that every order was tried, and comes to the same again."""

    runs: SerialRuns = field(default_factory=SerialRuns)
    complete: bool = False


@dataclass(slots=True)
class RaceTally:
    """How many races there were, how many went wrong or ended as no order does, and who was not done in time."""

    races: int = 0
    wrong: int = 0
    strange: int = 0
    names: Counter[str] = field(default_factory=Counter)
    first: dict[str, tuple[int, Anomaly]] = field(default_factory=dict)  # by name: the first race, and what it was
    late: str = ""

    def count(self, number: int, anomalies: Sequence[Anomaly], *, strange: bool) -> None:
        """Take a race into account."""
        self.races = number
        self.wrong += bool(anomalies)
        self.strange += strange
        self.names.update({anomaly.name for anomaly in anomalies})
        for anomaly in anomalies:
            self.first.setdefault(anomaly.name, (number, anomaly))


def _serial(track: _Track) -> _Serial:
    """Run the processes one after another: in every order, or in some if there are too many."""
    who = range(track.plain.processes)
    if factorial(len(who)) <= _MOST_ORDERS:
        orders = list(permutations(who))
    else:
        orders = [tuple(Random(number).sample(who, len(who))) for number in range(_SOME_ORDERS)]
    runs, every = SerialRuns(), list[frozenset[str]]()
    for order in orders:
        run = track.run(order, at_once=False)
        if run.late:
            late = process_name(run.late[0])
            raise UsageError(f"{late} is not done in time though the processes go one after another (see --timeout)")
        refuse_failing(run.broken)
        runs.orders += 1
        runs.ends.add(run.result)
        runs.left |= {name for name, _ in run.result.files}
        every.append(run.made)
        for one, outcome in run.outcomes.items():
            if isinstance(outcome, Raised):
                runs.raised[one, outcome.kind] = runs.raised.get((one, outcome.kind), 0) + 1
    runs.made = frozenset.intersection(*every)
    again = track.run(orders[0], at_once=False)
    return _Serial(runs, len(orders) == factorial(len(who)) and again.result in runs.ends)


def _judge(run: _Run, serial: _Serial, plain: PlainFunction) -> tuple[list[Anomaly], bool]:
    """Return what is wrong with a race, and whether it ended as no run one after another does."""
    if run.late:
        return [], False
    raised = [(who, outcome) for who, outcome in sorted(run.outcomes.items()) if isinstance(outcome, Raised)]
    failed = [(who, outcome) for who, outcome in raised if not serial.runs.allows(who, outcome)]
    found = [_exception(who, outcome) for who, outcome in failed]
    found += left_behind(run.result, serial.runs)
    found += [] if failed else run.broken
    strange = run.result not in serial.runs.ends
    if strange and serial.complete and plain.serial:
        found.append(Anomaly("not serializable", "results and files are those of no order one after another"))
    return found, strange


def _exception(who: int, outcome: Raised) -> Anomaly:
    name = "assertion failed" if outcome.kind == "AssertionError" else "exception"
    said = f"{outcome.kind}: {outcome.text}" if outcome.text else outcome.kind
    at = f" ({outcome.where})" if outcome.where else ""
    return Anomaly(name, f"{process_name(who)} ended with {said}{at}", outcome._asdict())


class _Track:
    """Where a function is raced: it makes a folder for each run, and the processes."""

    def __init__(self, plain: PlainFunction, timeout: float) -> None:
        self.plain = plain
        self._timeout = timeout
        self._home = Path.cwd()
        self._undo = ExitStack()
        self._runs = 0

    def __enter__(self) -> _Track:
        know_engines()
        if self.plain.folder == FRESH:
            self._home = self._undo.enter_context(live_folder(under=fastest()))
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def run(self, who: Sequence[int], *, at_once: bool) -> _Run:
        """Run the given processes at once or one after another, in a folder that is laid out anew."""
        with self._folder() as folder, Watch(folder) as watch:
            lay_out_folder(self.plain, folder)
            watch.restart()
            groups = [who] if at_once else [[one] for one in who]
            outcomes: dict[int, CallOutcome] = {}
            pids: dict[str, int] = {}
            for group in groups:
                outcomes |= _let_go(self.plain, folder, group, pids, self._timeout)
            fresh = self.plain.folder == FRESH
            files = [
                *(files_below(str(folder)) if fresh else ()),
                *on_servers(self.plain),
                *shared_contents(self.plain),
            ]
            result = run_result(outcomes.items(), files, pids)
            returned = [one.value for _, one in sorted(outcomes.items()) if isinstance(one, Returned)]
            late = [one for one in who if one not in outcomes]
            broken = list(broken_conditions(self.plain, folder, returned)) if len(returned) == len(who) else []
            return _Run(outcomes, result, late, frozenset(created_paths(watch.events())), broken)

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        """Yield a folder to stand in."""
        if self.plain.folder != FRESH:
            yield self._home
            return
        self._runs += 1
        folder = self._home / str(self._runs)
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _let_go(
    plain: PlainFunction, folder: Path, who: Sequence[int], pids: dict[str, int], timeout: float
) -> dict[int, CallOutcome]:
    """Have processes call the function at once, and return what came of each that was done in time."""
    barrier = StartBarrier()
    runners: dict[Connection, tuple[int, ForkedProcess]] = {}
    try:
        for one in who:
            told, tell = Pipe(duplex=False)
            process = ForkedProcess(_take_part, os.getpid(), plain, folder, one, barrier, tell)
            with signals_blocked():
                process.start()
            tell.close()
            runners[told] = one, process
            pids[str(process.pid)] = one + 1
        barrier.await_all(len(who), _START_SECONDS, lambda: None)
        barrier.release()
        return _outcomes(runners, timeout)
    finally:
        barrier.close()
        for told, (_, process) in runners.items():
            process.kill()
            process.join()
            told.close()


def _outcomes(runners: dict[Connection, tuple[int, ForkedProcess]], timeout: float) -> dict[int, CallOutcome]:
    deadline, found, left = time.monotonic() + timeout, dict[int, CallOutcome](), set(runners)
    while left and (rest := deadline - time.monotonic()) > 0:
        for told in wait(list(left), rest):
            assert isinstance(told, Connection), "no other things were waited for"
            who, process = runners[told]
            left.discard(told)
            try:
                found[who] = pickle.loads(told.recv_bytes())  # noqa: S301 - what the lab's own process sends
            except EOFError:
                process.join()
                found[who] = Raised("SystemExit", f"its process ended with exit code {process.exitcode}")
    return found


def _take_part(lab: int, plain: PlainFunction, folder: Path, who: int, barrier: StartBarrier, tell: Connection) -> None:
    """Call the function once, in a process of its own, as soon as all are let go."""
    die_with_parent(lab)
    forget_connections()
    call = bound(plain.function, {"folder": folder, **plain.fixtures, "who": who + 1})
    with chdir(folder) if plain.folder == FRESH else nullcontext():
        barrier.wait()
        outcome = call_outcome(call)
    tell.send_bytes(pickle.dumps(outcome))
    tell.close()
