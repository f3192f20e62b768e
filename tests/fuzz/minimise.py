"""Makes a history as small as it goes while something stays true of it: fewer operations, earlier times."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ticketlab.core.history import History, Operation

Wrong = Callable[[History], bool]


def minimise(history: History, wrong: Wrong, seconds: float = 60.0) -> History:
    """Return a history of which `wrong` holds still, and of none that is one small change away unless time ran out."""
    last = time.monotonic() + seconds
    while time.monotonic() < last and (smaller := next(filter(wrong, _smaller(history)), None)) is not None:
        history = smaller
    return history


def _smaller(history: History) -> Iterator[History]:
    """Yield histories that are simpler by one change, the boldest first."""
    yield from _fewer(history)
    yield from _plainer(history)
    yield from _earlier(history)
    for row, operation in enumerate(history.operations):
        for simpler in _simpler(operation):
            yield _with(history, row, simpler)


def _fewer(history: History) -> Iterator[History]:
    operations = history.operations
    half = len(operations) // 2
    if half > 1:
        yield replace(history, operations=operations[:half])
        yield replace(history, operations=operations[half:])
    for row in range(len(operations)):
        yield replace(history, operations=operations[:row] + operations[row + 1 :])


def _plainer(history: History) -> Iterator[History]:
    """Yield the history without sections, without books, with less stock."""
    meta = dict(history.meta)
    if "books" in meta:
        yield replace(history, meta={key: value for key, value in meta.items() if key != "books"})
        return
    sections = {operation.section for operation in history.operations}
    if len(sections) == 1 and sections != {""}:
        stock = meta.get("stock")
        one = {"stock": stock[next(iter(sections))]} if isinstance(stock, Mapping) else {}
        bare = tuple(replace(operation, section="") for operation in history.operations)
        yield replace(history, meta=meta | one, operations=bare)
    if isinstance(meta.get("stock"), int) and meta["stock"] > 0:
        fewer = [operation if operation.op != "search" else _one_less(operation) for operation in history.operations]
        yield History(meta | {"stock": meta["stock"] - 1}, tuple(fewer))
        yield replace(history, meta=meta | {"stock": meta["stock"] - 1})


def _one_less(operation: Operation) -> Operation:
    result = operation.result
    return replace(operation, result=result - 1) if isinstance(result, int) else operation


def _earlier(history: History) -> Iterator[History]:
    """Yield the history with its times closer together: all that come after a gap are moved."""
    times = sorted(
        {operation.invoke_ns for operation in history.operations}
        | {operation.return_ns for operation in history.operations if operation.return_ns is not None}
    )
    ranks = {when: rank for rank, when in enumerate(times)}
    yield from _if_other(history, _moved(history, ranks.__getitem__))
    gaps = zip([0, *times], times, strict=False)
    for before, after in gaps:
        for by in _steps(after - before):
            yield _moved(history, lambda at, since=after, by=by: at - by if at >= since else at)  # type: ignore[misc]


def _steps(most: int) -> Iterator[int]:
    """Yield how much a number can be lowered by, the boldest first."""
    while most > 0:
        yield most
        most //= 2


def _if_other(history: History, other: History) -> Iterator[History]:
    if other != history:
        yield other


def _moved(history: History, change: Callable[[int], int]) -> History:
    def moved(operation: Operation) -> Operation:
        end = None if operation.return_ns is None else change(operation.return_ns)
        return replace(operation, invoke_ns=change(operation.invoke_ns), return_ns=end)

    return replace(history, operations=tuple(map(moved, history.operations)))


def _simpler(operation: Operation) -> Iterator[Operation]:
    arg: Any = operation.arg
    if operation.op == "hold":
        if arg[0] > 1:
            yield replace(operation, arg=[arg[0] - 1, arg[1]])
        for by in _steps(arg[1] - 1):
            yield replace(operation, arg=[arg[0], arg[1] - by])
    elif operation.op in ("buy", "cancel") and isinstance(arg, int) and arg > 1:
        yield replace(operation, arg=arg - 1)
    if operation.process > 0:
        yield replace(operation, process=operation.process - 1)


def _with(history: History, row: int, operation: Operation) -> History:
    return replace(history, operations=(*history.operations[:row], operation, *history.operations[row + 1 :]))
