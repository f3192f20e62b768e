"""Events become transactions, or a line that says which event is wrong, and why."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ticketlab.checker.columns import MalformedHistory
from ticketlab.checker.transactions.events import parse_transactions
from ticketlab.checker.transactions.isolation import check_transactions
from ticketlab.core.errors import UsageError


def lines(*events: Any) -> list[str]:
    return [json.dumps(event) + "\n" for event in events]


def event(kind: str, process: Any, *value: Any) -> dict[str, Any]:
    return {"type": kind, "f": "txn", "process": process, "value": list(value)}


APPEND, READ = ["append", "x", 1], ["r", "x", None]


def test_transactions_have_the_numbers_of_their_lines() -> None:
    history = parse_transactions(
        lines(
            {"meta": {"model": "transactions"}},
            event("invoke", 0, APPEND),
            {"type": "info", "f": "kill", "process": "nemesis", "value": None},
            event("invoke", 1, READ),
            event("ok", 0, APPEND),
            event("invoke", 2, [*APPEND[:2], 2]),
        )
    )
    assert [(each.name, each.status, each.invoked) for each in history.transactions] == [
        ("T4", "info", 2),
        ("T5", "ok", 0),
        ("T6", "info", 4),
    ]
    assert history.lists
    assert history.timed


def test_an_empty_history_is_valid() -> None:
    found = check_transactions(parse_transactions([]), "strict-serializable")
    assert found.verdict.valid is True


def test_completions_alone_have_no_order_in_time() -> None:
    history = parse_transactions(lines(event("ok", 0, APPEND), event("ok", 0, ["r", "x", []])))
    found = check_transactions(history)
    assert (found.verdict.valid, list(found.strongest)) == (True, ["serializable"])
    with pytest.raises(MalformedHistory, match="line 1: the transaction has no invocation"):
        check_transactions(history, "strict-serializable")


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([[1]], r"line 1: found \[1\]: expected an object, an event a line"),
        ([{"type": "ok", "f": "txn", "value": []}], "line 1: key 'process' is missing"),
        ([event("done", 0)], "line 1: type is 'done': expected one of invoke, ok, fail, info"),
        ([{**event("ok", 0), "f": "read"}], "line 1: f is 'read': expected 'txn'"),
        ([event("invoke", 0), event("invoke", 0)], "line 2: process 0 invokes, but what it invoked at line 1"),
        ([event("invoke", 0, APPEND), event("ok", 0, READ)], "line 2: process 0 completes other accesses"),
        ([{**event("ok", 0), "value": None}], "line 1: value is None: expected a list of accesses"),
        ([event("ok", 0, ["r", "x"])], r"line 1: found \['r', 'x'\]: expected an access"),
        ([event("ok", 0, ["r", 1.5, None])], "line 1: found .*: expected an access"),
        ([event("ok", 0, ["append", "x", None])], "line 1: found .*: expected an access"),
        ([event("ok", 0, APPEND), event("ok", 1, ["w", "x", 2])], "line 2: a history has lists .* or registers"),
        ([event("ok", 0, APPEND), event("ok", 1, ["r", "x", 2])], "line 2: 'x' was read as 2: expected a list"),
        ([event("ok", 0, ["w", "x", 1], ["r", "x", [1]])], r"line 1: 'x' was read as \[1\]: expected a whole number"),
        ([event("ok", 0, APPEND), event("ok", 1, APPEND)], "line 2: 1 is appended to 'x' a second time, after line 1"),
    ],
)
def test_malformed_events_are_refused(events: list[Any], message: str) -> None:
    with pytest.raises(MalformedHistory, match=message):
        check_transactions(parse_transactions(lines(*events)))


def test_half_a_character_is_refused() -> None:
    with pytest.raises(MalformedHistory, match="half a character"):
        parse_transactions(['{"type": "ok", "f": "txn", "process": 0, "value": [["append", "\\ud800", 1]]}\n'])


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown isolation level 'serialisable': did you mean 'serializable'"):
        check_transactions(parse_transactions([]), "serialisable")
