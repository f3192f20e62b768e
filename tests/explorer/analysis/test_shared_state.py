"""What is said of shared state after a step is so: it is held to the store itself, and to runs that try otherwise."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticketlab.core.inventory import Inventory
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.core.steps import Action
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.analysis.shared_state import NEVER, Recollection, SharedState, shared_states
from ticketlab.explorer.engine.scheduler import Scheduler
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.explorer.policies.random import RandomWalk
from ticketlab.explorer.policies.replay import ReplaySchedule
from ticketlab.explorer.results import ExploreOptions
from ticketlab.explorer.search import run_schedule
from ticketlab.explorer.workload import NOTHING
from ticketlab.lab.exploring.explore import executor_for
from ticketlab.lab.exploring.scenario_workload import ScenarioWorkload
from ticketlab.stores.json_file import JsonStore
from ticketlab.stores.memory import MemoryStore

STRATEGIES = ("none", "lock", "lock:too-late", "optimistic", "atomic")


def states(execution: Execution) -> list[SharedState]:
    return list(shared_states(execution, range(len(execution.trace)), one_record=True))


class Watched:
    """Random executions of buyers, with what the store held before each step; None of what could not be read."""

    def __init__(
        self, strategy: str, buyers: int, tickets: int, orders: int, seed: int, runs: int = 3, store: str = "memory"
    ) -> None:
        sold = Inventory({"main": tickets})
        self.workload = ScenarioWorkload(Scenario(Spec.parse(store), Spec.parse(strategy), buyers, sold, orders=orders))
        self.resource = "main" if store == "memory" else "inventory.json"
        self.before: list[int | None] = []
        self._options = ExploreOptions(watch=self._see)
        self._policy, self._runs = RandomWalk(seed), runs

    def _see(self, _scheduler: Scheduler, _who: int) -> None:
        self.before.append(self._now())

    def each(self) -> list[Execution]:
        """Run, and hold every statement to the store and to what comes of trying otherwise."""
        found = []
        with executor_for(self.workload, self._options) as self.executor:
            for _ in range(self._runs):
                self.before = []
                execution = self.executor.run(self._policy, NOTHING, ())
                assert execution is not None
                self._check(execution, [*self.before[1:], self._now()])
                found.append(execution)
        return found

    def _now(self) -> int | None:
        store = self.workload.store
        if isinstance(store, MemoryStore):
            return store.records["main"].remaining
        assert isinstance(store, JsonStore)
        try:
            found: int = json.loads(store.path.read_text())["sections"]["main"]["remaining"]
        except ValueError:  # in the middle of a write
            return None
        return found

    def _check(self, execution: Execution, after: Sequence[int | None]) -> None:
        trace, reads = execution.trace, dict[tuple[int, str], int]()
        for node, state in enumerate(states(execution)):
            who, step = trace.who[node], trace.table.step(trace.what[node])
            content = state.contents.get(self.resource)
            if content is not None and content.value is not None:
                assert content.value == after[node]
            if step.action is Action.READ:
                reads[who, step.resource] = node
            self._check_recollections(execution, state, reads, after, node)
            self._check_locks(execution, state, node)
            self._check_waits(execution, state, node)
            if state.acts_on is not None:
                assert state.acts_on.node == reads[who, step.resource]
                assert step.action in (Action.WRITE, Action.TRUNCATE, Action.RENAME)
                assert self._changed_by_others(execution, state.acts_on, who, node)

    def _check_recollections(
        self,
        execution: Execution,
        state: SharedState,
        reads: Mapping[tuple[int, str], int],
        after: Sequence[int | None],
        node: int,
    ) -> None:
        for who, remembered in state.recollections.items():
            if not remembered.wrote:
                assert remembered.node == reads[who, remembered.resource]
            if remembered.value is not None and not remembered.wrote:
                assert remembered.value == after[remembered.node]
            if remembered.old_since > NEVER:
                assert self._changed_by_others(execution, remembered, who, node + 1)
                known = state.contents[remembered.resource].value
                assert known is None or known != remembered.value
            elif remembered.value is not None and after[node] is not None:
                assert remembered.value == after[node]

    @staticmethod
    def _changed_by_others(execution: Execution, remembered: Recollection, who: int, until: int) -> bool:
        steps, movers = execution.trace.steps, execution.trace.who
        return any(
            movers[node] != who and steps[node].changes and remembered.resource in steps[node].resources
            for node in range(remembered.node + 1, until)
        )

    def _check_locks(self, execution: Execution, state: SharedState, node: int) -> None:
        """A lock is held between the steps that take it and give it back; here nobody dies, and locks are mutexes."""
        trace, held = execution.trace, set[int]()
        for each in range(node + 1):
            action = trace.table.step(trace.what[each]).action
            held |= {trace.who[each]} if action is Action.ACQUIRE else set()
            held -= {trace.who[each]} if action is Action.RELEASE else set()
        assert set(state.holders.get("lock", ())) == held
        assert len(held) <= 1

    def _check_waits(self, execution: Execution, state: SharedState, node: int) -> None:
        for who in state.waits:
            forced = self.executor.run(ReplaySchedule([*execution.trace.who[: node + 1], who]), NOTHING, ())
            assert forced is not None
            assert forced.ending is ExecutionEnd.DIVERGED
            assert list(forced.trace.who) == list(execution.trace.who[: node + 1])


@pytest.mark.usefixtures("in_tmp_path")
@settings(max_examples=60)
@given(st.sampled_from(STRATEGIES), st.integers(2, 4), st.integers(1, 3), st.integers(1, 2), st.integers(0, 2**32 - 1))
def test_every_statement_holds_on_the_memory_store(
    strategy: str, buyers: int, tickets: int, orders: int, seed: int
) -> None:
    Watched(strategy, buyers, tickets, orders, seed).each()


@pytest.mark.slow
@pytest.mark.usefixtures("in_tmp_path")
@settings(max_examples=60)
@given(
    st.sampled_from(["truncate", "in-place", "rename", "durable", "journal"]),
    st.sampled_from(["none", "lock", "lock:too-late"]),
    st.integers(2, 3),
    st.sampled_from([1, 2, 3, 10]),  # from 10 to 9 the file becomes shorter
    st.integers(0, 2**32 - 1),
)
def test_every_statement_holds_on_a_file_that_is_written_in_pieces(
    variant: str, strategy: str, buyers: int, tickets: int, seed: int
) -> None:
    Watched(strategy, buyers, tickets, 1, seed, store=f"json:{variant}").each()


@pytest.mark.usefixtures("in_tmp_path")
@pytest.mark.parametrize("strategy", ["lock", "optimistic", "atomic"])
def test_a_guarded_buyer_never_acts_on_an_old_value(strategy: str) -> None:
    for execution in Watched(strategy, 3, 2, 1, 7, runs=40).each():
        assert all(state.acts_on is None for state in states(execution))


@pytest.mark.usefixtures("in_tmp_path")
def test_what_is_known_is_told() -> None:
    """Silence is no virtue where everything is known: the memory store's content, and the lost update."""
    everything = [state for execution in Watched("none", 2, 2, 1, 1, runs=30).each() for state in states(execution)]
    assert all(state.contents["main"].value is not None for state in everything)
    assert any(state.acts_on for state in everything)
    locked = [state for execution in Watched("lock", 3, 2, 1, 1, runs=30).each() for state in states(execution)]
    assert any(state.waits for state in locked)


def played(store: str, strategy: str, schedule: list[int]) -> tuple[Execution, list[SharedState]]:
    workload = ScenarioWorkload(Scenario(Spec.parse(store), Spec.parse(strategy), 2, Inventory({"main": 2})))
    with executor_for(workload, ExploreOptions()) as executor:
        execution = run_schedule(executor, schedule)
    return execution, states(execution)


@pytest.mark.usefixtures("in_tmp_path")
def test_a_file_that_is_written_in_pieces_holds_no_number_until_the_last() -> None:
    execution, found = played("json:truncate", "none", [0, 1])
    made = [(who, step.action) for who, step in zip(execution.trace.who, execution.trace.steps, strict=True)]
    values = [state.contents["inventory.json"].value for state in found]
    assert made[:2] == [(0, Action.READ), (1, Action.READ)]
    assert values[0] == values[1] == 2
    for (_, action), value in zip(made[2:], values[2:], strict=True):
        assert value == (None if action is Action.TRUNCATE else 1)
    assert [state.acts_on is not None for state in found] == [False, False, False, False, True, False]


@pytest.mark.usefixtures("in_tmp_path")
def test_a_transaction_shows_what_it_wrote_when_it_commits() -> None:
    execution, found = played("sqlite", "transaction:immediate", [0])
    told = [
        (step.action.value, state.contents[step.resource].value if step.resource in state.contents else None)
        for step, state in zip(execution.trace.steps, found, strict=True)
    ]
    assert told[:4] == [("begin", None), ("read", 2), ("write", 2), ("commit", 1)]
    assert found[0].holders == {execution.trace.steps[0].resource: (0,)}
    assert found[3].holders == {}
