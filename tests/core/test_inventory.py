"""The laws of the inventory: what a request does to a record."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketlab.core.errors import UsageError
from ticketlab.core.inventory import Buy, Cancel, Cancelled, Inventory, Search, Sold, SoldOut, Stock


@given(st.integers(0, 30), st.lists(st.integers(1, 5), max_size=30))
def test_orders_in_turn_never_oversell_and_never_share_a_ticket(tickets: int, quantities: list[int]) -> None:
    stock = Stock("main", tickets, tickets)
    held: list[int] = []
    for quantity in quantities:
        change = Buy(1, "main", quantity).on(stock)
        if isinstance(change.outcome, Sold):
            assert change.stock is not None
            held += change.outcome.tickets
            stock = change.stock
        else:
            assert change.outcome == SoldOut()
            assert change.stock is None
            assert stock.remaining < quantity
    assert len(set(held)) == len(held) == tickets - stock.remaining == stock.issued


def test_a_cancelled_ticket_is_for_sale_again_under_a_new_number() -> None:
    sold = Buy(1, "main").on(Stock("main", 1, 1))
    assert sold.stock is not None
    given_back = Cancel(1, "main", (1,)).on(sold.stock)
    assert given_back.outcome == Cancelled((1,))
    assert given_back.stock is not None
    assert Buy(2, "main").on(given_back.stock).outcome == Sold((2,))


def test_a_search_changes_nothing() -> None:
    assert Search(1, "main").on(Stock("main", 5, 3)).stock is None


def test_an_inventory_has_sections_and_no_negative_numbers() -> None:
    with pytest.raises(UsageError, match="at least one section"):
        Inventory({})
    with pytest.raises(UsageError, match="-1 tickets"):
        Inventory({"main": -1})
