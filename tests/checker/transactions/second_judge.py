"""A second judge of transactions, written apart from the first: levels by their definitions, over all possibilities.

It tries every choice of transactions that may have happened, every order, every assignment of versions; so it takes a
handful of transactions, and nothing else is known to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, combinations, pairwise, permutations, product
from typing import Any

from ticketlab.checker.transactions.history import TransactionHistory, TransactionRecord


def choices(history: TransactionHistory) -> Iterator[list[TransactionRecord]]:
    """Yield the transactions that happened: all that are ok, and any of those of which nobody knows."""
    certain = [each for each in history.transactions if each.status == "ok"]
    open_ones = [each for each in history.transactions if each.status == "info"]
    for some in chain.from_iterable(combinations(open_ones, n) for n in range(len(open_ones) + 1)):
        yield [*certain, *some]


def run(transaction: TransactionRecord, state: dict[Any, Any], lists: bool) -> dict[Any, Any] | None:
    """Run a transaction on a state; return the new state, or None if it would have read something else."""
    state = dict(state)
    for op in transaction.ops:
        if op.f == "w":
            state[op.key] = op.value
        elif op.f == "append":
            state[op.key] = [*state.get(op.key, []), op.value]
        elif transaction.status == "ok":
            read = op.value if op.value is not None or not lists else []
            if state.get(op.key, [] if lists else None) != read:
                return None
    return state


def in_time(order: Sequence[TransactionRecord], sessions: bool) -> bool:
    """Whether nobody comes before one who was over when it began; with `sessions`, of its own process only."""
    return not any(
        later.completed is not None
        and earlier.invoked is not None
        and later.completed < earlier.invoked
        and (not sessions or earlier.process == later.process)
        for place, earlier in enumerate(order)
        for later in order[place + 1 :]
    )


def serializable(history: TransactionHistory, order_in_time: str = "") -> bool:
    """Whether some serial order explains every read; `order_in_time` is empty, "sessions" or "all"."""
    for happened in choices(history):
        for order in permutations(happened):
            if order_in_time and not in_time(order, order_in_time == "sessions"):
                continue
            state: dict[Any, Any] | None = {}
            for each in order:
                state = None if state is None else run(each, state, history.lists)
            if state is not None:
                return True
    return False


def snapshot_isolated(history: TransactionHistory) -> bool:
    """Whether some order of starts and commits explains every read, no two that write one key overlapping."""
    return any(_snapshots(happened, {}, {}, history.lists) for happened in choices(history))


def _snapshots(
    waiting: list[TransactionRecord],
    state: dict[Any, Any],
    running: dict[int, tuple[TransactionRecord, Any, Any]],
    lists: bool,
) -> bool:
    if not waiting and not running:
        return True
    for number, (transaction, at_start, after) in running.items():
        changed = {op.key for op in transaction.ops if op.f != "r"}
        if all(state.get(key) == at_start.get(key) for key in changed):
            rest = {other: each for other, each in running.items() if other != number}
            if _snapshots(waiting, state | {key: after[key] for key in changed}, rest, lists):
                return True
    for transaction in waiting:
        after = run(transaction, state, lists)
        if after is not None:
            others = [each for each in waiting if each is not transaction]
            if _snapshots(others, state, running | {transaction.number: (transaction, state, after)}, lists):
                return True
    return False


def read_committed(history: TransactionHistory) -> bool:
    """Whether versions can be ordered so that all reads are of committed, final versions, without a cycle."""
    return any(_read_committed(happened, history.lists) for happened in choices(history))


def _read_committed(happened: list[TransactionRecord], lists: bool) -> bool:
    keys = sorted({op.key for each in happened for op in each.ops}, key=str)
    writers = {key: [n for n, each in enumerate(happened) if written(each, key)] for key in keys}
    for orders in product(*(permutations(writers[key]) for key in keys)):
        order = dict(zip(keys, orders, strict=True))
        edges = {pair for each in orders for pair in pairwise(each)}
        sources = [_sources(number, each, happened, order, lists) for number, each in enumerate(happened)]
        for chosen in product(*chain.from_iterable(sources)):
            if acyclic(len(happened), edges | {pair for pair in chosen if pair[0] >= 0 and pair[0] != pair[1]}):
                return True
    return False


def written(transaction: TransactionRecord, key: Any) -> list[Any]:
    """Return what a transaction wrote to a key, in order."""
    return [op.value for op in transaction.ops if op.f != "r" and op.key == key]


def _sources(
    number: int, transaction: TransactionRecord, happened: list[TransactionRecord], order: dict[Any, Any], lists: bool
) -> list[list[tuple[int, int]]]:
    """Return for each read who can have written what it saw (-1: nobody yet), as edges; none if nobody can."""
    found: list[list[tuple[int, int]]] = []
    own: dict[Any, list[Any]] = {}
    for op in transaction.ops:
        if op.f != "r":
            own.setdefault(op.key, []).append(op.value)
        elif transaction.status == "ok":
            mine = own.get(op.key, [])
            chain_of = order.get(op.key, ())
            if not lists:
                if mine:
                    found.append([(number, number)] if op.value == mine[-1] else [])
                    continue
                can = [w for w in chain_of if w != number and written(happened[w], op.key)[-1] == op.value]
                found.append([(w, number) for w in can] + ([(-1, number)] if op.value is None else []))
                continue
            value, read = list[Any](), op.value or []
            versions = [(-1, list[Any]())]
            for writer in chain_of:
                if mine and writer == number:
                    versions = versions[-1:]
                    break
                value = value + written(happened[writer], op.key)
                if writer != number:
                    versions.append((writer, value))
            found.append([(w, number) for w, version in versions if version + mine == read])
    return found


def acyclic(size: int, edges: set[tuple[int, int]]) -> bool:
    """Whether a graph has no cycle."""
    left = set(range(size))
    while free := {node for node in left if not any(b == node and a in left for a, b in edges)}:
        left -= free
    return not left


def read_uncommitted(history: TransactionHistory) -> bool:
    """Whether writes can be ordered without a cycle of transactions; reads may show anything that was written."""
    for happened in choices(history):
        if not all(_own_writes_seen(each, history.lists) for each in happened):
            continue
        if not _all_written(history):
            return False
        if not history.lists:
            return True
        if any(acyclic(len(happened), edges) for edges in _element_orders(history, happened)):
            return True
    return False


def _own_writes_seen(transaction: TransactionRecord, lists: bool) -> bool:
    own: dict[Any, list[Any]] = {}
    for op in transaction.ops:
        if op.f != "r":
            own.setdefault(op.key, []).append(op.value)
        elif transaction.status == "ok" and own.get(op.key):
            mine = own[op.key]
            if (op.value or [])[-len(mine) :] != mine if lists else op.value != mine[-1]:
                return False
        elif transaction.status == "ok" and op.value is not None:
            later = [each.value for each in transaction.ops if each.f != "r" and each.key == op.key]
            if lists and set(later) & set(op.value):
                return False
    return True


def _all_written(history: TransactionHistory) -> bool:
    every = {(op.key, op.value, each.number) for each in history.transactions for op in each.ops if op.f != "r"}
    for each in history.transactions:
        own: set[Any] = set()
        for op in each.ops:
            if op.f != "r":
                own.add(op.key)
            elif each.status == "ok" and op.value is not None:
                for value in op.value if history.lists else [op.value]:
                    others = any((op.key, value, n.number) in every for n in history.transactions if n is not each)
                    if not others and not (op.key in own and (op.key, value, each.number) in every):
                        return False
                if history.lists and len(set(op.value)) < len(op.value):
                    return False
    return True


def _element_orders(history: TransactionHistory, happened: list[TransactionRecord]) -> Iterator[set[tuple[int, int]]]:
    """Yield the edges between writers, for every order of all elements of which each read is a beginning."""
    keys = sorted({op.key for each in history.transactions for op in each.ops}, key=str)
    possible = []
    for key in keys:
        elements = [(value, each) for each in history.transactions for value in written(each, key)]
        reads = [
            op.value or []
            for each in happened
            if each.status == "ok"
            for op in each.ops
            if (op.f, op.key) == ("r", key)
        ]
        possible.append(
            [
                order
                for order in permutations(elements)
                if all([value for value, _ in order[: len(read)]] == read for read in reads)
                and _in_program_order(order)
            ]
        )
    for orders in product(*possible):
        edges = set()
        for order in orders:
            who = [happened.index(each) for _, each in order if each in happened]
            edges |= {(a, b) for place, a in enumerate(who) for b in who[place + 1 :] if a != b}
        yield edges


def _in_program_order(order: Sequence[tuple[Any, TransactionRecord]]) -> bool:
    return not any(
        one is other and [op.value for op in one.ops].index(b) < [op.value for op in one.ops].index(a)
        for place, (a, one) in enumerate(order)
        for b, other in order[place + 1 :]
    )
