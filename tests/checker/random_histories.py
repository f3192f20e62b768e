"""Small random histories: processes act on a model at random points of random intervals; half are then falsified."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from ticketlab.core.history import Operation

Falsify = Callable[[Random, Operation], Operation]


def counter_history(random: Random) -> tuple[int, list[Operation]]:
    """Return a stock and 1 to 10 operations of up to 4 processes on it."""
    stock = random.randint(0, 6)
    sizes = random.choice(([1], [1], [2], [1, 2], [1, 2, 3]))
    kinds = random.choice(("buy", "buy search", "buy buy search", "buy search cancel", "buy buy cancel"))
    operations = []
    left = stock
    for process, begin, end in timeline(random):
        op = random.choice(kinds.split())
        arg = None if op == "search" else random.choice(sizes)
        result: int | str
        if op == "search":
            result = left
        elif op == "buy":
            assert arg is not None
            result = "ok" if arg <= left else "soldout"
            left -= arg if arg <= left else 0
        else:
            assert arg is not None
            result = "ok" if left + arg <= stock else "failed"
            left += arg if left + arg <= stock else 0
        operations.append(Operation(process, op, arg, result, begin, end))
    return stock, finish(random, operations, _falsify_counter)


def seats_history(random: Random) -> list[Operation]:
    """Return 1 to 10 attempts at up to 3 seats."""
    sold = set()
    operations = []
    for process, begin, end in timeline(random):
        seat = random.randint(1, random.choice((1, 3)))
        operations.append(Operation(process, "buyseat", seat, "taken" if seat in sold else "ok", begin, end))
        sold.add(seat)
    return finish(random, operations, lambda r, o: replace(o, result=r.choice(("ok", "taken"))))


def register_history(random: Random) -> list[Operation]:
    """Return 1 to 10 operations on a register that begins with 0."""
    value = 0
    operations = []
    for process, begin, end in timeline(random):
        op = random.choice(("read", "write", "cas"))
        new, expected = random.randint(0, 2), random.randint(0, 2)
        if op == "read":
            operations.append(Operation(process, op, None, value, begin, end))
        elif op == "write":
            operations.append(Operation(process, op, new, "ok", begin, end))
            value = new
        else:
            operations.append(
                Operation(process, op, [expected, new], "ok" if value == expected else "fail", begin, end)
            )
            value = new if value == expected else value
    return finish(random, operations, _falsify_register)


def timeline(random: Random) -> list[tuple[int, int, int]]:
    """Return (process, invocation, return) in the order of points within these intervals; times may coincide."""
    processes, length = random.randint(1, 4), random.randint(6, 24)
    moments = []
    for process in range(processes):
        now, last = random.randint(0, 5), -1
        for _ in range(random.randint(1, 10 // processes + 1)):
            begin = last = max(now, last + 1) + random.randint(0, 4)
            end = begin + random.randint(0, random.choice((1, length)))
            moments.append((random.uniform(begin, end), process, begin, end))
            now = end
    moments.sort()
    return [moment[1:] for moment in moments[:10]]


def finish(random: Random, operations: list[Operation], falsify: Falsify) -> list[Operation]:
    """Lose some answers, with what their processes would have done later; falsify half of the histories; shuffle."""
    if random.random() < 0.5:
        for _ in range(random.randint(1, 2)):
            index = random.randrange(len(operations))
            operations[index] = falsify(random, operations[index])
    if random.random() < 0.5:
        for index, o in enumerate(operations):
            if random.random() < 0.25 and o.return_ns is not None:
                later = any(p.process == o.process and p.invoke_ns > o.invoke_ns for p in operations)
                operations[index] = replace(o, result="unknown", return_ns=o.return_ns if later else None)
    random.shuffle(operations)
    return operations


def _falsify_counter(random: Random, o: Operation) -> Operation:
    if random.random() < 0.3:
        return replace(o, invoke_ns=o.invoke_ns, return_ns=o.invoke_ns)
    if isinstance(o.result, int):
        return replace(o, result=max(-1, o.result + random.choice((-2, -1, 1, 2))))
    if o.op == "buy":
        return replace(o, result="soldout" if o.result == "ok" else "ok")
    return replace(o, result="failed" if o.result == "ok" else "ok")


def _falsify_register(random: Random, o: Operation) -> Operation:
    if o.op == "read":
        return replace(o, result=random.randint(0, 2))
    if o.op == "write":
        return replace(o, arg=random.randint(0, 2))
    return replace(o, result="fail" if o.result == "ok" else "ok")


def holds_history(random: Random, *, brief: bool) -> tuple[int, list[Operation]]:
    """Return a stock and 2 to 7 operations of up to 3 processes that hold tickets; `brief` holds take no time."""
    stock = random.randint(1, 3)
    moments = []
    for process in range(random.randint(1, 3)):
        now = random.randint(0, 4)
        for _ in range(random.randint(1, 4)):
            begin = now + random.randint(0, 6)
            end = begin + random.choice((0, 1, random.randint(0, 12)))
            moments.append((random.randint(begin, end), process, begin, end))
            now = end + 1
    moments.sort()
    sold, standing = 0, dict[str, tuple[int, int]]()  # by name: tickets, and when the hold ends
    mine: dict[int, list[str]] = {}
    operations: list[Operation] = []
    for point, process, begin, end in moments[:7]:
        standing = {name: hold for name, hold in standing.items() if hold[1] > point}
        left = stock - sold - sum(tickets for tickets, _ in standing.values())
        names = mine.get(process, [])
        op = random.choice(("hold", "hold", "buy", "search", "confirm", "confirm", "cancel"))
        arg: int | str | list[int] | None
        result: int | str
        if op in ("confirm", "cancel") and not names:
            op = "hold"
        if op == "hold":
            tickets, length = random.randint(1, 2), random.randint(1, 15)
            arg, result = [tickets, length * MOMENT], "soldout" if tickets > left else f"{process}.{len(operations)}"
            if result != "soldout":
                standing[result] = tickets, point + length
                mine.setdefault(process, []).append(result)
            begin, end = (point, point) if brief else (begin, end)
        elif op == "search":
            arg, result = None, left
        elif op == "buy":
            arg, result = 1, "ok" if left else "soldout"
            sold += 1 if left else 0
        else:
            arg, result = names[-1], "ok" if names[-1] in standing else "expired"
            tickets, _ = standing.pop(names[-1], (0, 0))
            sold += tickets if op == "confirm" else 0
        operations.append(Operation(process, op, arg, result, begin * MOMENT, end * MOMENT))
    return stock, finish(random, operations, _falsify_holds)


MOMENT = 1_000_000  # beside it, what clocks may err by is nothing


def _falsify_holds(random: Random, o: Operation) -> Operation:
    if isinstance(o.result, int):
        return replace(o, result=max(0, o.result + random.choice((-1, 1))))
    if o.op in ("confirm", "cancel"):
        return replace(o, result="expired" if o.result == "ok" else "ok")
    if o.op == "buy":
        return replace(o, result="soldout" if o.result == "ok" else "ok")
    return replace(o, result=f"{o.process}.{o.invoke_ns}" if o.result == "soldout" else "soldout")
