"""Soak: correct functions as people write them, under many schedules; none of them may ever be blamed.

    uv run python -m tests.soak.right_functions                                    # 1,000 executions of each
    uv run python -m tests.soak.right_functions --only filelock --executions 5000
    uv run python -m tests.soak.right_functions --processes 3                      # as far as a function is for more

Each function is searched by partial-order reduction, to the end or so many executions, and then so often at random. A
search that does not end as proved is undecided, and the reason is printed. What goes wrong is a false alarm, and so is
a search that the lab says it cannot do. Libraries that are not installed (fasteners, portalocker, django) are left out
and named.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, chdir, contextmanager
from dataclasses import dataclass, replace
from multiprocessing.managers import SyncManager
from typing import Any, Final

from tests.plain_programs import (
    check_before_lock,
    check_then_mkdir,
    databases_right,
    files_right,
    join_before_get,
    json_counter,
    lock_libraries_right,
    managed_right,
    max_id,
    no_sentinel,
    one_time_invite,
    pid_file,
    shared_temporary,
    shared_value,
    sqlite_claim,
    stale_copy,
    two_locks,
)
from tests.probes import shared_objects, task_objects, thread_objects
from ticketlab.core.errors import TicketlabError
from ticketlab.core.spec import Spec
from ticketlab.explorer.results import ExploreOptions
from ticketlab.lab.plain.explore import explore_plain
from ticketlab.lab.plain.function import PlainFunction

FIXES: Final = (
    check_before_lock,
    check_then_mkdir,
    join_before_get,
    json_counter,
    max_id,
    no_sentinel,
    one_time_invite,
    pid_file,
    shared_temporary,
    shared_value,
    sqlite_claim,
    stale_copy,
    two_locks,
)


@dataclass(frozen=True)
class Family:
    """Functions that are searched alike; those for `any_number` of processes are not only for two."""

    name: str
    functions: Iterable[PlainFunction]
    executor: str = "processes"
    any_number: bool = False


@dataclass(frozen=True)
class Soaked:
    """What came of one function: its executions by both searches, whether it was proved, and what was wrong."""

    executions: int
    proved: bool
    why_undecided: str
    wrong: str

    def __str__(self) -> str:
        if self.wrong:
            return f"WRONG: {self.wrong}"
        return "proved" if self.proved else f"undecided: {self.why_undecided}"


def families(manager: SyncManager) -> Iterator[Family]:
    """Yield all that is searched."""
    fixes = [
        PlainFunction(function=each.good, reset=each.reset, invariant=each.invariant, name=each.__name__.split(".")[-1])
        for each in FIXES
    ]
    yield Family("fixes", fixes)
    yield Family("files", files_right.RIGHT, any_number=True)
    yield Family("locks of libraries", lock_libraries_right.RIGHT, any_number=True)
    yield Family("databases", databases_right.RIGHT, any_number=True)
    yield Family("multiprocessing", _named(shared_objects.RIGHT))
    yield Family("managers", managed_right.right(manager))
    threads = _named(thread_objects.RIGHT, reset=thread_objects.reset, invariant=thread_objects.invariant)
    yield Family("threads", threads, "threads")
    tasks = _named(task_objects.RIGHT, reset=task_objects.reset, invariant=task_objects.both_counted, in_tasks=True)
    yield Family("tasks", tasks, "tasks")


def _named(functions: Mapping[str, Callable[..., Any]], **settings: Any) -> list[PlainFunction]:
    return [PlainFunction(function=each, name=name, **settings) for name, each in functions.items()]


def soak(plain: PlainFunction, executor: str, executions: int, seed: int) -> Soaked:
    """Search a function in order, then at random."""
    done, proved, why = 0, False, ""
    for policy in ("dpor", "random"):
        how = ExploreOptions(Spec.parse(policy), executor, executions, seed)
        try:
            found = explore_plain(plain, how)
        except TicketlabError as error:
            return Soaked(done, proved, why, f"{policy}: {type(error).__name__}: {error}")
        done += found.executions
        if found.finding is not None:
            wrong = "; ".join(each.sentence for each in found.finding.anomalies)
            return Soaked(done, proved, why, f"{policy}: {wrong}: {', '.join(found.finding.execution.steps)}")
        if policy == "dpor":
            proved, why = found.valid is True, found.verdict.reason
    return Soaked(done, proved, why, "")


@contextmanager
def _elsewhere() -> Iterator[SyncManager]:
    """Stand in a folder of one's own, with a manager that runs meanwhile."""
    with ExitStack() as stack:
        stack.enter_context(chdir(stack.enter_context(tempfile.TemporaryDirectory())))
        yield stack.enter_context(multiprocessing.Manager())


def main(arguments: list[str] | None = None) -> int:
    """Search all functions, and return 1 if one of them was blamed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--executions", type=int, default=1_000, help="by each of the two searches")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="functions and families whose name has this in it")
    told = parser.parse_args(arguments)
    began, soaked = time.monotonic(), list[Soaked]()
    with _elsewhere() as manager:
        for family in families(manager):
            if told.processes != 2 and not family.any_number:
                continue
            for plain in family.functions:
                if told.only in f"{family.name}: {plain.title}":
                    plain = replace(plain, processes=told.processes)
                    soaked.append(soak(plain, family.executor, told.executions, told.seed))
                    print(f"{family.name}: {plain.title}: {soaked[-1].executions:,}, {soaked[-1]}", flush=True)
    print(summary(soaked, time.monotonic() - began))
    return int(any(each.wrong for each in soaked))


def summary(soaked: list[Soaked], seconds: float) -> str:
    """Return the totals, and which libraries were left out."""
    missing = [*lock_libraries_right.MISSING, *databases_right.MISSING]
    proved, wrong = (sum(count) for count in ((s.proved for s in soaked), (bool(s.wrong) for s in soaked)))
    left_out = f"; not installed and left out: {', '.join(missing)}" if missing else ""
    return (
        f"{len(soaked)} functions, {sum(each.executions for each in soaked):,} executions in {seconds:.0f} s: "
        f"{wrong} false alarms; {proved} proved, {len(soaked) - proved - wrong} undecided{left_out}"
    )


if __name__ == "__main__":
    sys.exit(main())
