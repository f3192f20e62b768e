"""Holds as requests on a record: what they keep, when they are over, and that no ticket is ever lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketlab.core import pacing
from ticketlab.core.errors import UsageError
from ticketlab.core.inventory import (
    Buy,
    Cancel,
    Cancelled,
    Confirm,
    Expired,
    Found,
    Held,
    Hold,
    Holdings,
    Request,
    Search,
    Sold,
    SoldOut,
    Stock,
)
from ticketlab.core.scenario import Scenario


class Clock(pacing.Free):
    """Shows the time that it is told."""

    time = 100.0

    def now(self, *, wall: bool) -> float:
        return self.time


REQUESTS = st.one_of(
    st.builds(Buy, st.just(1), st.just("main"), st.integers(1, 3)),
    st.just(Search(1, "main")),
    st.builds(Hold, st.just(1), st.just("main"), st.integers(1, 3), st.integers(1, 9), st.sampled_from("abcd")),
    st.builds(Confirm, st.just(1), st.just("main"), st.sampled_from("abcd")),
    st.builds(Cancel, st.just(1), st.just("main"), hold=st.sampled_from("abcd")),
)


@given(st.lists(st.tuples(st.integers(0, 5), REQUESTS), max_size=20))
def test_every_ticket_is_for_sale_or_held_or_sold_and_what_is_over_is_not_held(
    asked: list[tuple[int, Request]],
) -> None:
    clock, stock = Clock(), Stock("main", 5, 5)
    with pacing.paced_by(clock):
        for seconds, request in asked:
            clock.time += seconds
            if isinstance(request, Hold) and stock.find(request.hold):
                continue  # a name is given once
            change = request.on(stock)
            if change.stock is not None:
                assert change.stock.version == stock.version + 1
                stock = change.stock
            assert stock.remaining + stock.held + stock.issued == 5
            assert stock.remaining >= 0
            assert all(hold.until > clock.time for hold in stock.holds)


def test_a_hold_keeps_tickets_until_its_time_is_over() -> None:
    clock = Clock()
    with pacing.paced_by(clock):
        held = Hold(1, "main", 2, 30, "1.1").on(Stock("main", 2, 2))
        assert held.outcome == Held("1.1")
        assert held.entry is None
        stock = held.stock
        assert stock is not None
        assert Buy(2, "main").on(stock).outcome == SoldOut()
        assert Confirm(1, "main", "1.1").on(stock).outcome == Sold((1, 2))
        assert Cancel(1, "main", hold="1.1").on(stock).outcome == Cancelled(())
        clock.time += 30
        assert Confirm(1, "main", "1.1").on(stock).outcome == Expired()
        assert Cancel(1, "main", hold="1.1").on(stock).outcome == Expired()
        assert Buy(2, "main").on(stock).outcome == Sold((1,))


def test_whoever_finds_a_hold_over_writes_it_off_whatever_else_it_does() -> None:
    # If a search only looked, what it says could be true at no time: the record may change before it asks the clock.
    clock = Clock()
    with pacing.paced_by(clock):
        stock = Hold(1, "main", 1, 30, "1.1").on(Stock("main", 1, 1)).stock
        assert stock is not None
        assert Search(2, "main").on(stock) == (None, None, Found(0))
        clock.time += 30
        assert Search(2, "main").on(stock) == (Stock("main", 1, 1, version=2), None, Found(1))
        assert Confirm(1, "main", "1.1").on(stock) == (Stock("main", 1, 1, version=2), None, Expired())


def test_a_buyer_confirms_only_what_it_was_told_it_has() -> None:
    mine, confirm = Holdings(), Confirm(1, "main", "1.1", after=2.5)
    mine.take_in(SoldOut())
    assert mine.pause(confirm) is None
    mine.take_in(Held("1.1"))
    assert mine.pause(confirm) == 2.5
    assert mine.pause(Cancel(1, "main", hold="1.1")) == 0.0
    assert mine.pause(Cancel(1, "main", (1,))) == mine.pause(Buy(1, "main")) == 0.0


def test_a_scenario_with_holds_confirms_later_and_abandons_a_share() -> None:
    scenario = Scenario.of("json", buyers=4, orders=5, hold=30.0, pay=(1.0, 2.0), abandon=0.25)
    asked = [request for buyer in range(1, 5) for request in scenario.requests(buyer)]
    confirmed = [request for request in asked if isinstance(request, Confirm)]
    assert len([request for request in asked if isinstance(request, Hold)]) == 20
    assert len(confirmed) == 15
    assert all(1.0 <= request.after <= 2.0 for request in confirmed)
    assert scenario.requests(2) == scenario.requests(2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hold": -1.0}, "a hold of -1 seconds makes no sense"),
        ({"hold": 1.0, "pay": (2.0, 1.0)}, "paying within 2 to 1 seconds makes no sense"),
        ({"hold": 1.0, "abandon": 1.5}, "1.5 is no share of all orders"),
        ({"pay": 1.0}, "without a hold nobody pays later"),
    ],
)
def test_holds_that_make_no_sense_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Scenario.of("json", **settings)  # type: ignore[arg-type]
