"""`dfs` and `dpor` against an explorer that shares no code with them; reduced from `python -m tests.fuzz.explorers`."""

import pytest

from tests.fuzz.explorer_judge import LIMIT, promises_retry, unexplained
from tests.fuzz.found import FOUND, wrong_on
from tests.fuzz.independent_explorer import explore
from tests.fuzz.independent_programs import Program, Strike
from tests.fuzz.partial_orders import compare
from tests.fuzz.random_programs import Drawn, draw

SEED = 11
INCREMENT = (("read", "a", "x"), ("store", "x", "a", 1))


def test_the_independent_explorer_knows_the_lost_update() -> None:
    found = explore((INCREMENT, INCREMENT))
    assert found.schedules == 6
    assert found.completed == {
        ((2,), ((0, 0, 0), (1, 0, 0))),
        ((2,), ((1, 0, 0), (0, 0, 0))),
        ((1,), ((0, 0, 0), (0, 0, 0))),
    }


@pytest.mark.parametrize(("lock", "right"), [("m0", {2}), ("r0", {2}), ("s1", {2}), ("s2", {1, 2})])
def test_it_knows_which_locks_keep_others_out(lock: str, right: set[int]) -> None:
    body = (("with", lock, INCREMENT),)
    assert {cells[0] for cells, _ in explore((body, body)).completed} == right


def test_it_knows_deadlock_and_livelock_and_that_a_poll_is_neither() -> None:
    one, other = ("with", "m0", (("with", "m1", ()),)), ("with", "m1", (("with", "m0", ()),))
    poll = (("retry", 0, "a", 1, 1, (("read", "a", "x"),)),)
    assert explore(((one,), (other,))).endless == {(None, None): {()}}
    assert explore((poll, (("write", "y", 1),))).endless == {(None, (0, 0, 0)): {(0, 1)}}
    assert explore((poll, (("write", "x", 1),))).endless == {}
    assert explore(((("with", "m0", (("with", "m0", ()),)),),)).endless == {(None,): {()}}
    assert explore(((("with", "r0", (("with", "r0", ()),)),),)).endless == {}


def test_it_tells_prompt_from_slow() -> None:
    quick = (("write", "x", 1),)
    sleeper = (("mark", "y"), ("sleep", 2), ("read", "b", "x"), ("elapsed", "a", "y"))
    prompt, slow = (explore((sleeper, quick), prompt=prompt).completed for prompt in (True, False))
    assert {answers[0] for _, answers in prompt} == {(2, 1, 0)}
    assert {answers[0] for _, answers in slow} == {(2, 0, 0), (2, 1, 0)}


def test_it_knows_what_the_dead_leave_behind() -> None:
    program = ((("with", "m0", (("write", "x", 1),)),), (("with", "m0", (("read", "a", "x"),)),))
    killed = explore(program, strike=Strike("kill", 0, 1))
    told = explore(program, strike=Strike("terminate", 0, 1))
    assert set(killed.endless) == {(None, None)}
    assert killed.completed == {((0,), (None, (0, 0, 0)))}
    assert not told.endless
    assert told.completed == {((0,), (None, (0, 0, 0)))}


@pytest.mark.parametrize("family", ["plain", "locks", "queues", "waits"])
def test_the_lab_finds_exactly_the_outcomes_that_there_are(family: str) -> None:
    tried = 0
    for number in range(400):
        drawn = draw(SEED, number, kills=0, processes=0)
        if drawn.family != family or _schedules(drawn) > LIMIT // 4:
            continue
        assert unexplained(drawn) == [], drawn
        tried += 1
        if tried == 12:
            return
    pytest.fail("too few programs are small")


def _schedules(drawn: Drawn) -> int:
    return explore(drawn.program).schedules or 0


@pytest.mark.parametrize("family", ["locks", "sharers", "queues"])
def test_dpor_runs_each_order_of_steps_that_do_not_commute_once(family: str) -> None:
    drawn = (draw(SEED, number, kills=0, processes=0) for number in range(150))
    found = [
        compare(one.program, largest=60) for one in drawn if one.family == family and not promises_retry(one.program)
    ]
    assert [one for one in found if one and (one.missed or one.repeated)] == []
    assert any(one and one.orders > 1 for one in found)


@pytest.mark.parametrize("family", ["plain", "queues", "noted", "heartbeat"])
def test_dpor_begins_no_execution_in_vain(family: str) -> None:
    drawn = (draw(901, number, kills=0, processes=0) for number in range(300))
    found = [
        compare(one.program, largest=100) for one in drawn if one.family == family and not promises_retry(one.program)
    ]
    assert sum(one.redundant for one in found if one) == 0
    assert any(one and one.orders > 1 for one in found)


SHARER = ("with", "w0", (("read", "a", "y"),))


@pytest.mark.parametrize(
    "program",
    [
        ((SHARER, ("write", "y", 1)),) * 3,
        ((("with", "m0", INCREMENT), ("read", "b", "y"), ("write", "y", 1)),) * 2,
        ((("with", "s2", INCREMENT),),) * 3,
        ((("write", "z", 1), ("send", "q0", 1)), (("write", "z", 2), ("receive", "a", "q0"))),
        ((("with", "r0", INCREMENT),), (("try", "a", "r0", INCREMENT),)),
    ],
)
def test_dpor_begins_no_execution_in_vain_with_locks_and_queues(program: Program) -> None:
    found = compare(program, largest=20_000)
    assert found is not None
    assert (found.missed, found.repeated, found.redundant) == ({}, 0, 0)


def test_what_an_attempt_comes_to_where_it_was_never_made_takes_an_execution_to_find_out() -> None:
    # Nobody waits for x before it is written, in the one execution that there is: so it is tried, and found to fail.
    found = compare(((("write", "x", 2), ("until", "x", 1)), (("read", "b", "y"), ("until", "x", 1))))
    assert found is not None
    assert (found.orders, found.repeated, found.redundant) == (1, 0, 1)


def test_what_was_mended_stays_mended() -> None:
    for one in FOUND:
        if one.mended:
            assert wrong_on(one) == [], one.name
