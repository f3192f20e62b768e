"""Concurrent machines as people write them: what they find, what they say, and what they refuse."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import Phase, reproduce_failure, seed, settings
from hypothesis import strategies as st
from hypothesis.database import InMemoryExampleDatabase

from tests.testing.machines.structures.files import (
    Counter,
    CounterThatLoses,
    CouponRedeemedTwice,
    RateLimiterOneTooMany,
)
from ticketlab import BLOCKED, Bundle, ConcurrentMachine, consumes, initialize, invariant, rule
from ticketlab.checker import cas_register
from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.testing import MachineProgram
from ticketlab.testing.machines.declare import declared_methods
from ticketlab.testing.models import LockModel

BRIEFLY = settings(settings.get_profile("ci"), max_examples=25)


def failure_of(machine: type[ConcurrentMachine]) -> str:
    """Return what the test of a machine fails with."""
    test = machine.TestCase
    test.settings = BRIEFLY
    with pytest.raises(AssertionError) as caught:
        test().runTest()
    return str(caught.value)


def passes(machine: type[ConcurrentMachine]) -> str:
    """Have the test of a machine pass, and return what it leaves undecided."""
    test = machine.TestCase
    test.settings = BRIEFLY
    case = test()
    case.runTest()
    undecided: str = case.ticketlab_undecided
    return undecided


def variant(machine: type[ConcurrentMachine], **changed: Any) -> type[ConcurrentMachine]:
    """Return a machine with other settings."""
    made: type[ConcurrentMachine] = type(machine.__name__, (machine,), changed)
    return made


def test_a_failure_says_the_calls_the_order_and_the_schedule() -> None:
    told = failure_of(variant(CounterThatLoses, executor="processes"))
    assert told.startswith("CounterThatLoses: not linearizable, lost update  (2 processes, 2 calls; dpor, processes)")
    assert re.search(r"1  process \d  increment\(\)  1  ✓\n +2  process \d  increment\(\)  1  ✗ the model says 2", told)
    assert "return from increment() → 1" in told
    assert "examples = [MachineProgram([[('increment', {})], [('increment', {})]])]" in told


@pytest.mark.parametrize("executor", ["processes", "inline", "threads"])
def test_each_kind_of_participant_fails_in_the_same_words(executor: str) -> None:
    first, again = (failure_of(variant(CouponRedeemedTwice, executor=executor)) for _ in range(2))
    assert first == again


def test_an_example_is_tried_first() -> None:
    machine = variant(
        CounterThatLoses, examples=[MachineProgram([[("increment", {})], [("increment", {})], [("read", {})]])]
    )
    test = machine.TestCase
    test.settings = settings(BRIEFLY, phases=[Phase.explicit])
    with pytest.raises(AssertionError, match="read"):
        test().runTest()


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


class Tokens(ConcurrentMachine):
    """A lock whose token is handed on to who gives it back."""

    held = Bundle("held")
    model = LockModel
    calls = 3
    executor = "inline"

    @rule(target=held)
    def try_acquire(self, who: int) -> bool | None:
        try:
            Path("lock").touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    @rule(held=consumes(held))
    def release(self, held: bool, who: int) -> bool:
        if held:
            Path("lock").unlink()
        return held


class TokenModel(LockModel):
    """A lock, released with what the acquisition returned."""

    def release(self, who: int, held: bool = True) -> bool:
        return held and super().release(who)


def test_results_are_fed_on_to_later_calls_of_the_same_participant() -> None:
    machine = variant(Tokens, model=TokenModel)
    rules = machine.rules()
    drawn = MachineProgram([[("release", {"held": 0}), ("try_acquire", {}), ("release", {"held": 5})]])
    planned, _ = rules.plan(drawn)
    assert list(map(str, planned[0])) == ["try_acquire()", "release(result of call 1)"]
    passes(machine)


class Initialized(ConcurrentMachine):
    """A register that begins with a value that is drawn."""

    executor = "inline"
    first = Bundle("first")

    class Model:
        def __init__(self) -> None:
            self.value = 0

        def begin_with(self, value: int) -> None:
            self.value = value

        def swap(self, value: int) -> int:
            before, self.value = self.value, value
            return before

        def is_first(self, value: int) -> bool:
            return True

    model = Model

    @initialize(target=first, value=st.integers(1, 3))
    def begin_with(self, value: int) -> int:
        Path("value").write_text(str(value))
        return value

    @rule(value=st.integers(4, 5))
    def swap(self, value: int) -> int:
        before = int(Path("value").read_text())
        Path("value.new").write_text(str(value))
        Path("value.new").replace("value")
        return before

    @rule(value=first)
    def is_first(self, value: int) -> bool:
        return value in (1, 2, 3)


def test_what_is_called_before_all_is_drawn_and_known_to_the_model() -> None:
    told = failure_of(Initialized)
    assert "swap(4)" in told
    assert "{'begin_with': {'value': 1}}" in told


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


def test_real_time_counts_even_where_no_step_meets_another() -> None:
    told = failure_of(StaleView)
    assert "not linearizable" in told
    assert "2 calls" in told


def test_an_order_against_real_time_is_serializable() -> None:
    passes(variant(StaleView, consistency="serializable"))
    assert "not quiescent" in failure_of(variant(StaleView, consistency="quiescent"))


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


def test_a_call_that_the_model_has_wait_may_wait_for_ever() -> None:
    passes(Waiting)

    class Never(Waiting.Model):
        def take(self) -> bool:
            return True

    assert failure_of(variant(Waiting, model=Never)).startswith("Waiting: deadlock")


def test_hypothesis_draws_timings_if_asked() -> None:
    told = failure_of(variant(CounterThatLoses, schedules="timed"))
    assert told.startswith("CounterThatLoses: not linearizable, lost update  (2 processes, 2 calls;")
    assert "more schedules than were tried (one each, by a drawn timing)" in passes(variant(Counter, schedules="timed"))


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


def _no_rule() -> None:
    declared_methods(type("Empty", (ConcurrentMachine,), {}))


def _of_hypothesis() -> None:
    from hypothesis.stateful import rule as other

    class Mixed(ConcurrentMachine):
        @other()
        def call(self) -> None:
            """Do nothing."""

    declared_methods(Mixed)


def _no_source() -> None:
    class Fed(ConcurrentMachine):
        @rule(token=Bundle("tokens"))
        def call(self, token: int) -> None:
            """Do nothing."""

    declared_methods(Fed)


def _unknown(**settings_of_the_class: Any) -> Callable[[], None]:
    return lambda: variant(Counter, **settings_of_the_class).TestCase().runTest()


@pytest.mark.parametrize(
    ("declare", "said"),
    [
        (_no_rule, "Empty has no rule"),
        (_of_hypothesis, "Mixed.call is a rule of Hypothesis's: take ticketlab.rule"),
        (_no_source, "token of Fed.call comes from the bundle 'tokens', into which no rule puts anything"),
        (_unknown(consistency="linear"), "linear"),
        (_unknown(executor="fibres"), "fibres"),
        (_unknown(policy="best"), "best"),
        (_unknown(participants=1), "needs at least 2 participants"),
        (_unknown(unseen="maybe"), "maybe"),
        (_unknown(schedules="drawn"), "drawn"),
        (_unknown(model=int), "has no method increment"),
        (_unknown(examples=[MachineProgram([[("incremant", {})], [("read", {})]])]), "incremant"),
        (_unknown(examples=[MachineProgram([[("read", {"by": 1})], [("read", {})]])]), "read takes nothing"),
    ],
)
def test_what_is_declared_wrongly_is_refused_in_a_line(declare: Callable[[], None], said: str) -> None:
    with pytest.raises(TicketlabError, match=re.escape(said)) as caught:
        declare()
    assert isinstance(caught.value, UsageError)


def test_the_same_result_counts_only_once_if_it_is_consumed() -> None:
    planned, _ = (
        variant(Tokens)
        .rules()
        .plan(MachineProgram([[("try_acquire", {}), ("release", {"held": 0}), ("release", {"held": 0})]]))
    )
    assert len(planned[0]) == 2
