"""All methods against a search that tries every order, on random small histories, and every explanation at its word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest

from tests.checker.brute_force import Spec, box_office, explains, register, seating
from tests.checker.random_histories import counter_history, register_history, seats_history
from ticketlab.checker.linearize import check
from ticketlab.checker.model import Model, cas_register, counter, seats
from ticketlab.core.history import History, Operation

Judged = tuple[Model, list[Operation], object, Spec]


def some_history(kind: str, seed: int) -> Judged:
    random = Random(f"{kind}/{seed}")
    if kind == "counter":
        stock, operations = counter_history(random)
        return counter(stock), operations, stock, box_office(stock)
    if kind == "seats":
        return seats(), seats_history(random), frozenset(), seating
    return cas_register(0), register_history(random), 0, register


def only_certain(operations: Sequence[Operation], rows: set[int]) -> list[Operation]:
    """Keep what these rows say; of the others, only that what had an effect may have had it."""
    kept = []
    for row, o in enumerate(operations):
        if row in rows or o.return_ns is None or o.result in ("failed", "unknown"):
            kept.append(o)
        elif o.result == "ok":
            kept.append(replace(o, result="unknown"))
    return kept


@pytest.mark.parametrize("kind", ["counter", "seats", "cas-register"])
def test_agrees_with_trying_every_order_and_explains_minimally(kind: str) -> None:
    verdicts = {True: 0, False: 0}
    for seed in range(1_500):
        model, operations, start, spec = some_history(kind, seed)
        verdict = check(History({}, tuple(operations)), model)
        expected = explains(operations, start, spec)
        assert verdict.valid is expected, (seed, verdict)
        verdicts[expected] += 1
        for anomaly in verdict.anomalies:
            rows = {o["row"] for o in anomaly.evidence["operations"]}
            assert anomaly.evidence["minimal"]
            assert not explains(only_certain(operations, rows), start, spec), (seed, anomaly)
            for row in rows:
                assert explains(only_certain(operations, rows - {row}), start, spec), (seed, anomaly, row)
    assert min(verdicts.values()) > 100


@pytest.mark.parametrize("kind", ["counter", "seats"])
def test_the_search_for_any_model_agrees_with_the_methods_made_for_one(kind: str) -> None:
    for seed in range(500):
        model, operations, _, _ = some_history(kind, seed)
        history = History({}, tuple(operations))
        assert check(history, replace(model, judge=None)).valid is check(history, model).valid, seed
