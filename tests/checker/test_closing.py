"""A history that carries the books is held against them."""

from __future__ import annotations

from typing import Any

import pytest

from ticketlab.checker.columns import Columns, MalformedHistory
from ticketlab.checker.final_state import judge_closing
from ticketlab.core.history import History, Operation


def sale(process: int, result: str | None = "ok") -> Operation:
    return Operation(process, "buy", 1, result, process, None if result is None else process + 1)


def books(issued: int, *buyers: int, remaining: int = 0, ledger: bool = True) -> dict[str, Any]:
    entries = [{"buyer": buyer, "section": "main", "tickets": [number]} for number, buyer in enumerate(buyers, 1)]
    return {"stocks": {"main": {"issued": issued, "remaining": remaining}}, "ledger": entries if ledger else None}


def names(found: dict[str, Any] | None, *operations: Operation) -> list[str]:
    meta = {"model": "counter", "stock": 3} | ({} if found is None else {"books": found})
    return [anomaly.name for anomaly in judge_closing(Columns.of(History(meta, operations)))]


def test_books_that_agree_prove_nothing() -> None:
    assert names(books(2, 1, 2), sale(1), sale(2), sale(3, "soldout")) == []
    assert names(books(2, ledger=False), sale(1), sale(2)) == []
    assert names(None, sale(1)) == []


def test_an_update_that_no_read_shows_is_lost_all_the_same() -> None:
    assert names(books(1, 2), sale(1), sale(2)) == ["lost update"]


def test_a_sale_that_nobody_was_told_of_is_a_ghost() -> None:
    assert names(books(2, 1, 2), sale(1)) == ["ghost sale", "ghost sale"]
    assert names(books(2, ledger=False), sale(1)) == ["ghost sale"]


def test_whoever_never_heard_back_may_have_bought_or_not() -> None:
    assert names(books(2, 1, 2), sale(1), sale(2, None)) == []
    assert names(books(1, 1), sale(1), sale(2, None)) == []


def test_a_sale_that_the_ledger_lacks_has_vanished() -> None:
    assert names(books(2, 1), sale(1), sale(2)) == ["vanished sale"]


def test_negative_stock_is_named() -> None:
    assert names(books(1, 1, remaining=-1), sale(1)) == ["negative stock"]


@pytest.mark.parametrize(
    ("found", "complaint"),
    [
        ([], "list indices"),
        ({}, "key 'stocks' is missing"),
        ({"stocks": []}, "has no attribute 'items'"),
        ({"stocks": {"main": {"issued": 1}}}, "key 'remaining' is missing"),
        ({"stocks": {"main": {"issued": "1", "remaining": 0}}}, "'1' is not a whole number"),
        ({"stocks": {}, "ledger": [7]}, "has no attribute 'get'"),
    ],
)
def test_books_that_are_none_are_malformed(found: Any, complaint: str) -> None:
    with pytest.raises(MalformedHistory, match=complaint):
        names(found, sale(1))
