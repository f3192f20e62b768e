"""Executions that prove that a level holds: a serial order is replayed, and an order of starts and commits is checked.

For lists, if nothing that a level forbids was found, an order along the graph explains everything. Proof: let R have
read the elements of w1, ..., wk, in this order. Each wi is before w(i+1) by `ww`, and wk before R by `wr`; so when R
runs, all of them have appended, each all of its elements (or R read an intermediate state, or one of them stands on
both sides of another, which is a cycle). Whoever appended what R does not have comes after R by `rw`. So R sees just
this list. The same holds for registers if every write is known to be next after another. The proof is not relied on:
each order that is called a proof was replayed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from typing import Any

from ticketlab.checker.transactions.cycles import topological
from ticketlab.checker.transactions.graph import RW, WR, WW, DependencyGraph
from ticketlab.checker.transactions.layers import starts_and_commits
from ticketlab.checker.transactions.versions import INITIAL, Versions


def explains(versions: Versions, order: Iterable[int]) -> bool:
    """Whether the transactions that happened, one after another in this order, read what the history says.

    Each is in the order once. Nodes that are no transactions, or did not happen, are passed over.
    """
    reads: dict[int, list[tuple[Hashable, Any]]] = defaultdict(list)
    for read in versions.accesses.reads:
        reads[read.reader].append((read.key, read.value))
    size, lists, state = versions.graph.size, versions.history.lists, dict[Hashable, Any]()
    empty: list[Any] | None = [] if lists else None
    for node in order:
        if node >= size or not versions.committed[node]:
            continue
        for key, value in reads[node]:
            if state.get(key, empty) != (empty if value is None else value):
                return False
        for key, values in versions.accesses.writes[node].items():
            if lists:
                state.setdefault(key, []).extend(values)
            else:
                state[key] = values[-1]
    return True


def has_snapshots(versions: Versions) -> bool:
    """Whether an execution under snapshot isolation was found; every read must be traced to what it read.

    Writes of unknown order are put in the order in which they commit in an execution that honours all that is known, in
    which transactions overlap no more than they must. If the graph of this order has no cycle either, it is a proof:
    transactions start and commit in an order of this graph, each reads what had been committed when it started, and
    none overlaps another that writes the same key. If it has one, another order might have none.
    """
    graph, size = versions.graph, versions.graph.size
    order, left = topological(starts_and_commits(graph), size, WW | WR | RW)
    if left:
        return False
    many = len(graph.out)
    writers: dict[Hashable, list[int]] = defaultdict(list)
    for node in order:
        if node >= many and versions.committed[node - many]:
            for key in versions.accesses.writes[node - many]:
                writers[key].append(node - many)
    whole = DependencyGraph(size)
    after: dict[tuple[Hashable, int], int] = {}
    for key, chain in writers.items():
        for one, other in zip([INITIAL, *chain], chain, strict=False):
            after[key, one] = other
            if one != INITIAL:
                whole.add(one, other, WW, key)
    for reader, key, source in versions.sources:
        if source != INITIAL:
            whole.add(source, reader, WR, key)
        if (key, source) in after:
            whole.add(reader, after[key, source], RW, key)
    return not topological(starts_and_commits(whole), size, WW | WR | RW)[1]
