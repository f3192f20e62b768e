"""How far another clock is from the lab's, and by how much that may be wrong."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from ticketlab.checker import check
from ticketlab.core.history import History, Operation
from ticketlab.launch.machines.clocks import ClockOffset, measure_offset

DELAYS = st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 10**7)), min_size=20, max_size=20)


def clocks(ahead: int, delays: list[tuple[int, int]]) -> tuple[Callable[[], int], Callable[[], int]]:
    """Return a clock that is ahead of the other by so much, asked over a network with these delays, and the other."""
    now, left = 10**12, iter(delays)

    def ask() -> int:
        nonlocal now
        there, back = next(left)
        answer = now + there + ahead
        now += there + back
        return answer

    return ask, lambda: now


@given(st.integers(-(10**13), 10**13), DELAYS)
def test_the_offset_is_within_its_error_and_that_is_half_the_quickest_round_trip(
    ahead: int, delays: list[tuple[int, int]]
) -> None:
    ask, clock = clocks(ahead, delays)
    offset = measure_offset(ask, clock)
    assert abs(offset.middle - ahead) <= offset.error
    assert 2 * offset.error <= min(map(sum, delays)) + 3


@given(st.integers(-(10**10), 10**10), st.integers(-(10**6), 10**6), DELAYS, DELAYS)
def test_two_measurements_bound_a_clock_that_drifts_between_them(
    ahead: int, drift: int, before: list[tuple[int, int]], after: list[tuple[int, int]]
) -> None:
    first = measure_offset(*clocks(ahead, before))
    both = first.spanning(measure_offset(*clocks(ahead + drift, after)))
    for moment in (ahead, ahead + drift // 2, ahead + drift):
        assert abs(both.here(moment + 5) - 5) <= both.error


SALES = (
    Operation(1, "buy", 1, "ok", 1_000, 2_000, "main", (1,)),
    Operation(2, "buy", 1, "soldout", 3_000, 4_000, "main"),
)


def judged(operations: tuple[Operation, ...]) -> bool | None:
    return check(History({"model": "counter", "stock": 1, "several_clocks": True}, operations)).valid


def test_a_clock_that_is_ahead_is_no_anomaly_once_it_is_known() -> None:
    ahead = ClockOffset(5_000_000, 5_000_100)
    seen = Operation(1, "buy", 1, "ok", 1_000 + 5_000_050, 2_000 + 5_000_050, "main", (1,))
    raw = (seen, SALES[1])
    mapped = seen.__class__(1, "buy", 1, "ok", ahead.here(seen.invoke_ns), ahead.here(5_002_050), "main", (1,))
    assert judged(raw) is False  # sold out was told before anything was sold
    assert judged((mapped.widened(ahead.error), SALES[1].widened(ahead.error))) is True


def test_what_clocks_cannot_explain_is_still_an_anomaly() -> None:
    early = Operation(2, "buy", 1, "soldout", 600, 700, "main")
    assert judged((SALES[0].widened(100), early.widened(100))) is False
    assert judged((SALES[0].widened(200), early.widened(200))) is True


def test_operations_of_one_process_may_overlap_if_its_clock_is_not_the_labs() -> None:
    one, then = (Operation(1, "buy", 1, "ok", at, at + 100, "main", (at,)) for at in (1_000, 1_200))
    assert judged((one.widened(1_000), then.widened(1_000))) is False  # two of one ticket
