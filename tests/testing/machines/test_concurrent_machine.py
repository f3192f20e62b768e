"""Concurrent machines as people write them: what they find, and what they say."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import Phase, reproduce_failure, seed, settings
from hypothesis import strategies as st
from hypothesis.database import InMemoryExampleDatabase

from tests.testing.machines.structures.contents import Counter, CounterThatLoses
from tests.testing.machines.structures.names import CouponRedeemedTwice, RateLimiterOneTooMany
from tests.testing.machines.trying import BRIEFLY, failure_of, passes, variant
from ticketlab import BLOCKED, ConcurrentMachine, invariant, rule
from ticketlab.checker import cas_register
from ticketlab.testing import MachineProgram


@pytest.mark.slow
def test_a_failure_says_the_calls_the_order_and_the_schedule() -> None:
    told = failure_of(variant(CounterThatLoses, executor="processes"))
    assert told.startswith("CounterThatLoses: not linearizable, lost update  (2 processes, 2 calls; dpor, processes)")
    assert re.search(r"1  process \d  increment\(\)  1  ✓\n +2  process \d  increment\(\)  1  ✗ the model says 2", told)
    assert "return from increment() → 1" in told
    assert "examples = [MachineProgram([[('increment', {})], [('increment', {})]])]" in told


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["processes", "inline", "threads"])
def test_each_kind_of_participant_fails_in_the_same_words(executor: str) -> None:
    first, again = (failure_of(variant(CouponRedeemedTwice, executor=executor)) for _ in range(2))
    assert first == again


@pytest.mark.slow
def test_an_example_is_tried_first() -> None:
    machine = variant(
        CounterThatLoses, examples=[MachineProgram([[("increment", {})], [("increment", {})], [("read", {})]])]
    )
    test = machine.TestCase
    test.settings = settings(BRIEFLY, phases=[Phase.explicit])
    with pytest.raises(AssertionError, match="read"):
        test().runTest()


@pytest.mark.slow
def test_a_failure_is_reproduced_by_hypothesis() -> None:
    test = CouponRedeemedTwice.TestCase
    test.settings = settings(BRIEFLY, print_blob=True)
    with pytest.raises(AssertionError) as caught:
        test().runTest()
    found = re.search(r"@reproduce_failure\('(.*?)', (b'.*?')\)", "\n".join(caught.value.__notes__))
    assert found is not None
    again = reproduce_failure(found[1], eval(found[2]))(variant(CouponRedeemedTwice))
    assert failure_of(again) == str(caught.value)
    seed(3)(again)


@pytest.mark.slow
def test_a_program_that_failed_is_kept_for_its_machine_alone() -> None:
    database = InMemoryExampleDatabase()

    def kept(machine: type[ConcurrentMachine]) -> set[bytes]:
        before = set(database.data)
        test = machine.TestCase
        test.settings = settings(BRIEFLY, database=database, derandomize=False)
        with pytest.raises(AssertionError):
            test().runTest()
        return set(database.data) - before

    assert kept(CouponRedeemedTwice)
    assert kept(RateLimiterOneTooMany)


class Overdraft(ConcurrentMachine):
    """Has no model: an invariant says what is right at the end."""

    executor = "inline"
    torn_down: ClassVar[list[str]] = []

    def setup(self) -> None:
        Path("money").write_text("1")
        self.begun = True

    @rule()
    def spend(self) -> None:
        left = int(Path("money").read_text())
        if left > 0:
            with open("spent", "a") as spent:
                spent.write("1\n")
            Path("money.new").write_text(str(left - 1))
            Path("money.new").replace("money")

    @invariant()
    def spent_once(self) -> bool:
        return not Path("spent").exists() or len(Path("spent").read_text().split()) <= 1

    def teardown(self) -> None:
        assert self.begun
        self.torn_down.append("once")


@pytest.mark.slow
def test_an_invariant_is_asked_at_the_end_of_each_execution_and_then_all_is_torn_down() -> None:
    assert "invariant broken" in failure_of(Overdraft)
    assert Overdraft.torn_down


class Raising(ConcurrentMachine):
    executor = "inline"

    @rule()
    def remove(self) -> None:
        if Path("file").exists():
            Path("file").unlink()

    def setup(self) -> None:
        Path("file").touch()


@pytest.mark.slow
def test_without_a_model_an_exception_is_a_failure() -> None:
    told = failure_of(Raising)
    assert "exception: process 1: remove() → raises FileNotFoundError" in told


class Register(ConcurrentMachine):
    executor = "inline"
    model = cas_register(0)

    def setup(self) -> None:
        Path("value").write_text("0")

    @rule()
    def read(self) -> int:
        return int(Path("value").read_text())

    @rule(expected=st.just(0), new=st.integers(1, 2))
    def cas(self, expected: int, new: int, who: int) -> str:
        if int(Path("value").read_text()) != expected:
            return "fail"
        Path(f"value.{who}").write_text(str(new))
        Path(f"value.{who}").replace("value")
        return "ok"


@pytest.mark.slow
def test_a_model_of_the_checker_judges_as_well() -> None:
    assert "✗ the model does not allow it" in failure_of(Register)


class StaleView(ConcurrentMachine):
    """Reads what the last write has left to be read, which may be the one before."""

    executor = "inline"

    class Model:
        def __init__(self) -> None:
            self.value = 0

        def write(self) -> None:
            self.value = 1

        def read(self) -> int:
            return self.value

    model = Model

    def setup(self) -> None:
        Path("data").write_text("0")
        Path("view").write_text("0")

    @rule()
    def write(self, who: int) -> None:
        Path(f"data.{who}").write_text("1")
        Path(f"data.{who}").replace("data")

    @rule()
    def read(self) -> int:
        return int(Path("view").read_text())


@pytest.mark.slow
def test_real_time_counts_even_where_no_step_meets_another() -> None:
    told = failure_of(StaleView)
    assert "not linearizable" in told
    assert "2 calls" in told


@pytest.mark.slow
def test_an_order_against_real_time_is_serializable() -> None:
    passes(variant(StaleView, consistency="serializable"))
    assert "not quiescent" in failure_of(variant(StaleView, consistency="quiescent"))


@pytest.mark.slow
def test_each_call_is_shown_where_times_do_not_count() -> None:
    class Twice(StaleView):
        @rule()
        def read(self) -> int:
            return 2

    machine = variant(
        Twice,
        consistency="serializable",
        examples=[MachineProgram([[("read", {}), ("read", {}), ("write", {})], [("write", {})]])],
    )
    test = machine.TestCase
    test.settings = settings(BRIEFLY, phases=[Phase.explicit])
    with pytest.raises(AssertionError) as caught:
        test().runTest()
    told = str(caught.value)
    assert "(1 process, 3 calls;" in told
    assert re.search(r"^ +3  process 1 ", told, re.MULTILINE)


class Waiting(ConcurrentMachine):
    """Waits for a file lock that its model knows to be held for ever."""

    executor = "threads"
    calls = 1
    lock: threading.Lock

    class Model:
        def __init__(self) -> None:
            self.taken = False

        def take(self) -> Any:
            if self.taken:
                return BLOCKED
            self.taken = True
            return True

    model = Model

    def setup(self) -> None:
        self.lock = threading.Lock()

    @rule()
    def take(self) -> bool:
        return self.lock.acquire()


@pytest.mark.slow
def test_a_call_that_the_model_has_wait_may_wait_for_ever() -> None:
    passes(Waiting)

    class Never(Waiting.Model):
        def take(self) -> bool:
            return True

    assert failure_of(variant(Waiting, model=Never)).startswith("Waiting: deadlock")


@pytest.mark.slow
def test_hypothesis_draws_timings_if_asked() -> None:
    told = failure_of(variant(CounterThatLoses, schedules="timed"))
    assert told.startswith("CounterThatLoses: not linearizable, lost update  (2 processes, 2 calls;")
    assert "more schedules than were tried (one each, by a drawn timing)" in passes(variant(Counter, schedules="timed"))


@pytest.mark.slow
def test_programs_that_were_not_searched_to_the_end_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    told = passes(variant(Counter, executions=2, executor="inline"))
    assert re.fullmatch(r"\d+ of \d+ programs have more schedules than were tried \(2 executions each by dpor\)", told)
    assert told in capsys.readouterr().err


class Unseen(ConcurrentMachine):
    executor = "inline"

    @rule()
    def run(self) -> None:
        subprocess.run([sys.executable, "-c", "open('file', 'w')"], check=True)


def test_what_the_lab_does_not_see_fails_the_test() -> None:
    machine = variant(Unseen, executions=1, participants=2, calls=1)
    told = failure_of(machine)
    assert "is undecided" in told
    assert 'unseen = "allow" lets it pass' in told
