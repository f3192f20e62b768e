"""Whether the judge is right, and stays within its budgets; `bench_check` runs these checks.

The brute force and the small random histories are those of the tests.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random
from typing import Any

from scripts.benchmarks.histories import columns, counter_rows, mixed_rows, register_rows
from scripts.benchmarks.runner import report
from tests.checker.brute_force import box_office, explains, register, seating
from tests.checker.random_histories import counter_history, register_history, seats_history
from ticketlab.checker import Budget, Columns, Model, cas_register, check, counter, seats
from ticketlab.core.history import History, Operation
from ticketlab.lab.checking.check_file import memory_in_use


def judged(history: Columns, **options: Any) -> tuple[Any, float]:
    """Judge, and return the verdict and the seconds of CPU."""
    begin = time.process_time()
    verdict = check(history, **options)
    return verdict, time.process_time() - begin


def _counter_kind(draw: Random) -> tuple[Model, list[Operation], Any, Any]:
    stock, operations = counter_history(draw)
    return counter(stock), operations, stock, box_office(stock)


def brute(seed: int, histories: int) -> bool:
    """Compare all methods with a search that tries every order."""
    kept = True
    kinds: list[tuple[str, Callable[[Random], tuple[Model, list[Operation], Any, Any]]]] = [
        ("counter", _counter_kind),
        ("seats", lambda r: (seats(), seats_history(r), frozenset(), seating)),
        ("cas-register", lambda r: (cas_register(0), register_history(r), 0, register)),
    ]
    for name, make in kinds:
        begin, wrong, valid, operations_in_all = time.process_time(), 0, 0, 0
        for number in range(histories):
            model, operations, start, spec = make(Random(f"{name}/{seed}/{number}"))
            expected = explains(operations, start, spec)
            valid += expected
            operations_in_all += len(operations)
            wrong += check(History({}, tuple(operations)), model).valid is not expected
        mean = operations_in_all / histories
        kept &= report(
            wrong == 0,
            f"{name}: {histories:,} histories ({valid:,} valid, {mean:.1f} operations each): {wrong} disagreements "
            f"with the brute force, {time.process_time() - begin:.0f} s",
        )
    return kept


def faults(seed: int) -> bool:
    """Seed one fault into histories of all sizes, and see that it is found by its name."""
    kept = True
    names = {
        "oversell": "oversold",
        "lost update": "lost update",
        "stale read": "stale read",
        "premature refusal": "undersold",
    }
    for operations in (1_000, 10_000, 100_000, 1_000_000):
        for fault, name in names.items():
            found, spent, size = [], 0.0, 0
            for buyers in (4, 16, 100):
                stock = operations // 8 if fault == "oversell" else operations
                rows = counter_rows(Random(f"{seed}/{buyers}"), operations, buyers, stock, fault)
                verdict, seconds = judged(columns({"model": "counter", "stock": stock}, rows))
                found.append(next((a.name for a in verdict.anomalies), "nothing"))
                size = verdict.anomalies[0].evidence["size"] if verdict.anomalies else 0
                spent += seconds
            kept &= report(
                found == [name] * 3,
                f"{fault} in {operations:,} operations of 4, 16, 100 buyers: found {', '.join(found)} "
                f"({spent:.2f} s, proof of {size:,} operations)",
            )
    return kept


def mixed(seed: int) -> bool:
    """Show how far the frontier search goes: sizes 1 to 4, with and without cancellations and lost answers."""
    for what in (
        "sizes 1 to 4",
        "sizes 1 to 4, searches",
        "1 ticket, cancels",
        "1 ticket, cancels, searches",
        "all of it",
    ):
        for buyers, operations in ((4, 100_000), (16, 10_000), (100, 2_000)):
            history = columns(*mixed_rows(Random(seed), operations, buyers, what))
            budget = Budget(seconds=10, clock=time.monotonic, configurations=None)
            verdict, seconds = judged(history, budget=budget)
            shown = {True: "valid", False: f"ANOMALOUS {verdict.anomalies}", None: "undecided"}[verdict.valid]
            print(f"     {what}, {buyers} buyers, {operations:,} operations: {shown} in {seconds:.2f} s", flush=True)
    return True


def registers(seed: int) -> bool:
    """Judge compare-and-set registers with lost acknowledgements, half of the histories falsified."""
    worst, sums, count = 0.0, 0.0, 0
    verdicts: dict[Any, int] = {}
    for number in range(1_000):
        random = Random(f"{seed}/{number}")
        operations, processes = random.randint(50, 200), random.randint(1, 10)
        history = columns({"model": "cas-register"}, register_rows(random, operations, processes, number % 2 == 1))
        verdict, seconds = judged(history)
        verdicts[verdict.valid] = verdicts.get(verdict.valid, 0) + 1
        worst, sums, count = max(worst, seconds), sums + seconds, count + 1
    shown = ", ".join(
        f"{number} { ({True: 'valid', False: 'anomalous', None: 'undecided'}[key]) }"
        for key, number in verdicts.items()
    )
    return report(
        worst < 0.3 and None not in verdicts,
        f"{count:,} cas-register histories of 50 to 200 operations, 1 to 10 processes, 5 % lost answers: "
        f"{shown}; mean {sums / count * 1000:.1f} ms, slowest {worst * 1000:.0f} ms, explanations included",
    )


def budget() -> bool:
    """Spend budgets of time and memory on histories that cannot be decided, and see by how much they are exceeded."""
    kept = True
    hard_counter = columns(
        {"model": "counter", "stock": 10_000},
        iter([(p, "buy", p % 4 * 2 + 2, "ok", 0, 1_000) for p in range(300)] + [(300, "search", None, 9_001, 0, 999)]),
    )
    writes = [(p, "cas", [p, (p * 7 + 3) % 40], "ok", 0, 1_000) for p in range(40)]
    reads = [(100 + p, "read", None, p, 0, 1_000) for p in range(40)]
    more = [(200 + p, "write", p, "ok", 0, 1_000) for p in range(40)]
    hard_register = columns(
        {"model": "cas-register"}, iter([*writes, *reads, *more, (300, "read", None, 99, 0, 1_000)])
    )
    for name, history in (("counter", hard_counter), ("cas-register", hard_register)):
        for seconds in (0.5, 2.0, 5.0):
            begin = time.monotonic()
            verdict = check(history, budget=Budget(seconds=seconds, clock=time.monotonic, configurations=None))
            spent = time.monotonic() - begin
            kept &= report(
                verdict.valid is None and spent <= 1.2 * seconds,
                f"{name}: undecided after {spent:.2f} s of {seconds} s",
            )
        for megabytes in (50, 200):
            in_use: list[int] = []

            def memory(in_use: list[int] = in_use) -> int:
                in_use.append(memory_in_use())
                return in_use[-1]

            verdict = check(history, budget=Budget(megabytes=megabytes, memory=memory, configurations=None))
            grown = (max(in_use) - in_use[0]) / 1e6
            passed = verdict.valid is None and grown <= 1.2 * megabytes
            kept &= report(passed, f"{name}: undecided after {grown:.0f} MB of {megabytes} MB ({verdict.reason})")
    return kept
