"""Laws that hold for every history, whatever its verdict."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tests.checker.random_histories import counter_history, register_history, seats_history
from ticketlab.checker import Model, cas_register, check, counter, seats
from ticketlab.checker.explain import minimal_subset
from ticketlab.core.history import History, Operation

Case = tuple[Model, list[Operation]]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    random = Random(draw(st.integers(0, 1 << 30)))
    kind = draw(st.sampled_from(["counter", "seats", "cas-register"]))
    if kind == "counter":
        stock, operations = counter_history(random)
        return counter(stock), operations
    return (seats(), seats_history(random)) if kind == "seats" else (cas_register(0), register_history(random))


def valid(model: Model, operations: list[Operation]) -> bool | None:
    return check(History({}, tuple(operations)), model).valid


@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_the_lines_says_nothing(case: Case, random: Random) -> None:
    model, operations = case
    assert valid(model, operations) is valid(model, random.sample(operations, len(operations)))


@given(cases(), st.integers(1, 1_000), st.integers(0, 1 << 40))
def test_only_the_order_of_times_counts(case: Case, scale: int, shift: int) -> None:
    model, operations = case
    moved = [
        replace(
            o,
            invoke_ns=scale * o.invoke_ns + shift,
            return_ns=None if o.return_ns is None else scale * o.return_ns + shift,
        )
        for o in operations
    ]
    assert valid(model, operations) is valid(model, moved)


@given(cases(), st.integers(0, 9))
def test_a_lost_answer_never_makes_a_valid_history_anomalous(case: Case, index: int) -> None:
    model, operations = case
    row = index % len(operations)
    if valid(model, operations) and operations[row].result != "failed":
        lost = [replace(o, result="unknown") if i == row else o for i, o in enumerate(operations)]
        assert valid(model, lost)


@given(cases())
def test_whole_and_in_columns_a_history_is_judged_alike_twice(case: Case) -> None:
    model, operations = case
    history = History({}, tuple(operations))
    assert check(history, model) == check(history, model)


@given(st.sets(st.integers(0, 60), min_size=1, max_size=6), st.integers(61, 120))
def test_a_minimal_subset_is_found_among_many(needed: set[int], many: int) -> None:
    asked = []

    def contradicts(rows: frozenset[int]) -> bool:
        asked.append(rows)
        return needed <= rows

    assert set(minimal_subset(range(many), contradicts)) == needed
    assert len(asked) <= 2 * len(needed) * (many.bit_length() + 1) + 1
