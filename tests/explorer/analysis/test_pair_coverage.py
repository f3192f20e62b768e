"""Ordered pairs of racing steps: all are seen in both orders once every schedule was run, as far as they can be."""

from __future__ import annotations

from tests.explorer.policies.scripts import every_schedule, writing
from tests.explorer.toys import Toy, locked
from ticketlab.explorer.analysis.pair_coverage import PairCoverage


def counts(toy: Toy, schedules: int | None = None) -> tuple[int, int]:
    coverage = PairCoverage()
    for execution in every_schedule(toy)[:schedules]:
        coverage.see(execution.trace)
    return coverage.counts()


def test_a_pair_counts_once_it_was_seen_in_both_orders() -> None:
    assert counts(writing("x", "x"), 1) == (1, 0)
    assert counts(writing("x", "x")) == (1, 1)


def test_steps_that_commute_and_steps_of_one_participant_are_no_pair() -> None:
    assert counts(writing("x", "y")) == (0, 0)
    assert counts(writing("xy", "xy")) == (2, 2)


def test_what_a_lock_keeps_apart_comes_in_both_orders_as_a_whole() -> None:
    # Acquiring, reading, writing and releasing: the writes race with both accesses, and the lock's steps among them.
    toy, _ = locked(2, 2)
    some, both = counts(toy)
    assert some == both == 4 + 3
