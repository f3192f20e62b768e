"""What a history says about versions: the way from accesses to dependencies, for lists and for registers alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Hashable, Sequence

from ticketlab.checker.transactions.accesses import ExternalRead, TransactionAccesses, accesses_of
from ticketlab.checker.transactions.graph import PROCESS, RW, TIME, WR, WW, DependencyGraph
from ticketlab.checker.transactions.history import OK, TransactionHistory
from ticketlab.checker.transactions.levels import REPEATABLE_READ, SNAPSHOT_ISOLATION
from ticketlab.checker.transactions.sentences import FoundAnomaly, key_text, transaction_names, value_text

_Version = tuple[Hashable, Hashable]
INITIAL = -1
"""Stands for the writer of a key's initial state."""


class Versions(ABC):
    """The dependencies that a history implies, the anomalies seen on the way, and what remains unknown.

    `committed` says of each transaction whether it happened: it is ok, or nobody knows how it ended and another read
    what it wrote. (If it did not happen, that is an aborted read, which every level forbids that rests on reads.)
    `optional` are transactions that may have happened, and of which an unclear read may tell. `unclear` says why some
    read cannot be traced to one writer, and `unordered` why the order of what was written is in doubt even where
    nothing is forbidden but dirty writes; both are empty if all is known. `sources` has for each read of others the
    reader, the key, and the transaction that wrote what it read, or `INITIAL`.
    """

    def __init__(self, history: TransactionHistory) -> None:
        self.history = history
        self.accesses: TransactionAccesses = accesses_of(history)
        self.findings: list[FoundAnomaly] = list(self.accesses.findings)
        self.graph = DependencyGraph(len(history.transactions))
        self.committed = [each.status == OK for each in history.transactions]
        self.optional: list[int] = []
        self.unclear = ""
        self.unordered = ""
        self.sources: list[tuple[int, Hashable, int]] = []
        self._updates: dict[_Version, dict[int, ExternalRead]] = defaultdict(dict)
        self._reads_of: dict[tuple[int, Hashable], list[ExternalRead]] | None = None

    @abstractmethod
    def ww(self, source: int, target: int, key: Hashable) -> str:
        """Say why one transaction wrote a later version than another."""

    @abstractmethod
    def wr(self, source: int, target: int, key: Hashable) -> str:
        """Say why one transaction read what another wrote."""

    @abstractmethod
    def rw(self, source: int, target: int, key: Hashable) -> str:
        """Say why one transaction overwrote what another had read."""

    def why(self, source: int, target: int, kind: int, key: Hashable) -> str:
        """Return a sentence that says why one transaction depends on another."""
        if kind in (PROCESS, TIME):
            one, other = self.history.transactions[source], self.history.transactions[target]
            if kind == PROCESS:
                return f"process {one.process} had completed {one.name} before it invoked {other.name}"
            return f"{one.name} had completed before {other.name} was invoked"
        return {WW: self.ww, WR: self.wr, RW: self.rw}[kind](source, target, key)

    def note_update(self, version: Hashable, read: ExternalRead) -> None:
        """Note that a transaction read a version before it wrote the key itself."""
        if read.first and read.key in self.accesses.writes[read.reader]:
            self._updates[read.key, version].setdefault(read.reader, read)

    def lost_updates(self) -> list[FoundAnomaly]:
        """Return a lost update for each version that several transactions read and then overwrote.

        Whichever wrote the later version overwrote the other's without having read it: a cycle with one
        anti-dependency, whatever the order of the versions is.
        """
        found = []
        for (key, _), readers in self._updates.items():
            if len(readers) > 1:
                members = sorted(readers)
                verb = "appended" if self.history.lists else "wrote"
                sentence = (
                    f"{transaction_names(self.history, members)} each read {key_text(key)} as "
                    f"{value_text(readers[members[0]].value)} and then {verb} to it, "
                    "so one of them did not see what the other wrote"
                )
                found.append(FoundAnomaly("lost update", (SNAPSHOT_ISOLATION, REPEATABLE_READ), sentence, members))
        return found

    def reads_of(self, reader: int, key: Hashable) -> Sequence[ExternalRead]:
        """Return what a transaction read of others in a key."""
        if self._reads_of is None:
            self._reads_of = defaultdict(list)
            for read in self.accesses.reads:
                self._reads_of[read.reader, read.key].append(read)
        return self._reads_of.get((reader, key), ())
