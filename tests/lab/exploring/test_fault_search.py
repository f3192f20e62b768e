"""Real signals, at every point: what they leave of the books, of the lock and of the others.

Each truth here is found by exploring: nobody says at which point to inject a fault.
"""

from __future__ import annotations

import pytest

from ticketlab import explore, replay, run_plan
from ticketlab.core.errors import UsageError
from ticketlab.core.faults import Fault, FaultPoint
from ticketlab.core.scenario import Scenario
from ticketlab.core.spec import Spec
from ticketlab.explorer.results import Exploration, ExploreOptions
from ticketlab.lab.artifacts.case_files import load_case, save_case
from ticketlab.lab.exploring.explore import executor_for
from ticketlab.lab.exploring.fault_search import FaultSearch
from ticketlab.lab.exploring.scenario_workload import ScenarioWorkload
from ticketlab.lab.faults import parse_faults
from ticketlab.timings.plans import Schedule

pytestmark = pytest.mark.usefixtures("in_tmp_path")


def explored(
    store: str, strategy: str, faults: str, policy: str = "dpor", *, buyers: int = 2, exhaust: bool = True
) -> Exploration:
    scenario = Scenario.of(store, strategy, buyers=buyers, tickets=2)
    how = ExploreOptions(Spec.parse(policy), "processes", exhaust=exhaust, faults=parse_faults(faults))
    return explore(scenario, how)


def after(found: Exploration, step: str) -> set[str]:
    """Return what goes wrong where a fault is injected before a step."""
    return {name for point in found.injected if point.before.startswith(step) for name in point.names}


@pytest.mark.slow
def test_a_lock_in_memory_is_never_released_by_the_dead() -> None:
    found = explored("json:rename", "lock", "kill")
    assert found.exhausted
    assert set(found.names) == {"lock never released"}
    assert after(found, "acquire lock") == set()
    assert after(found, "read inventory.json") == {"lock never released"}
    assert found.finding is not None
    assert found.finding.execution.steps == ("acquire lock", "fault injected: kill")
    assert found.finding.anomalies[0].sentence == (
        "buyer 2 waits for lock, held by buyer 1, which was killed while holding it: nobody can ever have it again"
    )


def test_every_point_has_the_name_of_its_step_even_if_the_step_had_to_wait() -> None:
    scenario = Scenario.of("sqlite", "transaction:immediate", buyers=2, tickets=2)
    found = explore(scenario, ExploreOptions(exhaust=True, faults=parse_faults("locked")))
    steps = ["begin inventory.db", "read inventory.db", "write inventory.db", "commit inventory.db"]
    assert [point.before for point in found.injected] == steps * 2


@pytest.mark.slow
def test_a_lock_that_the_kernel_keeps_is_free_at_once() -> None:
    found = explored("json:rename", "flock", "kill")
    assert found.exhausted
    assert found.verdict.valid
    assert len(found.injected) >= 10
    assert {point.waited for point in found.injected} == {0.0}


@pytest.mark.slow
def test_a_point_that_is_another_step_in_another_schedule_has_a_row_for_each() -> None:
    scenario = Scenario.of("json:truncate", "flock", buyers=2, tickets=1)
    found = explore(scenario, ExploreOptions(executor="processes", exhaust=True, faults=parse_faults("kill")))
    torn = {point.before for point in found.injected if point.anomalous}
    assert torn == {"write inventory.json"}
    assert all(point.anomalous == point.executions for point in found.injected if point.before in torn)
    assert len({(point.who, point.point) for point in found.injected}) < len(found.injected)


@pytest.mark.slow
def test_a_write_cut_short_leaves_a_file_that_nobody_can_read() -> None:
    found = explored("json:truncate", "flock", "kill")
    assert set(found.names) == {"corrupted file", "torn read"}
    assert after(found, "write inventory.json") == {"corrupted file", "torn read"}
    assert after(found, "truncate inventory.json") == set()


@pytest.mark.slow
def test_sqlite_rolls_back_what_the_dead_began() -> None:
    found = explored("sqlite", "transaction:immediate", "kill")
    assert found.exhausted
    assert found.verdict.valid
    assert found.left_behind == []


@pytest.mark.slow
def test_a_dead_clerk_is_waited_for_for_ever() -> None:
    found = explored("json:rename", "clerk", "kill-service", buyers=1)
    assert set(found.names) == {"survivors blocked for ever"}
    assert found.finding is not None
    assert "service 1 was killed" in found.finding.anomalies[0].sentence


def test_buyers_of_a_clerk_that_cannot_go_on_are_told_so_under_every_schedule() -> None:
    scenario = Scenario.of("json:rename", "clerk:socket", buyers=2, tickets=1)
    found = explore(scenario, ExploreOptions(exhaust=True, faults=parse_faults("disk-full")))
    assert found.exhausted
    assert found.verdict.valid
    assert found.injected


def test_a_fault_that_ends_a_clerk_strikes_no_buyer() -> None:
    scenario = Scenario.of("json:rename", "clerk", buyers=2, tickets=1)
    found = explore(scenario, ExploreOptions(exhaust=True, faults=parse_faults("no-files")))
    assert found.exhausted
    assert "buyer crashed" not in found.names


def test_what_goes_wrong_without_a_fault_is_a_case_without_one_though_faults_were_tried() -> None:
    scenario = Scenario.of("json:rename", "none", buyers=2, tickets=1)
    found = explore(scenario, ExploreOptions(faults=parse_faults("disk-full")))
    assert found.finding is not None
    assert found.finding.confirmed == "confirmed on real processes"
    assert found.finding.case.steps == ("read inventory.json",) * 2 + ("rename inventory.json",) * 2
    assert replay(found.finding.case).anomalies


def test_a_dead_manager_takes_the_books_with_it() -> None:
    found = explored("manager", "lock", "kill-server", buyers=1)
    assert "unreadable books" in found.names


@pytest.mark.slow
@pytest.mark.parametrize(
    ("store", "strategy"), [("json:rename", "lock"), ("json:truncate", "flock"), ("sqlite", "lock")]
)
def test_reduction_loses_no_outcome_of_a_crash(store: str, strategy: str) -> None:
    """What one execution for each order of dependent steps finds, trying every schedule finds as well."""

    def outcomes(policy: str) -> set[tuple[str, int, str, frozenset[str]]]:
        cast = ScenarioWorkload(Scenario.of(store, strategy, buyers=2, tickets=1))
        how = ExploreOptions(Spec.parse(policy), "processes", exhaust=True, faults=(Fault.parse("kill"),))
        seen = set()
        with executor_for(cast, how) as executor:
            for execution, faults in FaultSearch(executor, how).executions():
                for fault in faults:
                    names = frozenset(anomaly.name for anomaly in cast.judge(execution))
                    seen.add((str(fault.fault), fault.who, f"point {fault.point}", names))
        return seen

    assert outcomes("dpor") == outcomes("dfs:preemptions=2")


@pytest.mark.slow
def test_a_crash_is_a_case_that_replays() -> None:
    found = explored("json:rename", "lock", "kill", exhaust=False)
    assert found.finding is not None
    case = load_case(save_case(found.finding.case))
    assert case == found.finding.case
    for _ in range(5):
        again = replay(case)
        assert again.executor == "processes"
        assert [anomaly.name for anomaly in again.anomalies] == ["lock never released"]


@pytest.mark.slow
@pytest.mark.parametrize("drawing", ["random", "pct:3"])
def test_faults_are_drawn_where_a_policy_never_ends(drawing: str) -> None:
    scenario = Scenario.of("json:rename", "lock", buyers=3, tickets=3)
    how = ExploreOptions(Spec.parse(drawing), "processes", executions=60, faults=parse_faults("kill"), seed=1)
    found = explore(scenario, how)
    again = explore(scenario, how)
    assert found.finding is not None
    assert found.finding.case.fault_points
    assert again.finding is not None
    assert found.finding.case.schedule == again.finding.case.schedule
    assert [anomaly.name for anomaly in found.finding.anomalies] == ["lock never released"]


@pytest.mark.parametrize(
    ("store", "strategy", "executor", "fault", "reason"),
    [
        ("json", "lock", "inline", "kill", "needs real processes: add --executor processes"),
        ("manager", "lock", "inline", "disk-full", "manager keeps no files"),
        ("json", "lock", "processes", "kill-service", "lock has no service process"),
        ("json", "lock", "processes", "kill-server", "json has no server"),
        ("json", "lock", "inline", "locked", "json has no lock of its own"),
        ("json", "filelock:soft", "inline", "terminate", "asks whether a lock holder's process is alive"),
        (
            "json",
            "filelock:stale-holder",
            "inline",
            "terminate",
            "in one process it always is: add --executor processes",
        ),
    ],
)
def test_what_cannot_strike_is_refused_with_the_reason(
    store: str, strategy: str, executor: str, fault: str, reason: str
) -> None:
    with pytest.raises(UsageError, match=reason):
        explore(Scenario.of(store, strategy, buyers=2), ExploreOptions(executor=executor, faults=parse_faults(fault)))


@pytest.mark.parametrize("strategy", ["filelock:soft", "filelock:stale-holder"])
def test_a_strategy_that_asks_who_lives_is_terminated_on_real_processes(strategy: str) -> None:
    (fault,) = parse_faults("terminate")
    scenario = Scenario.of("json:rename", strategy, buyers=2, tickets=2)
    played = run_plan(scenario, Schedule(()), faults=[FaultPoint(0, 5, fault)])  # before it gives the lock back
    assert played.valid
    assert played.case is not None
    assert replay(played.case).executor == "processes"
