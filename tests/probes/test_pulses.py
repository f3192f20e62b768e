"""Numbers in shared memory that objects get for as long as they are there."""

from __future__ import annotations

from ticketlab.probes.shared.pulses import MOST_PULSES, Pulse


def test_places_are_given_back_since_there_may_be_many_searches() -> None:
    for _ in range(2 * MOST_PULSES):
        assert Pulse().times == 0
        made = Pulse()
        made.happen()
        assert made.times == 1
