"""What Hypothesis draws for races is valid, shrinks to the simplest race, and repeats itself."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, find, given, reproduce_failure, seed, settings
from hypothesis import __version__ as hypothesis_version
from hypothesis import example as by_example
from hypothesis.database import InMemoryExampleDatabase
from hypothesis.strategies import SearchStrategy

from ticketlab import run_plan
from ticketlab.core.errors import UsageError
from ticketlab.core.faults import Fault, FaultPoint
from ticketlab.core.inventory import Buy, Search
from ticketlab.core.scenario import Scenario
from ticketlab.timings import Schedule, Timing, faults, orders, scenarios, schedules, timings
from ticketlab.timings.hypothesis_strategies import Orders

SEARCHING = settings(derandomize=True, database=None, max_examples=2_000, deadline=None)


@pytest.fixture(autouse=True, scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("live"))


@given(timings(buyers=(2, 4), steps=3, longest=50))
def test_a_timing_keeps_its_bounds_and_says_how_to_make_it_again(timing: Timing) -> None:
    assert 2 <= timing.buyers <= 4
    for own in timing.delays:
        assert len(own) <= 3
        assert all(0 <= delay <= 50 for delay in own)
        assert not own or own[-1]
    assert eval(repr(timing)) == timing


@given(schedules(buyers=3), orders(3, {"floor": 2, "boxes": 1, "stage": 0}))
def test_schedules_and_orders_name_buyers_and_sections_that_exist(schedule: Schedule, wishes: Orders) -> None:
    assert set(schedule.turns) <= {1, 2, 3}
    assert eval(repr(schedule)) == schedule
    for buyer, script in enumerate(wishes, 1):
        for request in script:
            assert request.buyer == buyer
            assert request.section in ("floor", "boxes")
            assert not isinstance(request, Buy) or request.quantity <= {"floor": 2, "boxes": 1}[request.section]


@given(faults(3, ["kill", "pause:2s", "kill-service"], most=2, points=5))
def test_faults_meet_each_participant_once_and_say_how_to_make_them_again(faults: tuple[FaultPoint, ...]) -> None:
    victims = [fault.who for fault in faults]
    assert len(faults) <= 2
    assert victims == sorted(set(victims))
    assert all(0 <= fault.point < 5 for fault in faults)
    assert all((fault.who == 3) == (fault.fault == Fault.parse("kill-service")) for fault in faults)
    assert all(0 <= who <= 3 for who in victims)
    assert eval(repr(faults)) == faults


def test_a_kill_under_the_lock_shrinks_to_the_first_step_at_which_the_first_buyer_holds_it() -> None:
    scenario = Scenario.of("json:rename", "lock", buyers=2)

    def leaves_the_lock(faults: tuple[FaultPoint, ...]) -> bool:
        played = run_plan(scenario, Timing(((), ())), faults=faults)
        return "lock never released" in {anomaly.name for anomaly in played.anomalies}

    searching = settings(SEARCHING, max_examples=30)
    assert find(faults(2, points=4), leaves_the_lock, settings=searching) == (FaultPoint(0, 1, Fault.parse("kill")),)


@pytest.mark.slow
def test_the_simplest_of_all_are_no_delay_no_preemption_no_wish_and_the_fewest_buyers() -> None:
    assert find(timings(buyers=(2, 5)), lambda _: True, settings=SEARCHING) == Timing(((), ()))
    assert find(schedules(buyers=3), lambda _: True, settings=SEARCHING) == Schedule(())
    assert find(faults(3), lambda _: True, settings=SEARCHING) == ()
    earliest = FaultPoint(0, 0, Fault.parse("terminate"))
    assert find(faults(3, ["terminate", "kill"], most=3), bool, settings=SEARCHING) == (earliest,)
    assert find(orders(2), lambda _: True, settings=SEARCHING) == ((), ())
    simplest = find(scenarios(["memory", "json"], ["none", "lock"]), lambda _: True, settings=SEARCHING)
    assert simplest == Scenario.of("memory", "none", buyers=2, tickets=1)


@pytest.mark.slow
def test_what_fails_shrinks_to_the_one_delay_or_preemption_that_matters() -> None:
    scenario = Scenario.of("memory", "none", buyers=3, tickets=1)

    def second_buyer_is_served_first(timing: Timing) -> bool:
        return run_plan(Scenario.of("memory", "lock", buyers=2), timing).schedule.turns[0] == 2

    assert find(timings(buyers=2), second_buyer_is_served_first, settings=SEARCHING) == Timing(((1,), ()))
    found = find(schedules(buyers=3), lambda one: not run_plan(scenario, one).valid, settings=SEARCHING)
    assert found == Schedule((1, 2)), "one step of the first buyer, a preemption, and no more"
    wishes = find(
        orders(2, 1), lambda one: not run_plan(Scenario.of("memory", buyers=2), Schedule((1, 2)), orders=one).valid
    )
    assert wishes == ((Buy(1, "main", 1),), (Buy(2, "main", 1),))


def fails(strategy: SearchStrategy[Timing], seen: list[Timing], how: settings) -> type[BaseException] | None:
    @settings(how)
    @given(strategy)
    def property_(timing: Timing) -> None:
        seen.append(timing)
        assert run_plan(Scenario.of("memory", "none", buyers=3), timing).valid

    try:
        property_()
    except BaseException as error:
        return type(error)
    return None


@pytest.mark.slow
def test_the_ci_profile_draws_the_same_timings_each_time() -> None:
    runs: list[list[Timing]] = []
    for _ in range(2):
        random.seed()  # the profile must not care
        runs.append([])
        fails(timings(buyers=3), runs[-1], settings.get_profile("ci"))
    assert runs[0] == runs[1]


def test_the_example_database_tries_what_failed_before_first() -> None:
    database = InMemoryExampleDatabase()
    first: list[Timing] = []
    second: list[Timing] = []
    how = settings(database=database, derandomize=False, deadline=None, suppress_health_check=list(HealthCheck))
    assert fails(timings(buyers=3), first, how) is AssertionError
    assert fails(timings(buyers=3), second, how) is AssertionError
    assert second[0] == first[-1]


def test_an_example_is_tried_and_a_failure_is_reproduced_from_its_blob() -> None:
    tried: list[Timing] = []

    @by_example(Timing(((), (500,))))
    @settings(database=None, derandomize=True)
    @given(timings(buyers=2))
    def explicit(timing: Timing) -> None:
        tried.append(timing)

    explicit()
    assert tried[0] == Timing(((), (500,)))

    @settings(database=None, print_blob=True, deadline=None)
    @seed(1)
    @given(timings(buyers=2))
    def failing(timing: Timing) -> None:
        assert run_plan(Scenario.of("memory", buyers=2), timing).valid

    with pytest.raises(AssertionError) as caught:
        failing()
    (note,) = [note for note in caught.value.__notes__ if "reproduce_failure" in note]
    blob = note.partition("b'")[2].partition("'")[0]
    again = reproduce_failure(hypothesis_version, blob.encode())(failing)
    with pytest.raises(AssertionError):
        again()


def test_a_race_that_goes_wrong_is_drawn_in_the_report() -> None:
    @settings(database=None, derandomize=True)
    @given(timings(buyers=2))
    def failing(timing: Timing) -> None:
        assert run_plan(Scenario.of("memory", buyers=2), timing).valid

    with pytest.raises(AssertionError) as caught:
        failing()
    report = "\n".join(caught.value.__notes__)
    assert "timing=Timing(((), ()))" in report
    assert "read main → 1" in report
    assert "lost update: purchases returned 2 sold tickets" in report


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: timings(buyers=0), "buyers is 0"),
        (lambda: timings(buyers=(3, 2)), "runs backwards"),
        (lambda: schedules(2, longest=0), "longest is 0"),
        (lambda: orders(2, 0), "no tickets"),
        (lambda: scenarios([]), "no stores"),
        (lambda: Timing(()), "has no buyers"),
        (lambda: Timing(((-1,),)), "has the delay -1"),
        (lambda: Schedule((0,)), "numbers from 1"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_a_line(make: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()  # type: ignore[operator]


@given(orders(2, most=3))
def test_orders_can_do_without_searches(wishes: Orders) -> None:
    assert all(isinstance(request, Buy | Search) for script in wishes for request in script)
