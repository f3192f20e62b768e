"""Histories of any size from a seed, right or with one fault, for the benchmarks of the judge."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from random import Random
from typing import Any

from scripts.benchmarks.subject import Columns

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


def columns(meta: dict[str, Any], rows: Iterator[tuple[Any, ...]]) -> Columns:
    """Collect rows."""
    result = Columns(meta)
    for process, op, arg, answer, begin, end in rows:
        result.add(process, op, arg, answer, "", begin, end)
    return result
