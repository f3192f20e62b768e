"""A live race that went wrong as a case: what was recorded is completed to a schedule, which replays."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticketlab import race, replay, run_plan
from ticketlab.core.errors import UsageError
from ticketlab.core.history import History
from ticketlab.core.result import Metrics, Result, TimedStep
from ticketlab.core.scenario import Scenario
from ticketlab.lab.exploring.from_race import case_of_race
from ticketlab.lab.exploring.plan import PlanResult
from ticketlab.lab.racing.options import RaceOptions
from ticketlab.timings import Schedule
from ticketlab.timings.latency import Latency

METRICS = Metrics(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0, 0, 0, 0.0, 0.0)


@pytest.fixture(autouse=True, scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("live"))


def as_race(played: PlanResult, moves: list[TimedStep]) -> Result:
    """Return what a live race would have recorded in which the buyers did as under a schedule."""
    scenario, execution = played.scenario, played.execution
    read: dict[int, list[tuple[int, str, int]]] = {}
    for note in execution.notes:
        if note.what == "remaining":
            assert isinstance(note.value, int)
            read.setdefault(execution.schedule[note.step] + 1, []).append((note.step, "read", note.value))
    operations = tuple(replace(each, accesses=tuple(read.get(each.process, ()))) for each in played.history.operations)
    return Result(
        command="ticketlab race",
        store=str(scenario.store),
        strategy=str(scenario.strategy),
        launcher="process",
        buyers=scenario.buyers,
        tickets=scenario.inventory.tickets,
        sold=played.sold,
        verdict=played.verdict,
        metrics=METRICS,
        books={},
        history=History(played.history.meta, operations),
        moves=moves,
    )


@settings(max_examples=20)
@given(st.permutations([1, 1, 2, 2, 3, 3]))
def test_a_record_without_doubt_leads_to_the_schedule_itself(turns: list[int]) -> None:
    played = run_plan(Scenario.of("memory", buyers=3, tickets=3), Schedule(tuple(turns)))
    moves = [TimedStep(who, at, at) for at, who in enumerate(played.execution.schedule)]
    if played.valid:
        with pytest.raises(UsageError, match="nothing went wrong"):
            case_of_race(played.scenario, as_race(played, moves))
        return
    made = case_of_race(played.scenario, as_race(played, moves))
    assert made is not None
    assert (made.alike, made.tried) == (3, 3)
    assert {each.name for each in replay(made.finding.case).anomalies} >= set(made.finding.case.anomalies)


@pytest.mark.slow
@settings(max_examples=20)
@given(st.permutations([1, 1, 2, 2, 3, 3]), st.lists(st.integers(0, 4), min_size=12, max_size=12))
def test_a_record_in_doubt_leads_to_a_schedule_that_goes_wrong_in_the_same_way(
    turns: list[int], doubts: list[int]
) -> None:
    played = run_plan(Scenario.of("json:rename", buyers=3, tickets=3), Schedule(tuple(turns)))
    if played.valid:
        return
    schedule = played.execution.schedule
    moves = [
        TimedStep(who, at - doubts[2 * at % 12], at + doubts[(2 * at + 1) % 12]) for at, who in enumerate(schedule)
    ]
    made = case_of_race(played.scenario, as_race(played, moves))
    assert made is not None
    assert set(made.finding.case.anomalies) <= {each.name for each in played.anomalies}
    assert made.finding.confirmed == "confirmed on real processes"


@settings(max_examples=20)
@given(st.permutations([1, 1, 2, 2, 3, 3]), st.sets(st.integers(0, 5), min_size=1))
def test_a_record_that_lacks_steps_leads_to_such_a_schedule_or_to_none(turns: list[int], lost: set[int]) -> None:
    played = run_plan(Scenario.of("memory", buyers=3, tickets=3), Schedule(tuple(turns)))
    moves = [TimedStep(who, at, at + 9) for at, who in enumerate(played.execution.schedule) if at not in lost]
    if played.valid:
        return
    if not moves:
        with pytest.raises(UsageError, match="did not keep its steps"):
            case_of_race(played.scenario, as_race(played, moves))
        return
    made = case_of_race(played.scenario, as_race(played, moves))
    assert made is None or set(made.finding.case.anomalies) <= {each.name for each in played.anomalies}


def test_a_step_that_took_effect_late_is_moved_past_others() -> None:
    """Neither the order of the beginnings nor that of the middles or of the ends leads to what was read."""
    played = run_plan(Scenario.of("memory", buyers=3, tickets=3), Schedule((1, 1, 2, 3, 2, 3)))
    assert [note.value for note in played.execution.notes] == [3, 2, 2, 2, 1, 1]
    moves = [
        TimedStep(0, 0, 0),
        TimedStep(0, 5, 9),
        TimedStep(1, 1, 10),
        TimedStep(1, 22, 23),
        TimedStep(2, 8, 40),
        TimedStep(2, 41, 42),
    ]
    made = case_of_race(played.scenario, as_race(played, moves))
    assert made is not None
    assert made.alike == 3
    assert made.tried > 3


def test_buyers_whose_steps_were_not_recorded_stay_as_they_fall() -> None:
    played = run_plan(Scenario.of("memory", buyers=3, tickets=3), Schedule((1, 2, 3, 1, 2, 3)))
    moves = [TimedStep(who, at, at) for at, who in enumerate(played.execution.schedule) if who == 0]
    assert case_of_race(played.scenario, as_race(played, moves)) is None


@pytest.mark.slow
@pytest.mark.parametrize("store", ["json", "sqlite", "manager"])
def test_a_live_race_becomes_a_case_that_replays(store: str) -> None:
    scenario = Scenario.of(store, buyers=30, tickets=5)
    raced = race(scenario, RaceOptions(latency=Latency.parse("write=20ms"), timeline=True))
    assert raced.verdict.anomalies
    made = case_of_race(scenario, raced)
    assert made is not None
    assert set(made.finding.case.anomalies) <= {each.name for each in raced.verdict.anomalies} | {"lost update"}
    assert len(set(made.finding.case.schedule)) == 2
    for _ in range(3):
        assert {each.name for each in replay(made.finding.case).anomalies} >= set(made.finding.case.anomalies)
