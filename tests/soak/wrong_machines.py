"""Wrong structures, tried again and again: each run must convict. Run `python -m tests.soak.wrong_machines`."""

from __future__ import annotations

import argparse
import re
import sys
import time

from hypothesis import seed, settings

from tests.testing.machines.structures.pairs import PAIRS
from ticketlab import ConcurrentMachine


def wrong_machines() -> dict[str, type[ConcurrentMachine]]:
    """Return the wrong structures by name."""
    return {wrong.__name__: wrong for wrong, _ in PAIRS}


def convicted(machine: type[ConcurrentMachine], run: int) -> tuple[int, int]:
    """Return how many participants and calls the failure of one run has; (0, 0) if there is none."""
    test = seed(run)(type(machine.__name__, (machine,), {})).TestCase  # type: ignore[attr-defined]
    test.settings = settings(max_examples=100, database=None)
    try:
        test().runTest()
    except AssertionError as error:
        if told := re.search(r"\((\d+) \w+, (\d+) calls?;", str(error)):
            return int(told[1]), int(told[2])
        print(error)
    return 0, 0


def main() -> int:
    """Try every wrong machine several times, print a line for each, and return how many runs failed to convict."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--inline", action="store_true", help="processes are greenlets of one process, which is faster")
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME")
    given = parser.parse_args()
    missed = runs = 0
    for name in given.only or wrong_machines():
        machine = wrong_machines()[name]
        if given.inline and machine.executor == "processes":
            machine.executor = "inline"
        sizes, wall, processor = list[tuple[int, int]](), list[float](), list[float]()
        for run in range(given.times):
            began, used = time.monotonic(), time.process_time()
            sizes.append(convicted(machine, run))
            wall.append(time.monotonic() - began)
            processor.append(time.process_time() - used)
        few = sum(0 < who <= 3 and calls <= 4 for who, calls in sizes)
        missed, runs = missed + given.times - few, runs + given.times
        print(
            f"{name}: {few} of {given.times} convicted, at most {max(who for who, _ in sizes)} participants and "
            f"{max(calls for _, calls in sizes)} calls, at most {max(wall):.1f} s, {max(processor):.1f} s of processor "
            "time",
            flush=True,
        )
    print(f"{missed} of {runs} runs did not convict")
    return missed


if __name__ == "__main__":
    sys.exit(bool(main()))
