"""What it costs to start: `--help`, 100 buyers against the shortest script, the story, 1,000 buyers.

    uv run python scripts/bench_start.py [--rounds 7]

The shortest script starts 100 bare `multiprocessing.Process`es that make the same purchase (for SQLite through the
standard library's driver). Both sides are whole commands and take turns; printed are medians and the median ratio with
its spread, by the wall and by the processor (of all processes together), which says more where others load the machine.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

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


class Took(NamedTuple):
    """What a command took, in seconds: by the wall, and of all its processes' processor time."""

    wall: float
    processor: float


def run(words: list[str], folder: Path, expected: int = 0) -> Took:
    """Run a command, which exits as expected, and return what it took."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
    done = subprocess.run(words, cwd=folder, check=False, stdout=subprocess.DEVNULL)
    wall, after = perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != expected:
        raise SystemExit(f"{' '.join(words)} exited with {done.returncode}")
    return Took(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def compared(pairs: list[tuple[float, float]]) -> str:
    """Return the medians of both sides, and their ratio with its spread."""
    ours, bare = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratios = sorted(our / their for our, their in pairs)
    spread = f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
    return f"{ours:.2f} s against {bare:.2f} s, ratio {statistics.median(ratios):.2f} ({spread})"


def main() -> None:
    """Print every figure beside its bar."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    ours = str(Path(sys.executable).parent / "ticketlab")
    with tempfile.TemporaryDirectory(dir=".") as name:
        folder = Path(name)
        helps = sorted(run([ours, "--help"], folder).wall for _ in range(20))
        least, most = helps[0] * 1000, helps[-1] * 1000
        print(f"--help, median of 20: {statistics.median(helps) * 1000:.0f} ms ({least:.0f} to {most:.0f}; bar 150)")
        for store, script in BARE.items():
            (folder / "bare.py").write_text(script, encoding="utf-8")
            words = [ours, "race", "--store", store, "--strategy", "lock", "--latency", "none"]
            pairs = [(run(words, folder), run([sys.executable, "bare.py"], folder)) for _ in range(rounds)]
            print(f"100 buyers, {store}, command to verdict, against the shortest script:")
            print(f"  wall       {compared([(lab.wall, bare.wall) for lab, bare in pairs])}; bar 1.5")
            print(f"  processor  {compared([(lab.processor, bare.processor) for lab, bare in pairs])}")
        stories = sorted(run([ours, "race"], folder, expected=1).wall for _ in range(3))
        print(f"the story, median of 3: {statistics.median(stories):.1f} s (bar 10)")
        words = [ours, "race", "--store", "json", "--strategy", "lock", "--buyers", "1000", "--latency", "none"]
        took = run(words, folder).wall
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"1,000 buyers: {took:.1f} s (bar 30), largest process {peak:.0f} MiB")


if __name__ == "__main__":
    main()
