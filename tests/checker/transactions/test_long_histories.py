"""Long histories: what a serial execution saw is proved, what it did not see is found, and nothing recurses."""

from __future__ import annotations

import copy
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.checker.transactions.histories import judge
from tests.checker.transactions.long_histories import serial_events
from ticketlab.checker.budget import Budget
from ticketlab.checker.transactions.events import transactions_of
from ticketlab.checker.transactions.isolation import check_transactions

seeds = st.integers(0, (1 << 32) - 1)


@pytest.mark.parametrize("lists", [True, False])
@given(seed=seeds, size=st.integers(1, 60))
def test_a_serial_execution_is_proved_strict(lists: bool, seed: int, size: int) -> None:
    events = serial_events(Random(seed), size, lists)
    found = check_transactions(transactions_of(enumerate(events, 1)), "strict-serializable")
    assert (found.verdict.valid, list(found.strongest)) == (True, ["strict-serializable"])


@given(seed=seeds)
def test_a_read_that_misses_an_element_contradicts_strict_serializability(seed: int) -> None:
    """In a strict execution, whoever read less than had been appended before it was invoked, read too little."""
    random = Random(seed)
    events = copy.deepcopy(serial_events(random, 40, lists=True, processes=3, keys=2))
    over: set[int] = set()
    begun: dict[int, set[int]] = {}
    stale = []
    for event in events:
        if event["type"] == "invoke":
            begun[event["process"]] = set(over)
            continue
        own = {value for f, _, value in event["value"] if f == "append"}
        stale += [
            access
            for access in event["value"]
            if access[0] == "r" and set(access[2]) & begun[event["process"]] and not own & set(access[2])
        ]
        over |= own
    if stale:
        access = random.choice(stale)
        access[2] = []
        found = check_transactions(transactions_of(enumerate(events, 1)), "strict-serializable")
        assert found.verdict.valid is False


@pytest.mark.slow
@pytest.mark.parametrize("lists", [True, False])
def test_thousands_in_one_chain_and_in_one_circle(lists: bool) -> None:
    write, many = ("append" if lists else "w"), 5_000
    chain = [f"r k{n} {f'[{n}]' if lists else n}, {write} k{n + 1} {n + 1}" for n in range(1, many)]
    assert judge(f"{write} k1 1", *chain).verdict.valid is True
    none = "[]" if lists else "nil"
    circle = [f"r k{n} {none}, {write} k{(n + 1) % many} {n + 1}" for n in range(many)]
    found = judge(*circle)
    (anomaly,) = found.verdict.anomalies
    assert (anomaly.name, anomaly.evidence["size"], len(anomaly.evidence["cycle"])) == ("G2-item", many, many)
    assert found.of_levels["snapshot-isolation"] is True


def test_a_lost_update_by_many_is_one_anomaly() -> None:
    found = judge(*(f"r x nil, w x {n}" for n in range(1, 2_000)))
    (anomaly,) = found.verdict.anomalies
    assert (anomaly.name, anomaly.evidence["size"], anomaly.evidence["shown"]) == ("lost update", 1_999, 100)


def test_a_search_ends_with_its_budget() -> None:
    blind = [f"w x {n}, w y {n}, w z {n}" for n in range(1, 13)]
    odd = [f"r x {n}, r y {n % 12 + 1}, r z {n}" for n in range(1, 13)]
    texts = (*blind, *odd[:1])
    events = judge(*texts).history
    found = check_transactions(events, budget=Budget(configurations=20))
    assert found.verdict.valid is None
    assert "the budget of 20 configurations was spent" in found.verdict.reason
    assert found.budget_spent
    assert judge(*texts).verdict.valid is False
