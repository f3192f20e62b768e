"""Registers: a read shows one value, and the order of versions must be inferred.

Three things are certain at read committed and above. The initial state comes before everything. A transaction that read
a version, and then wrote the key, wrote a later one: otherwise what it read would depend on what it wrote, a cycle of
`ww` and `wr`. And so whoever read the same version comes before it. Writes of unknown order have no edge. So a graph
without a cycle is no proof: `serial_search` looks for an order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from typing import Any

from ticketlab.checker.transactions.accesses import ExternalRead
from ticketlab.checker.transactions.graph import WR
from ticketlab.checker.transactions.history import FAIL, INFO, TransactionHistory, TransactionRecord
from ticketlab.checker.transactions.levels import READ_COMMITTED, READ_UNCOMMITTED
from ticketlab.checker.transactions.sentences import FoundAnomaly, key_text, transaction_names, value_text, wrote
from ticketlab.checker.transactions.versions import INITIAL, Versions


class RegisterVersions(Versions):
    """The versions of registers. Several transactions may write one value: then its reads are not traced."""

    def __init__(self, history: TransactionHistory) -> None:
        super().__init__(history)
        self._writers: dict[tuple[Hashable, Any], list[int]] = defaultdict(list)
        for number, writes in enumerate(self.accesses.writes):
            for key, values in writes.items():
                for value in dict.fromkeys(values):
                    self._writers[key, value].append(number)
        self._told: set[tuple[Hashable, Any]] = set()
        traced = [(read, self._source(read)) for read in self.accesses.reads]
        self.optional = [number for number in sorted(set(self.optional)) if not self.committed[number]]
        self._order([(read, source) for read, source in traced if source is not None])

    def _source(self, read: ExternalRead) -> int | None:
        """Return who wrote what a read saw, or `INITIAL`; None if that is unknown, or no version."""
        if read.value is None:
            return INITIAL
        every = self.history.transactions
        writers = self._writers.get((read.key, read.value), [])
        others = [writer for writer in writers if writer != read.reader]
        possible = [writer for writer in others if every[writer].status != FAIL]
        if not possible:
            self._impossible(read, others)
            return None
        final = [writer for writer in possible if self.accesses.installed(writer, read.key) == read.value]
        if len(others) > 1:
            self.optional += [writer for writer in possible if every[writer].status == INFO]
            who = transaction_names(self.history, others)
            doubt = f"{value_text(read.value)} was written to {key_text(read.key)} by each of {who}"
            self.unclear = self.unclear or doubt
            return None
        self.committed[possible[0]] = True
        if not final:
            self._tell_once(read, "G1b", possible[0])
            return None
        return possible[0]

    def _impossible(self, read: ExternalRead, failed: list[int]) -> None:
        """Tell of a read of what nobody wrote who can have happened."""
        if failed:
            self._tell_once(read, "G1a", failed[0])
            return
        if (read.key, read.value) not in self._told:
            self._told.add((read.key, read.value))
            reader = self.history.transactions[read.reader]
            mine = read.value in self.accesses.writes[read.reader].get(read.key, ())
            nobody = (
                f"before {reader.name} wrote that, and no other transaction of this history did"
                if mine
                else "and no transaction of this history wrote that"
            )
            sentence = f"{reader.name} read {key_text(read.key)} as {value_text(read.value)}, {nobody}"
            self.findings.append(FoundAnomaly("unwritten value", (READ_UNCOMMITTED,), sentence, (read.reader,)))

    def _tell_once(self, read: ExternalRead, name: str, writer: int) -> None:
        """Tell of the first read of a version that is none: it failed, or was written over by its own writer."""
        if (read.key, read.value) in self._told:
            return
        self._told.add((read.key, read.value))
        one, other = self.history.transactions[writer], self.history.transactions[read.reader]
        last = value_text(self.accesses.installed(writer, read.key))
        how = "and failed" if name == "G1a" else f"and then {last}"
        sentence = f"{_read_text(other, read)}; {wrote(one, read.value, read.key)}, {how}"
        self.findings.append(FoundAnomaly(name, (READ_COMMITTED,), sentence, (writer, read.reader)))

    def _order(self, traced: list[tuple[ExternalRead, int]]) -> None:
        writers: dict[Hashable, list[int]] = defaultdict(list)
        for number, writes in enumerate(self.accesses.writes):
            if self.committed[number]:
                for key in writes:
                    writers[key].append(number)
        readers: dict[tuple[Hashable, int], list[int]] = defaultdict(list)
        for read, source in traced:
            self.sources.append((read.reader, read.key, source))
            readers[read.key, source].append(read.reader)
            self.note_update(source, read)
            if source != INITIAL:
                self.graph.add(source, read.reader, WR, read.key)
        for (key, source), who in readers.items():
            later = writers[key] if source == INITIAL else [each for each in who if key in self.accesses.writes[each]]
            self.graph.add_overwritten(who, later, key)

    def ww(self, source: int, target: int, key: Hashable) -> str:
        """Say nothing: registers have no such edges, since those that are certain run beside a `wr`."""
        raise AssertionError("registers have no ww edges")

    def wr(self, source: int, target: int, key: Hashable) -> str:
        """Say why one transaction read what another wrote."""
        read = next(read for read in self.reads_of(target, key) if source in self._writers.get((key, read.value), ()))
        one, other = self.history.transactions[source], self.history.transactions[target]
        return f"{wrote(one, read.value, key)}, and {_read_text(other, read)}"

    def rw(self, source: int, target: int, key: Hashable) -> str:
        """Say why one transaction overwrote what another read."""
        one, other = self.history.transactions[source], self.history.transactions[target]
        mine = self.reads_of(target, key)
        read = next(
            read
            for read in self.reads_of(source, key)
            if read.value is None or any(read.value == each.value for each in mine)
        )
        new = value_text(self.accesses.installed(target, key))
        if read.value is None:
            return f"{_read_text(one, read)}, its initial state, and {other.name} wrote {new} to it"
        return f"{_read_text(one, read)}, and {other.name} also read that and then wrote {new}"


def _read_text(transaction: TransactionRecord, read: ExternalRead) -> str:
    return f"{transaction.name} read {key_text(read.key)} as {value_text(read.value)}"
