"""Functions under test: the wrong ones are found by what they take, and the right ones raise no alarm."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

import pytest

from ticketlab.core.errors import Conflict
from ticketlab.core.inventory import Buy, Entry, Held, Stock
from ticketlab.core.pacing import at, sleep
from ticketlab.core.steps import Action, Step
from ticketlab.lab.exploring.function_session import BuyerSession
from ticketlab.testing import FunctionRace, check_function, guarded

pytestmark = pytest.mark.usefixtures("in_tmp_path")


def less(stock: Stock) -> Stock:
    return stock._replace(remaining=stock.remaining - 1, version=stock.version + 1)


def take(session: BuyerSession) -> None:
    stock = session.read()
    if stock.remaining:
        session.write(less(stock))


GUARD = guarded("checkout", threading.Lock())


def behind_a_lock(session: BuyerSession) -> None:
    with GUARD:
        take(session)


def in_a_transaction(session: BuyerSession) -> None:
    with session.transaction("immediate"):
        take(session)


def in_a_transaction_that_may_be_refused(session: BuyerSession) -> None:
    while True:
        try:
            with session.transaction("deferred"):
                take(session)
        except Conflict:
            sleep(0.001)  # virtual time: who tries in vain waits until something has changed
            continue
        return


def optimistically(session: BuyerSession) -> bool:
    while (stock := session.read()).remaining:
        if session.compare_and_set(less(stock)):
            return True
    return False


def in_one_statement(session: BuyerSession) -> None:
    session.apply(Buy(session.buyer, "main"))


def buy_and_give_back(session: BuyerSession) -> None:
    sold = session.buy()
    if isinstance(sold, tuple) and sold:
        session.cancel(sold[0])


def blindly(session: BuyerSession) -> None:
    session.write(Stock("main", 1, 0))


@pytest.mark.parametrize(
    ("function", "store", "strategy"),
    [
        (behind_a_lock, "json:in-place", "none"),
        (behind_a_lock, "memory", "none"),
        (in_a_transaction, "sqlite", "none"),
        (in_a_transaction_that_may_be_refused, "sqlite", "none"),
        (optimistically, "memory", "none"),
        (in_one_statement, "sqlite", "none"),
        (buy_and_give_back, "json:in-place", "flock"),
        (blindly, "memory", "none"),
    ],
)
def test_what_is_right_raises_no_alarm(function: Callable[[BuyerSession], Any], store: str, strategy: str) -> None:
    found = check_function(function, FunctionRace(buyers=2, store=store, strategy=strategy))
    assert found.exhausted or found.left_out  # an endless loop of tries is undecided, and never blamed


def forget_to_take(session: BuyerSession) -> list[int] | bool:
    stock = session.read("main")
    session.write(stock._replace(issued=stock.issued + 1), Entry(session.buyer, "main", (stock.issued + 1,)))
    return [stock.issued + 1]


def take_two_for_one(session: BuyerSession) -> list[int] | bool:
    stock = session.read("main")
    after = stock._replace(remaining=stock.remaining - 2, issued=stock.issued + 1)
    session.write(after, Entry(session.buyer, "main", (stock.issued + 1,)))
    return [stock.issued + 1]


@pytest.mark.parametrize("says", ["the numbers", "yes"])
@pytest.mark.parametrize(
    ("function", "numbers", "yes"),
    [
        (forget_to_take, "invented tickets", "lost update: buyers say that they have 1 ticket, the books count 0"),
        (take_two_for_one, "lost tickets", "lost tickets: 1 ticket of section 'main' is neither sold nor for sale"),
    ],
)
def test_what_is_left_and_what_was_issued_must_be_all_that_there_was(
    function: Callable[[BuyerSession], list[int] | bool], numbers: str, yes: str, says: str
) -> None:
    def sell(session: BuyerSession) -> list[int] | bool:
        bought = function(session)
        return bought if says == "the numbers" else True

    with pytest.raises(AssertionError, match=numbers if says == "the numbers" else yes):
        check_function(sell, FunctionRace(buyers=1, tickets=5, store="memory"))


SHARED = ["json:in-place", "json:rename", "sqlite", "manager"]


@pytest.mark.parametrize(
    ("store", "executor"),
    [("memory", "inline"), *((store, executor) for store in SHARED for executor in ("inline", "processes"))],
)
def test_an_unguarded_function_that_returns_nothing_is_found_to_lose_an_update(store: str, executor: str) -> None:
    with pytest.raises(AssertionError, match="lost update: buyers took 2 tickets, the books count 1"):
        check_function(take, FunctionRace(buyers=2, store=store, executor=executor))


def test_what_buyers_share_beside_the_store_is_put_back_before_each_execution() -> None:
    tickets = [1]
    starts = []

    def sell(session: BuyerSession) -> bool:
        at(Step(Action.READ, "till"))
        left = tickets[0]
        at(Step(Action.WRITE, "till"))
        tickets[0] = left - 1
        return left > 0

    def reset() -> None:
        starts.append(tickets[0])
        tickets[0] = 1

    with pytest.raises(AssertionError, match="oversold: buyers say that they have 2 tickets, and there were only 1"):
        check_function(sell, FunctionRace(buyers=2, store="memory", reset=reset))
    assert len(starts) > 1


def hold_and_confirm(session: BuyerSession) -> None:
    held = session.hold(30.0)
    if isinstance(held, Held):
        session.confirm(held)


def test_a_function_that_holds_and_confirms_is_judged_by_its_receipts() -> None:
    check_function(hold_and_confirm, FunctionRace(store="memory", strategy="lock"))
    with pytest.raises(AssertionError, match="lost update"):
        check_function(hold_and_confirm, FunctionRace(store="memory"))


def draw_then_take(session: BuyerSession) -> None:
    stock = session.read()
    if stock.remaining and random.random() < 0.5:
        at(Step(Action.WRITE, "log"))
    session.apply(Buy(session.buyer, "main"))


def test_numbers_that_are_drawn_in_one_process_prove_nothing() -> None:
    before = random.getstate()
    found = [check_function(draw_then_take, FunctionRace(store="sqlite", buyers=2)) for _ in range(3)]
    assert random.getstate() == before
    assert {one.executions for one in found} == {found[0].executions}
    assert {(one.verdict.valid, one.exhausted) for one in found} == {(None, False)}
    assert "the module random" in found[0].verdict.reason


def test_numbers_that_are_drawn_in_processes_are_the_same_in_every_execution() -> None:
    found = check_function(draw_then_take, FunctionRace(store="sqlite", buyers=2, executor="processes"))
    assert found.verdict.valid is True


def test_a_generator_of_ones_own_is_left_alone() -> None:
    def draw(session: BuyerSession) -> None:
        if random.Random(session.buyer).random() < 2:
            session.apply(Buy(session.buyer, "main"))

    assert check_function(draw, FunctionRace(store="sqlite", buyers=2)).verdict.valid is True
