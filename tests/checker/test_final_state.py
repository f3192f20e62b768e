"""A history that carries the books is held against them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ticketlab.checker.columns import Columns, MalformedHistory
from ticketlab.checker.final_state import judge_closing
from ticketlab.core.history import History, Operation


def sale(process: int, result: str | None = "ok") -> Operation:
    return Operation(process, "buy", 1, result, process, None if result is None else process + 1)


def books(issued: int, *buyers: int, remaining: int | None = None, ledger: bool = True) -> dict[str, Any]:
    entries = [{"buyer": buyer, "section": "main", "tickets": [number]} for number, buyer in enumerate(buyers, 1)]
    return {
        "stocks": {"main": {"issued": issued, "remaining": 3 - issued if remaining is None else remaining}},
        "ledger": entries if ledger else None,
    }


def names(found: dict[str, Any] | None, *operations: Operation) -> list[str]:
    meta = {"model": "counter", "stock": 3} | ({} if found is None else {"books": found})
    return [anomaly.name for anomaly in judge_closing(Columns.of(History(meta, operations)))]


def test_books_that_agree_prove_nothing() -> None:
    assert names(books(2, 1, 2), sale(1), sale(2), sale(3, "soldout")) == []
    assert names(books(2, ledger=False), sale(1), sale(2)) == []
    assert names(None, sale(1)) == []


def test_an_update_that_no_read_shows_is_lost_all_the_same() -> None:
    assert names(books(1, 2), sale(1), sale(2)) == ["lost update"]


def test_a_sale_that_no_call_returned_is_a_ghost() -> None:
    assert names(books(2, 1, 2), sale(1)) == ["ghost sale"]
    assert names(books(2, ledger=False), sale(1)) == ["ghost sale"]


def test_whoever_never_heard_back_may_have_bought_or_not() -> None:
    assert names(books(2, 1, 2), sale(1), sale(2, None)) == []
    assert names(books(1, 1), sale(1), sale(2, None)) == []


def order(process: int, size: int, begin: int, result: str | None = "ok") -> Operation:
    return Operation(process, "buy", size, result, begin, None if result is None else begin + 1)


def test_an_order_is_carried_out_as_a_whole_or_not_at_all() -> None:
    found = {"stocks": {"main": {"issued": 4, "remaining": 0}}}
    told = (order(0, 1, 0), order(1, 1, 0), order(0, 2, 2, None))

    def judged(*ledger: tuple[int, list[int]]) -> list[str]:
        entries = [{"buyer": buyer, "section": "main", "tickets": tickets} for buyer, tickets in ledger]
        meta = {"model": "counter", "stock": 4, "books": found | {"ledger": entries}}
        return [anomaly.sentence for anomaly in judge_closing(Columns.of(History(meta, told)))]

    assert judged((0, [1, 2]), (0, [3]), (1, [4])) == []
    assert judged((0, [1]), (0, [2]), (0, [3]), (1, [4])) == []
    assert judged((0, [3]), (1, [4])) == []
    assert judged((0, [1, 2]), (1, [4])) == ["the ledger lacks a sale in section 'main' that was returned to buyer 0"]


def test_only_who_has_more_than_was_returned_has_a_sale_that_no_call_returned() -> None:
    entries = [{"buyer": buyer, "section": "main", "tickets": [number]} for number, buyer in ((1, 2), (2, 1))]
    meta = {"model": "counter", "stock": 2, "books": books(2, remaining=0) | {"ledger": entries}}
    found = judge_closing(Columns.of(History(meta, (order(1, 2, 0),))))
    assert [(one.name, one.evidence["buyers"]) for one in found] == [("vanished sale", [1]), ("ghost sale", [2])]


def test_a_sale_that_the_ledger_lacks_has_vanished() -> None:
    assert names(books(2, 1), sale(1), sale(2)) == ["vanished sale"]


def test_negative_stock_is_named() -> None:
    assert names(books(1, 1, remaining=-1), sale(1)) == ["negative stock", "lost tickets"]


@pytest.mark.parametrize(("remaining", "name"), [(5, "invented tickets"), (1, "lost tickets")])
def test_what_is_left_and_what_is_sold_are_all_that_there_was(remaining: int, name: str) -> None:
    stocks = {"main": {"remaining": remaining, "issued": 2}}
    operations = tuple(replace(sale(buyer), section="main") for buyer in (1, 2))
    history = History({"model": "counter", "stock": 5, "books": {"stocks": stocks}}, operations)
    (found,) = judge_closing(Columns.of(history))
    assert found.name == name
    assert (
        found.sentence
        == {
            "invented tickets": "the books know of 7 tickets of section 'main', and there are only 5: "
            "what was sold is for sale as well",
            "lost tickets": "2 tickets of section 'main' are neither sold nor for sale",
        }[name]
    )


def cancel(process: int, result: str | None = "ok") -> Operation:
    return replace(
        sale(process, result), op="cancel", invoke_ns=process + 10, return_ns=process + 11 if result else None
    )


def test_what_was_cancelled_is_for_sale_again_and_still_counts_as_issued() -> None:
    assert names(books(2, remaining=2, ledger=False), sale(1), sale(2), cancel(1)) == []
    assert names(books(2, remaining=1, ledger=False), sale(1), sale(2), cancel(1)) == ["lost tickets"]
    assert names(books(2, remaining=2, ledger=False), sale(1), sale(2)) == ["invented tickets"]
    for remaining in (1, 2):
        assert names(books(2, remaining=remaining, ledger=False), sale(1), sale(2), cancel(1, None)) == []


def test_what_is_held_is_neither_for_sale_nor_sold() -> None:
    placed = Operation(1, "hold", [2, 50], "1.1", 0, 1)
    stock = {"issued": 0, "remaining": 1}
    meta = {"model": "holds", "stock": 3, "books": {"stocks": {"main": stock | {"holds": [{"quantity": 2}]}}}}
    assert judge_closing(Columns.of(History(meta, (placed,)))) == []
    meta["books"] = {"stocks": {"main": stock}}
    (found,) = judge_closing(Columns.of(History(meta, (placed,))))
    assert (found.name, found.sentence) == (
        "hold leaked",
        "2 tickets of section 'main' are neither sold nor held nor for sale",
    )


def test_a_confirmation_of_a_name_that_nobody_heard_sells_what_an_unanswered_hold_was_for() -> None:
    holds = tuple(Operation(n, "hold", [n, 50], "unknown", 0, 1) for n in (1, 2))
    bought = Operation(1, "confirm", "x", "ok", 2, 3)
    for issued, name in ((0, "lost update"), (1, ""), (2, ""), (3, "ghost sale")):
        stock = {"issued": issued, "remaining": 3 - issued}
        meta = {"model": "holds", "stock": 3, "books": {"stocks": {"main": stock}}}
        found = [anomaly.name for anomaly in judge_closing(Columns.of(History(meta, (*holds, bought))))]
        assert found == ([name] if name else [])


def test_the_number_of_tickets_may_come_from_outside() -> None:
    columns = Columns.of(History({"books": books(2, ledger=False)}, (sale(1), sale(2))))
    assert judge_closing(columns) == []
    assert judge_closing(columns, "counter", 3) == []
    assert [one.name for one in judge_closing(columns, "counter", 4)] == ["lost tickets"]


def test_a_section_that_the_books_do_not_have_is_malformed() -> None:
    elsewhere = replace(sale(1), section="balcony")
    with pytest.raises(MalformedHistory, match="operation 0: section 'balcony' is not in the books"):
        names(books(0), elsewhere)
    two = {"stocks": {name: {"issued": 0, "remaining": 1} for name in ("a", "b")}}
    with pytest.raises(MalformedHistory, match="operation 0: section '' is not in the books"):
        names(two, sale(1))


@pytest.mark.parametrize(
    ("found", "complaint"),
    [
        ([], r"meta.books is \[\]: an object is needed"),
        ({}, "line 1: meta.books.stocks is missing: an object is needed"),
        ({"stocks": []}, r"meta.books.stocks is \[\]: an object is needed"),
        ({"stocks": {"main": {"issued": 1}}}, "meta.books.stocks.main.remaining is missing: a whole number is needed"),
        ({"stocks": {"main": {"issued": "1", "remaining": 0}}}, "stocks.main.issued is '1': a whole number is needed"),
        ({"stocks": {}, "ledger": [7]}, r"meta.books.ledger\[0\] is 7: an object is needed"),
    ],
)
def test_books_that_are_none_are_malformed(found: Any, complaint: str) -> None:
    with pytest.raises(MalformedHistory, match=complaint):
        names(found, sale(1))
