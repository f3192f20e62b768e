"""Concurrent machines: classes whose rules are called at the same time, and the test that pytest or unittest runs."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final
from unittest import TestCase

from ticketlab.checker.plain_model import content_key
from ticketlab.core.errors import TicketlabError, UsageError, unknown_name
from ticketlab.core.spec import Spec
from ticketlab.explorer.executors.executor import STALL_TIMEOUT, STEPS
from ticketlab.lab.plugins.registry import executor_kind, policy_kind
from ticketlab.testing.machines.declare import Method, declared_methods
from ticketlab.testing.machines.explore import SCHEDULES, SEARCHED, TIMED, ProgramLab, SearchedPrograms
from ticketlab.testing.machines.judge import CONSISTENCY, LINEARIZABLE
from ticketlab.testing.machines.program import MachineProgram, PlannedCall, ProgramRules
from ticketlab.testing.machines.run import MachineRun
from ticketlab.testing.machines.specification import Specification
from ticketlab.testing.machines.text import failure_text, undecided_text
from ticketlab.testing.plain_functions import UNSEEN

try:
    from hypothesis import HealthCheck, Phase, assume, example, given, settings
except ImportError as error:
    raise TicketlabError(f"ConcurrentMachine needs Hypothesis: pip install 'ticketlab[test]' ({error})") from None

_SET_UP: Final = "_is_set_up"
_OF_THE_CLASS: Final = ("_hypothesis_internal_use_seed", "_hypothesis_internal_use_reproduce_failure")
"""What Hypothesis's decorators `seed` and `reproduce_failure` leave on a class that they decorate."""


class _TestCaseOfMachine:
    """The test of a machine: `TestCase` of each class is one of its own."""

    def __get__(self, _: object, owner: type[ConcurrentMachine]) -> type[MachineTestCase]:
        return _test_case(owner)


class ConcurrentMachine:
    """Calls that participants make at the same time on something they share, and a model that says what is right.

    A class derives from this one, declares its calls with `@rule`, and has `setup` make what all share, in a fresh
    folder, before each execution. `TestCase` is what pytest or unittest runs:

        TestRegistry = Registry.TestCase

    `model` is a plain class with the same methods, a function that makes such an object, or a `Model`; without it only
    exceptions, deadlocks and `@invariant` methods count. `consistency` is what its results must be: "linearizable",
    "quiescent" or "serializable". Up to `participants` take part and make up to `calls` calls each. `executor` says who
    they are: "processes", "threads", "tasks" (then rules are coroutine functions), or "inline", which is faster and
    confirms on real processes what it finds. `policy`, `executions` and `seed` say which schedules of each program are
    tried, and at most how many, after 12 at random. With `schedules = "timed"`, Hypothesis draws delays as well, and
    each program runs once by them in virtual time. `unseen` is "allow" if the test may pass though the lab did not see
    all that the calls did, or saw no race. `examples` are programs that are tried first.
    """

    TestCase: ClassVar[Any] = _TestCaseOfMachine()
    model: ClassVar[Any] = None
    consistency: ClassVar[str] = LINEARIZABLE
    participants: ClassVar[int] = 3
    calls: ClassVar[int] = 2
    executor: ClassVar[str] = "processes"
    policy: ClassVar[str] = "dpor"
    schedules: ClassVar[str] = SEARCHED
    executions: ClassVar[int] = 50
    seed: ClassVar[int] = 0
    steps: ClassVar[int] = STEPS
    stall_timeout: ClassVar[float] = STALL_TIMEOUT
    unseen: ClassVar[str] = "fail"
    examples: ClassVar[Sequence[MachineProgram]] = ()

    def setup(self) -> None:
        """Make what participants share: called before each execution, in the folder in which they stand."""

    def teardown(self) -> None:
        """Give back what `setup` took: called after each execution."""

    @classmethod
    def rules(cls) -> ProgramRules:
        """Return what programs are made of."""
        methods = _methods_of(cls)
        rules, initial = ({each.name: each for each in methods[kind]} for kind in ("rule", "initialize"))
        return ProgramRules(rules, initial, cls.participants, cls.calls, cls.schedules == TIMED)

    @property
    def methods(self) -> Mapping[str, Sequence[Method]]:
        """The declared methods by kind: "rule", "initialize" or "invariant"."""
        return _methods_of(type(self))

    @property
    def specification(self) -> Specification | None:
        """What the model says, if there is one."""
        return _specification_of(type(self))

    def asks_who(self, op: str) -> bool:
        """Whether a rule is told by which participant it is called."""
        return next(each.asks_who for each in self.methods["rule"] if each.name == op)

    def begin(self, run: MachineRun, before: Sequence[PlannedCall]) -> None:
        """Have everything as before an execution; the attributes of the one before are forgotten."""
        self.end()
        vars(self)[_SET_UP] = True
        self.setup()
        run.initial.clear()
        made = list[tuple[str, Mapping[str, Any]]]()
        for call in before:
            if (given := call.given((), run.initial)) is not None:
                made.append((call.op, given))
            run.initial[call.op] = None if given is None else getattr(self, call.op)(**given)
        if self.specification is not None:
            self.specification.begin(made)

    def end(self) -> None:
        """Have an execution over."""
        if vars(self).get(_SET_UP):
            self.teardown()
        vars(self).clear()


_METHODS: Final[dict[type[Any], Mapping[str, Sequence[Method]]]] = {}
_SPECIFICATIONS: Final[dict[type[Any], Specification]] = {}
_TEST_CASES: Final[dict[type[Any], type[MachineTestCase]]] = {}


def _methods_of(machine: type[ConcurrentMachine]) -> Mapping[str, Sequence[Method]]:
    if machine not in _METHODS:
        _METHODS[machine] = declared_methods(machine)
    return _METHODS[machine]


def _specification_of(machine: type[ConcurrentMachine]) -> Specification | None:
    if machine.model is None:
        return None
    if machine not in _SPECIFICATIONS:
        ops = [each.name for each in _methods_of(machine)["rule"]]
        _SPECIFICATIONS[machine] = Specification(machine.model, machine.__name__, ops)
    return _SPECIFICATIONS[machine]


def check_machine(machine: type[ConcurrentMachine]) -> None:
    """Raise UsageError if a machine is not declared as it has to be."""
    for what, value, known in (
        ("consistency", machine.consistency, CONSISTENCY),
        ("value of unseen", machine.unseen, UNSEEN),
        ("value of schedules", machine.schedules, SCHEDULES),
    ):
        if value not in known:
            raise unknown_name(what, value, known)
    executor_kind(Spec.parse(machine.executor))
    policy_kind(Spec.parse(machine.policy))
    if machine.participants < 2 or machine.calls < 1:
        raise UsageError(f"{machine.__name__} needs at least 2 participants, and 1 call of each")
    for method in (each for methods in _methods_of(machine).values() for each in methods if each.is_coroutine):
        what = f"{machine.__name__}.{method.name} is a coroutine function"
        if method.declared.kind != "rule":
            raise UsageError(f"{what}, which only rules may be: nobody would await this one")
        if Spec.parse(machine.executor).name != "tasks":
            raise UsageError(f"{what}: set executor to 'tasks'")
    _specification_of(machine)


class MachineTestCase(TestCase):
    """The test of one machine: programs are drawn, and the schedules of each are tried.

    `settings` are Hypothesis's; a deadline is none of them, since a program takes as long as its schedules.
    """

    settings: ClassVar[settings]
    machine: ClassVar[type[ConcurrentMachine]]
    ticketlab_undecided = ""
    """Why the test that passed has not decided."""
    searched = SearchedPrograms()
    """What its searches came to."""

    def runTest(self) -> None:  # noqa: N802 - unittest's name
        """Try programs until one goes wrong."""
        __tracebackhide__ = True
        failed, notes, self.searched = _tried(self.machine, self.settings)
        if failed:
            error = AssertionError(failed)
            for note in notes:
                error.add_note(note)
            raise error
        self.ticketlab_undecided, fails = undecided_text(self.machine, self.searched)
        if fails:
            raise AssertionError(f"{self.machine.__name__} is undecided: {self.ticketlab_undecided}")
        if self.ticketlab_undecided:
            sys.stderr.write(f"{self.machine.__name__}: {self.ticketlab_undecided}\n")


def _test_case(machine: type[ConcurrentMachine]) -> type[MachineTestCase]:
    if machine not in _TEST_CASES:
        made = type(f"{machine.__name__}Test", (MachineTestCase,), {"machine": machine, "settings": settings()})
        made.__module__, made.__qualname__ = machine.__module__, f"{machine.__qualname__}.TestCase"
        _TEST_CASES[machine] = made
    return _TEST_CASES[machine]


class _Wrong(AssertionError):
    """A program has an execution that goes wrong."""


class _Stopped(BaseException):
    """The lab cannot do its work: Hypothesis is not to look for a smaller program with which it cannot."""

    def __init__(self, error: TicketlabError) -> None:
        super().__init__(str(error))
        self.error = error


def _tried(machine: type[ConcurrentMachine], given_settings: settings) -> tuple[str, Sequence[str], SearchedPrograms]:
    """Run the test, and return what the failure says with Hypothesis's own notes, if it fails."""
    check_machine(machine)
    lab, last, known = ProgramLab(machine), list[MachineProgram](), dict[object, bool]()

    def programs(program: MachineProgram) -> None:
        planned = machine.rules().plan(program)
        assume(planned[0])
        if (told := content_key((planned, program.delays))) not in known:  # the same again, drawn in another way
            try:
                known[told] = bool(lab.first_wrong(program))
            except TicketlabError as error:
                raise _Stopped(error) from None
        if known[told]:
            last[:] = [program]
            raise _Wrong

    for explicit in machine.examples:
        programs = example(program=explicit)(programs)
    test: Any = given(program=machine.rules().strategy())(programs)
    phases = [phase for phase in given_settings.phases if phase is not Phase.explain]  # which says nothing of schedules
    test = settings(given_settings, deadline=None, suppress_health_check=list(HealthCheck), phases=phases)(test)
    test._hypothesis_internal_print_given_args = False
    of_this_machine = f"{machine.__module__}.{machine.__qualname__}".encode()  # or all would share what failed before
    test.hypothesis.inner_test._hypothesis_internal_add_digest = of_this_machine
    for name in _OF_THE_CLASS:
        if hasattr(machine, name):
            setattr(test, name, getattr(machine, name))
    notes: Sequence[str] = ()
    with lab.open():
        try:
            test()
        except _Wrong as error:
            notes = [note for note in getattr(error, "__notes__", ()) if "reproduce_failure" in note]
        except _Stopped as stopped:
            raise stopped.error from None
    if not last:
        return "", (), lab.searched
    return failure_text(machine, last[0], *lab.in_full(last[0])), notes, lab.searched
