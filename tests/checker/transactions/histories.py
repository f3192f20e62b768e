"""Histories of transactions, written briefly: a text for each, in the order of their completions.

`"ok: r x [1 2], append y 3"` is a transaction on lists, `"info: w x 1, r y nil"` one on registers. All run at once,
each by a process of its own, unless `one_by_one` is asked for.
"""

from __future__ import annotations

import json
from typing import Any

from ticketlab.checker.transactions.events import transactions_of
from ticketlab.checker.transactions.history import TransactionHistory
from ticketlab.checker.transactions.isolation import IsolationResult, check_transactions


def events(*texts: str, one_by_one: bool = False) -> list[dict[str, Any]]:
    """Return the events of transactions; a text without a type is ok."""
    begun, done = [], []
    for process, text in enumerate(texts):
        kind, _, rest = text.rpartition(": ")
        value = [_access(each) for each in rest.split(", ")]
        asked = [[f, key, None if f == "r" else said] for f, key, said in value]
        common = {"f": "txn", "process": process}
        begun.append({"type": "invoke", **common, "value": asked})
        done.append({"type": kind or "ok", **common, "value": value})
    if one_by_one:
        return [event for pair in zip(begun, done, strict=True) for event in pair]
    return [*begun, *done]


def history(*texts: str, one_by_one: bool = False) -> TransactionHistory:
    """Return a history; its transactions are numbered from 1 in the order of the texts."""
    found = events(*texts, one_by_one=one_by_one)
    numbered = [(1 + event["process"], event) for event in found]
    return transactions_of(numbered)


def judge(*texts: str, level: str = "serializable", one_by_one: bool = False) -> IsolationResult:
    """Judge a history."""
    return check_transactions(history(*texts, one_by_one=one_by_one), level)


def named(result: IsolationResult) -> list[str]:
    """Return the names of a result's anomalies."""
    return [anomaly.name for anomaly in result.verdict.anomalies]


def _access(text: str) -> list[Any]:
    f, key, said = text.split(" ", 2)
    value = None if said == "nil" else json.loads(said.replace(" ", ", "))
    return [f, key, value]
