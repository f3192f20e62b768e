"""What it costs to start: `--help`, 100 buyers from command to verdict against the shortest script, 1,000 buyers.

    uv run python scripts/bench_start.py [--rounds 7]

The shortest script starts 100 bare `multiprocessing.Process`es that make the same purchase (for SQLite through the
standard library's driver). Both sides are whole commands and take turns; printed are medians and the median ratio with
its spread.
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


def seconds(words: list[str], folder: Path) -> float:
    """Run a command and return its wall time."""
    began = perf_counter()
    subprocess.run(words, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return perf_counter() - began


def main() -> None:
    """Print every figure beside its bar."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    ours = str(Path(sys.executable).parent / "ticketlab")
    with tempfile.TemporaryDirectory(dir=".") as name:
        folder = Path(name)
        helps = sorted(seconds([ours, "--help"], folder) for _ in range(20))
        least, most = helps[0] * 1000, helps[-1] * 1000
        print(f"--help, median of 20: {statistics.median(helps) * 1000:.0f} ms ({least:.0f} to {most:.0f}; bar 150)")
        for store, script in BARE.items():
            (folder / "bare.py").write_text(script, encoding="utf-8")
            words = [ours, "race", "--store", store, "--strategy", "lock", "--latency", "none"]
            pairs = [(seconds(words, folder), seconds([sys.executable, "bare.py"], folder)) for _ in range(rounds)]
            ratios = sorted(lab / bare for lab, bare in pairs)
            lab, bare = (statistics.median(side) for side in zip(*pairs, strict=True))
            print(
                f"100 buyers, {store}, command to verdict: {lab:.2f} s, shortest script {bare:.2f} s, "
                f"ratio {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}; bar 1.5)"
            )
        words = [ours, "race", "--store", "json", "--strategy", "lock", "--buyers", "1000", "--latency", "none"]
        took = seconds(words, folder)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"1,000 buyers: {took:.1f} s (bar 30), largest process {peak:.0f} MiB")


if __name__ == "__main__":
    main()
