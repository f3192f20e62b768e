"""A search relies on it that programs repeat themselves and keep their promises; others are refused by name."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest

from tests.explorer.toys import Cells, Semaphore, Toy
from ticketlab.core import pacing
from ticketlab.core.steps import Action, Step
from ticketlab.explorer.analysis.trace import Nondeterminism
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.explorer.executors.executor import Executor
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.executors.processes import Processes
from ticketlab.explorer.executors.workload_executor import BrokenPromise
from ticketlab.explorer.policies.dfs import DepthFirst
from ticketlab.explorer.policies.dpor import SourceSets
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.search import search

EVERYWHERE = pytest.mark.parametrize("executor", [Inline, Processes])
ALL_THAT_PROVE = pytest.mark.parametrize("policy", [DepthFirst, SourceSets])


def _numbered() -> Callable[[], None]:
    numbers = count()

    def write_a_new_file() -> None:
        pacing.at(Step(Action.READ, "index"))
        pacing.at(Step(Action.WRITE, f"file {next(numbers)}"))

    return write_a_new_file


def _remembering() -> Callable[[], None]:
    made = list[int]()

    def write_once() -> None:
        pacing.at(Step(Action.READ, "index"))
        if not made:
            pacing.at(Step(Action.WRITE, "file"))
        made.append(1)

    return write_once


@EVERYWHERE
@ALL_THAT_PROVE
@pytest.mark.parametrize(
    ("make", "differs"),
    [
        (_numbered, r"participant 1 was about to write file \d before and write file \d now|was write file"),
        (_remembering, r"participant 1 was about to write file before and finish now|never came"),
    ],
)
def test_what_is_left_from_one_execution_to_the_next_is_found(
    executor: Callable[[Toy], Executor],
    policy: Callable[[], Policy],
    make: Callable[[], Callable[[], None]],
    differs: str,
) -> None:
    with executor(Toy(make(), make())) as running, pytest.raises(Nondeterminism, match=differs):
        list(search(running, policy()))


class Fickle:
    """A row that its owner hands to one of two who wait: in the first execution to the second one, later to the first.

    A server may let both go on at once, and then it is luck which of them has the row first.
    """

    def __init__(self) -> None:
        self._executions = 0
        self._owner: int | None = None

    def update(self) -> None:
        pacing.at(Step(Action.COMMIT, "row"))
        self._owner = 1 if self._executions > 2 else 2  # two resets come before the end of the first execution

    def wait(self, me: int) -> None:
        pacing.block(Step(Action.WRITE, "row"), lambda: pacing.BLOCKED if self._owner != me else None, lambda: None)
        pacing.at(Step(Action.COMMIT, "row"))
        self._owner = 3 - me
        pacing.at(Step(Action.WRITE, "log"))

    def reset(self) -> None:
        self._executions += 1
        self._owner = None


@ALL_THAT_PROVE
def test_who_cannot_move_where_it_could_before_is_in_no_deadlock(policy: Callable[[], Policy]) -> None:
    row = Fickle()
    toy = Toy(row.update, lambda: row.wait(1), lambda: row.wait(2), shared=[row])
    endings = set[ExecutionEnd]()
    with Inline(toy) as running, pytest.raises(Nondeterminism, match="names a participant that cannot move"):
        endings.update(execution.ending for execution in search(running, policy()))
    assert endings <= {ExecutionEnd.COMPLETED}


class Boastful(Semaphore):
    """A semaphore that promises to be a mutex."""

    def acquire(self) -> None:
        pacing.block(Step(Action.ACQUIRE, self._name, excludes=True), self._attempt, lambda: None)


def _guarded(places: int) -> Toy:
    cells, guard = Cells(tickets=3), Boastful(count=places)

    def buy() -> None:
        with guard:
            cells.write("tickets", cells.read("tickets") - 1)

    return Toy(buy, buy, buy, shared=[cells, guard])


@ALL_THAT_PROVE
def test_a_step_that_does_not_exclude_others_as_it_promises_is_refused(policy: Callable[[], Policy]) -> None:
    with Inline(_guarded(2)) as executor, pytest.raises(BrokenPromise, match=r"made the step 'acquire lock' while"):
        list(search(executor, policy()))
    with Inline(_guarded(1)) as executor:
        assert len(list(search(executor, policy()))) == 6
