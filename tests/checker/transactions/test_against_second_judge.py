"""Both judges agree on small random histories, and each proof of an anomaly is what it says."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.checker.transactions import second_judge
from tests.checker.transactions.random_transactions import random_history
from ticketlab.checker.transactions.history import TransactionHistory, TransactionRecord
from ticketlab.checker.transactions.isolation import check_transactions

JUDGES: dict[str, Callable[[TransactionHistory], bool]] = {
    "read-uncommitted": second_judge.read_uncommitted,
    "read-committed": second_judge.read_committed,
    "snapshot-isolation": second_judge.snapshot_isolated,
    "repeatable-read": second_judge.serializable,
    "serializable": second_judge.serializable,
    "strong-session-serializable": lambda history: second_judge.serializable(history, "sessions"),
    "strict-serializable": lambda history: second_judge.serializable(history, "all"),
}
SEARCHED = ("repeatable-read", "serializable", "strong-session-serializable", "strict-serializable")
seeds = st.integers(0, (1 << 32) - 1)


@pytest.mark.parametrize("kind", ["lists", "registers", "registers with equal values"])
@given(seed=seeds)
def test_the_judges_agree(kind: str, seed: int) -> None:
    history = random_history(Random(seed), kind == "lists", duplicates=kind.endswith("values"))
    for level, judge in JUDGES.items():
        found = check_transactions(history, level)
        assert found.verdict.valid is found.of_levels[level]
        assert bool(found.verdict.anomalies) is (found.verdict.valid is False)
        if level in SEARCHED or found.verdict.valid is not None:
            assert found.verdict.valid is judge(history), level


@pytest.mark.parametrize("lists", [True, False])
@given(seed=seeds)
def test_every_dependency_of_a_cycle_is_there(lists: bool, seed: int) -> None:
    history = random_history(Random(seed), lists, most=6)
    by_name = {each.name: each for each in history.transactions}
    for anomaly in check_transactions(history, "strict-serializable").verdict.anomalies:
        cycle = anomaly.evidence.get("cycle", [])
        for edge, following in zip(cycle, [*cycle[1:], *cycle[:1]], strict=True):
            assert edge["to"] == following["from"]
            assert depends(by_name[edge["from"]], by_name[edge["to"]], edge["dependency"], history), edge
            assert edge["why"].count(edge["from"] + " ") >= 1
            assert edge["why"].count(edge["to"]) >= 1
        assert len({edge["from"] for edge in cycle}) == len(cycle)


@given(seed=seeds)
def test_a_cycle_is_the_shortest_of_its_kind(seed: int) -> None:
    history = random_history(Random(seed), lists=True, most=5, keys="xyz")
    for anomaly in check_transactions(history).verdict.anomalies:
        if anomaly.name in ("G0", "G1c", "G2-item"):
            kinds = {"G0": ("ww",), "G1c": ("ww", "wr"), "G2-item": ("ww", "wr", "rw")}[anomaly.name]
            among = [each for each in history.transactions if _is_with(each, anomaly.evidence, history, kinds)]
            for size in range(2, anomaly.evidence["size"]):
                assert not any(_closed(order, history, kinds) for order in permutations(among, size))


def _is_with(one: TransactionRecord, evidence: Any, history: TransactionHistory, kinds: tuple[str, ...]) -> bool:
    """Whether a transaction is in the component of an anomaly: on a way there, and on a way back."""
    names = {each["name"] for each in evidence["transactions"]}
    start = next(each for each in history.transactions if each.name in names)
    return _reaches(start, one, history, kinds) and _reaches(one, start, history, kinds)


def _reaches(
    one: TransactionRecord, other: TransactionRecord, history: TransactionHistory, kinds: tuple[str, ...]
) -> bool:
    reached, work = [one], [one]
    while work:
        last = work.pop()
        for each in history.transactions:
            if each not in reached and any(depends(last, each, kind, history) for kind in kinds):
                reached.append(each)
                work.append(each)
    return other in reached


def _closed(order: tuple[TransactionRecord, ...], history: TransactionHistory, kinds: tuple[str, ...]) -> bool:
    pairs = zip(order, [*order[1:], order[0]], strict=True)
    return all(any(depends(one, other, kind, history) for kind in kinds) for one, other in pairs)


def depends(one: TransactionRecord, other: TransactionRecord, kind: str, history: TransactionHistory) -> bool:
    """Whether a transaction depends on another, straight from the accesses: `one` must come first."""
    if kind in ("realtime", "process"):
        over = one.completed is not None and other.invoked is not None and one.completed < other.invoked
        return over and (kind == "realtime" or one.process == other.process)
    if one is other or "fail" in (one.status, other.status):
        return False
    keys = {op.key for op in one.ops} & {op.key for op in other.ops}
    return any(_depends_on(one, other, kind, key, history) for key in keys)


def _depends_on(
    one: TransactionRecord, other: TransactionRecord, kind: str, key: Any, history: TransactionHistory
) -> bool:
    mine, theirs = second_judge.written(one, key), second_judge.written(other, key)
    reads = [op.value or [] for op in one.ops if (op.f, op.key, one.status) == ("r", key, "ok")]
    seen = [op.value or [] for op in other.ops if (op.f, op.key, other.status) == ("r", key, "ok")]
    if not history.lists:
        first = _reads_before_writing(one, key), _reads_before_writing(other, key)
        if kind == "wr":
            return bool(mine) and any(op.value == mine[-1] for op in other.ops if (op.f, op.key) == ("r", key))
        later = None in first[0] or not set(first[0]).isdisjoint(first[1])
        return kind == "rw" and bool(theirs) and later
    longest = max((op.value or [] for each in history.transactions if each.status == "ok"
                   for op in each.ops if (op.f, op.key) == ("r", key)), key=len, default=[])  # fmt: skip
    if kind == "wr":
        others = [[each for each in read if each not in theirs] for read in seen]
        return any(read and read[-1] in mine for read in others)
    if kind == "rw":
        return any(element not in read for read in reads for element in theirs)
    return any(a in longest and (b not in longest or longest.index(a) < longest.index(b)) for a in mine for b in theirs)


def _reads_before_writing(transaction: TransactionRecord, key: Any) -> list[Any]:
    found = []
    for op in transaction.ops if transaction.status == "ok" else ():
        if op.key == key:
            if op.f != "r":
                break
            found.append(op.value)
    return found
