"""Right structures, tried by many programs: none may be blamed. Run `python -m tests.soak.right_machines`."""

from __future__ import annotations

import argparse
import sys
import time

from hypothesis import settings

from tests.testing.machines.structures import files, memory
from ticketlab import ConcurrentMachine


def right_machines() -> list[type[ConcurrentMachine]]:
    """Return the right twin of each wrong structure, once."""
    return list(dict.fromkeys(right for _, right in [*files.PAIRS, *memory.PAIRS]))


def blamed(machine: type[ConcurrentMachine], programs: int, seconds: list[float]) -> str:
    """Return what a machine is blamed for, or an empty string."""
    began = time.monotonic()
    test = machine.TestCase
    test.settings = settings(max_examples=programs, database=None)
    try:
        test().runTest()
    except AssertionError as error:
        return str(error)
    finally:
        seconds.append(time.monotonic() - began)
    return ""


def main() -> int:
    """Try every right machine, print a line for each, and return how many were blamed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=2_000, help="how many programs are drawn for each")
    parser.add_argument("--executions", type=int, help="how many schedules of each are tried, after 12 at random")
    parser.add_argument("--inline", action="store_true", help="processes are greenlets of one process, which is faster")
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME")
    given = parser.parse_args()
    wrong, seconds = 0, list[float]()
    for machine in right_machines():
        if given.only and machine.__name__ not in given.only:
            continue
        if given.executions:
            machine.executions = given.executions
        if given.inline and machine.executor == "processes":
            machine.executor = "inline"
        told = blamed(machine, given.programs, seconds)
        wrong += bool(told)
        print(f"{machine.__name__}: {told or 'not blamed'} ({seconds[-1]:.0f} s)", flush=True)
    print(f"{wrong} of {len(seconds)} right machines blamed, {given.programs} programs each")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
