"""Every number in a sentence about a counter is true: it is recomputed from the history."""

from __future__ import annotations

from random import Random

from tests.checker.random_histories import counter_history
from tests.checker.true_sentences import FORMS, check_numbers
from ticketlab.checker import check, counter
from ticketlab.core.history import History


def test_every_number_is_true_in_every_form_of_sentence() -> None:
    seen = set()
    for seed in range(12_000):
        stock, operations = counter_history(Random(f"true/{seed}"))
        for anomaly in check(History({}, tuple(operations)), counter(stock)).anomalies:
            seen.add(check_numbers(stock, operations, anomaly))
    assert seen == set(FORMS)
