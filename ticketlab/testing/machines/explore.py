"""The schedules of one program, searched: quickly while Hypothesis tries programs, and in full for what it found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

from ticketlab.core.spec import Spec
from ticketlab.core.steps import Action
from ticketlab.core.verdict import Anomaly
from ticketlab.explorer.analysis.execution import Execution
from ticketlab.explorer.executors.executor import Executor
from ticketlab.explorer.results import ExploreOptions
from ticketlab.explorer.search import search
from ticketlab.lab.exploring.contention import sentences_of_gave_way
from ticketlab.lab.exploring.plan import policy_of
from ticketlab.lab.plain.explore import explore_plain
from ticketlab.lab.plain.function import PlainFunction
from ticketlab.lab.plain.participants import executor_of, learn_orders, probes_in_place
from ticketlab.lab.plain.results import PlainExploration, not_seen
from ticketlab.lab.plain.tally import PlainTally
from ticketlab.lab.plain.workload import PlainWorkload, process_name
from ticketlab.lab.plugins.registry import policy_kind
from ticketlab.probes.unseen import Watch
from ticketlab.testing.machines.judge import IN_ANY_ORDER, MachineJudge
from ticketlab.testing.machines.program import MachineProgram
from ticketlab.testing.machines.run import MachineRun
from ticketlab.timings.plans import Timing

if TYPE_CHECKING:
    from ticketlab.testing.machines.machine import ConcurrentMachine

SEARCHED: Final = "searched"
TIMED: Final = "timed"
SCHEDULES: Final = (SEARCHED, TIMED)
_IN_FULL: Final = 1_000
"""How many executions look for the schedule again that went wrong."""
_CALLS: Final = (Action.INVOKE, Action.RETURN)
_AT_RANDOM: Final = Spec("random")
_SAMPLED: Final = 12
"""How many executions at random come before those of the policy, which begins with orders that are almost serial."""


@dataclass(slots=True)
class SearchedPrograms:
    """What the searches of a test's programs came to: how many were not searched to their end, and what was not seen.

    `contested` says whether steps of two participants ever met whose order can make a difference.
    """

    programs: int = 0
    cut_off: int = 0
    contested: bool = False
    unseen: dict[str, None] = field(default_factory=dict)
    left_out: dict[str, None] = field(default_factory=dict)


class ProgramLab:
    """Explores programs of a machine, one after another, in one place that is prepared once."""

    def __init__(self, machine: type[ConcurrentMachine]) -> None:
        self._machine = machine
        self.how = ExploreOptions(
            policy=Spec.parse(machine.policy),
            executor=machine.executor,
            executions=machine.executions,
            seed=machine.seed,
            steps=machine.steps,
            stall_timeout=machine.stall_timeout,
        )
        self.searched = SearchedPrograms()
        self._bound = self.how.executions
        self._prepared = ExitStack()
        self._initial: Any = None

    @contextmanager
    def open(self) -> Iterator[None]:
        """Keep the probes in place for all programs, unless `@initialize` is given something else than before."""
        try:
            yield
        finally:
            self._prepared.close()
            self._initial = None

    def _prepare(self, program: MachineProgram) -> None:
        """Have the probes in place; `setup` has to make the same shared objects each time, as they find them once."""
        initial = repr(program.initial)
        if self._initial != initial:
            self._prepared.close()
            self._prepared.enter_context(probes_in_place(self.how))
            self._initial = initial

    def first_wrong(self, program: MachineProgram) -> list[Anomaly]:
        """Return what is wrong with the first execution that goes wrong, if one does within the bound.

        The bound is that of the machine until a program goes wrong. Then it is what that took, since smaller programs
        are looked for. So a program may be told to be right that is not: then it is not the smallest.
        """
        staged = self._staged(program)
        if staged is None:
            return []
        self._prepare(program)
        machine, run, plain = staged
        workload, tally = PlainWorkload(plain), PlainTally()
        judge = MachineJudge(workload, machine, run)
        self.searched.programs += 1
        try:
            with executor_of(workload, self.how) as executor:
                with Watch(workload.folder) as workload.watch:
                    for execution in learn_orders(executor, judge, self.how):
                        tally.note(execution)
                workload.watch = None
                for execution in self._executions(executor, program, len(run.planned), tally):
                    tally.note(execution)
                    tally.contested = tally.contested or _meet(execution)
                    if anomalies := judge.judge(execution):
                        self._bound = min(self._bound, max(_SAMPLED, tally.executions))
                        return anomalies
                tally.gave_way = [
                    *sentences_of_gave_way(executor.gave_way, process_name),
                    *tally.untried,
                    *judge.left_out,
                ]
        finally:
            machine.end()
        self._count(workload, tally)
        return []

    def _executions(
        self, executor: Executor, program: MachineProgram, participants: int, tally: PlainTally
    ) -> Iterator[Execution]:
        """Yield some executions at random, which find most of what is wrong, and then those of the policy.

        If a timing was drawn, it decides the only one.
        """
        if self._machine.schedules == TIMED:
            delays = [*map(tuple, program.delays), *[()] * participants][:participants]
            yield from search(executor, policy_of(Timing(tuple(delays))))
            return
        sampling = policy_kind(_AT_RANDOM).make(_AT_RANDOM, self.how.seed)
        yield from search(executor, sampling, limit=min(_SAMPLED, self.how.executions))
        policy = policy_kind(self.how.policy).make(self.how.policy, self.how.seed)
        for execution in search(executor, policy):
            if tally.executions == self._bound:
                return
            tally.executions += 1
            yield execution
        tally.exhausted = True

    def _count(self, workload: PlainWorkload, tally: PlainTally) -> None:
        searched = self.searched
        proves = policy_kind(self.how.policy).exhausts
        searched.cut_off += not (tally.exhausted and proves)
        searched.contested = searched.contested or tally.contested
        searched.unseen.update(dict.fromkeys(not_seen(workload.unseen, tally.outside)))
        searched.left_out.update(dict.fromkeys(tally.gave_way))

    def in_full(self, program: MachineProgram) -> tuple[PlainExploration, MachineJudge]:
        """Explore a program again, shrink the schedule that goes wrong, and return it with its judge."""
        self._prepared.close()
        self._initial = None
        staged = self._staged(program)
        assert staged is not None, "somebody calls something"
        machine, run, plain = staged
        judges: list[MachineJudge] = []

        def make_judge(workload: PlainWorkload) -> MachineJudge:
            judges.append(MachineJudge(workload, machine, run))
            return judges[-1]

        how = replace(self.how, executions=_IN_FULL)
        try:
            return explore_plain(plain, how, make_judge=make_judge), judges[-1]
        finally:
            machine.end()

    def _staged(self, program: MachineProgram) -> tuple[ConcurrentMachine, MachineRun, PlainFunction] | None:
        """Return a new machine, its participants, and these as a function; None if nobody calls anything."""
        planned, before = self._machine.rules().plan(program)
        if not planned:
            return None
        machine = self._machine()
        in_tasks = Spec.parse(machine.executor).name == "tasks"
        run = MachineRun(machine, planned, in_time=machine.consistency != IN_ANY_ORDER)
        return (
            machine,
            run,
            PlainFunction(
                function=run.attend if in_tasks else run.take_part,
                processes=len(planned),
                in_tasks=in_tasks,
                reset=lambda: machine.begin(run, before),
                name=type(machine).__name__,
            ),
        )


def _meet(execution: Execution) -> bool:
    """Whether two participants made steps whose order can make a difference, besides beginning and ending calls."""
    trace = execution.trace
    made = {*zip(trace.who, trace.what, strict=True), *((who, what) for who, what in enumerate(trace.final) if what)}
    made = {each for each in made if trace.table.step(each[1]).action not in _CALLS}
    return any(
        one != other and not trace.table.commute(step, beside) for (one, step), (other, beside) in combinations(made, 2)
    )
