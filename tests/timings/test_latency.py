"""How simulated latency is written, and which steps it delays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketlab.core.errors import UsageError
from ticketlab.core.pacing import Free
from ticketlab.core.steps import Action, Step
from ticketlab.timings.latency import Latency


class Sleeper(Free):
    """Takes down how long it was asked to sleep instead of sleeping."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        ("", {}),
        ("read=100ms,write=200ms", {"read": (0.1, 0.1), "write": (0.2, 0.2)}),
        ("write=0-1s", {"write": (0.0, 1.0)}),
        ("send=5us-2ms", {"send": (5e-6, 2e-3)}),
        ("read=0", {"read": (0.0, 0.0)}),
        ("read=0-0", {"read": (0.0, 0.0)}),
    ],
)
def test_durations_are_read_with_their_units(text: str, ranges: dict[str, tuple[float, float]]) -> None:
    found = Latency.parse(text).ranges
    assert found.keys() == ranges.keys()
    assert all(found[key] == pytest.approx(ranges[key]) for key in ranges)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("raed=1s", "did you mean 'read'"),
        ("read=fast", "is not a duration"),
        ("read=-1s", "is not a duration"),
        ("read", "is not a duration"),
        ("read=5", "has no unit: write 5ms or 5s"),
        ("read=1-5", "has no unit"),
        ("read=1s-5", "has no unit"),
        ("read=2s-1s", "runs backwards"),
    ],
)
def test_a_wrong_duration_is_pointed_at(text: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        Latency.parse(text)


@given(st.integers(), st.integers(0, 1000))
def test_delays_follow_from_seed_and_participant_and_stay_in_range(seed: int, participant: int) -> None:
    latency = Latency.parse("read=1ms-3ms")
    slept = []
    for sleeper in (Sleeper(), Sleeper()):
        pacer = latency.pace(seed, participant, sleeper)
        for _ in range(5):
            pacer.at(Step(Action.READ, "x"))
        slept.append(sleeper.slept)
    assert slept[0] == slept[1]
    assert all(0.001 <= each <= 0.003 for each in slept[0])


def test_a_write_in_two_parts_is_delayed_once() -> None:
    sleeper = Sleeper()
    pacer = Latency.parse("write=1s").pace(0, 0, sleeper)
    pacer.at(Step(Action.TRUNCATE, "x"))
    pacer.at(Step(Action.WRITE, "x", continuation=True))
    pacer.at(Step(Action.READ, "x"))
    assert sleeper.slept == [1.0]
