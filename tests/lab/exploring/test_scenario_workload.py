"""What an execution is judged by: receipts and books first, then the times of who was turned away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import pytest

from ticketlab.core.inventory import Inventory, Outcome, Request, SoldOut
from ticketlab.core.pacing import BLOCKED, at, block
from ticketlab.core.plugin import Perform
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.core.steps import Action, Step
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.search import run_schedule
from ticketlab.lab.exploring.scenario_workload import ScenarioWorkload


class Altered(ScenarioWorkload):
    """Two buyers of one ticket in memory; what the first or both do instead is given."""

    def __init__(self, folder: Path, instead: Callable[[int, Perform], Perform]) -> None:
        super().__init__(Scenario(Spec("memory"), Spec("none"), 2, Inventory({"main": 1})), folder)
        self._instead = instead

    def join(self, buyer: int) -> AbstractContextManager[Perform]:
        @contextmanager
        def joined() -> Iterator[Perform]:
            with super(Altered, self).join(buyer) as perform:
                yield self._instead(buyer, perform)

        return joined()


def _hasty(buyer: int, perform: Perform) -> Perform:
    """Turn the first buyer away after a look at something that says nothing."""

    def refuse(request: Request) -> Outcome:
        at(Step(Action.READ, "main"))
        return SoldOut()

    return refuse if buyer == 1 else perform


@pytest.mark.parametrize(
    ("schedule", "names"),
    [
        ((0, 1, 1), ["undersold"]),  # turned away before the only other buyer had come
        ((1, 1, 0), []),
        ((1, 0, 1), []),  # at the same time: the sale may have come first
    ],
)
def test_who_is_turned_away_too_early_is_seen_by_the_times(
    tmp_path: Path, schedule: tuple[int, ...], names: list[str]
) -> None:
    cast = Altered(tmp_path, _hasty)
    with Inline(cast) as executor:
        assert [anomaly.name for anomaly in cast.judge(run_schedule(executor, schedule))] == names


def test_a_request_that_a_deadlock_swallows_is_in_the_history_and_never_returned(tmp_path: Path) -> None:
    def crosswise(buyer: int, perform: Perform) -> Perform:
        def lock(request: Request) -> Outcome:
            for name in ("a", "b") if buyer == 1 else ("b", "a"):
                block(Step(Action.ACQUIRE, name), partial(take, name), lambda: None)
            return perform(request)

        return lock

    held: set[str] = set()

    def take(name: str) -> object:
        if name in held:
            return BLOCKED
        held.add(name)
        return None

    cast = Altered(tmp_path, crosswise)
    with Inline(cast) as executor:
        execution = run_schedule(executor, (0, 1))
        history = cast.history(execution)
        names = [anomaly.name for anomaly in cast.judge(execution)]
    assert execution.ending is ExecutionEnd.STUCK
    assert [(one.process, one.invoke_ns, one.return_ns) for one in history.operations] == [(1, 0, None), (2, 2, None)]
    assert names == ["deadlock"]
