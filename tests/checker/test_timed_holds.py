"""Tickets that are held for a while: never a false alarm, and the known ways to go wrong are found and named."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from tests.checker.brute_force_in_time import explains_in_time
from tests.checker.random_histories import holds_history
from ticketlab.checker import MalformedHistory, check, holds
from ticketlab.core.history import Answer, Arg, History, Operation

SECOND = 1_000_000_000
D = 10 * SECOND


def op(process: int, what: str, arg: Arg, result: Answer, begin: float, end: float) -> Operation:
    return Operation(process, what, arg, result, round(begin * SECOND), round(end * SECOND))


def hold(process: int, name: str, begin: float, end: float) -> Operation:
    return op(process, "hold", [1, D], name, begin, end)


def verdict_of(stock: int, *operations: Operation) -> str:
    verdict = check(History({"model": "holds", "stock": stock}, operations))
    assert verdict.valid is not None
    return verdict.anomalies[0].name if verdict.anomalies else "right"


@pytest.mark.slow
def test_never_calls_a_right_history_wrong_and_misses_little() -> None:
    right = wrong = missed = 0
    for seed in range(600):
        stock, operations = holds_history(Random(f"holds/{seed}"), brief=False)
        found = check(History({}, tuple(operations)), holds(stock)).valid
        expected = explains_in_time(stock, operations)
        assert found or not expected, (seed, operations)
        right, wrong, missed = right + expected, wrong + (not expected), missed + (found is not expected)
    assert min(right, wrong) > 200
    assert missed <= wrong / 25


def test_is_exact_where_holds_take_no_time() -> None:
    for seed in range(500):
        stock, operations = holds_history(Random(f"brief/{seed}"), brief=True)
        if all(o.op != "hold" or o.return_ns is not None for o in operations):
            found = check(History({}, tuple(operations)), holds(stock)).valid
            assert found is explains_in_time(stock, operations), (seed, operations)


@pytest.mark.parametrize(
    ("operations", "name"),
    [
        ([hold(1, "a", 0, 1), op(1, "confirm", "a", "ok", 2, 3), hold(2, "soldout", 20, 21)], "right"),
        ([hold(1, "a", 0, 1), hold(2, "soldout", 2, 3), op(1, "cancel", "a", "ok", 4, 5), hold(2, "b", 6, 7)], "right"),
        ([hold(1, "a", 0, 1), hold(2, "b", 10.5, 12)], "right"),
        ([hold(1, "a", 0, 1), op(1, "confirm", "a", "ok", 10.5, 12), hold(2, "soldout", 13, 14)], "right"),
        ([hold(1, "a", 0, 1), op(1, "confirm", "a", "expired", 9, 10.5)], "right"),
        ([hold(1, "unknown", 0, 1), hold(2, "soldout", 30, 31)], "right"),
        ([hold(1, "a", 0, 1), hold(2, "b", 8, 9)], "held twice"),
        ([hold(1, "a", 0, 1), op(2, "buy", 1, "ok", 8, 9)], "held twice"),
        ([hold(1, "a", 0, 1), op(1, "confirm", "a", "expired", 8, 9)], "hold broken"),
        ([hold(1, "a", 0, 1), op(1, "confirm", "a", "ok", 12, 13)], "confirmed too late"),
        ([hold(1, "a", 0, 1), hold(2, "b", 12, 13), op(1, "confirm", "a", "ok", 14, 15)], "confirmed too late"),
        ([hold(1, "a", 0, 1), hold(2, "soldout", 12, 13)], "hold leaked"),
        ([hold(1, "a", 0, 1), op(2, "search", None, 0, 12, 13)], "stale read"),
        ([hold(1, "a", 0, 1), op(1, "confirm", "a", "ok", 2, 3), op(1, "confirm", "a", "ok", 4, 5)], "hold used twice"),
        ([hold(2, "soldout", 0, 1)], "undersold"),
    ],
)
def test_known_histories(operations: list[Operation], name: str) -> None:
    assert verdict_of(1, *operations) == name


LONG = 1_000 * SECOND
STRANGER = op(2, "hold", [1, LONG], "unknown", 0, 1)


@pytest.mark.parametrize(
    ("operations", "name"),
    [
        ([hold(1, "a", 0, 1), op(1, "confirm", "a", "ok", 12, 13)], "confirmed too late"),
        ([hold(1, "a", 0, 1), op(1, "confirm", "a", "ok", 2, 3), op(1, "confirm", "a", "ok", 4, 5)], "hold used twice"),
        (
            [hold(1, "a", 0, 1), op(1, "cancel", "a", "ok", 2, 3), op(1, "confirm", "a", "ok", 4, 5)],
            "hold used twice",
        ),
        ([op(1, "confirm", "b", "ok", 2, 3)], "right"),
        ([op(1, "confirm", "b", "ok", 2, 3), op(1, "confirm", "b", "ok", 4, 5)], "hold used twice"),
        ([op(1, "cancel", "b", "ok", 2, 3), op(1, "confirm", "b", "ok", 4, 5)], "hold used twice"),
        ([op(1, "confirm", "b", "ok", 2, 3), op(1, "confirm", "c", "ok", 4, 5)], "hold used that was not there"),
    ],
)
def test_a_hold_without_an_answer_excuses_nothing_that_is_about_another(operations: list[Operation], name: str) -> None:
    assert verdict_of(5, STRANGER, *operations) == name


def at(process: int, what: str, arg: Arg, result: Answer, begin: int, end: int | None = None) -> Operation:
    return Operation(process, what, arg, result, begin, begin if end is None else end)


@pytest.mark.parametrize(
    ("stock", "operations", "name"),
    [
        (1, [at(0, "hold", [1, 1], "a", 0), at(0, "cancel", "a", "ok", 2)], "cancelled too late"),
        (
            2,
            [
                at(0, "hold", [1, 1], "a", 0),
                at(1, "hold", [2, 1], "b", 1),
                at(0, "confirm", "a", "ok", 1),
            ],
            "confirmed too late",
        ),
        (
            1,
            [
                at(2, "hold", [1, 1], "2.1", 0, 3),
                at(0, "hold", [1, 1], "0.8", 0, 3),
                at(3, "confirm", "2.1", "ok", 1, 2),
                at(4, "confirm", "0.8", "ok", 3),
            ],
            "oversold",
        ),
        (1, [at(0, "cancel", 1, "ok", 0)], "unsold tickets cancelled"),
    ],
)
def test_a_name_says_no_more_than_its_evidence(stock: int, operations: list[Operation], name: str) -> None:
    assert verdict_of(stock, *operations) == name


def test_a_name_that_was_over_is_not_that_of_a_hold_that_stood_then() -> None:
    soldout, unknown = at(0, "buy", 1, "soldout", 0), Operation(1, "hold", [1, 5], "unknown", 0, 1)
    over = at(2, "confirm", "1.1", "expired", 1)
    assert verdict_of(1, soldout, unknown, over) == "right"
    assert verdict_of(1, soldout, unknown, at(3, "cancel", "1.1", "ok", 2)) == "right"
    assert verdict_of(1, soldout, unknown, over, at(3, "cancel", "1.2", "ok", 2)) == "right"
    assert verdict_of(1, soldout, unknown, over, at(3, "cancel", "1.1", "ok", 2)) == "hold broken"


@pytest.mark.parametrize(("error", "valid"), [(None, False), (0, False), (3, False), (4, True)])
def test_a_hold_ends_when_it_was_told_unless_the_clock_may_err(error: int | None, valid: bool) -> None:
    meta = {"model": "holds", "stock": 1} | ({} if error is None else {"clock_error_ns": error})
    operations = (at(0, "hold", [1, 5], "a", 0), at(1, "hold", [1, 5], "b", 1))
    assert check(History(meta, operations)).valid is valid


@pytest.mark.parametrize("error", [-1, 1.5, True, "1", None])
def test_a_clock_error_is_a_number_of_nanoseconds(error: object) -> None:
    with pytest.raises(MalformedHistory, match=r"clock_error_ns is .*: expected nanoseconds, a whole number from 0"):
        check(History({"model": "holds", "stock": 1, "clock_error_ns": error}))


@pytest.mark.parametrize("end", [1, 5, 50, 1_000])
def test_a_hold_that_took_longer_than_it_lasts_ends_all_the_same(end: float) -> None:
    brief = Operation(1, "hold", [5, 100_000], "a", 0, round(end * SECOND))
    assert verdict_of(5, brief, op(1, "confirm", "a", "ok", 2_000, 2_001)) == "confirmed too late"
    assert verdict_of(5, brief, op(2, "hold", [5, D], "soldout", 2_000, 2_001)) == "hold leaked"
    assert verdict_of(5, brief, op(1, "confirm", "a", "ok", end, end + 1)) == "right"


def only_certain(operations: list[Operation], rows: set[int]) -> list[Operation]:
    """Keep what these rows say; of the others, only that what had an effect may have had it, then or later."""
    kept = []
    for row, o in enumerate(operations):
        if row in rows or o.return_ns is None or o.result in ("failed", "unknown"):
            kept.append(o)
        elif o.op != "search" and o.result not in ("soldout", "expired"):
            kept.append(replace(o, return_ns=None))
    return kept


@pytest.mark.slow
def test_a_proof_contradicts_itself_in_exact_time_and_is_minimal_if_it_says_so() -> None:
    proofs = minimal = 0
    for seed in range(540):
        stock, operations = holds_history(Random(f"proof/{seed}"), brief=seed % 2 == 0)
        for anomaly in check(History({}, tuple(operations)), holds(stock)).anomalies:
            rows = {o["row"] for o in anomaly.evidence["operations"]}
            proofs += 1
            assert not explains_in_time(stock, only_certain(operations, rows)), (seed, anomaly)
            if anomaly.evidence["minimal"]:
                minimal += 1
                for row in rows:
                    assert explains_in_time(stock, only_certain(operations, rows - {row})), (seed, anomaly, row)
    assert proofs > 200
    assert minimal > 0.95 * proofs


def test_evidence_leaves_out_what_does_not_matter() -> None:
    verdict = check(
        History(
            {"model": "holds", "stock": 1},
            (hold(1, "a", 0, 1), op(3, "search", None, 0, 2, 3), hold(2, "soldout", 12, 13), hold(3, "b", 20, 21)),
        )
    )
    (anomaly,) = verdict.anomalies
    assert [each["process"] for each in anomaly.evidence["operations"]] == [1, 2]
    assert anomaly.sentence == (
        "no order explains these, whatever the others did: process 1 hold(1 for 10 s) -> a (0.0 s to 1.0 s); "
        "process 2 hold(1 for 10 s) -> soldout (12.0 s to 13.0 s)"
    )


@pytest.mark.parametrize(
    ("operations", "message"),
    [
        ([op(1, "hold", 1, "a", 0, 1)], r"arg of hold is 1: expected \[tickets, nanoseconds\]"),
        ([op(1, "hold", [1, D], 7, 0, 1)], "result of hold is 7: expected the name of the hold"),
        ([op(1, "confirm", 3, "ok", 0, 1)], "arg of confirm is 3: expected the name of a hold"),
        ([op(1, "confirm", "a", "soldout", 0, 1)], "result of confirm is 'soldout': expected one of 'ok', 'expired'"),
        ([op(1, "reserve", 1, "ok", 0, 1)], "unknown operation 'reserve' of model holds"),
        ([hold(1, "a", 0, 1), hold(2, "a", 2, 3)], "operation 1: the name 'a' of a hold stands twice"),
    ],
)
def test_what_is_no_such_history_is_refused(operations: list[Operation], message: str) -> None:
    with pytest.raises(MalformedHistory, match=message):
        verdict_of(1, *operations)
