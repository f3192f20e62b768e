"""Transactions from events, as Jepsen records them: an invocation and a completion of each.

In JSON Lines: `{"type": "ok", "f": "txn", "process": 0, "value": [["append", 1, 2], ["r", 1, [1, 2]]]}`. A read has the
value that it returned: a list, or null for none yet; a register's value, or null for its initial state. Events stand in
the order in which they happened. Completions alone are a history too, of which nobody knows what ran at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Final

from ticketlab.checker.columns import MalformedHistory
from ticketlab.checker.jsonl import json_objects
from ticketlab.checker.transactions.history import APPEND, FAIL, INFO, OK, READ, WRITE, MicroOp, TransactionRecord
from ticketlab.checker.transactions.history import TransactionHistory as Transactions
from ticketlab.core.strict_json import brief

Numbered = tuple[int, Mapping[str, Any]]
_TYPES: Final = ("invoke", OK, FAIL, INFO)
_PLAIN: Final = {int, str}


def parse_transactions(lines: Iterable[str], progress: Callable[[int], None] | None = None) -> Transactions:
    """Read events from JSON Lines; the first line may be `{"meta": {...}}`.

    Raises:
        MalformedHistory: a line is no such event, or the events do not go together.
    """
    objects = iter(json_objects(enumerate(lines, 1), "an event", progress))
    first = next(objects, None)
    if first is None:
        return transactions_of([])
    meta = first[1].get("meta")
    if isinstance(meta, dict):
        return transactions_of(objects, meta=meta)
    return transactions_of(chain([first], objects))


def transactions_of(
    events: Iterable[Numbered], place: str = "line", meta: Mapping[str, Any] | None = None
) -> Transactions:
    """Put transactions together from their events, each with its number in the source.

    Events of a process that is no number (a nemesis) are left out.

    Raises:
        MalformedHistory: an event is malformed, a process does two things at once, or lists and registers are mixed.
    """
    found = sorted(_paired(events, place), key=lambda each: each.number)
    kinds: dict[str, int] = {}
    for each in found:
        for op in each.ops:
            if op.f not in kinds:
                kinds[op.f] = each.number
    if APPEND in kinds and WRITE in kinds:
        raise MalformedHistory(
            f"{place} {max(kinds[APPEND], kinds[WRITE])}: a history has lists ('append') or registers ('w'), not both"
        )
    lists = APPEND in kinds or (WRITE not in kinds and _reads_lists(found))
    for each in found:
        if each.status == OK:
            _check_reads(each, lists, place)
    return Transactions(found, lists, place, meta or {})


def _paired(events: Iterable[Numbered], place: str) -> Iterator[TransactionRecord]:
    """Yield transactions as they complete, and at the end those that never did."""
    begun: dict[int, tuple[int, int, Any]] = {}
    for position, (number, event) in enumerate(events):
        process = event.get("process")
        if type(process) is not int:
            if process is None:
                raise MalformedHistory(f"{place} {number}: key 'process' is missing")
            continue
        kind = event.get("type")
        if kind not in _TYPES:
            raise MalformedHistory(f"{place} {number}: type is {brief(kind)}: expected one of {', '.join(_TYPES)}")
        if event.get("f") != "txn":
            raise MalformedHistory(f"{place} {number}: f is {brief(event.get('f'))}: expected 'txn'")
        if kind == "invoke":
            if process in begun:
                raise MalformedHistory(
                    f"{place} {number}: process {process} invokes, but what it invoked at {place} {begun[process][0]} "
                    "has not completed"
                )
            begun[process] = number, position, event.get("value")
        else:
            yield _completed(number, position, process, event, begun.pop(process, None), place)
    for process, (number, position, value) in begun.items():
        yield TransactionRecord(number, process, INFO, _ops(value, number, place, read=False), position, None)


def _completed(
    number: int, position: int, process: int, event: Mapping[str, Any], begun: tuple[int, int, Any] | None, place: str
) -> TransactionRecord:
    kind, value = event["type"], event.get("value")
    if kind != OK and value is None and begun is not None:
        value = begun[2]
    ops = _ops(value, number, place, read=kind == OK)
    if kind == OK and begun is not None and not _same(ops, _ops(begun[2], begun[0], place, read=False)):
        raise MalformedHistory(
            f"{place} {number}: process {process} completes other accesses than it invoked at {place} {begun[0]}"
        )
    return TransactionRecord(number, process, kind, ops, begun[1] if begun else None, position if kind == OK else None)


def _same(done: list[MicroOp], asked: list[MicroOp]) -> bool:
    return len(done) == len(asked) and all(
        one.f == other.f and one.key == other.key and (one.f == READ or one.value == other.value)
        for one, other in zip(done, asked, strict=True)
    )


def _ops(value: Any, number: int, place: str, *, read: bool) -> list[MicroOp]:
    """Return the accesses of a transaction; what it read is None unless that was returned."""
    if type(value) is not list:
        raise MalformedHistory(
            f"{place} {number}: value is {brief(value)}: expected a list of accesses, each [f, key, value]"
        )
    ops = []
    for each in value:
        if type(each) is not list or len(each) != 3 or type(each[1]) not in _PLAIN:
            raise _wrong(number, place, each)
        f, key, said = each
        if f == READ:
            ops.append(MicroOp(READ, key, said if read else None))
        elif (f in (APPEND, WRITE)) and type(said) in _PLAIN:
            ops.append(MicroOp(f, key, said))
        else:
            raise _wrong(number, place, each)
    return ops


def _wrong(number: int, place: str, access: Any) -> MalformedHistory:
    return MalformedHistory(
        f"{place} {number}: found {brief(access)}: expected an access, as in ['r', key, value], ['w', key, value] or "
        "['append', key, value], where keys and what is written are whole numbers or texts"
    )


def _reads_lists(found: Iterable[TransactionRecord]) -> bool:
    return any(type(op.value) is list for each in found for op in each.ops)


def _check_reads(transaction: TransactionRecord, lists: bool, place: str) -> None:
    for op in transaction.ops:
        if op.f != READ or op.value is None:
            continue
        right = type(op.value) is list and _PLAIN.issuperset(map(type, op.value)) if lists else type(op.value) in _PLAIN
        if not right:
            what = "a list of whole numbers or texts" if lists else "a whole number, a text"
            raise MalformedHistory(
                f"{place} {transaction.number}: {brief(op.key)} was read as {brief(op.value)}: expected {what} or null"
            )
