"""The simulated queue: closed forms, the turns that it draws from, and the same result twice."""

from __future__ import annotations

from itertools import accumulate
from math import sqrt
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketlab.core.history import Operation
from ticketlab.lab.comparing.queueing import Turn, simulate_batch, simulate_race, turns_of

LENGTHS = st.lists(st.floats(1e-6, 1), min_size=1, max_size=30)


@given(st.floats(1e-6, 1), st.integers(1, 200))
def test_with_equal_services_the_kth_is_answered_after_k_of_them(service: float, buyers: int) -> None:
    found = simulate_batch([Turn((service,))], buyers)
    assert found["sales/s"] == pytest.approx(1 / service)
    assert found["p50"] == pytest.approx(1000 * service * -(-buyers // 2))
    assert found["max"] == pytest.approx(1000 * service * buyers)


@given(st.floats(1e-6, 1), st.integers(2, 20), st.integers(1, 20))
def test_a_closed_queue_of_equal_services_is_d_d_1(service: float, buyers: int, orders: int) -> None:
    """In the first cycle the k-th waits k services; in all later ones everybody waits for all buyers."""
    found = simulate_race([Turn((service,))], buyers, orders)
    wanted = [*range(1, buyers + 1), *[buyers] * (buyers * (orders - 1))]
    assert found.waits_s == pytest.approx([service * each for each in wanted])


@given(LENGTHS, st.integers(1, 50), st.integers(0, 5))
def test_the_kth_waits_for_the_sum_of_the_turns_before_it(lengths: list[float], buyers: int, seed: int) -> None:
    turns = [Turn((length / 2, length), place=number % 2) for number, length in enumerate(lengths)]
    found = simulate_batch(turns, buyers, seed)
    drawn = Random(seed).choices(lengths, k=buyers)
    assert found["max"] == pytest.approx(1000 * (sum(drawn[:-1]) + drawn[-1] / 2))
    assert found["sales/s"] == pytest.approx(2 * buyers / sum(drawn))


@given(LENGTHS, st.integers(1, 20), st.integers(1, 20))
def test_every_order_is_sold_and_turns_fill_the_time(lengths: list[float], buyers: int, orders: int) -> None:
    turns = [Turn(tuple(accumulate(lengths[:size])), size / len(lengths)) for size in range(1, len(lengths) + 1)]
    found = simulate_race(turns, buyers, orders)
    assert sum(len(turn.sales) for turn in found.turns) == buyers * orders
    assert max(found.waits_s) <= sum(turn.sales[-1] for turn in found.turns) * (1 + 1e-9)


def test_exponential_services_answer_a_batch_as_a_sum_of_exponentials_does() -> None:
    """The last of n waits n services of mean m: n m on average, and m sqrt(n) is the standard deviation (Erlang)."""
    random, buyers, mean = Random(1), 10_000, 0.001
    turns = [Turn((random.expovariate(1 / mean),)) for _ in range(100_000)]
    found = simulate_batch(turns, buyers)
    assert found["max"] / 1000 == pytest.approx(buyers * mean, abs=5 * mean * sqrt(buyers))
    assert found["p50"] / 1000 == pytest.approx(buyers * mean / 2, abs=5 * mean * sqrt(buyers / 2))


def test_the_seed_decides_everything() -> None:
    turns = [Turn((0.001 * each,), each / 9) for each in range(1, 10)]
    assert simulate_batch(turns, 1_000, 3) == simulate_batch(turns, 1_000, 3) != simulate_batch(turns, 1_000, 4)
    assert simulate_race(turns, 5, 20, 3) == simulate_race(turns, 5, 20, 3) != simulate_race(turns, 5, 20, 4)


def sale(buyer: int, ordered_ms: int, answered_ms: int) -> Operation:
    return Operation(buyer, "buy", 1, "ok", ordered_ms * 1_000_000, answered_ms * 1_000_000, "main", (1,))


def test_turns_are_what_one_buyer_gets_between_the_sales_of_others() -> None:
    """Buyer 3 orders before buyer 2, which comes first nevertheless; buyer 1 has two sales in its turn."""
    found = turns_of([
        sale(1, 0, 10), sale(1, 11, 20), sale(2, 2, 26), sale(3, 1, 36), sale(1, 21, 40),
    ])  # fmt: skip
    assert found.turns == [Turn((0.01, 0.02)), Turn((0.006,), 1.0), Turn((0.01,)), Turn((0.004,))]
    assert found.waits_s == [0.01, 0.024, 0.035, 0.019]
    assert found.metrics["sales/s"] == pytest.approx(5 / 0.04)
    assert turns_of([]).metrics == {}


def test_orders_that_sold_nothing_are_part_of_the_next_turn() -> None:
    failed = Operation(2, "buy", 1, "failed", 1_000_000, 9_000_000)
    unanswered = Operation(3, "buy", 1, None, 1_000_000, None)
    assert turns_of([failed, unanswered, sale(1, 0, 5), sale(2, 10, 12)]).turns == [Turn((0.005,)), Turn((0.007,))]


@given(LENGTHS, st.integers(2, 8), st.integers(1, 8))
def test_the_turns_of_a_simulated_race_are_read_back_as_they_were(
    lengths: list[float], buyers: int, orders: int
) -> None:
    """A race is simulated, written as a history, and read as one: the same turns fill the same time."""
    made = simulate_race([Turn((round(length, 6),)) for length in lengths], buyers, orders)
    ends = list(accumulate(turn.sales[-1] for turn in made.turns))
    operations = [
        Operation(number % buyers, "buy", 1, "ok", round((end - wait) * 1e9), round(end * 1e9) + number, "main", (1,))
        for number, (end, wait) in enumerate(zip(ends, made.waits_s, strict=True))
    ]
    found = turns_of(operations)
    assert [turn.sales[-1] for turn in found.turns] == pytest.approx([t.sales[-1] for t in made.turns], abs=1e-6)
    assert found.waits_s == pytest.approx(made.waits_s, abs=1e-6)
