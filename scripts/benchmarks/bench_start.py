"""What it costs to start: `--help`, the test of a racy function, 100 buyers, the tour, 1,000 buyers.

    uv run python scripts/benchmarks/bench_start.py [--rounds 7]

The shortest script starts 100 bare `multiprocessing.Process`es that make the same purchase (for SQLite through the
standard library's driver). Both sides are whole commands. They are measured by the wall and by the processor (of all
processes together), which says more where others load the machine.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from scripts.benchmarks import runner
from scripts.benchmarks.runner import Measurement, Sample

LAB = str(Path(sys.executable).parent / "ticketlab")
BARE = {
    "json": """
import json, multiprocessing
def buy():
    books = json.load(open("bare.json"))
    record = books["sections"]["main"]
    if record["remaining"] > 0:
        record["remaining"] -= 1
        books["ledger"].append(1)
        json.dump(books, open("bare.json", "w"))
def main():
    json.dump({"sections": {"main": {"tickets": 5, "remaining": 5}}, "ledger": []}, open("bare.json", "w"))
    lock = multiprocessing.Lock()
    buyers = [multiprocessing.Process(target=locked, args=(lock,)) for _ in range(100)]
    for each in buyers: each.start()
    for each in buyers: each.join()
    print(json.load(open("bare.json")))
def locked(lock):
    with lock: buy()
main()
""",
    "sqlite": """
import multiprocessing, pathlib, sqlite3
def connect(): return sqlite3.connect("bare.db", timeout=60, isolation_level=None)
def buy(lock):
    with lock:
        books = connect()
        if books.execute("SELECT remaining FROM stock").fetchone()[0] > 0:
            books.execute("BEGIN")
            books.execute("UPDATE stock SET remaining = remaining - 1")
            books.execute("INSERT INTO ledger VALUES (1)")
            books.execute("COMMIT")
def main():
    pathlib.Path("bare.db").unlink(missing_ok=True)
    books, lock = connect(), multiprocessing.Lock()
    books.execute("PRAGMA journal_mode=WAL")
    books.execute("CREATE TABLE stock (remaining INTEGER)")
    books.execute("CREATE TABLE ledger (ticket INTEGER)")
    books.execute("INSERT INTO stock VALUES (5)")
    books.close()
    buyers = [multiprocessing.Process(target=buy, args=(lock,)) for _ in range(100)]
    for each in buyers: each.start()
    for each in buyers: each.join()
    print(connect().execute("SELECT remaining FROM stock").fetchone())
main()
""",
    "manager": """
import multiprocessing
def buy(books, lock):
    with lock:
        if books["remaining"] > 0:
            books["remaining"] -= 1
with multiprocessing.Manager() as manager:
    books, lock = manager.dict(remaining=5), multiprocessing.Lock()
    buyers = [multiprocessing.Process(target=buy, args=(books, lock)) for _ in range(100)]
    for each in buyers: each.start()
    for each in buyers: each.join()
    print(books)
""",
}

RACE_TEST = """
import json
from pathlib import Path

import ticketlab

def lay_out(folder):
    (folder / "stock.json").write_text('{"left": 1}')

@ticketlab.race_test(processes=2, reset=lay_out, returned=lambda told: told.count(True) == 1)
def test_claim(who):
    stock = json.loads(Path("stock.json").read_text())
    if stock["left"]:
        stock["left"] -= 1
        new = Path(f"stock.{who}")
        new.write_text(json.dumps(stock))
        new.replace("stock.json")
        return True
"""


class Took(NamedTuple):
    """What a command took: seconds by the wall, seconds of all its processes' time, MiB of the largest process."""

    wall: float
    processor: float
    memory: float


def run(words: list[str], expected: Collection[int] = (0,)) -> Took:
    """Run a command, which exits as expected, and return what it took."""
    began = perf_counter()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    wall, process.returncode = perf_counter() - began, os.waitstatus_to_exitcode(status)
    if process.returncode not in expected:
        raise SystemExit(f"{' '.join(words)} exited with {process.returncode}")
    return Took(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


@contextmanager
def running(
    words: list[str], figure: str, factor: float = 1, script: str = "", file: str = "bare.py"
) -> Iterator[Sample]:
    """Run a command once to warm the caches; a sample is one figure of what it took."""
    if script:
        Path(file).write_text(script, encoding="utf-8")

    def sample() -> float:
        return factor * float(getattr(run(words, expected=(0, 1)), figure))

    sample()
    yield sample


def testing(file: str, script: str) -> Callable[[], AbstractContextManager[Sample]]:
    """Return what measures how long a test takes by the wall, in seconds, pytest's start included."""
    words = [sys.executable, "-m", "pytest", "-q", "-o", "addopts=", "-p", "no:cacheprovider", file]
    return partial(running, words, "wall", script=script, file=file)


def starts(given: argparse.Namespace) -> Iterable[Measurement]:
    """Return the help, 100 buyers on each store by both clocks, the tour, and 1,000 buyers."""
    bare_python = partial(running, [sys.executable, "-c", "pass"], "wall", 1000)
    yield Measurement(
        "--help",
        partial(running, [LAB, "--help"], "wall", 1000),
        "ms",
        beside="python -c pass",
        other=bare_python,
        bar=150,
    )
    yield Measurement(
        "a test of a racy function, pytest's start included",
        testing("race.py", RACE_TEST),
        "s",
        beside="an empty test",
        other=testing("empty.py", "def test_nothing(): pass"),
        bar=2,
    )
    for store, script in BARE.items():
        words = [LAB, "race", "--store", store, "--strategy", "lock", "--latency", "none"]
        for figure, bar in (("wall", 1.5), ("processor", None)):
            yield Measurement(
                f"100 buyers, {store}, command to verdict, {figure}",
                partial(running, words, figure),
                "s",
                beside="the shortest script",
                other=partial(running, [sys.executable, "bare.py"], figure, 1, script),
                ratio_bar=bar,
            )
    yield Measurement("the tour", partial(running, [LAB, "race"], "wall"), "s", bar=10)
    words = [LAB, "race", "--store", "json", "--strategy", "lock", "--buyers", "1000", "--latency", "none"]
    yield Measurement("1,000 buyers", partial(running, words, "wall"), "s", bar=30)
    yield Measurement("1,000 buyers, largest process", partial(running, words, "memory"), "MiB")


def main() -> int:
    """Print every figure beside its bar."""
    return runner.main(runner.parser(__doc__, rounds=7), {"starts": starts})


if __name__ == "__main__":
    sys.exit(main())
