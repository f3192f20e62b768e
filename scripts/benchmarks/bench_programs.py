"""How fast unmodified programs are explored, beside the same program let go without the gate.

    uv run python scripts/benchmarks/bench_programs.py [--rounds 7]

Two processes of a Python script read a count in a JSON file, sleep, and write it back; or two shells do. Speeds are
executions a second under random schedules. Let go, the script runs on all cores from the same warm interpreter, on the
same fresh copy of its folder, without its sleeps. The cost of a stopped call is that of one more call in a script that
makes thousands; beside it, every call is answered and nothing is asked about it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from scripts.benchmarks import runner
from scripts.benchmarks.runner import Measurement, Sample
from ticketlab.explorer.executors.cpu_affinity import on_one_core
from ticketlab.explorer.policies.random import RandomWalk
from ticketlab.explorer.search import search
from ticketlab.gate.starting.starter import CommandLine, Starter
from ticketlab.lab.artifacts.race_folder import fastest, live_folder
from ticketlab.lab.programs.executor import ProgramExecutor
from ticketlab.lab.programs.layout import Layout, ProgramFolders
from ticketlab.lab.programs.program import Program

EXECUTIONS = 100
MANY = 20_000
LONGEST_S = 10.0

TICKETS = """
import json, sys, time
from multiprocessing import Process

def look():
    print("left:", json.load(open("db"))["count"])

def buy():
    stock = json.load(open("db"))
    time.sleep(0.1)
    if stock["count"] > 0:
        stock["count"] -= 1
        time.sleep(0.2)
        json.dump(stock, open("db", "w"))
        print("bought")
    else:
        print("sold out")

def visit():
    look()
    buy()

if __name__ == "__main__":
    for _ in range(int(sys.argv[1])):
        Process(target=visit).start()
"""
CALLS = """
import os, sys
file = os.open("db", os.O_RDONLY)
for _ in range(int(sys.argv[1])):
    os.pread(file, 1, 0)
"""
SHELL = "read n < count; echo $((n-1)) > count"


def _folder() -> Path:
    folder = Path(mkdtemp(dir="."))
    (folder / "tickets.py").write_text(TICKETS)
    (folder / "awake.py").write_text(TICKETS.replace("time.sleep(0.1)", "pass").replace("time.sleep(0.2)", "pass"))
    (folder / "calls.py").write_text(CALLS)
    (folder / "db").write_text('{"count": 1}')
    (folder / "count").write_text("9\n")
    return folder.absolute()


def _python(name: str, argument: int) -> tuple[str, ...]:
    return "python", name, str(argument)


@contextmanager
def explored(*commands: tuple[str, ...]) -> Iterator[Sample]:
    """Yield what returns the executions a second of a program under the gate."""
    with ProgramExecutor(Program(commands=commands, folder=_folder())) as executor:

        def sample(count: int = EXECUTIONS) -> float:
            began = time.perf_counter()
            for _ in search(executor, RandomWalk(1), count):
                pass
            return count / (time.perf_counter() - began)

        sample(10)
        yield sample


@contextmanager
def _warm(*commands: tuple[str, ...]) -> Iterator[tuple[Starter, Any]]:
    """Yield a starter, and what lays its folder out anew."""
    with live_folder(under=fastest()) as home:
        folders, layout = ProgramFolders.below(home), Layout(_folder())
        folders.lay_out(layout)
        with Starter([CommandLine(each) for each in commands], *folders) as starter:
            yield starter, partial(folders.lay_out, layout)


@contextmanager
def let_go(*commands: tuple[str, ...]) -> Iterator[Sample]:
    """Yield what returns the executions a second of a program that nobody stops."""
    with _warm(*commands) as (starter, lay_out):

        def sample(count: int = EXECUTIONS) -> float:
            began = time.perf_counter()
            for _ in range(count):
                lay_out()
                starter.run_freely(LONGEST_S)
            return count / (time.perf_counter() - began)

        sample(10)
        yield sample


@contextmanager
def stopped_call() -> Iterator[Sample]:
    """Yield what returns the cost of one more call under the gate, in microseconds."""

    def took(calls: int) -> float:
        with ProgramExecutor(Program(commands=(_python("calls.py", calls),), folder=_folder())) as executor:
            began = time.perf_counter()
            for _ in search(executor, RandomWalk(1), 1):
                pass
            return time.perf_counter() - began

    yield lambda: (took(MANY) - took(0)) / MANY * 1e6


@contextmanager
def answered_call() -> Iterator[Sample]:
    """Yield what returns the cost of one more call that is answered and not looked at, in microseconds."""

    def took(calls: int) -> float:
        with on_one_core(), _warm(_python("calls.py", calls)) as (starter, lay_out):
            began = time.perf_counter()
            lay_out()
            listener = starter.start().listener
            while not listener.closed:
                if stop := listener.receive(1000):
                    listener.go_on(stop)
            starter.end()
            return time.perf_counter() - began

    yield lambda: (took(MANY) - took(0)) / MANY * 1e6


def speeds(_given: object) -> Iterable[Measurement]:
    """Yield each speed, with its bar."""
    yield Measurement(
        "two processes of a Python script",
        partial(explored, _python("tickets.py", 2)),
        beside="let go, awake",
        other=partial(let_go, _python("awake.py", 2)),
        ratio_bar=0.7,
    )
    yield Measurement("two shells", partial(explored, ("sh", "-c", SHELL), ("sh", "-c", SHELL)), bar=100)
    yield Measurement("one stopped call", stopped_call, unit="us", bar=15)
    yield Measurement("one stopped call", stopped_call, unit="us", beside="only answered", other=answered_call)


if __name__ == "__main__":
    sys.exit(runner.main(runner.parser(__doc__, 7), {"speeds": speeds}))
