"""Policies declare columns by name, and are lent them: the same ones in each process, and never more than there are."""

from __future__ import annotations

import pickle
from collections.abc import Sequence

import pytest

from ticketlab.core.errors import TicketlabError
from ticketlab.explorer.engine.column_memory import LocalMemory, Memory
from ticketlab.explorer.engine.policy_columns import MOST_PER_STEP, Number, PerParticipant, PerStep
from ticketlab.explorer.engine.state import ExecutionState
from ticketlab.explorer.engine.steps import StepTable
from ticketlab.explorer.executors.shared_memory import SharedMemory
from ticketlab.explorer.policies.policy import Policy


class Parent(Policy):
    turns = PerParticipant()
    drawn = Number()

    def begin(self, state: ExecutionState) -> bool:
        return True

    def choose(self, enabled: Sequence[int], state: ExecutionState) -> int:
        return enabled[0]


class Child(Parent):
    winners = PerStep()
    lost = Number()


class Greedy(Parent):
    one, two, three = PerStep(), PerStep(), PerStep()


def state(memory: Memory | None = None) -> ExecutionState:
    return ExecutionState(StepTable(), [1, 1, 1], 0, 10, memory)


@pytest.mark.parametrize("memory", [LocalMemory(), SharedMemory()])
def test_each_declaration_has_a_column_of_its_own(memory: Memory) -> None:
    policy, columns = Child(), state(memory).for_policy
    columns.bind(policy)
    policy.turns[2], policy.winners[9], policy.drawn[0], policy.lost[0] = 1, 2, 3, 4
    assert [list(column) for column in (policy.turns, policy.drawn, policy.lost)] == [[0, 0, 1], [3], [4]]
    assert list(policy.winners) == [0] * 9 + [2]


def test_a_copy_for_another_process_finds_the_same_columns() -> None:
    columns = state(SharedMemory()).for_policy
    policy = Child()
    columns.bind(policy)
    policy.turns[1], policy.lost[0] = 5, 6
    copy = pickle.loads(pickle.dumps(policy))
    assert not vars(copy)
    columns.bind(copy)
    assert (copy.turns[1], copy.lost[0]) == (5, 6)


def test_a_policy_that_is_bound_to_nothing_says_so_by_its_missing_columns() -> None:
    with pytest.raises(AttributeError):
        _ = Child().turns


def test_more_columns_than_there_are_is_refused_with_the_number() -> None:
    with pytest.raises(TicketlabError, match=f"Greedy declares more than {MOST_PER_STEP} columns PerStep"):
        state().for_policy.bind(Greedy())
