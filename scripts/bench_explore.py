"""Measures explorations against their bars, beside the named peer in the same run.

    uv run python scripts/bench_explore.py                     # all of it, about twenty minutes
    uv run python scripts/bench_explore.py --only inline       # one part; --help names them all

Speeds are executions a second of a correct version, recording on, judging off: medians over rounds in which ours and
the peer take turns. Peers run in an environment of their own, see `explore_peers`; verdicts are in `explore_verdicts`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from math import factorial
from pathlib import Path
from typing import Any

from bare_turns import BareTurns
from explore_peers import DETANGLE, FRONTRUN, Peers
from explore_verdicts import alarms, correct, races, seeds
from explore_verdicts import exhaust as exhaust_all

from ticketlab.core.inventory import Inventory
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.executors.processes import Processes
from ticketlab.explorer.policies.dfs import DepthFirst
from ticketlab.explorer.policies.dpor import SourceSets
from ticketlab.explorer.policies.random import RandomWalk
from ticketlab.explorer.search import search
from ticketlab.lab.exploring.scenario_workload import ScenarioWorkload

SCALE = {2: 8_283, 10: 3_292, 100: 298}
"""Executions a second of detangle on a quiet machine of two cores, where the peers cannot be installed."""

COUNTS = [(2, 1), (3, 1), (3, 2), (4, 1), (4, 2), (5, 1)]


def cast(store: str, strategy: str, buyers: int, tickets: int) -> ScenarioWorkload:
    """Return a scenario's cast."""
    return ScenarioWorkload(Scenario(Spec.parse(store), Spec.parse(strategy), buyers, Inventory({"main": tickets})))


def rate(executor: Any, executions: int) -> float:
    """Return executions a second of an executor that is open and warm."""
    began = time.perf_counter()
    count = sum(1 for _ in search(executor, RandomWalk(1), executions))
    return count / (time.perf_counter() - began)


def report(what: str, measured: float, bar: float, peer: str = "") -> None:
    """Print one line: what, how fast, the bar, and the peer."""
    verdict = "ok" if measured >= bar else "MISSED"
    print(f"{what:<52}{measured:>10,.0f} /s   bar {bar:>8,.0f}   {verdict:<7}{peer}", flush=True)


def counts() -> None:
    """The exact numbers of schedules, oversold ones, and traces."""
    print("buyers, tickets: schedules, oversold, traces (memory, inline)")
    for buyers, tickets in COUNTS:
        with Inline(cast("memory", "none", buyers, tickets)) as executor:
            sold = [
                sum(len(record.outcome.tickets) for record in one.records if record.outcome)
                for one in search(executor, DepthFirst())
            ]
            traces = sum(1 for _ in search(executor, SourceSets()))
        print(f"{buyers}, {tickets}: {len(sold):,} {sum(each > tickets for each in sold):,} {traces:,}", flush=True)
    for buyers in range(2, 7):
        with Inline(cast("memory", "atomic", buyers, 1)) as executor:
            traces = sum(1 for _ in search(executor, SourceSets()))
        print(f"{buyers} atomic updates: {traces:,} traces, {factorial(buyers):,} orders", flush=True)


def inline(peers: Peers, rounds: int) -> None:
    """In memory, under a lock, beside detangle's random walk over asyncio tasks under a lock."""
    asking = peers.start(DETANGLE)
    for buyers, runs in ((2, 3_000), (10, 800), (100, 60)):
        ours, theirs = [], []
        with Inline(cast("memory", "lock", buyers, 1)) as executor:
            rate(executor, runs)
            for _ in range(rounds):
                ours.append(rate(executor, runs))
                if asking:
                    asking[0].write(f"{buyers} {runs // 3}\n")
                    asking[0].flush()
                    theirs.append(float(asking[1].readline()))
        other = statistics.median(theirs) if theirs else SCALE[buyers]
        told = f"2 x {other:,.0f}" if theirs else f"2 x {other:,.0f}, measured elsewhere"
        report(f"inline, memory, lock, {buyers} buyers", statistics.median(ours), 2 * other, told)


def frontrun(peers: Peers) -> None:
    """What frontrun does with the same questions: its speed, and the races that it certifies as correct."""
    processes, threads = peers.start(FRONTRUN), peers.start(FRONTRUN, "frontrun")
    for what in ("sqlite 2", "sqlite 5", "json:in-place", "json:rename", "manager", "sqlite 100", "threads"):
        asking = threads if what == "threads" else processes
        if asking is None:
            return
        asking[0].write(f"{what}\n")
        asking[0].flush()
        told = json.loads(asking[1].readline() or '{"error": "it ended"}')
        if "error" in told:
            print(f"frontrun, {what}: {told['error']}", flush=True)
            continue
        speed = told["executions"] / told["seconds"]
        says = {True: "holds", False: "does not hold", None: "undecided"}[told["holds"]]
        print(
            f"frontrun, {what}: {says}, {told['executions']} executions in {told['seconds']:.2f} s, {speed:,.1f} /s",
            flush=True,
        )


def median_rate(make: Callable[[], Any], executions: int, rounds: int) -> float:
    """Return the median over rounds of one open executor."""
    with make() as executor:
        rate(executor, max(10, executions // 4))
        return statistics.median(rate(executor, executions) for _ in range(rounds))


def stores(rounds: int) -> None:
    """Real files and databases in one process."""
    for store, strategy, bar in (
        ("json:in-place", "lock", 1_500),
        ("json:truncate", "lock", 1_500),
        ("sqlite:synchronous=off", "transaction:immediate", 5_000),
        ("sqlite:synchronous=off", "atomic", 5_000),
    ):
        measured = median_rate(lambda: Inline(cast(store, strategy, 2, 1)), 500, rounds)  # noqa: B023 - used at once
        report(f"inline, {store}, {strategy}, 2 buyers", measured, bar)


def processes(rounds: int) -> None:
    """Real processes; on JSON beside processes that hand each other bare turns."""
    for buyers, bar in ((2, 5_000), (5, 2_000), (100, 100)):
        json_beside_bare_turns(buyers, bar, rounds)
    for store, strategy, buyers, bar in (
        ("sqlite:synchronous=off", "transaction:immediate", 2, 4_000),
        ("sqlite:synchronous=off", "transaction:immediate", 5, 1_500),
        ("manager", "lock", 2, 2_000),
        ("manager", "lock", 5, 800),
    ):
        make = lambda: Processes(cast(store, strategy, buyers, 1), atomic_accesses=True)  # noqa: B023, E731 - used at once
        report(f"processes, {store}, {strategy}, {buyers} buyers", median_rate(make, 500, rounds), bar)


def json_beside_bare_turns(buyers: int, bar: float, rounds: int) -> None:
    """JSON in place under a lock, and the same purchases with nothing of the lab between."""
    executions = 30 if buyers == 100 else 500
    with (
        tempfile.TemporaryDirectory(dir=".") as folder,
        Processes(cast("json:in-place", "lock", buyers, 1), atomic_accesses=True) as executor,
        BareTurns(Path(folder), buyers) as bare,
    ):
        rate(executor, max(10, executions // 4))
        pairs = [(rate(executor, executions), bare.rate(executions)) for _ in range(rounds)]
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratios = sorted(one / other for one, other in pairs)
    share = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) of {theirs:,.0f} bare turns"
    report(f"processes, json:in-place, lock, {buyers} buyers", ours, bar, share)


def exhaust() -> None:
    """Five buyers under a lock, and every correct strategy on every store with three."""
    with Inline(cast("memory", "lock", 5, 1)) as executor:
        began = time.perf_counter()
        found = sum(1 for _ in search(executor, SourceSets()))
        print(f"5 buyers under a lock: {found} executions (bar 120) in {time.perf_counter() - began:.3f} s (bar 0.25)")
    exhaust_all()


def main() -> None:
    """Run the parts that are asked for."""
    names = ["counts", "inline", "stores", "processes", "frontrun", "exhaust", "races", "correct", "seeds", "alarms"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=names)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=1_000)
    parser.add_argument("--executions", type=int, default=100_000, help="of correct strategies, for false alarms")
    given = parser.parse_args()
    wanted = [given.only] if given.only else names
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        peers = Peers(Path(folder)) if {"inline", "frontrun"} & set(wanted) else None
        parts: dict[str, Callable[[], None]] = {
            "counts": counts,
            "inline": lambda: inline(peers, given.rounds) if peers else None,
            "stores": lambda: stores(given.rounds),
            "processes": lambda: processes(given.rounds),
            "frontrun": lambda: frontrun(peers) if peers else None,
            "exhaust": exhaust,
            "races": races,
            "correct": correct,
            "seeds": lambda: seeds(given.seeds),
            "alarms": lambda: alarms(given.executions),
        }
        for name in wanted:
            parts[name]()
        if peers:
            peers.close()


if __name__ == "__main__":
    main()
