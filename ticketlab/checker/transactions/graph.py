"""The dependency graph of transactions: who must come before whom, by what, and on which key.

A transaction depends on another by `WW` if it wrote a later version of a key, by `WR` if it read what the other wrote,
and by `RW` (an anti-dependency) if it overwrote what the other read. `PROCESS` and `TIME` say that one was over before
the next of its process, or any, began. These are Adya's (1999), but for "later" where he has "next": an edge may stand
for a path over the versions between.

Sets of edges from each of many to each of many go through a node of their own, left by an edge that costs nothing
(`FREE`): so the graph has as many edges as the history has accesses.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from typing import Final

from ticketlab.checker.transactions.history import OK, TransactionHistory

WW: Final = 1
WR: Final = 2
RW: Final = 4
PROCESS: Final = 8
TIME: Final = 16
FREE: Final = 32
KINDS: Final = {WW: "ww", WR: "wr", RW: "rw", PROCESS: "process", TIME: "realtime"}

Edge = tuple[int, int, Hashable]  # target, kind, key


class DependencyGraph:
    """Edges from each node; the first `size` nodes are transactions, the others stand between many and many."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.out: list[list[Edge]] = [[] for _ in range(size)]

    def add(self, source: int, target: int, kind: int, key: Hashable = None) -> None:
        """Add a dependency, unless it is of a transaction on itself."""
        if source != target:
            self.out[source].append((target, kind, key))

    def between(self) -> int:
        """Add a node that is no transaction, and return it."""
        self.out.append([])
        return len(self.out) - 1

    def add_overwritten(self, readers: Collection[int], writers: Sequence[int], key: Hashable) -> None:
        """Add an anti-dependency from each reader of a version to each transaction that wrote a later one.

        If several transactions read the version and overwrote it, that is a lost update by itself, which forbids all
        that anti-dependencies could forbid; then the edges that leave these are left out, except for the first's.
        """
        both = set(readers).intersection(writers)
        for one in sorted(both)[:1]:
            for writer in writers:
                self.add(one, writer, RW, key)
        plain = [reader for reader in readers if reader not in both]
        if len(plain) == 1 or len(writers) == 1:
            for reader in plain:
                for writer in writers:
                    self.add(reader, writer, RW, key)
        elif plain and writers:
            middle = self.between()
            for reader in plain:
                self.add(reader, middle, RW, key)
            for writer in writers:
                self.add(middle, writer, FREE)


def add_process_order(graph: DependencyGraph, history: TransactionHistory, committed: Sequence[bool]) -> None:
    """Add an edge to each transaction from the last of its process that had completed before it was invoked."""
    last: dict[int, int] = {}
    for number in _by_invocation(history):
        transaction = history.transactions[number]
        if not committed[number]:
            continue
        if transaction.process in last:
            graph.add(last[transaction.process], number, PROCESS)
        if transaction.status == OK:
            last[transaction.process] = number


def add_time_order(graph: DependencyGraph, history: TransactionHistory, committed: Sequence[bool]) -> None:
    """Add what says that one transaction was over before another began, by a chain of nodes along the time.

    Completions lead to the chain's end, and invocations leave it there: so there are as many edges as events.
    """
    events = [(each.invoked, number, False) for number, each in enumerate(history.transactions) if committed[number]]
    events += [
        (each.completed, number, True) for number, each in enumerate(history.transactions) if each.completed is not None
    ]
    now, left = graph.between(), False
    for _, number, over in sorted(events, key=lambda event: event[0] or 0):
        if not over:
            graph.add(now, number, FREE)
            left = True
            continue
        if left:
            later = graph.between()
            graph.add(now, later, FREE)
            now, left = later, False
        graph.add(number, now, TIME)


def _by_invocation(history: TransactionHistory) -> list[int]:
    every = history.transactions
    return sorted(range(len(every)), key=lambda number: every[number].invoked or 0)
