"""A schedule is replayed step by step, or told to be impossible."""

from __future__ import annotations

import pytest

from tests.explorer.toys import racing
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.policies.replay import LenientReplay, ReplaySchedule


@pytest.mark.parametrize("who", [-1, 2, 255, 256, 1 << 64])
def test_a_schedule_that_names_a_stranger_diverges_or_passes_it_over(who: int) -> None:
    with Inline(racing(2, 1)[0]) as executor:
        one, other = executor.run(ReplaySchedule([0, who])), executor.run(LenientReplay([0, who, 1]))
    assert one is not None
    assert one.ending is ExecutionEnd.DIVERGED
    assert other is not None
    assert other.schedule[:2] == (0, 1)
