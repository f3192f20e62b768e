"""What each transaction read of others: its own writes are taken off, and held against what it read of them.

A transaction reads its own last write at every level of isolation (Adya 1999, section 4.2). Two reads of one key that
differ although nothing was written in between are forbidden from snapshot isolation and repeatable reads on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ticketlab.checker.transactions.history import OK, READ, TransactionHistory, TransactionRecord
from ticketlab.checker.transactions.levels import READ_UNCOMMITTED, REPEATABLE_READ, SNAPSHOT_ISOLATION
from ticketlab.checker.transactions.sentences import FoundAnomaly, key_text, value_text, wrote

Item = tuple[Hashable, Any]


class ExternalRead(NamedTuple):
    """What a transaction read of others: of a list the part before its own elements; `whole` is all that it read.

    `first` says that the transaction had not written the key before.
    """

    reader: int
    key: Hashable
    value: Any
    whole: Any
    first: bool


@dataclass(slots=True)
class TransactionAccesses:
    """All reads of others, the writes of each transaction by key (in their order), and what cannot be."""

    reads: list[ExternalRead] = field(default_factory=list)
    writes: list[dict[Hashable, list[Any]]] = field(default_factory=list)
    findings: list[FoundAnomaly] = field(default_factory=list)

    def installed(self, transaction: int, key: Hashable) -> Any:
        """Return what a transaction last wrote to a key."""
        return self.writes[transaction][key][-1]


def accesses_of(history: TransactionHistory) -> TransactionAccesses:
    """Return what the transactions read of others and wrote; of those that are not ok, only what they wrote."""
    found = TransactionAccesses()
    follow = _list_reads if history.lists else _register_reads
    for number, transaction in enumerate(history.transactions):
        writes: dict[Hashable, list[Any]] = {}
        for op in transaction.ops:
            if op.f != READ:
                writes.setdefault(op.key, []).append(op.value)
        found.writes.append(writes)
        if transaction.status == OK:
            for each in follow(number, transaction):
                if isinstance(each, FoundAnomaly):
                    found.findings.append(each)
                else:
                    found.reads.append(each)
    return found


def _list_reads(number: int, transaction: TransactionRecord) -> Iterator[ExternalRead | FoundAnomaly]:
    own: dict[Hashable, list[Any]] = {}
    seen: dict[Hashable, list[Any]] = {}
    told: dict[Hashable, list[list[Any]]] = defaultdict(list)
    for op in transaction.ops:
        key = op.key
        if op.f != READ:
            early = next((read for read in told.get(key, ()) if op.value in read), None)
            if early:
                yield _early(number, transaction, (key, op.value), early)
            own.setdefault(key, []).append(op.value)
            continue
        whole: list[Any] = op.value or []
        mine = own.get(key)
        if mine and whole[-len(mine) :] != mine:
            said = f"{wrote(transaction, mine[-1], key)}, and then read it as {value_text(whole)}"
            yield _unseen(number, f"{said}, which does not end with what it had appended")
            continue
        external = whole[: len(whole) - len(mine)] if mine else whole
        if key in seen and seen[key] != external:
            yield _changed(number, transaction, (key, seen[key]), external)
        if key not in seen or seen[key] != external or mine:
            yield ExternalRead(number, key, external, whole, not mine)
            told[key].append(whole)
        seen.setdefault(key, external)


def _register_reads(number: int, transaction: TransactionRecord) -> Iterator[ExternalRead | FoundAnomaly]:
    own: dict[Hashable, Any] = {}
    seen: dict[Hashable, Any] = {}
    for op in transaction.ops:
        key, value = op.key, op.value
        if op.f != READ:
            own[key] = value
        elif key in own:
            if own[key] != value:
                said = f"{wrote(transaction, own[key], key)}, and then read it as {value_text(value)}"
                yield _unseen(number, said)
        elif key not in seen:
            seen[key] = value
            yield ExternalRead(number, key, value, value, True)
        elif seen[key] != value:
            yield _changed(number, transaction, (key, seen[key]), value)
            yield ExternalRead(number, key, value, value, True)


def _unseen(number: int, sentence: str) -> FoundAnomaly:
    return FoundAnomaly("internal inconsistency", (READ_UNCOMMITTED,), sentence, (number,))


def _early(number: int, transaction: TransactionRecord, item: Item, seen: Any) -> FoundAnomaly:
    sentence = (
        f"{transaction.name} read {key_text(item[0])} as {value_text(seen)}, with {value_text(item[1])}, "
        "before it appended that itself"
    )
    return FoundAnomaly("internal inconsistency", (READ_UNCOMMITTED,), sentence, (number,))


def _changed(number: int, transaction: TransactionRecord, before: Item, after: Any) -> FoundAnomaly:
    wrote_it = any(op.f != READ and op.key == before[0] for op in transaction.ops)
    apart = ", its own elements left aside," if wrote_it and isinstance(after, list) else ""
    sentence = (
        f"{transaction.name} read {key_text(before[0])}{apart} as {value_text(before[1])}, and later as "
        f"{value_text(after)}"
    )
    return FoundAnomaly("internal inconsistency", (SNAPSHOT_ISOLATION, REPEATABLE_READ), sentence, (number,))
