"""Soak: the same schedules of programs, on a quiet machine and on one whose cores are all busy, lead to the same.

    uv run python -m tests.soak.load                                    # 200 executions in all
    uv run python -m tests.soak.load --executions 1000 --seed 7 --programs queue,shell

No time-out may decide anything: every step, how each process ends and what it prints must be the same, execution for
execution. Beside each core a loop computes without end.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from ticketlab.explorer.policies.random import RandomWalk
from ticketlab.explorer.search import search
from ticketlab.lab.programs.executor import ProgramExecutor
from ticketlab.lab.programs.program import Program

_COUNTER: Final = """
import json, sys, time
from multiprocessing import Lock, Manager, Process, Queue

def count_down(lock):
    with lock:
        left = json.load(open("db"))["count"]
        time.sleep(0.1)
        json.dump({"count": left - 1}, open("db", "w"))
        print("took", left)

def take(shelf, number):
    shelf["count"] = shelf["count"] - 1
    print(number, "sees", shelf["count"])

def bake(queue):
    for number in range(2):
        time.sleep(1)
        queue.put(number)
    queue.put(None)

def eat(queue):
    while (bun := queue.get()) is not None:
        print("ate", bun)
    queue.get()  # nobody puts more

if __name__ == "__main__":
    if sys.argv[1] == "lock":
        lock = Lock()
        buyers = [Process(target=count_down, args=(lock,)) for _ in range(3)]
    elif sys.argv[1] == "manager":
        manager = Manager()
        shelf = manager.dict(count=2)
        buyers = [Process(target=take, args=(shelf, number)) for number in range(2)]
    else:
        queue = Queue()
        buyers = [Process(target=each, args=(queue,)) for each in (bake, eat)]
    for each in buyers:
        each.start()
    for each in buyers:
        each.join()
"""
_SHELL: Final = "until mkdir lock 2>/dev/null; do sleep 1; done; read n < count; echo $((n-1)) > count; rmdir lock"
_PERL: Final = "open F, '+<', 'count'; flock F, 2; $n = <F>; seek F, 0, 0; print F $n - 1, qq(\\n)"

PROGRAMS: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "lock": (("python", "counter.py", "lock"),),
    "manager": (("python", "counter.py", "manager"),),
    "queue": (("python", "counter.py", "queue"),),
    "shell": (("sh", "-c", _SHELL), ("sh", "-c", _SHELL)),
    "perl": (("perl", "-e", _PERL), ("perl", "-e", _PERL)),
}


class Course(NamedTuple):
    """All that can be told of an execution from outside."""

    steps: tuple[tuple[int, str], ...]
    ending: str
    ends: tuple[tuple[str, int | None, str], ...]


def lay_out(folder: Path) -> None:
    """Make what the programs need."""
    (folder / "counter.py").write_text(_COUNTER)
    (folder / "db").write_text('{"count": 3}')
    (folder / "count").write_text("9\n")


def courses(program: Program, executions: int, seed: int) -> Iterator[Course]:
    """Yield the executions of a program under random schedules; what is shared is learnt from the first ones."""
    with ProgramExecutor(program) as executor:
        for _ in range(3):
            list(search(executor, RandomWalk(seed), 3))
        executor.frozen = True
        for execution in search(executor, RandomWalk(seed), executions):
            steps = tuple(zip(execution.trace.who, execution.steps, strict=True))
            ends = sorted((end.name, end.code, _repeatable(end.output, executor)) for end in executor.run_of.ends)
            yield Course(steps, execution.ending.name, tuple(ends))


def _repeatable(output: str, executor: ProgramExecutor) -> str:
    for pid, name in executor.run_of.pids.items():
        output = output.replace(pid, name)
    return output.replace(str(executor.folder), "")


@contextmanager
def busy() -> Iterator[None]:
    """Have a loop beside every core compute without end."""
    loops = [multiprocessing.Process(target=_compute, args=(core,), daemon=True) for core in os.sched_getaffinity(0)]
    for each in loops:
        each.start()
    try:
        yield
    finally:
        for each in loops:
            each.kill()
            each.join()


def _compute(core: int) -> None:
    os.sched_setaffinity(0, {core})
    while True:
        pass


def differences(name: str, executions: int, seed: int) -> list[str]:
    """Return where the executions of a program differ if the machine is busy."""
    with tempfile.TemporaryDirectory(prefix="load-") as folder:
        lay_out(Path(folder))
        program = Program(commands=PROGRAMS[name], folder=Path(folder))
        quiet = list(courses(program, executions, seed))
        with busy():
            loaded = list(courses(program, executions, seed))
    found = [f"{name}: {len(quiet)} executions and {len(loaded)}"] if len(quiet) != len(loaded) else []
    for number, (one, other) in enumerate(zip(quiet, loaded, strict=False)):
        if one != other:
            found.append(f"{name} {number}: {one}\n    busy: {other}")
    return found


def main() -> int:
    """Compare, and print the differences; 1 if there were any."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executions", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--programs", default=",".join(PROGRAMS), help="with commas between")
    given = parser.parse_args()
    names, found = given.programs.split(","), list[str]()
    for name in names:
        found += differences(name, -(-given.executions // len(names)), given.seed)
        print(f"{name}: {len(found)} differences so far", file=sys.stderr)
    print(*found, sep="\n")
    print(f"{given.executions} executions of {len(names)} programs: {len(found)} differences")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
