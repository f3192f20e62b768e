"""Leases: what happens to a holder that is slower than its lease, and what fencing makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given

from tests.dying import each_death
from tests.strategies.purchases import buy, explored_with_faults, opened
from ticketlab import PlanResult, run_plan
from ticketlab.core.pacing import Free, paced_by
from ticketlab.core.scenario import Scenario
from ticketlab.timings import Timing
from ticketlab.timings.hypothesis_strategies import timings

pytestmark = pytest.mark.usefixtures("in_tmp_path")

SECOND = 1_000_000  # in the microseconds of timings


def played(strategy: str, timing: Timing, store: str = "json:in-place", executor: str = "inline") -> PlanResult:
    return run_plan(Scenario.of(store, strategy, buyers=2, tickets=1), timing, executor=executor)


# The first buyer takes the lease, reads, and is away for 15 s; the second is refused, and takes the lease after 10 s.
AWAY = Timing(((0, 0, 15 * SECOND), (1,)))
# The same, and the second buyer is away as well between its read and its write, from 10 s to 20 s.
BOTH_AWAY = Timing(((0, 0, 15 * SECOND), (1, 0, 0, 10 * SECOND)))


@pytest.mark.parametrize("executor", ["inline", "processes"])
@pytest.mark.parametrize(
    ("strategy", "timing"),
    [("lease:unfenced", AWAY), ("lease:unfenced,clock=wall", AWAY), ("lease:fenced-writes", BOTH_AWAY)],
)
def test_a_holder_that_was_away_for_longer_than_its_lease_sells_a_ticket_again(
    strategy: str, timing: Timing, executor: str
) -> None:
    assert "ticket sold twice" in [one.name for one in played(strategy, timing, executor=executor).anomalies]


@pytest.mark.parametrize("timing", [AWAY, BOTH_AWAY])
@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_fenced_it_is_refused_and_told_so(timing: Timing, executor: str) -> None:
    found = played("lease:fenced", timing, executor=executor)
    assert found.valid
    assert ("retry", "the store has seen a newer lease") in [(note.what, note.value) for note in found.execution.notes]


def test_a_longer_lease_only_moves_the_trouble() -> None:
    assert played("lease:unfenced,seconds=20", AWAY).valid
    assert not played("lease:unfenced,seconds=20", Timing(((0, 0, 30 * SECOND), (1,)))).valid


@given(timings(buyers=2, steps=12, longest=30 * SECOND))
def test_fenced_it_sells_right_whoever_is_away_and_for_how_long(timing: Timing) -> None:
    assert played("lease:fenced", timing).valid


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["lease:unfenced", "lease:fenced-writes"])
def test_a_pause_at_any_point_of_the_purchase_is_too_long_for_a_lease_without_a_fence(strategy: str) -> None:
    found = explored_with_faults("json:in-place", strategy, "pause", tickets=1)
    assert found.names.keys() == {"oversold", "ticket sold twice", "lost update"}
    assert found.finding is not None


@pytest.mark.slow
@pytest.mark.parametrize(("clock", "faults"), [("monotonic", "pause"), ("wall", "pause,clock")])
def test_a_fence_holds_whoever_is_paused_and_whatever_the_clock_does(clock: str, faults: str) -> None:
    assert explored_with_faults("json:in-place", f"lease:fenced,clock={clock}", faults, tickets=1).verdict.valid


@pytest.mark.slow
def test_a_clock_on_the_wall_that_jumps_ends_leases_that_are_held() -> None:
    assert explored_with_faults("json:in-place", "lease:unfenced", "clock", tickets=1).verdict.valid
    assert explored_with_faults("json:in-place", "lease:unfenced,clock=wall", "clock", tickets=1).verdict.valid is False


class Later(Free):
    """The real thing, on a clock that is some seconds ahead: the lease of who died has ended by now."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def now(self, *, wall: bool) -> float:
        return super().now(wall=wall) + self._seconds


@pytest.mark.parametrize("variant", ["fenced", "unfenced"])
def test_whenever_a_holder_is_killed_its_lease_ends_by_itself(variant: str, tmp_path: Path) -> None:
    store, strategy = opened("json:rename", f"lease:{variant}", tmp_path)
    deaths = 0
    for _ in each_death(lambda: buy(store, strategy, 1)):
        deaths += 1
        with paced_by(Later(11 * deaths)):
            buy(store, strategy, 2)
        books = store.books()
        assert books.ledger is not None
        assert books.stocks["main"].remaining == 90 - sum(len(entry.tickets) for entry in books.ledger)
    assert deaths >= 6
    store.close()
