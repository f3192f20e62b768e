"""Race again and again in one process, and count what is left: files, processes, threads, semaphores, shared memory.

    uv run python -m tests.soak.leaks [races]     # 1,000 by default, over all launchers and kinds of strategies

Exit code 1 if anything is left, or if a race that is meant to be right was not.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from itertools import cycle, product
from pathlib import Path
from typing import Final

from ticketlab import race
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.lab.racing.options import RaceOptions

LAUNCHERS: Final = ("process", "pool:2", "threads", "process:forkserver", "process:spawn")
PAIRS: Final = (
    ("json", "lock"),
    ("json:rename", "flock"),
    ("json", "filelock"),
    ("sqlite", "transaction:immediate"),
    ("manager", "manager-lock"),
    ("json", "clerk"),
    ("json", "clerk:joinable"),
    ("sqlite", "clerk:socket"),
    ("sqlite", "clerk:socket,server=process,transport=tcp"),
    ("sqlite", "clerk:socket,server=pool"),
)
SHARED: Final = re.compile(r"/shm/|memfd:")
SELDOM: Final = 10
"""New interpreters take a second each to start: one race of these for so many of the others."""


def left() -> Counter[str]:
    """Count what this process holds, and what it may have left on the machine."""
    gc.collect()
    found: Counter[str] = Counter()
    for file in Path("/proc/self/fd").iterdir():
        try:
            what = str(file.readlink())
        except OSError:
            continue  # the listing's own
        found[f"open {re.sub(r'[0-9]+', 'N', what)}"] += 1
    helpers = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")  # one each, for good
    for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
        try:
            command = Path(f"/proc/{child}/cmdline").read_text()
        except OSError:
            continue
        found["helpers" if any(each in command for each in helpers) else f"process {command[:60]!r}"] += 1
    found["children"] += len(multiprocessing.active_children())
    found["threads"] += threading.active_count()
    maps = Path("/proc/self/maps").read_text().splitlines()
    found["shared memory mapped"] += sum(SHARED.search(line) is not None for line in maps)
    found["temporary files"] += len(list(Path(tempfile.gettempdir()).glob("[!p]*")))  # pymp-*: multiprocessing's own
    found["run folders"] += len(list(Path(".ticketlab/live").glob("race-*")))
    return +found


def plan(races: int) -> list[tuple[str, str, str]]:
    """Return so many races: launcher, store and strategy."""
    quick, slow = cycle(product(LAUNCHERS[:3], PAIRS)), cycle(product(LAUNCHERS[3:], PAIRS))
    turns = [next(quick if number % SELDOM else slow) for number in range(1, races + 1)]
    return [(launcher, *pair) for launcher, pair in turns]


def soak(races: int) -> tuple[Counter[str], int]:
    """Race so often; return what there is more of than after the first round, and how many races went wrong."""
    began, wrong, raced = time.monotonic(), 0, plan(races)
    warm = min(races, 2 * SELDOM)
    before: Counter[str] = Counter()
    for number, (launcher, store, strategy) in enumerate(raced, 1):
        scenario = Scenario.of(store, strategy, buyers=3, tickets=5, orders=2)
        verdict = race(scenario, RaceOptions(Spec.parse(launcher), timeout=120)).verdict
        if verdict.valid is not True:
            wrong += 1
            print(f"{strategy} on {store} by {launcher}: {[each.sentence for each in verdict.anomalies]}")
        if number == warm:
            before = left()
        if number % 100 == 0:
            took = time.monotonic() - began
            print(f"{number:,} races, {took:,.0f} s, more than before: {dict(left() - before)}", flush=True)
    return left() - before, wrong


def work(races: int, folder: Path) -> None:
    """Soak in a folder of its own, with temporary files of its own."""
    os.chdir(folder)
    tempfile.tempdir = str(folder / "tmp")
    Path(tempfile.tempdir).mkdir()
    more, wrong = soak(races)
    print(f"{races:,} races: {wrong} went wrong, {sum(more.values())} leaks {dict(more) if more else ''}".rstrip())
    sys.exit(1 if more or wrong else 0)


def main() -> int:
    """Soak in a process of its own, which must have ended before its folder goes."""
    races = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory() as folder:
        soaking = multiprocessing.get_context("fork").Process(target=work, args=(races, Path(folder)))
        soaking.start()
        soaking.join()
    return soaking.exitcode or 0


if __name__ == "__main__":
    sys.exit(main())
