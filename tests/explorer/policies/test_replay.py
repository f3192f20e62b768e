"""A schedule is replayed step by step, or told to be impossible."""

from __future__ import annotations

import pytest

from tests.explorer.toys import Cells, Semaphore, Toy, racing
from ticketlab.core import pacing
from ticketlab.explorer.engine.spinning import MOST_VAIN_TRIES
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.policies.dpor import SourceSets
from ticketlab.explorer.policies.replay import LenientReplay, ReplaySchedule
from ticketlab.explorer.search import run_schedule, search


@pytest.mark.parametrize("who", [-1, 2, 255, 256, 1 << 64])
def test_a_schedule_that_names_a_stranger_diverges_or_passes_it_over(who: int) -> None:
    with Inline(racing(2, 1)[0]) as executor:
        one, other = executor.run(ReplaySchedule([0, who])), executor.run(LenientReplay([0, who, 1]))
    assert one is not None
    assert one.ending is ExecutionEnd.DIVERGED
    assert other is not None
    assert other.schedule[:2] == (0, 1)


def test_who_was_put_off_and_then_waits_is_no_obstacle_to_a_replay() -> None:
    """A schedule does not say that a participant that gave way attempted in vain, as soon as it was let go on."""
    cells, lock = Cells(x=0), Semaphore(count=0)

    def poll() -> None:
        while not cells.read("x"):
            pacing.sleep(1.0)

    def give_up_and_wait() -> None:
        for _ in range(MOST_VAIN_TRIES):
            cells.read("x")
            pacing.sleep(0.5)
        lock.acquire()

    with Inline(Toy(poll, give_up_and_wait, shared=[cells, lock]), steps=40) as executor:
        (first,) = search(executor, SourceSets())
        again = run_schedule(executor, first.schedule)
        assert executor.gave_way
    assert [again.schedule, again.steps, again.ending] == [first.schedule, first.steps, ExecutionEnd.ENDLESS]
