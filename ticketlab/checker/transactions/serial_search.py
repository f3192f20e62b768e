"""A serial order of transactions on registers, searched for: depth first, along the graph, with what is known to fail.

Serializability of registers is NP-complete (Papadimitriou 1979), so the search has a budget. Three rules cut it. A
transaction runs when all that it depends on have run, and what it read is there. One that only reads is run at once: it
changes nothing. And a value that cannot come back is overwritten only when all who read it have run.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator
from typing import Any

from ticketlab.checker.budget import Meter
from ticketlab.checker.transactions.graph import FREE
from ticketlab.checker.transactions.versions import Versions

_Item = tuple[Hashable, Any]


def serial_order(versions: Versions, kinds: int, meter: Meter) -> list[int] | None:
    """Return an order of the transactions that explains all reads, along some kinds of edges; None if there is none.

    Raises:
        BudgetSpent: the budget ended before the search.
    """
    search = _Search(versions, kinds, meter)
    choices = [search.choices()]
    while search.left:
        for node in choices[-1]:
            search.run(node)
            if search.state() not in search.dead:
                choices.append(search.choices())
                break
            search.undo()
        else:
            search.dead.add(search.state())
            choices.pop()
            if not choices:
                return None
            search.undo()
    return search.order


class _Search:
    """The state of the search: what has run, what each key holds, and who waits for it."""

    def __init__(self, versions: Versions, kinds: int, meter: Meter) -> None:
        self._out = versions.graph.out
        self._kinds = kinds | FREE
        self._meter = meter
        self._size = versions.graph.size
        self._reads: dict[int, list[_Item]] = defaultdict(list)
        for read in versions.accesses.reads:
            self._reads[read.reader].append((read.key, read.value))
        may = [n for n in range(self._size) if versions.committed[n]] + versions.optional
        self._needed = versions.committed
        self._writes = {n: [(k, values[-1]) for k, values in versions.accesses.writes[n].items()] for n in may}
        self._writers = Counter(item for items in self._writes.values() for item in items)
        self._readers = Counter(item for n in may for item in self._reads[n])
        self._before = [0] * len(self._out)
        for edges in self._out:
            for target, kind, _ in edges:
                if kind & self._kinds:
                    self._before[target] += 1
        self._ready = {n for n in may if not self._before[n]}
        self._now: dict[Hashable, Any] = {key: None for items in self._writes.values() for key, _ in items}
        self._overwritten: list[list[Any]] = []
        self._done = 0
        self.dead: set[tuple[int, tuple[Any, ...]]] = set()
        self.order: list[int] = []
        self.left = sum(versions.committed)
        for node in [node for node in range(self._size, len(self._out)) if not self._before[node]]:
            self._release(node)

    def state(self) -> tuple[int, tuple[Any, ...]]:
        """Return what decides how it can go on: who has run, and what the keys hold."""
        return self._done, tuple(self._now.values())

    def choices(self) -> Iterator[int]:
        """Return who may run next: one that only reads, or else each."""
        self._meter.spend(1 + (len(self._ready) + self._size + len(self._now)) // 64)
        able = [node for node in sorted(self._ready) if self._able(node)]
        only_reads = [node for node in able if not self._writes[node]]
        return iter(only_reads[:1] or able)

    def _able(self, node: int) -> bool:
        reads = self._reads[node]
        if any(self._now.get(key) != value for key, value in reads):
            return False
        for key, _ in self._writes[node]:
            held = key, self._now[key]
            comes_back = held[1] is not None and self._writers[held] > 1
            if not comes_back and self._readers[held] > reads.count(held):
                return False
        return True

    def run(self, node: int) -> None:
        """Run a transaction."""
        self.order.append(node)
        self._done |= 1 << node
        self.left -= self._needed[node]
        self._ready.discard(node)
        for item in self._reads[node]:
            self._readers[item] -= 1
        self._overwritten.append([self._now[key] for key, _ in self._writes[node]])
        self._now.update(self._writes[node])
        self._release(node)

    def undo(self) -> None:
        """Take back the last transaction that was run."""
        node = self.order.pop()
        self._done ^= 1 << node
        self.left += self._needed[node]
        for item in self._reads[node]:
            self._readers[item] += 1
        for (key, _), value in zip(self._writes[node], self._overwritten.pop(), strict=True):
            self._now[key] = value
        self._withhold(node)
        self._ready.add(node)

    def _release(self, node: int) -> None:
        """Let those go on that waited for a node alone, through nodes that are no transactions."""
        work = [node]
        while work:
            for target, kind, _ in self._out[work.pop()]:
                if kind & self._kinds:
                    self._before[target] -= 1
                    if not self._before[target]:
                        if target >= self._size:
                            work.append(target)
                        elif target in self._writes:
                            self._ready.add(target)

    def _withhold(self, node: int) -> None:
        """Take back what `_release` did."""
        work = [node]
        while work:
            for target, kind, _ in self._out[work.pop()]:
                if kind & self._kinds:
                    if not self._before[target]:
                        if target >= self._size:
                            work.append(target)
                        self._ready.discard(target)
                    self._before[target] += 1
