"""Soak: searches with faults, by two policies that must find the same outcomes.

    uv run python -m tests.soak.fault_pairs                          # every pair that ends within 5 s, 2 buyers
    uv run python -m tests.soak.fault_pairs --stores sqlite --faults locked,io-error --seconds 20

Depth-first search runs every schedule, and partial-order reduction leaves out those that only swap steps which commute.
If one of them finds an outcome that the other does not, a step was taken to commute that does not. An outcome is all
that the requests returned, what the books say, how the execution ended and what the judges say of it, for each victim
and the step at which its fault was injected. The number of the point is no part of it: a search need not try once more
in vain, and each try counts as points. A search that takes longer than its seconds says nothing: the pair is searched
again with fewer tickets and with accesses that are one step each, and counts as unfinished if that takes too long, too.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ticketlab.core.errors import TicketlabError
from ticketlab.core.faults import Fault
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.results import ExploreOptions
from ticketlab.explorer.workload import FaultPoints
from ticketlab.lab.exploring.explore import executor_for, refuse_unsupported
from ticketlab.lab.exploring.fault_options import every_fault, possible_faults
from ticketlab.lab.exploring.fault_search import FaultSearch, injected_before
from ticketlab.lab.exploring.scenario_workload import ScenarioWorkload
from ticketlab.lab.faults import needs_processes
from ticketlab.lab.plugins import registry

BUYERS: Final = 2
EXECUTIONS: Final = 1_000_000
Outcome = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Size:
    """How large the scenario of a pair is."""

    tickets: int
    atomic_accesses: bool

    def __str__(self) -> str:
        return f"{self.tickets} {'ticket' if self.tickets == 1 else 'tickets'}"


LARGE: Final = Size(2, atomic_accesses=False)
SMALL: Final = Size(1, atomic_accesses=True)
SIZES: Final = (LARGE, SMALL)


@dataclass(frozen=True, slots=True)
class Pair:
    """A store, a strategy and a fault."""

    store: str
    strategy: str
    fault: str

    def __str__(self) -> str:
        return f"{self.strategy} on {self.store}, {self.fault}"


@dataclass(slots=True)
class Found:
    """The outcomes of one search, each with a schedule that led to it, and whether the search ended."""

    outcomes: dict[Outcome, tuple[str, ...]]
    executions: int
    exhausted: bool


@dataclass(slots=True)
class Comparison:
    """What both searches of a pair found; `reduced` is the one by partial-order reduction."""

    pair: Pair
    size: Size
    reduced: Found
    full: Found

    @property
    def missed(self) -> list[Outcome]:
        """The outcomes that the reduced search did not find, and says that it would have."""
        return [one for one in self.full.outcomes if one not in self.reduced.outcomes] if self.reduced.exhausted else []

    @property
    def extra(self) -> list[Outcome]:
        """The outcomes that only the reduced search found."""
        return [one for one in self.reduced.outcomes if one not in self.full.outcomes] if self.full.exhausted else []

    @property
    def finished(self) -> bool:
        """Whether both searches ended."""
        return self.reduced.exhausted and self.full.exhausted


def compare(pair: Pair, seconds: float, sizes: Sequence[Size] = SIZES) -> Comparison:
    """Search a pair by both policies, each for so many seconds at most, in the first size that ends."""
    for size in sizes:
        reduced = _search(pair, size, "dpor", seconds)
        comparison = Comparison(pair, size, reduced, _search(pair, size, "dfs", seconds if reduced.exhausted else 0))
        if comparison.finished or comparison.missed or comparison.extra:
            break
    return comparison


def _search(pair: Pair, size: Size, policy: str, seconds: float) -> Found:
    fault = Fault.parse(pair.fault)
    workload = ScenarioWorkload(_scenario(pair.store, pair.strategy, size))
    executor = "processes" if needs_processes((fault,), workload.scenario.strategy) else "inline"
    options = ExploreOptions(
        Spec.parse(policy),
        executor,
        EXECUTIONS,
        exhaust=True,
        faults=(fault,),
        atomic_accesses=size.atomic_accesses,
    )
    refuse_unsupported(workload.scenario, inline=executor == "inline")
    found, began = Found({}, 0, exhausted=False), time.monotonic()
    with executor_for(workload, options) as running:
        searched = FaultSearch(running, options)
        for execution, faults in searched.executions():
            found.executions += 1
            if _had_an_effect(execution, faults):
                found.outcomes.setdefault(_outcome(workload, execution, faults), execution.steps)
            if time.monotonic() - began > seconds:
                break
        found.exhausted = searched.exhausted
    return found


def _had_an_effect(execution: Execution, faults: FaultPoints) -> bool:
    """Whether the faults met anything but an attempt in vain, which is no step, and need not be made."""
    injected = {execution.trace.who[note.step] for note in execution.notes if note.what in ("before", "fault")}
    return all(one.who in injected for one in faults)


def _outcome(workload: ScenarioWorkload, execution: Execution, faults: FaultPoints) -> Outcome:
    names = frozenset(anomaly.name for anomaly in workload.judge(execution))
    try:
        books: object = frozenset(
            (name, one.remaining, one.issued) for name, one in workload.store.books().stocks.items()
        )
    except Exception:  # what cannot be read is an outcome as well
        books = "torn"
    told = frozenset((record.buyer, record.request, repr(record.outcome)) for record in execution.records)
    injected = frozenset((one.who, str(one.fault), injected_before(execution, one)) for one in faults)
    return injected, execution.ending.name, told, books, names


def _scenario(store: str, strategy: str, size: Size) -> Scenario:
    return Scenario.of(store, strategy, buyers=BUYERS, tickets=size.tickets)


def every_pair(
    stores: Iterable[str] = (), strategies: Iterable[str] = (), faults: Iterable[str] = ()
) -> Iterator[Pair]:
    """Yield every store, strategy and fault that go together and can be explored; narrowed to those named, if any."""
    wanted = tuple(map(Fault.parse, faults)) or every_fault()
    for store in tuple(stores) or tuple(_variants(registry.stores())):
        for strategy in tuple(strategies) or tuple(_variants(registry.strategies())):
            workload = ScenarioWorkload(_scenario(store, strategy, LARGE))
            try:
                refuse_unsupported(workload.scenario, inline=False)
                possible = possible_faults(wanted, workload)
            except TicketlabError:
                continue
            in_process = registry.store_kind(Spec.parse(store)).in_process
            for fault in possible:
                if not (in_process and needs_processes((fault,), workload.scenario.strategy)):
                    yield Pair(store, strategy, str(fault))


def _variants(kinds: Iterable[Any]) -> Iterator[str]:
    for kind in kinds:
        yield from (str(Spec(kind.name, variant)) for variant in kind.variants or ("",))


def main(arguments: list[str] | None = None) -> int:
    """Compare the pairs, and return 1 if one of them differs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name in ("stores", "strategies", "faults"):
        parser.add_argument(f"--{name}", default="", help=f"only these {name}, separated by commas")
    parser.add_argument("--seconds", type=float, default=5.0, help="for each search")
    parser.add_argument("--every", type=int, default=1, help="only each so many-th pair")
    told = parser.parse_args(arguments)
    named = ([one for one in text.split(",") if one] for text in (told.stores, told.strategies, told.faults))
    compared = small = differ = refused = unfinished = 0
    for pair in list(every_pair(*named))[:: told.every]:
        try:
            comparison = compare(pair, told.seconds)
        except TicketlabError as error:
            refused += 1
            print(f"refused: {pair}: {error}", flush=True)
            continue
        compared += comparison.finished
        small += comparison.finished and comparison.size != LARGE
        unfinished += not comparison.finished
        differ += bool(comparison.missed or comparison.extra)
        _say(comparison)
    print(
        f"{compared} pairs finished by both searches ({small} of them only in the smaller size), {differ} differ; "
        f"{unfinished} unfinished, {refused} refused"
    )
    return int(differ > 0)


def _say(found: Comparison) -> None:
    reduced, full = found.reduced, found.full
    sign = "!!" if found.missed or found.extra else "  " if found.finished else " ?"
    counts = f"{reduced.executions} by dpor, {full.executions} by dfs, {len(full.outcomes)} outcomes"
    print(f"{sign} {found.pair}, {found.size}: {counts}", flush=True)
    for name, outcomes, steps in (("missed", found.missed, full), ("extra", found.extra, reduced)):
        for outcome in outcomes[:2]:
            print(f"     {name} {outcome}\n       {', '.join(steps.outcomes[outcome])}", flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        import os

        os.chdir(folder)
        sys.exit(main())
