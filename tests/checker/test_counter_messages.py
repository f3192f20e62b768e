"""Every number in a sentence about a counter is true: it is recomputed from the history."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest

from tests.checker.random_histories import counter_history
from tests.checker.true_sentences import FORMS, check_numbers
from ticketlab.checker import check, counter
from ticketlab.core.history import Answer, Arg, History, Operation
from ticketlab.core.verdict import Anomaly

Asked = tuple[int, str, Arg, Answer, int, int]


def judged(stock: int, *operations: Asked) -> Sequence[Anomaly]:
    return check(History({}, tuple(Operation(*one) for one in operations)), counter(stock)).anomalies


def test_one_buyer_was_sold_tickets_however_often_it_bought() -> None:
    (found,) = judged(1, (0, "buy", 1, "ok", 0, 1), (0, "buy", 1, "ok", 2, 3))
    assert found.sentence == "buyer 0 was sold 2 tickets, but there were only 1"


def test_no_sale_is_lost_if_the_last_search_saw_all_that_there_was() -> None:
    mixed: list[Asked] = [(0, "buy", 3, "ok", 0, 0), (1, "buy", 2, "ok", 0, 0), (2, "search", None, 1, 1, 1)]
    assert [one.name for one in judged(3, *mixed, (3, "search", None, 0, 2, 2))] == ["oversold", "stale read"]
    assert [one.name for one in judged(3, *mixed, (3, "search", None, 1, 2, 2))] == ["oversold", "lost update"]
    units: list[Asked] = [(0, "buy", 1, "ok", 0, 0), (1, "buy", 1, "ok", 0, 0), (2, "search", None, 1, 1, 1)]
    assert [one.name for one in judged(1, *units, (3, "search", None, 0, 2, 2))] == ["oversold", "stale read"]
    one_lost: list[Asked] = [(0, "buy", 1, "ok", 0, 0), (1, "buy", 1, "ok", 0, 0), (2, "search", None, 2, 1, 1)]
    assert [one.name for one in judged(2, *one_lost, (3, "search", None, 1, 2, 2))] == ["lost update"]


def test_a_sale_of_more_than_was_left_is_an_oversell_and_else_too_much_was_cancelled() -> None:
    sold_again = judged(3, (0, "buy", 2, "ok", 0, 0), (1, "cancel", 1, "ok", 0, 1), (2, "buy", 3, "ok", 2, 2))
    assert [one.name for one in sold_again] == ["oversold"]
    given_back = judged(3, (1, "cancel", 1, "ok", 0, 1), (2, "buy", 2, "ok", 2, 2))
    assert [one.name for one in given_back] == ["unsold tickets cancelled"]


def test_searches_that_a_cancel_between_them_explains_are_not_said_to_contradict_each_other() -> None:
    bought: list[Asked] = [(0, "buy", 1, "ok", 0, 0), (1, "buy", 1, "ok", 0, 1), (1, "search", None, 0, 1, 1)]
    refused: list[Asked] = [(0, "buy", 1, "soldout", 1, 2), (2, "search", None, 1, 2, 3), (0, "cancel", 1, "ok", 3, 3)]
    (found,) = judged(1, *bought, *refused)
    assert found.name == "oversold"


@pytest.mark.slow
def test_every_number_is_true_in_every_form_of_sentence() -> None:
    seen = set()
    for seed in range(12_000):
        stock, operations = counter_history(Random(f"true/{seed}"))
        for anomaly in check(History({}, tuple(operations)), counter(stock)).anomalies:
            seen.add(check_numbers(stock, operations, anomaly))
    assert seen == set(FORMS)
