"""Faults are named in one way on every command line and in every case."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketlab.core.errors import UsageError
from ticketlab.core.faults import Fault, Harm
from ticketlab.core.pacing import Action, Step

SECONDS = st.integers(1, 10_000).map(float)


@given(st.sampled_from(Harm), SECONDS)
def test_a_fault_reads_back_as_it_is_written(harm: Harm, seconds: float) -> None:
    fault = Fault(harm, seconds if harm.takes_time else 0.0)
    assert Fault.parse(str(fault)) == fault


@given(st.text(max_size=20))
def test_any_text_is_a_fault_or_refused_in_one_line(text: str) -> None:
    with suppress(UsageError):
        assert Fault.parse(text).harm.value in text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("kil", "unknown fault 'kil': did you mean 'kill'"),
        ("kill:2s", "the fault kill takes no time, but 'kill:2s' gives one"),
        ("pause:2", "'pause:2' has no time that makes sense: write pause:2s"),
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
