"""Right structures, tried by many programs: none may be blamed. Run `python -m tests.soak.right_machines`."""

from __future__ import annotations

import argparse
import sys
import time

from hypothesis import settings

from tests.testing.machines.structures.pairs import PAIRS
from ticketlab import ConcurrentMachine


def right_machines() -> list[type[ConcurrentMachine]]:
    """Return the right twin of each wrong structure, once."""
    return list(dict.fromkeys(right for _, right in PAIRS))


def blamed(machine: type[ConcurrentMachine], programs: int) -> tuple[str, int]:
    """Return what a machine is blamed for, or an empty string, and how many distinct programs it was tried by."""
    test = machine.TestCase
    test.settings = settings(max_examples=programs, database=None)
    case = test()
    try:
        case.runTest()
    except AssertionError as error:
        return str(error), case.searched.programs
    return "", case.searched.programs


def main() -> int:
    """Try every right machine, print a line for each, and return how many were blamed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=2_000, help="how many programs are drawn for each")
    parser.add_argument("--executions", type=int, help="how many schedules of each are tried, after 12 at random")
    parser.add_argument("--inline", action="store_true", help="processes are greenlets of one process, which is faster")
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME")
    given = parser.parse_args()
    wrong = tried = 0
    named = {machine.__name__: machine for machine in right_machines()}
    for name in given.only or named:
        machine = named[name]
        if given.executions:
            machine.executions = given.executions
        if given.inline and machine.executor == "processes":
            machine.executor = "inline"
        began = time.monotonic()
        told, distinct = blamed(machine, given.programs)
        wrong, tried = wrong + bool(told), tried + 1
        seconds = time.monotonic() - began
        print(f"{name}: {told or 'not blamed'} ({distinct} distinct programs, {seconds:.0f} s)", flush=True)
    print(f"{wrong} of {tried} right machines blamed, {given.programs} programs drawn for each")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
