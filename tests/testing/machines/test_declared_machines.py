"""What machines declare: results that are fed on, what comes before all, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from tests.testing.machines.structures.contents import Counter
from tests.testing.machines.trying import failure_of, passes, variant
from ticketlab import Bundle, ConcurrentMachine, consumes, initialize, invariant, rule
from ticketlab.core.errors import TicketlabError, UsageError
from ticketlab.testing import MachineProgram
from ticketlab.testing.machines.declare import declared_methods
from ticketlab.testing.models import LockModel


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


@pytest.mark.slow
def test_results_are_fed_on_to_later_calls_of_the_same_participant() -> None:
    machine = variant(Tokens, model=TokenModel)
    rules = machine.rules()
    drawn = MachineProgram([[("release", {"held": 0}), ("try_acquire", {}), ("release", {"held": 5})]])
    planned, _ = rules.plan(drawn)
    assert list(map(str, planned[0])) == ["try_acquire()", "release(result of call 1)"]
    passes(machine)


def test_the_same_result_counts_only_once_if_it_is_consumed() -> None:
    planned, _ = (
        variant(Tokens)
        .rules()
        .plan(MachineProgram([[("try_acquire", {}), ("release", {"held": 0}), ("release", {"held": 0})]]))
    )
    assert len(planned[0]) == 2


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


@pytest.mark.slow
def test_what_is_called_before_all_is_drawn_and_known_to_the_model() -> None:
    told = failure_of(Initialized)
    assert "swap(4)" in told
    assert "{'begin_with': {'value': 1}}" in told


class Fed(ConcurrentMachine):
    """What is called before all is told what came of what was called before it."""

    first, never = Bundle("first"), Bundle("never")
    participants, calls = 2, 1

    class Model:
        def __init__(self) -> None:
            self.start = 0

        def begin_at(self, start: int) -> None:
            self.start = start

        def read(self) -> int:
            return self.start

        def add_missing(self, missing: int) -> None:
            self.start = 99

    model = Model

    @initialize(target=first)
    def draw(self) -> int:
        return 7

    @initialize(target=never, start=first)
    def begin_at(self, start: int) -> None:
        Path("start").write_text(str(start))

    @initialize(missing=never)
    def add_missing(self, missing: int) -> None:
        raise AssertionError("a call whose argument would be None is not made")

    @rule()
    def read(self) -> int:
        return int(Path("start").read_text())


@pytest.mark.parametrize("executor", ["processes", "threads", "inline"])
def test_what_is_called_before_all_is_fed_on_to_what_follows(executor: str) -> None:
    passes(variant(Fed, executor=executor, unseen="allow"))


def _awaited_by_nobody(declare: Callable[[], Callable[[Any], Any]]) -> Callable[[], None]:
    class Awaiting(Counter):
        @declare()
        async def later(self) -> bool:
            return False

    return lambda: variant(Awaiting, executor="tasks").TestCase().runTest()


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
        (_awaited_by_nobody(invariant), "Awaiting.later is a coroutine function, which only rules may be"),
        (_awaited_by_nobody(initialize), "Awaiting.later is a coroutine function, which only rules may be"),
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
