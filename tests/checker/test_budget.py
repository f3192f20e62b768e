"""What a search may spend: configurations, time and memory, all of them given from outside; then it is undecided."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from ticketlab.checker import Budget, Model, cas_register, check, counter
from ticketlab.core.history import History, Operation


def hard(model: Model) -> History:
    """Many concurrent operations that only an exhaustive search can refute."""
    if model.name == "counter":
        orders = [Operation(p, "buy", 2 * p + 2, "ok", 0, 9) for p in range(40)]
        return History({}, (*orders, Operation(99, "search", None, 9_001, 0, 8)))
    calls = [Operation(p, "cas", [p, (7 * p + 3) % 30], "ok", 0, 9) for p in range(30)]
    writes = [Operation(100 + p, "write", p, "ok", 0, 9) for p in range(30)]
    return History({}, (*calls, *writes, Operation(200, "read", None, 77, 0, 9)))


def test_a_spent_number_of_configurations_is_undecided_and_never_valid() -> None:
    for model in (counter(10_000), cas_register(0)):
        verdict = check(hard(model), model, Budget(configurations=2_000))
        assert verdict.valid is None
        assert verdict.exit_code == 3
        assert verdict.reason == "the budget of 2,000 configurations was spent"


def test_spent_time_is_undecided_by_the_clock_that_was_passed_in() -> None:
    ticks = count()
    for model in (counter(10_000), cas_register(0)):
        verdict = check(hard(model), model, Budget(seconds=20, clock=lambda: float(next(ticks)), configurations=None))
        assert verdict.valid is None
        assert verdict.reason.startswith("the budget of 20 s was spent after ")


def test_spent_memory_is_undecided_by_what_has_grown_since_the_judgement_began() -> None:
    grown = count(500_000_000, 1_000_000)
    for model in (counter(10_000), cas_register(0)):
        verdict = check(hard(model), model, Budget(megabytes=20, memory=lambda: next(grown), configurations=None))
        assert verdict.valid is None
        assert verdict.reason.startswith("the budget of 20 MB was spent after ")


def test_an_anomaly_found_before_the_budget_ends_is_kept() -> None:
    orders = [Operation(o.process, o.op, o.arg, o.result, 0, o.return_ns, "B") for o in hard(counter(1)).operations]
    sold_out = Operation(900, "buy", 1, "ok", 0, 1, "A")
    verdict = check(History({}, (sold_out, *orders)), counter({"A": 0, "B": 10_000}), Budget(configurations=2_000))
    assert verdict.valid is False
    assert verdict.reason


HUGE = 100_000_000_000


def test_an_order_of_any_size_costs_no_more_than_a_small_one() -> None:
    orders = (Operation(1, "buy", HUGE, "ok", 1, 5), Operation(2, "buy", 1, "ok", 1, 5))
    for section, model in (("", counter(10 * HUGE)), ("main", counter({"main": 10 * HUGE}))):
        found = [replace(o, section=section) for o in (*orders, Operation(3, "search", None, 7, 1, 5))]
        verdict = check(History({}, tuple(found)), model, Budget(configurations=1_000))
        assert [anomaly.name for anomaly in verdict.anomalies] == ["ghost sale"]
        held = (*orders, Operation(3, "search", None, 9 * HUGE - 1, 1, 5), Operation(4, "cancel", HUGE, "ok", 9, 9))
        found = [replace(o, section=section) for o in held]
        assert check(History({}, tuple(found)), model, Budget(configurations=1_000)).valid is True


def test_a_long_look_at_few_configurations_is_interrupted_too() -> None:
    ticks = count()
    reads = tuple(Operation(0, "read", None, 0, n, n) for n in range(3_000))
    verdict = check(
        History({}, reads), cas_register(0), Budget(seconds=20, clock=lambda: float(next(ticks)), configurations=None)
    )
    assert verdict.reason == "the budget of 20 s was spent after 0 configurations"


def test_the_fast_methods_need_no_budget() -> None:
    operations = tuple(Operation(p, "buy", 1, "ok", 0, 1) for p in range(1_000))
    assert check(History({}, operations), counter(1_000), Budget(configurations=0)).valid is True
