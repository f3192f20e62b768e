"""Every store under every strategy: what is wrong is found, what is right is exhausted, and both executors agree."""

from __future__ import annotations

from collections.abc import Iterator
from math import factorial

import pytest

from ticketlab import explore, replay
from ticketlab.core.errors import UsageError
from ticketlab.core.inventory import Inventory
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.explorer.engine.scheduler import BELIEVED
from ticketlab.explorer.engine.state import ExecutionEnd
from ticketlab.explorer.executors.inline import Inline
from ticketlab.explorer.executors.processes import Processes
from ticketlab.explorer.policies.dfs import DepthFirst
from ticketlab.explorer.policies.dpor import SourceSets
from ticketlab.explorer.policies.policy import Policy
from ticketlab.explorer.policies.random import RandomWalk
from ticketlab.explorer.results import ExploreOptions
from ticketlab.explorer.search import search
from ticketlab.lab.books import read_books
from ticketlab.lab.exploring.scenario_workload import ScenarioWorkload
from ticketlab.lab.plugins.registry import stores, strategies

pytestmark = pytest.mark.usefixtures("in_tmp_path")


def scenario(store: str, strategy: str, buyers: int, tickets: int) -> Scenario:
    return Scenario(Spec.parse(store), Spec.parse(strategy), buyers, Inventory({"main": tickets}))


def combinations() -> Iterator[tuple[str, str]]:
    """Every variant of every strategy on every variant of every store that has what it needs, in both executors.

    Left out are stores whose books never leave one process; `private`, which is there to show a difference; and, below,
    a lock on SQLite's own file, which closing any opening of that file drops, for the whole process.
    """
    for store in stores():
        for way in strategies():
            if not store.in_process and store.name != "private":
                for variant in way.variants or [""]:
                    if not way.unsupported_on(store, Spec(way.name, variant)):
                        for shape in store.variants or [""]:
                            yield str(Spec(store.name, shape)), str(Spec(way.name, variant))


@pytest.mark.thorough
@pytest.mark.parametrize(("store", "strategy"), sorted({*combinations()} - {("sqlite", "flock:data-file")}))
def test_the_same_schedule_gives_the_same_history_in_both_executors(store: str, strategy: str) -> None:
    one, other = (ScenarioWorkload(scenario(store, strategy, 3, 2)) for _ in range(2))
    with Inline(one) as inline, Processes(other) as processes:
        pairs = zip(search(inline, RandomWalk(5), 3), search(processes, RandomWalk(5), 3), strict=True)
        for here, there in pairs:
            assert here.schedule == there.schedule
            assert here.notes == there.notes
            assert one.history(here) == other.history(there)
            names = [
                sorted(anomaly.name for anomaly in workload.judge(run))
                for workload, run in ((one, here), (other, there))
            ]
            assert names[0] == names[1]


WRONG = [
    ("json:truncate", "none"),
    ("json:in-place", "none"),
    ("json:rename", "none"),
    ("json:durable", "none"),
    ("json:journal", "none"),
    ("manager", "none"),
    ("sqlite", "none"),
    ("memory", "none"),
    ("private", "none"),
    ("json:in-place", "lock:too-late"),
    ("json:rename", "flock:data-file"),
    ("json:truncate", "flock:unlink"),
]


@pytest.mark.parametrize(("store", "strategy"), WRONG)
def test_what_is_wrong_is_found_shrunk_confirmed_and_replays(store: str, strategy: str) -> None:
    found = explore(scenario(store, strategy, 3, 2))
    assert found.verdict.valid is False
    assert found.finding is not None
    case = found.finding.case
    for _ in range(5):
        again = replay(case)
        assert again.history == found.finding.history
        assert tuple(anomaly.name for anomaly in again.anomalies) == case.anomalies


@pytest.mark.parametrize("store", ["json:in-place", "json:rename", "json:truncate", "manager", "sqlite"])
def test_textbook_races_on_real_processes_take_at_most_four_steps_beyond_the_start(store: str) -> None:
    found = explore(scenario(store, "none", 2, 1), ExploreOptions(executor="processes", atomic_accesses=True))
    assert found.finding is not None
    assert len(found.finding.execution.trace) == 4
    assert found.finding.execution.trace.preemptions() == 1
    assert found.finding.confirmed == "found on real processes"


RIGHT = [
    ("json:in-place", "lock"),
    ("json:truncate", "filelock"),
    ("json:rename", "filelock:soft"),
    ("json:durable", "lock"),
    ("json:journal", "flock"),
    ("json:truncate", "flock"),
    ("sqlite", "lock"),
    ("sqlite", "transaction:immediate"),
    ("sqlite", "transaction:exclusive"),
    ("sqlite", "atomic"),
    ("memory", "atomic"),
    ("manager", "lock"),
    ("manager", "manager-lock"),
]


@pytest.mark.parametrize(("store", "strategy"), RIGHT)
def test_what_is_right_is_exhausted_in_one_execution_for_each_order_of_the_buyers(store: str, strategy: str) -> None:
    found = explore(scenario(store, strategy, 3, 2))
    assert found.verdict.valid is True
    assert found.exhausted
    assert found.executions == factorial(3)


@pytest.mark.parametrize(
    ("store", "strategy"),
    [
        ("json:in-place", "clerk:queue"),
        ("json:in-place", "clerk:joinable"),
        ("json:in-place", "clerk:socket"),
        ("sqlite", "optimistic"),
        ("memory", "optimistic"),
        ("json:truncate", "lease"),
        ("sqlite", "lease"),
    ],
)
def test_what_is_right_and_freer_is_exhausted_too(store: str, strategy: str) -> None:
    found = explore(scenario(store, strategy, 3, 2))
    assert found.verdict.valid is True
    assert found.exhausted


def test_a_budget_that_runs_out_is_undecided() -> None:
    found = explore(scenario("memory", "lock", 3, 2), ExploreOptions(executions=5))
    assert found.verdict.valid is None
    assert found.verdict.exit_code == 3
    assert explore(scenario("memory", "lock", 3, 2), ExploreOptions(executions=6)).verdict.valid is True


@pytest.mark.parametrize(
    ("store", "strategy", "how", "reason"),
    [
        ("sqlite", "flock:data-file", ExploreOptions(), "cannot be explored inline"),
        ("json", "clerk:socket,server=pool", ExploreOptions(), "starts processes or queues of its own"),
        ("memory", "lock", ExploreOptions(executor="processes"), "never leave one process"),
        ("memory", "lock", ExploreOptions(executor="proceses"), "did you mean 'processes'"),
        ("memory", "lock", ExploreOptions(policy=Spec("dprr")), "did you mean 'dpor'"),
        ("memory", "lock", ExploreOptions(executions=0), "0 executions explore nothing"),
        ("json", "atomic", ExploreOptions(), "needs a conditional update"),
    ],
)
def test_what_cannot_be_explored_is_refused_with_the_reason(
    store: str, strategy: str, how: ExploreOptions, reason: str
) -> None:
    with pytest.raises(UsageError, match=reason):
        explore(scenario(store, strategy, 2, 1), how)


def test_exhausting_counts_every_execution_that_goes_wrong() -> None:
    found = explore(scenario("memory", "none", 3, 2), ExploreOptions(policy=Spec("dfs"), exhaust=True))
    assert (found.executions, found.names["ticket sold twice"], found.exhausted) == (90, 84, True)


def test_refused_transactions_do_not_wake_each_other_for_ever() -> None:
    # With a rollback journal a reader that would become a writer is refused while another one writes. Its rollback
    # gives back a shared lock, for which only a COMMIT can be waiting: who was refused beside it still would be.
    store = Spec("sqlite", "", (("journal", "delete"), ("synchronous", "off")))
    workload = ScenarioWorkload(Scenario(store, Spec.parse("transaction:deferred"), 2, Inventory({"main": 1})))
    with Inline(workload, steps=100) as executor:
        found = [(execution.ending, workload.judge(execution)) for execution in search(executor, SourceSets())]
    assert all(one == (ExecutionEnd.COMPLETED, []) for one in found)
    assert len(found) == 17


def test_nobody_is_woken_only_to_be_refused_a_mutex() -> None:
    # Under a mutex whose promise has been kept, nobody is woken only to be refused.
    workload = ScenarioWorkload(scenario("json:in-place", "lock", 5, 1))
    with Inline(workload) as executor:
        *_, execution = search(executor, RandomWalk(1), BELIEVED)
    acquired = [node + 1 for node, step in enumerate(execution.trace.steps) if step.excludes]
    assert [node for node, _ in execution.trace.failed] == acquired


@pytest.mark.parametrize(
    ("store", "strategy"),
    [("memory", "none"), ("json:in-place", "lock:too-late"), ("json:in-place", "flock:unlink"), ("sqlite", "none")],
)
def test_seeded_races_are_found_within_a_hundred_executions_by_every_seed(store: str, strategy: str) -> None:
    # The rarest, the unlinked lock file, shows in about 1 of 11 executions: 100 miss it with odds of 1 in 10,000.
    workload = ScenarioWorkload(scenario(store, strategy, 5, 4))
    with Inline(workload) as executor:
        assert all(any(map(workload.judge, search(executor, RandomWalk(seed), 100))) for seed in range(20))


@pytest.mark.parametrize(("store", "strategy"), RIGHT)
def test_what_is_right_raises_no_alarm(store: str, strategy: str) -> None:
    workload = ScenarioWorkload(scenario(store, strategy, 4, 2))
    with Inline(workload) as executor:
        assert not any(map(workload.judge, search(executor, RandomWalk(1), 50)))


@pytest.mark.parametrize(("journal", "schedules", "traces"), [("wal", 22, 8), ("delete", 52, 17)])
def test_a_deferred_transaction_has_the_same_outcomes_under_every_schedule_and_one_of_each_kind(
    journal: str, schedules: int, traces: int
) -> None:
    def run(policy: Policy) -> list[object]:
        workload = ScenarioWorkload(scenario(f"sqlite:journal={journal},synchronous=off", "transaction:deferred", 2, 2))
        with Inline(workload) as executor:
            return [(sorted(one.records)[0].outcome, read_books(workload.store)) for one in search(executor, policy)]

    everything, reduced = run(DepthFirst()), run(SourceSets())
    assert (len(everything), len(reduced)) == (schedules, traces)
    assert all(one in reduced for one in everything)
