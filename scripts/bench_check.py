"""Measures the judge against its bars: generates histories from a seed, checks them, prints.

    uv run python scripts/bench_check.py                    # all of it, some minutes
    uv run python scripts/bench_check.py --only brute       # one part: brute, faults, speed, mixed, registers, budget

The brute force and the small random histories are those of the tests.
"""

from __future__ import annotations

import argparse
import heapq
import io
import json
import math
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "check"))

from brute_force import box_office, explains, register, seating  # noqa: E402
from random_histories import counter_history, register_history, seats_history  # noqa: E402

from ticketlab.checker import Budget, Columns, Model, cas_register, check, counter, seats  # noqa: E402
from ticketlab.checker.jsonl import parse  # noqa: E402
from ticketlab.core.history import History, Operation  # noqa: E402
from ticketlab.lab.checking.check_file import memory_in_use  # noqa: E402

Row = tuple[float, int, int, int]  # the point at which an operation takes effect, its process, invocation and return


def timeline(random: Random, operations: int, processes: int) -> list[Row]:
    """Return operations in the order of their points; each process has one open at a time."""
    free = [(random.randint(0, 1_000), process) for process in range(processes)]
    heapq.heapify(free)
    rows = []
    for _ in range(operations):
        begin, process = heapq.heappop(free)
        end = begin + random.randint(50, 2_000)
        rows.append((random.uniform(begin, end), process, begin, end))
        heapq.heappush(free, (end + random.randint(1, 200), process))
    rows.sort()
    return rows


def counter_rows(
    random: Random, operations: int, buyers: int, stock: int, fault: str = ""
) -> Iterator[tuple[Any, ...]]:
    """Yield the operations of a unit counter, half of them searches, and one last search; perhaps with one fault."""
    left, rows = stock, timeline(random, operations - 1, buyers)
    middle, ends = operations // 2, sorted(row[3] for row in rows)
    sold_by: list[int] = []  # returns of sales so far: enough to know how many certainly happened
    done = fault == ""
    for index, (_, buyer, begin, end) in enumerate(rows):
        buys = random.random() < 0.5
        here = not done and (index > middle or fault == "oversell")
        if (buys and here and fault == "oversell" and left == 0) or (
            buys and here and fault == "lost update" and left > 1
        ):
            done = True
            yield buyer, "buy", 1, "ok", begin, end
        elif buys and here and fault == "premature refusal":
            done = True
            yield buyer, "buy", 1, "soldout", begin, end
        elif not buys and here and fault == "stale read":
            done = True
            certain = sum(1 for back in sold_by if back < begin)
            yield buyer, "search", None, stock - certain + 1, begin, end
        elif not buys:
            yield buyer, "search", None, left, begin, end
        elif left:
            left -= 1
            sold_by.append(end)
            yield buyer, "buy", 1, "ok", begin, end
        else:
            yield buyer, "buy", 1, "soldout", begin, end
    assert done, "the history was too short for its fault"
    yield buyers, "search", None, left, ends[-1] + 10, ends[-1] + 20


def seat_rows(random: Random, operations: int, buyers: int) -> Iterator[tuple[Any, ...]]:
    """Yield attempts at half as many seats as there are operations."""
    sold = set()
    for _, buyer, begin, end in timeline(random, operations, buyers):
        seat = random.randint(1, operations // 2)
        yield buyer, "buyseat", seat, "taken" if seat in sold else "ok", begin, end
        sold.add(seat)


def columns(meta: dict[str, Any], rows: Iterator[tuple[Any, ...]]) -> Columns:
    """Collect rows."""
    result = Columns(meta)
    for process, op, arg, answer, begin, end in rows:
        result.add(process, op, arg, answer, "", begin, end)
    return result


def judged(history: Columns, **options: Any) -> tuple[Any, float]:
    """Judge, and return the verdict and the seconds of CPU."""
    begin = time.process_time()
    verdict = check(history, **options)
    return verdict, time.process_time() - begin


def report(passed: bool, text: str) -> None:
    """Print one bar."""
    print(f"{'ok  ' if passed else 'MISS'} {text}", flush=True)


def _counter_kind(draw: Random) -> tuple[Model, list[Operation], Any, Any]:
    stock, operations = counter_history(draw)
    return counter(stock), operations, stock, box_office(stock)


def brute(seed: int, histories: int) -> None:
    """Compare all methods with a search that tries every order."""
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
        report(
            wrong == 0,
            f"{name}: {histories:,} histories ({valid:,} valid, {mean:.1f} operations each): {wrong} disagreements "
            f"with the brute force, {time.process_time() - begin:.0f} s",
        )


def faults(seed: int) -> None:
    """Seed one fault into histories of all sizes, and see that it is found by its name."""
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
            report(
                found == [name] * 3,
                f"{fault} in {operations:,} operations of 4, 16, 100 buyers: found {', '.join(found)} "
                f"({spent:.2f} s, proof of {size:,} operations)",
            )


def speed(seed: int) -> None:
    """Time loading and judging of a million operations, and the growth from ten thousand on."""
    operations = 1_000_000
    rows = counter_rows(Random(seed), operations, 100, 450_000)
    text = io.StringIO()
    text.write(json.dumps({"meta": {"model": "counter", "stock": 450_000}}) + "\n")
    for process, op, arg, answer, begin, end in rows:
        line = {"process": process, "op": op, "arg": arg, "result": answer, "invoke_ns": begin, "return_ns": end}
        text.write(json.dumps(line) + "\n")
    text.seek(0)
    before, begin_load = memory_in_use(), time.process_time()
    history = parse(text)
    loading = time.process_time() - begin_load
    verdict, judging = judged(history)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before) / 2**20
    report(
        verdict.valid and judging <= 3,
        f"unit counter, 1,000,000 operations, 100 buyers, valid: judged in {judging:.2f} s",
    )
    report(loading + judging <= 10, f"the same with loading from JSON Lines: {loading + judging:.2f} s")
    report(grown < 1024, f"the same: {grown:.0f} MiB more than the text of the file, which is in memory as well")
    verdict, judging = judged(columns({"model": "seats"}, seat_rows(Random(seed), operations, 100)))
    report(
        verdict.valid and judging <= 1.5, f"numbered seats, 1,000,000 operations, 100 buyers: judged in {judging:.2f} s"
    )
    for name, make in (
        (
            "unit counter",
            lambda n: columns({"model": "counter", "stock": n * 9 // 20}, counter_rows(Random(n), n, 100, n * 9 // 20)),
        ),
        ("numbered seats", lambda n: columns({"model": "seats"}, seat_rows(Random(n), n, 100))),
    ):
        sizes = [10_000, 30_000, 100_000, 300_000, 1_000_000]
        times = [min(judged(history)[1] for _ in range(3)) for history in map(make, sizes)]
        slope = fit([n * math.log(n) for n in sizes], times)
        shown = ", ".join(f"{n:,}: {t:.3f} s" for n, t in zip(sizes, times, strict=True))
        report(slope <= 1.1, f"{name}: time grows as (n log n) ** {slope:.2f} ({shown})")


def fit(xs: list[float], ys: list[float]) -> float:
    """Return the slope of log y against log x by least squares."""
    logs = [(math.log(x), math.log(y)) for x, y in zip(xs, ys, strict=True)]
    mean_x, mean_y = (sum(column) / len(logs) for column in zip(*logs, strict=True))
    slope: float = sum((x - mean_x) * (y - mean_y) for x, y in logs) / sum((x - mean_x) ** 2 for x, _ in logs)
    return slope


def mixed(seed: int) -> None:
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


def mixed_rows(
    random: Random, operations: int, buyers: int, what: str
) -> tuple[dict[str, Any], Iterator[tuple[Any, ...]]]:
    """Return meta and rows of a counter with what `what` names."""
    everything = what == "all of it"
    sizes = (1, 2, 3, 4) if "sizes" in what or everything else (1,)
    kinds = ["buy"] * 6 + ["search"] * (3 if "searches" in what or everything else 0)
    kinds += ["cancel"] * (2 if "cancels" in what or everything else 0)
    stock = operations

    def rows() -> Iterator[tuple[Any, ...]]:
        left = stock
        for _, buyer, begin, end in timeline(random, operations, buyers):
            op, size = random.choice(kinds), random.choice(sizes)
            lost = everything and random.random() < 0.002
            if op == "search":
                yield buyer, op, None, left, begin, end
            elif op == "buy":
                fits = size <= left
                yield buyer, op, size, "unknown" if lost else "ok" if fits else "soldout", begin, end
                left -= size if fits else 0
            elif left + size <= stock:
                yield buyer, op, size, "unknown" if lost else "ok", begin, end
                left += size

    return {"model": "counter", "stock": stock}, rows()


def registers(seed: int) -> None:
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
    report(
        worst < 0.3 and None not in verdicts,
        f"{count:,} cas-register histories of 50 to 200 operations, 1 to 10 processes, 5 % lost answers: "
        f"{shown}; mean {sums / count * 1000:.1f} ms, slowest {worst * 1000:.0f} ms, explanations included",
    )


def register_rows(random: Random, operations: int, processes: int, falsify: bool) -> Iterator[tuple[Any, ...]]:
    """Yield operations on a register of five values; a lost answer is one of an operation that happened or did not."""
    value: Any = None
    wrong = random.randrange(operations) if falsify else -1
    for index, (_, process, begin, end) in enumerate(timeline(random, operations, processes)):
        op, new, expected = random.choice(("read", "write", "cas")), random.randint(0, 4), random.randint(0, 4)
        lost = random.random() < 0.05 and op != "read"
        if lost and random.random() < 0.5:
            answer: Any = "unknown"
        elif op == "read":
            answer = random.randint(0, 4) if index == wrong else value
        elif op == "write":
            value, answer = new, "ok"
        else:
            answer = "ok" if (value == expected) != (index == wrong) else "fail"
            value = new if value == expected else value
        arg = {"read": None, "write": new, "cas": [expected, new]}[op]
        yield process, op, arg, "unknown" if lost else answer, begin, end


def budgets() -> None:
    """Spend budgets of time and memory on histories that cannot be decided, and see by how much they are exceeded."""
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
            report(
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
            report(passed, f"{name}: undecided after {grown:.0f} MB of {megabytes} MB ({verdict.reason})")


def main() -> None:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("brute", "faults", "speed", "mixed", "registers", "budget"))
    parser.add_argument(
        "--histories", type=int, default=100_000, help="small histories of each model for the brute force"
    )
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    parts: dict[str, Callable[[], None]] = {
        "brute": lambda: brute(chosen.seed, chosen.histories),
        "speed": lambda: speed(chosen.seed),
        "faults": lambda: faults(chosen.seed),
        "mixed": lambda: mixed(chosen.seed),
        "registers": lambda: registers(chosen.seed),
        "budget": budgets,
    }
    for name, part in parts.items():
        if chosen.only in (None, name):
            print(f"--- {name}")
            part()


if __name__ == "__main__":
    main()
