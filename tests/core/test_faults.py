"""Faults are named in one way on every command line and in every case: one grammar for explorations and live races."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketlab.core.errors import UsageError
from ticketlab.core.faults import SHARE, Fault, Harm, Risk
from ticketlab.core.pacing import Action, Step

SECONDS = st.integers(1, 10_000).map(float)


@given(st.sampled_from(Harm), SECONDS, st.integers(0, 100))
def test_a_fault_reads_back_as_it_is_written(harm: Harm, seconds: float, percent: int) -> None:
    fault = Fault(harm, seconds if harm.takes_time else 0.0)
    assert Fault.parse(str(fault)) == fault
    assert eval(repr(fault)) == fault
    risk = Risk(fault, percent / 100)
    assert Risk.parse(str(risk)) == risk


@given(st.text(max_size=20))
def test_any_text_is_a_fault_or_refused_in_one_line(text: str) -> None:
    with suppress(UsageError):
        assert Risk.parse(text).fault.harm.value in text
    with suppress(UsageError):
        assert Fault.parse(text).harm.value in text


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
    assert Fault.parse("pause:1500ms") == Fault(Harm.PAUSE, 1.5)
    assert Fault.parse("clock:-1h") == Fault(Harm.CLOCK, -3600.0)
    assert Fault.parse("pause") == Fault(Harm.PAUSE, 60.0)


def test_only_who_ends_can_be_struck_before_its_answer() -> None:
    assert {harm for harm in Harm if harm.befalls(None)} == {Harm.KILL, Harm.TERMINATE}


def test_trouble_with_files_befalls_what_touches_files() -> None:
    for harm in (Harm.DISK_FULL, Harm.SHORT_WRITE, Harm.IO_ERROR):
        assert harm.befalls(Step(Action.WRITE, "file"))
        assert not harm.befalls(Step(Action.ACQUIRE, "lock"))
        assert not harm.befalls(Step(Action.SEND, "requests"))
    assert Harm.IO_ERROR.befalls(Step(Action.RENAME, "file"))


def test_a_share_and_a_time_may_each_be_left_out() -> None:
    assert Risk.parse("kill") == Risk(Fault(Harm.KILL), SHARE)
    assert Risk.parse("kill:0.5") == Risk(Fault(Harm.KILL), 0.5)
    assert Risk.parse(" pause:2s ") == Risk(Fault(Harm.PAUSE, 2.0), SHARE)
    assert Risk.parse("pause:0.2:250ms") == Risk(Fault(Harm.PAUSE, 0.25), 0.2)
    assert Risk.parse("pause:0.5") == Risk(Fault(Harm.PAUSE, 1.0), 0.5)  # an exploration's minute would be a real one
    assert Risk.parse("kill-server").share == Risk.parse("kill-staff").share == 1.0  # there are few of them


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("kil", "unknown fault 'kil': did you mean 'kill'?"),
        ("kill:2", "'kill:2' strikes 2 of the buyers: a share from 0 to 1 is needed"),
        ("kill:2s", "the fault kill takes no time, but 'kill:2s' gives '2s': write kill"),
        ("kill:0.1:2s", "the fault kill takes no time"),
        ("pause:0s", "'pause:0s' has no time that makes sense: write pause:2s (ms, s, m or h)"),
        ("pause:-1s", "has no time that makes sense"),
        ("pause:0.1:2s:3", "has no time that makes sense"),
        ("", "unknown fault ''"),
    ],
)
def test_what_is_no_fault_of_a_live_race_is_refused_in_one_line(text: str, reason: str) -> None:
    with pytest.raises(UsageError) as refused:
        Risk.parse(text)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)
