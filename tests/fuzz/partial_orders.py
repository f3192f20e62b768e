"""Hold `dpor` to its own promise, on random programs: each order of the steps that do not commute, and each only once.

    uv run python -m tests.fuzz.partial_orders --programs 400 --seed 901
    uv run python -m tests.fuzz.partial_orders --families sharers,locks --seconds 600

Every schedule is run by `dfs`, and its partial order taken: which of two steps that do not commute came first. The
partial orders of the executions of `dpor` must be these, one execution for each. Outcomes tell less, since different
orders often have the same. Programs that promise retries are left out, since further tries in vain are not made. The
executions that `dpor` began and broke off are counted as redundant; `--largest-redundant 0` names the programs.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.policies.dfs import DepthFirst
from ticketlab.explorer.policies.dpor import SourceSets
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.search import search

from .explorer_judge import STEPS, promises_retry
from .independent_programs import Program
from .participants import ProgramWorkload
from .random_programs import Drawn, draw

LARGEST = 1_500  # schedules of a program that is looked at


class PartialOrder(NamedTuple):
    """The steps of an execution, by participant and number; which came before which; and how the execution ended."""

    steps: frozenset[tuple[int, int, str]]
    before: frozenset[tuple[int, int, int, int]]
    ending: str

    @classmethod
    def of(cls, execution: Execution) -> PartialOrder:
        """Return the partial order of an execution."""
        trace, made = execution.trace, Counter[int]()
        symbols = [trace.table.symbols[what] for what in trace.what]
        labels = []
        for who in trace.who:
            labels.append((who, made[who]))
            made[who] += 1
        before = frozenset(
            (*labels[earlier], *labels[later])
            for later, symbol in enumerate(symbols)
            for earlier in range(later)
            if not symbols[earlier].commutes_with(symbol)
        )
        steps = zip(labels, execution.steps, strict=True)
        return cls(frozenset((*label, step) for label, step in steps), before, execution.ending.name)


class Compared(NamedTuple):
    """How many executions each policy ran, the partial orders that `dpor` missed, and how many it repeated or began."""

    schedules: int
    orders: int
    missed: dict[PartialOrder, tuple[str, ...]]
    repeated: int
    redundant: int


def compare(program: Program, largest: int = LARGEST) -> Compared | None:
    """Compare the partial orders that both policies find; None if there are too many, or somebody gave way."""
    every, policy = _executions(program, DepthFirst(), largest + 1), SourceSets()
    reduced = _executions(program, policy, largest + 1) if every is not None and len(every) <= largest else None
    if every is None or reduced is None:
        return None
    schedules = {PartialOrder.of(one): _told(one) for one in every}
    found = Counter(map(PartialOrder.of, reduced))
    missed = {order: told for order, told in schedules.items() if order not in found}
    return Compared(len(every), len(schedules), missed, found.total() - len(found), policy.redundant)


def _executions(program: Program, policy: Policy, most: int) -> list[Execution] | None:
    with Inline(ProgramWorkload(program), steps=STEPS) as executor:
        every = list(search(executor, policy, most))
        return None if executor.gave_way else every


def _told(execution: Execution) -> tuple[str, ...]:
    return tuple(f"{1 + who}:{step}" for who, step in zip(execution.schedule, execution.steps, strict=True))


def _programs(seed: int, count: int, families: Iterable[str]) -> Iterable[tuple[int, Drawn]]:
    for number in range(count):
        drawn = draw(seed, number, kills=0, processes=0)
        if drawn.family in families and not promises_retry(drawn.program):
            yield number, drawn


def main() -> int:
    """Compare random programs; the exit code is 1 if `dpor` missed a partial order or ran one twice."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--families", default="plain,locks,queues,sharers")
    parser.add_argument("--largest", type=int, default=LARGEST, help="leave out programs with more schedules")
    parser.add_argument("--largest-redundant", type=int, default=sys.maxsize, help="name programs with more of these")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    how = parser.parse_args()
    until, total, wrong = time.monotonic() + how.seconds, Counter[str](), 0
    for number, drawn in _programs(how.seed, how.programs, how.families.split(",")):
        if time.monotonic() > until:
            break
        found = compare(drawn.program, how.largest)
        if found is None:
            total["left out"] += 1
            continue
        total.update(programs=1, schedules=found.schedules, orders=found.orders, redundant=found.redundant)
        if found.redundant > how.largest_redundant:
            print(f"#{number} {drawn.program}: {found.redundant} redundant beside {found.orders}", flush=True)
        if found.missed or found.repeated:
            wrong += 1
            print(f"#{number} {drawn.program}: {len(found.missed)} missed, {found.repeated} repeated", flush=True)
            for told in list(found.missed.values())[:1]:
                print(f"  {' '.join(told)}", flush=True)
    print(", ".join(f"{name} {count}" for name, count in total.items()) + f"; {wrong} wrong")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
