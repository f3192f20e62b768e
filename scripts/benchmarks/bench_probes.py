"""How fast plain functions are explored as they stand, beside the same function with scheduling points set by hand.

    uv run python scripts/benchmarks/bench_probes.py [--rounds 7]

Two processes read a count in a JSON file and write it back, with nothing guarding it, or under `flock`; or they claim a
job in an SQLite database. Speeds are
executions a second under random schedules, on real processes; "judged" ones are judged as well. They are counted by the
wall and by the processor (of all processes together): since one process moves at a time, the second is what a core that
nobody else uses would do.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from functools import cache, partial
from pathlib import Path

from scripts.benchmarks import runner
from scripts.benchmarks.runner import Measurement, Sample
from ticketlab.core.pacing import BLOCKED, at, block
from ticketlab.core.steps import Action, Step
from ticketlab.explorer.executors.processes import Processes
from ticketlab.explorer.policies.random import RandomWalk
from ticketlab.explorer.search import search
from ticketlab.lab.plain.function import PlainFunction
from ticketlab.lab.plain.judge import PlainJudge
from ticketlab.lab.plain.workload import PlainWorkload
from ticketlab.lab.plugins.registry import probes
from ticketlab.probes.kind import installed

EXECUTIONS = 500
READ, EMPTY, WRITE = (Step(action, "stock.json") for action in (Action.READ, Action.TRUNCATE, Action.WRITE))
TAKE, GIVE = Step(Action.ACQUIRE, "lock", excludes=True), Step(Action.RELEASE, "lock")


def lay_out(folder: Path) -> None:
    """Put the count back."""
    with open(folder / "stock.json", "w") as file:
        file.write('{"left": 9}')


def plain(who: int) -> None:
    """Take one, as people write it."""
    with open("stock.json") as file:
        stock = json.load(file)
    stock["left"] -= 1
    with open("stock.json", "w") as file:
        file.write(json.dumps(stock))


def plain_locked(who: int) -> None:
    """Take one under a lock, as people write it."""
    with open("lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        plain(who)


def by_hand(who: int) -> None:
    """Take one, with each access announced."""
    at(READ)
    with open("stock.json") as file:
        stock = json.load(file)
    stock["left"] -= 1
    at(EMPTY)
    with open("stock.json", "w") as file:
        text = json.dumps(stock)
        at(WRITE)
        file.write(text)


def locked_by_hand(who: int) -> None:
    """Take one under a lock, with each access announced."""
    with open("lock", "w") as lock:
        block(TAKE, partial(_attempt, lock.fileno()), lambda: None)
        by_hand(who)
        at(GIVE)


def _attempt(file: int) -> object:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return BLOCKED
    return None


def lay_out_jobs(folder: Path) -> None:
    """Put the job back: the file as it was, since SQLite would take longer."""
    (folder / "jobs.db").write_bytes(_jobs())


@cache
def _jobs() -> bytes:
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript("create table job (id integer primary key, state text); insert into job values (1, 'new')")
        return db.serialize()


def claim(who: int) -> None:
    """Claim a job, as people write it."""
    with closing(sqlite3.connect("jobs.db")) as db, db:
        row = db.execute("select id from job where state = 'new'").fetchone()
        if row:
            db.execute("update job set state = 'taken' where id = ?", row)


def claim_by_hand(who: int) -> None:
    """Claim a job, with each statement announced."""
    with closing(sqlite3.connect("jobs.db", timeout=0)) as db:
        at(Step(Action.READ, "jobs.db"))
        row = db.execute("select id from job where state = 'new'").fetchone()
        if row:
            block(Step(Action.WRITE, "jobs.db", uncommitted=True), partial(_take, db, row), lambda: None)
            at(Step(Action.COMMIT, "jobs.db"))
            db.commit()


def _take(db: sqlite3.Connection, row: tuple[int]) -> object:
    try:
        db.execute("update job set state = 'taken' where id = ?", row)
    except sqlite3.OperationalError:
        return BLOCKED
    return None


def _processor_s() -> float:
    """Return how long this process and its children have been on a processor, in seconds."""
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()
    used = [int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in (os.getpid(), *children)]
    return sum(used) / 1e9


@contextmanager
def exploring(
    function: Callable[[int], None],
    clock: Callable[[], float],
    *,
    probed: bool,
    judged: bool,
    reset: Callable[[Path], None] = lay_out,
) -> Iterator[Sample]:
    """Yield what starts the processes and returns their executions a second by a clock.

    They are started for each sample: two searches cannot go on at once, since stand-ins are in place in one of them.
    """

    def sample(count: int = EXECUTIONS) -> float:
        workload = PlainWorkload(PlainFunction(function=function, reset=reset))
        with installed(probes() if probed else []), Processes(workload) as executor:
            judge = PlainJudge(workload)
            judge.learn(executor)
            for _ in search(executor, RandomWalk(2), 50):
                pass
            began = clock()
            for execution in search(executor, RandomWalk(1), count):
                if judged:
                    judge.judge(execution)
            return count / (clock() - began)

    yield sample


def speeds(_given: argparse.Namespace) -> Iterable[Measurement]:
    """Yield each speed, with its bar."""
    for clock, how in ((time.perf_counter, "by the wall"), (_processor_s, "by the processor")):
        for function, hand, name in ((plain, by_hand, "unsynchronized"), (plain_locked, locked_by_hand, "under flock")):
            ours = partial(exploring, function, clock, probed=True, judged=False)
            yield Measurement(f"JSON file, {name}, {how}", ours, bar=2_000)
            yield Measurement(
                f"JSON file, {name}, {how}",
                ours,
                beside="points set by hand",
                other=partial(exploring, hand, clock, probed=False, judged=False),
                ratio_bar=0.5,
            )
        yield Measurement(
            f"claim in SQLite, {how}",
            partial(exploring, claim, clock, probed=True, judged=False, reset=lay_out_jobs),
            beside="points set by hand",
            other=partial(exploring, claim_by_hand, clock, probed=False, judged=False, reset=lay_out_jobs),
            ratio_bar=0.5,
        )
        judged = partial(exploring, plain_locked, clock, probed=True, judged=True)
        yield Measurement(f"JSON file, under flock, judged, {how}", judged)


if __name__ == "__main__":
    raise SystemExit(runner.main(runner.parser(__doc__, 7), {"speeds": speeds}))
