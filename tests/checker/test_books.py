"""The books oracle: silent about purchases in turn, and able to name each way in which receipts and books part."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ticketlab.checker.books import judge_books
from ticketlab.core.history import Operation
from ticketlab.core.inventory import Books, Buy, Cancel, Entry, Inventory, Sold, Stock

INVENTORY = Inventory({"main": 3})


def names(operations: list[Operation], books: Books | None) -> list[str]:
    return [anomaly.name for anomaly in judge_books(INVENTORY, operations, books)]


def sale(buyer: int, *tickets: int) -> Operation:
    return Operation(buyer, "buy", len(tickets), "ok", buyer, buyer + 1, "main", tickets)


def refusal(buyer: int, quantity: int = 1) -> Operation:
    return Operation(buyer, "buy", quantity, "soldout", buyer, buyer + 1, "main")


def unreturned(buyer: int) -> Operation:
    return Operation(buyer, "buy", 1, None, buyer, None, "main")


def books(*sales: tuple[int, int], remaining: int | None = None, issued: int | None = None) -> Books:
    """Return books whose ledger lists (buyer, ticket), and whose count agrees with it unless told otherwise."""
    count = len(sales) if issued is None else issued
    left = 3 - count if remaining is None else remaining
    ledger = tuple(Entry(buyer, "main", (ticket,)) for buyer, ticket in sales)
    return Books({"main": Stock("main", 3, left, count, count)}, ledger)


def in_turn(quantities: list[int], cancels: set[int]) -> tuple[list[Operation], Books]:
    """Return what buyers are told, and the books, when each comes after the other; some give back what they got."""
    stock, ledger, operations = Stock("main", 3, 3), [], []
    for buyer, quantity in enumerate(quantities, 1):
        change = Buy(buyer, "main", quantity).on(stock)
        if not isinstance(change.outcome, Sold):
            operations.append(refusal(buyer, quantity))
            continue
        assert change.stock is not None
        assert change.entry is not None
        stock = change.stock
        ledger.append(change.entry)
        operations.append(sale(buyer, *change.outcome.tickets))
        if buyer in cancels:
            back = Cancel(buyer, "main", change.outcome.tickets).on(stock)
            assert back.stock is not None
            assert back.entry is not None
            stock = back.stock
            ledger.append(back.entry)
            operations.append(Operation(buyer, "cancel", quantity, "ok", buyer + 1, buyer + 2, "main"))
    return operations, Books({"main": stock}, tuple(ledger))


@given(st.lists(st.integers(1, 3), max_size=8), st.sets(st.integers(1, 8)))
def test_purchases_in_turn_are_valid(quantities: list[int], cancels: set[int]) -> None:
    assert names(*in_turn(quantities, cancels)) == []


@given(st.lists(st.integers(1, 2), min_size=1, max_size=8), st.data())
def test_a_sale_that_the_books_lack_is_always_found(quantities: list[int], data: st.DataObject) -> None:
    operations, right = in_turn(quantities, set())
    assert right.ledger
    gone = data.draw(st.sampled_from(right.ledger))
    ledger = tuple(entry for entry in right.ledger if entry != gone)
    assert "vanished sale" in names(operations, replace(right, ledger=ledger))
    stock = right.stocks["main"]
    fewer = stock._replace(issued=stock.issued - 1, remaining=stock.remaining + 1)
    assert "lost update" in names(operations, Books({"main": fewer}, ledger))


@given(st.lists(st.integers(1, 2), min_size=1, max_size=8), st.data())
def test_a_sale_that_nobody_heard_of_is_found_unless_its_buyer_never_heard_back(
    quantities: list[int], data: st.DataObject
) -> None:
    operations, right = in_turn(quantities, set())
    told = data.draw(st.sampled_from([each for each in operations if each.result == "ok"]))
    silent = [each for each in operations if each is not told]
    assert "ghost sale" in names(silent, right)
    died = [replace(each, result=None, return_ns=None, tickets=()) if each is told else each for each in operations]
    assert names(died, right) == []


def test_one_ticket_held_by_two_is_sold_twice_and_a_lost_update() -> None:
    assert names([sale(1, 1), sale(2, 1)], books((2, 1))) == ["ticket sold twice", "lost update"]


def test_more_sales_than_tickets_are_an_oversell() -> None:
    found = judge_books(INVENTORY, [sale(buyer, buyer) for buyer in range(1, 5)], None)
    assert [anomaly.name for anomaly in found] == ["oversold"]
    assert found[0].sentence == "4 tickets of section 'main' are sold, and it has only 3"
    assert len(found[0].evidence["operations"]) == 4


def test_a_refusal_while_tickets_were_left_is_undersold() -> None:
    assert names([sale(1, 1), refusal(2)], books((1, 1))) == ["undersold"]


def test_a_refusal_that_a_silent_sale_explains_is_not_undersold() -> None:
    assert names([sale(1, 1), sale(2, 2), unreturned(3), refusal(4)], books((1, 1), (2, 2), (3, 3))) == []


def test_a_large_order_may_be_refused_while_few_tickets_are_left() -> None:
    assert names([sale(1, 1), sale(2, 2), refusal(3, quantity=2)], books((1, 1), (2, 2))) == []


def test_negative_stock_is_named() -> None:
    told = [sale(buyer, buyer) for buyer in range(1, 5)]
    written = books((1, 1), (2, 2), (3, 3), (4, 4), remaining=-1)
    assert names(told, written) == ["oversold", "negative stock"]


def test_a_torn_read_is_told_by_its_error() -> None:
    torn = Operation(1, "buy", 1, "failed", 0, 1, "main", error="inventory.json held 0 bytes", error_kind="TornRead")
    found = judge_books(INVENTORY, [torn], books())
    assert [anomaly.sentence for anomaly in found] == ["buyer 1 met a half-written record: inventory.json held 0 bytes"]


def test_what_certainly_did_not_happen_proves_nothing() -> None:
    gave_up = Operation(1, "buy", 1, "failed", 0, 1, "main", error="100 times", error_kind="GaveUp")
    assert names([gave_up], books()) == []


def test_a_failure_is_told_by_its_kind_and_not_by_its_words() -> None:
    odd = Operation(1, "buy", 1, "failed", 0, 1, "main", error="TornRead: is only a word here", error_kind="GaveUp")
    assert names([odd], books()) == []


def test_what_is_left_and_what_is_sold_are_all_that_there_was() -> None:
    assert names([sale(1, 1)], books((1, 1), remaining=3)) == ["invented tickets"]
    assert names([sale(1, 1)], books((1, 1), remaining=1)) == ["lost tickets"]


def test_a_cancellation_that_the_books_forgot_loses_its_tickets() -> None:
    gone = Operation(1, "cancel", 1, "ok", 3, 4, "main", (1,))
    back = Books({"main": Stock("main", 3, 3, 1)}, (Entry(1, "main", (1,)), Entry(1, "main", (1,), cancels=True)))
    assert names([sale(1, 1), gone], back) == []
    assert names([sale(1, 1), gone], books((1, 1))) == ["lost tickets"]
    silent = replace(gone, result=None, return_ns=None)
    assert names([sale(1, 1), silent], back) == names([sale(1, 1), silent], books((1, 1))) == []


def test_a_call_that_never_returned_explains_as_many_tickets_as_it_asked_for() -> None:
    assert names([unreturned(1)], books((1, 1))) == []
    assert names([unreturned(1)], books((1, 1), (1, 2))) == ["ghost sale"]
    assert names([unreturned(1)], books((1, 1), (1, 2), issued=1)) == ["ghost sale"]
    (found,) = judge_books(INVENTORY, [sale(2, 1), unreturned(1)], books((1, 2), (2, 1), (3, 3)))
    assert found.sentence == (
        "purchases returned 1 sold ticket of section 'main' and may have sold 1 more without returning, "
        "the books count 3: 1 too many"
    )


def test_a_ticket_that_is_twice_in_the_ledger_was_sold_twice_whatever_was_returned() -> None:
    assert names([sale(1, 1), unreturned(2)], books((1, 1), (2, 1))) == ["ticket sold twice"]


def test_one_buyer_that_was_sold_a_ticket_twice_is_named_once() -> None:
    again = replace(sale(1, 1), invoke_ns=5, return_ns=6)
    (found, _) = judge_books(INVENTORY, [sale(1, 1), again], books((1, 1)))
    assert found.sentence == "ticket 1 of section 'main' was sold 2 times to buyer 1"
