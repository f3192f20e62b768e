"""Faults are named in one way on every command line and in every case: one grammar for explorations and live races."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketlab.core.errors import UsageError
from ticketlab.core.faults import DEFAULT_SHARE, Fault, FaultKind, FaultRate
from ticketlab.core.steps import Action, Step

SECONDS = st.integers(1, 10_000).map(float)


@given(st.sampled_from(FaultKind), SECONDS, st.integers(0, 100))
def test_a_fault_reads_back_as_it_is_written(kind: FaultKind, seconds: float, percent: int) -> None:
    fault = Fault(kind, seconds if kind.takes_time else 0.0)
    assert Fault.parse(str(fault)) == fault
    assert eval(repr(fault)) == fault
    risk = FaultRate(fault, percent / 100)
    assert FaultRate.parse(str(risk)) == risk


@given(st.text(max_size=20))
def test_any_text_is_a_fault_or_refused_in_one_line(text: str) -> None:
    with suppress(UsageError):
        assert FaultRate.parse(text).fault.kind.value in text
    with suppress(UsageError):
        assert Fault.parse(text).kind.value in text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("kil", "unknown fault 'kil': did you mean 'kill'"),
        ("kill:2s", "the fault kill takes no time, but 'kill:2s' gives '2s': write kill"),
        ("pause:0.1:2s", "'pause:0.1:2s' gives a share of the buyers, which only a live race takes: write pause:2s"),
        ("pause:1:", "'pause:1:' has no time that makes sense: write pause:2s"),
        ("pause:-2s", "'pause:-2s' has no time that makes sense"),
        ("pause:0s", "'pause:0s' has no time that makes sense"),
    ],
)
def test_what_is_no_fault_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        Fault.parse(text)


def test_times_have_units() -> None:
    assert Fault.parse("pause:1500ms") == Fault(FaultKind.PAUSE, 1.5)
    assert Fault.parse("clock:-1h") == Fault(FaultKind.CLOCK, -3600.0)
    assert Fault.parse("pause") == Fault(FaultKind.PAUSE, 60.0)


def test_only_who_ends_can_be_struck_before_its_answer() -> None:
    assert {kind for kind in FaultKind if kind.applies_to(None)} == {FaultKind.KILL, FaultKind.TERMINATE}


def test_trouble_with_files_befalls_what_touches_files() -> None:
    for kind in (FaultKind.DISK_FULL, FaultKind.SHORT_WRITE, FaultKind.IO_ERROR):
        assert kind.applies_to(Step(Action.WRITE, "file"))
        assert not kind.applies_to(Step(Action.ACQUIRE, "lock"))
        assert not kind.applies_to(Step(Action.SEND, "requests"))
    assert FaultKind.IO_ERROR.applies_to(Step(Action.RENAME, "file"))


def test_a_share_and_a_time_may_each_be_left_out() -> None:
    assert FaultRate.parse("kill") == FaultRate(Fault(FaultKind.KILL), DEFAULT_SHARE)
    assert FaultRate.parse("kill:0.5") == FaultRate(Fault(FaultKind.KILL), 0.5)
    assert FaultRate.parse(" pause:2s ") == FaultRate(Fault(FaultKind.PAUSE, 2.0), DEFAULT_SHARE)
    assert FaultRate.parse("pause:0.2:250ms") == FaultRate(Fault(FaultKind.PAUSE, 0.25), 0.2)
    assert FaultRate.parse("pause:0.5") == FaultRate(
        Fault(FaultKind.PAUSE, 1.0), 0.5
    )  # an exploration's minute would be a real one
    assert FaultRate.parse("kill-server").share == FaultRate.parse("kill-service").share == 1.0  # there are few of them


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("kil", "unknown fault 'kil': did you mean 'kill'?"),
        ("kill:2", "'kill:2' is for 2 of the buyers: a share from 0 to 1 is needed"),
        ("kill:2s", "the fault kill takes no time, but 'kill:2s' gives '2s': write kill"),
        ("kill:0.1:2s", "the fault kill takes no time"),
        ("pause:0s", "'pause:0s' has no time that makes sense: write pause:2s (us, ms, s, m or h)"),
        ("pause:-1s", "has no time that makes sense"),
        ("pause:0.1:2s:3", "has no time that makes sense"),
        ("", "unknown fault ''"),
    ],
)
def test_what_is_no_fault_of_a_live_race_is_refused_in_one_line(text: str, reason: str) -> None:
    with pytest.raises(UsageError) as refused:
        FaultRate.parse(text)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)
