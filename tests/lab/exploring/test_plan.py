"""A scenario played by a plan: in virtual time, the same every time, and the same on real processes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from ticketlab import PlanResult, race, replay, run_plan
from ticketlab.core.errors import UsageError
from ticketlab.core.faults import Fault, FaultPoint
from ticketlab.core.inventory import Buy
from ticketlab.core.scenario import Scenario
from ticketlab.explorer.case import Case
from ticketlab.lab.racing.options import RaceOptions
from ticketlab.timings import Schedule, Timing, timings

TOGETHER = Timing(((), ()))


@pytest.fixture(autouse=True, scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("live"))


def test_buyers_that_come_together_oversell_and_one_that_comes_later_does_not() -> None:
    scenario = Scenario.of("json:rename", buyers=2)
    assert not run_plan(scenario, TOGETHER).valid
    assert run_plan(scenario, Timing(((), (1_000,)))).valid


def test_a_buyer_that_the_timing_does_not_list_stays_away() -> None:
    played = run_plan(Scenario.of("memory", buyers=3, tickets=3), Timing(((),)))
    assert [operation.process for operation in played.history.operations] == [1]


def test_a_schedule_is_followed_and_goes_on_without_preemption() -> None:
    played = run_plan(Scenario.of("memory", buyers=2), Schedule((2, 1)))
    assert played.schedule == Schedule((2, 1, 1, 2))
    assert {anomaly.name for anomaly in played.anomalies} >= {"oversold"}


def test_the_case_of_a_played_race_replays_it() -> None:
    played = run_plan(Scenario.of("json:in-place", buyers=2), Timing(((3,), (1, 2))))
    assert played.case is not None
    assert replay(played.case).execution.schedule == played.execution.schedule


@pytest.mark.slow
@settings(max_examples=15)
@given(timings(buyers=3))
def test_virtual_time_is_the_same_in_one_process_and_in_many(timing: Timing) -> None:
    scenario = Scenario.of("json:in-place", buyers=3, tickets=2)
    here, there = run_plan(scenario, timing), run_plan(scenario, timing, executor="processes")
    assert (here.history, here.verdict) == (there.history, there.verdict)


@pytest.mark.slow
def test_hypothesis_on_real_processes_gives_the_same_outcome_20_times_of_20() -> None:
    """Where buyers really sleep what was drawn, the kernel decides: see scripts/count_flaky.py."""

    def outcomes() -> tuple[tuple[Timing, bool], ...]:
        seen: list[tuple[Timing, bool]] = []

        @settings(settings.get_profile("ci"), max_examples=4)
        @given(timings(buyers=2, steps=2, longest=2))
        def never_oversells(timing: Timing) -> None:
            seen.append((timing, run_plan(Scenario.of("json:in-place", buyers=2), timing, executor="processes").valid))

        never_oversells()
        return tuple(seen)

    runs = {outcomes() for _ in range(20)}
    assert len(runs) == 1
    assert {valid for _, valid in runs.pop()} == {True, False}


def test_a_timing_under_a_lock_is_valid_on_real_processes() -> None:
    for strategy in ("flock", "clerk"):
        played = run_plan(Scenario.of("json:in-place", strategy, buyers=2), TOGETHER, executor="processes")
        assert played.valid, str(played)
        assert played.sold == 1


def test_a_race_is_live_and_has_no_plan() -> None:
    result = race(Scenario.of("sqlite", "atomic", buyers=3))
    assert result.valid
    assert result.launcher == str(RaceOptions().launcher)


def test_orders_of_ones_own_take_the_place_of_the_scenarios() -> None:
    played = run_plan(
        Scenario.of("memory", buyers=2, tickets=3), Schedule(()), orders=((Buy(1, "main", 3),), (Buy(2, "main"),))
    )
    assert (played.sold, played.case) == (3, None)


def refused(*args: object, **settings: object) -> PlanResult:
    return run_plan(*args, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("plan", "extra", "message"),
    [
        (Timing(((),) * 4), {}, "for 4 buyers, but the scenario has 2"),
        (TOGETHER, {"orders": ((),)}, "orders for 1 buyers"),
        (TOGETHER, {"orders": ((Buy(2, "main"),), ())}, "buyer 1 cannot make the order"),
        (TOGETHER, {"executor": "proceses"}, "unknown executor 'proceses': did you mean 'processes'"),
    ],
)
def test_what_does_not_go_together_is_refused_in_a_line(plan: object, extra: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        refused(Scenario.of("memory", buyers=2), plan, **extra)


@pytest.mark.parametrize("fault", ["kill", "pause:2s", "clock:1h", "terminate", "io-error"])
def test_a_fault_strikes_where_it_is_said_to_and_the_case_replays_it(fault: str) -> None:
    fault_point = FaultPoint(0, 1, Fault.parse(fault))
    played = run_plan(Scenario.of("json", "flock", buyers=2, tickets=2), TOGETHER, faults=(fault_point,))
    assert played.execution.injected == (0,)
    assert played.case is not None
    assert played.case.fault_points == (fault_point,)
    again = replay(played.case)
    assert again.execution.schedule == played.execution.schedule
    assert [anomaly.name for anomaly in again.anomalies] == [anomaly.name for anomaly in played.anomalies]


def test_where_a_kill_strikes_is_drawn() -> None:
    played = run_plan(
        Scenario.of("json:rename", "lock", buyers=2), TOGETHER, faults=(FaultPoint(0, 1, Fault.parse("kill")),)
    )
    assert [anomaly.name for anomaly in played.anomalies] == ["lock never released"]
    assert "fault injected: kill → before read inventory.json" in str(played)


@pytest.mark.parametrize(
    ("faults", "reason"),
    [
        ([FaultPoint(2, 0, Fault.parse("terminate"))], "names nobody"),
        (
            [FaultPoint(0, 0, Fault.parse("terminate")), FaultPoint(0, 1, Fault.parse("terminate"))],
            "the same participant",
        ),
        ([FaultPoint(0, 0, Fault.parse("kill-server"))], "json has no server"),
    ],
)
def test_faults_that_cannot_be_injected_are_refused(faults: list[FaultPoint], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        run_plan(Scenario.of("json", "lock", buyers=2), TOGETHER, faults=faults)


def test_a_timing_in_which_a_lease_ended_replays() -> None:
    scenario = Scenario.of("json:rename", "lease:unfenced,seconds=1", buyers=2, tickets=2)
    played = run_plan(scenario, Timing(((0, 0, 2_000_000), ())))  # the first thinks for two seconds after it looked
    assert [anomaly.name for anomaly in played.anomalies] == ["ticket sold twice", "lost update"]
    assert played.case is not None
    again = replay(Case.from_json(played.case.to_json()))
    assert again.execution.when == played.execution.when
    assert again.anomalies == played.anomalies
