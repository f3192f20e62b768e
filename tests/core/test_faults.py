"""One grammar names the faults of explorations and of live races."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketlab.core.errors import UsageError
from ticketlab.core.faults import SHARE, Fault, Harm, Risk

HARMS = st.sampled_from(list(Harm))
SECONDS = st.integers(1, 7200).map(float)


@given(HARMS, SECONDS, st.integers(0, 100))
def test_what_a_fault_is_called_reads_as_that_fault(harm: Harm, seconds: float, percent: int) -> None:
    fault = Fault(harm, seconds if harm.takes_time else 0.0)
    assert Fault.parse(str(fault)) == fault
    assert eval(repr(fault)) == fault
    risk = Risk(fault, percent / 100)
    assert Risk.parse(str(risk)) == risk


def test_a_share_and_a_time_may_each_be_left_out() -> None:
    assert Risk.parse("kill") == Risk(Fault(Harm.KILL), SHARE)
    assert Risk.parse("kill:0.5") == Risk(Fault(Harm.KILL), 0.5)
    assert Risk.parse(" pause:2s ") == Risk(Fault(Harm.PAUSE, 2.0), SHARE)
    assert Risk.parse("pause:0.2:250ms") == Risk(Fault(Harm.PAUSE, 0.25), 0.2)
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
def test_what_is_no_fault_is_refused_in_one_line(text: str, reason: str) -> None:
    with pytest.raises(UsageError) as refused:
        Risk.parse(text)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_exploration_strikes_everywhere_and_takes_no_share() -> None:
    with pytest.raises(UsageError, match=r"'pause:0.1:2s' gives a share .* write pause:2s"):
        Fault.parse("pause:0.1:2s")
